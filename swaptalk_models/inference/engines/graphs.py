"""The heavy parts of a generation as graphs of tensors: what torch runs as it is, and what `swaptalk export` hands over to an inference engine.

What is light stays around them, in float32, whoever runs the graphs (``Networks``): nearest codes, the linear paths of encoder and decoder, the warp
itself, the mixing of source and target. So low precision within a graph is low precision of what the graph adds to these, and hardly seen.
Shapes: B frames, n tokens, S side of the crop (px), D channels of the embedding, h cells across, C width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from swaptalk_models.modules.audio_encoder import MEL_BANDS, MEL_STEPS
from swaptalk_models.modules.face_swapper import FaceSwapper
from swaptalk_models.modules.lip_sync import FaceWarping, LipSync
from swaptalk_models.modules.vqgan import VQGAN

FRAMES, TOKENS = 4, 512
"""Frames, and tokens, that an exported graph takes at once: shapes are fixed in it."""


LAYOUT = 2
"""Of what the graphs take and give; raised when that changes, so that an export of before is not taken."""

PRECISE = ("warp",)
"""Graphs that stay in float32: the warp looks at differences between frames that are nearly alike, of which bfloat16 leaves little."""


class Encode(nn.Module):
    """``Encoder.fine``: (B, S, S, 3) uint8 -> (2, B, D, h / 2, h), of the upper and the lower halves."""

    def __init__(self, vqgan: VQGAN) -> None:
        super().__init__()
        self.encoder = vqgan.encoder

    def forward(self, crops: Tensor) -> Tensor:
        return torch.stack(self.encoder.fine(halves_of(crops)).chunk(2), dim=1)


class SwapTokens(nn.Module):
    """``FaceSwapper.tokens``."""

    def __init__(self, swapper: FaceSwapper) -> None:
        super().__init__()
        self.swapper = swapper

    def forward(self, z_nD: Tensor, place_n: Tensor, region_n: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        return self.swapper.tokens(z_nD, place_n, region_n, keys, values)


class SwapHead(nn.Module):
    """``FaceSwapper.head``; ``hidden_Bhh`` as 0.0 and 1.0."""

    def __init__(self, swapper: FaceSwapper) -> None:
        super().__init__()
        self.swapper = swapper

    def forward(self, x_BNC: Tensor, target_BDhh: Tensor, source_BDhh: Tensor, hidden_Bhh: Tensor) -> Tensor:
        return self.swapper.head(x_BNC, source_BDhh, hidden_Bhh, target_BDhh)


class WarpOffsets(nn.Module):
    """``FaceWarping.prepared_offsets``."""

    def __init__(self, warping: FaceWarping) -> None:
        super().__init__()
        self.warping = warping

    def forward(self, upper: Tensor, features: Tensor) -> Tensor:
        return self.warping.prepared_offsets(upper, features)


class Speak(nn.Module):
    """``LipSync.guided_difference``."""

    def __init__(self, lip_sync: LipSync) -> None:
        super().__init__()
        self.lip_sync = lip_sync

    def forward(self, warped: Tensor, mel_BTF: Tensor, silence: Tensor | None = None) -> Tensor:
        return self.lip_sync.guided_difference(warped, mel_BTF, silence)


class Decode(nn.Module):
    """``Decoder.fine``."""

    def __init__(self, vqgan: VQGAN) -> None:
        super().__init__()
        self.decoder = vqgan.decoder

    def forward(self, z_BDhh: Tensor) -> Tensor:
        return self.decoder.fine(z_BDhh)


def halves_of(crops_BSS3: Tensor) -> Tensor:
    """(B, S, S, 3) uint8 -> (2 * B, 3, S / 2, S) in [-1, 1]: all upper halves, then all lower ones."""
    images_B3SS = crops_BSS3.permute(0, 3, 1, 2).float() / 127.5 - 1
    return torch.cat(images_B3SS.chunk(2, dim=2))


@dataclass(frozen=True)
class Graph:
    """One of them, and what an example of its inputs is."""

    module: nn.Module
    chunk: int
    """Items (frames, tokens) that an exported one takes at once."""
    items: Callable[[int], tuple[Tensor, ...]]
    """Inputs for so many items, each an item a row; random values that are possible."""
    shared: Callable[[], tuple[Tensor, ...]] = tuple
    """Inputs that are the same for all items."""


def graphs_of(vqgan: VQGAN, swapper: FaceSwapper, lip_sync: LipSync, size: int) -> dict[str, Graph]:
    """All of a release, by name. ``size``: px, the side of the crop."""
    grid, dim, width = swapper.grid, vqgan.config.dim, swapper.config.width
    cells = grid * grid

    def keys_values() -> tuple[Tensor, ...]:
        return swapper.prepare(torch.randn(1, dim, grid, grid), torch.randint(0, 6, (1, grid, grid)))

    def features() -> tuple[Tensor, ...]:
        found = lip_sync.prepare(torch.randn(1, dim, grid, grid)).features
        assert found is not None
        return (found,)

    def silence() -> tuple[Tensor, ...]:
        found = lip_sync.silence()
        return () if found is None else (found,)

    def crops(count: int) -> tuple[Tensor, ...]:
        return (torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8),)

    def tokens(count: int) -> tuple[Tensor, ...]:
        place, region = (torch.randint(0, top, (count,), dtype=torch.int32) for top in (cells, 6))
        return torch.randn(count, dim), place, region

    def maps(count: int) -> tuple[Tensor, ...]:
        shown, ours = torch.randn(2, count, dim, grid, grid)
        return torch.randn(count, cells, width), shown, ours, torch.randint(0, 2, (count, grid, grid)).float()

    def halves(count: int) -> tuple[Tensor, ...]:
        return (torch.randn(count, dim, grid // 2, grid),)

    def speech(count: int) -> tuple[Tensor, ...]:
        return *halves(count), torch.randn(count, MEL_STEPS, MEL_BANDS)

    def embeddings(count: int) -> tuple[Tensor, ...]:
        return (torch.randn(count, dim, grid, grid),)

    graphs = {
        "encode": Graph(Encode(vqgan), FRAMES, crops),
        "swap_tokens": Graph(SwapTokens(swapper), TOKENS, tokens, keys_values),
        "swap_head": Graph(SwapHead(swapper), FRAMES, maps),
        "speak": Graph(Speak(lip_sync), FRAMES, speech, silence),
        "decode": Graph(Decode(vqgan), FRAMES, embeddings),
    }
    if lip_sync.warping is not None:
        graphs["warp"] = Graph(WarpOffsets(lip_sync.warping), FRAMES, halves, features)
    return graphs
