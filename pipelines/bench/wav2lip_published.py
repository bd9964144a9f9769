"""The generator that Wav2Lip's authors published (Prajwal et al., ACM MM 2020), for its time only: same layers, random weights.

36.3 million parameters, 4.0 thousand million multiply-adds for a face of 96 px. Its picture and its sound come in, its picture goes out; finding the face,
cutting it out and pasting it back are not in it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

SIZE = 96
"""px, of the faces that it was published for."""
MEL_SHAPE = (1, 80, 16)

# Each layer: (channels out, kernel, stride, padding); a number behind them: so many residual layers of 3 x 3 follow.
_FACE = (
    ((16, 7, 1, 3), 0),
    ((32, 3, 2, 1), 2),
    ((64, 3, 2, 1), 3),
    ((128, 3, 2, 1), 2),
    ((256, 3, 2, 1), 2),
    ((512, 3, 2, 1), 1),
    ((512, 3, 1, 0), 0),
)
_SOUND = (
    ((32, 3, 1, 1), 2),
    ((64, 3, (3, 1), 1), 2),
    ((128, 3, 3, 1), 2),
    ((256, 3, (3, 2), 1), 1),
    ((512, 3, 1, 0), 0),
    ((512, 1, 1, 0), 0),
)
_UP = ((512, 1, 0, 1), (512, 2, 1, 2), (384, 2, 1, 2), (256, 2, 1, 2), (128, 2, 1, 2), (64, 2, 1, 2))
"""Transposed convolutions: (channels out, stride, padding, residual layers)."""


def generator() -> nn.Module:
    """(B, 1, 80, 16) mels and (B, 6, 96, 96) faces -> (B, 3, 96, 96)."""
    import torch
    from torch import nn

    class Layer(nn.Module):
        """Convolution, batch norm, ReLU; residual where the shape stays."""

        def __init__(self, convolution: nn.Module, channels: int, residual: bool = False) -> None:
            super().__init__()
            self.body = nn.Sequential(convolution, nn.BatchNorm2d(channels))
            self.residual = residual

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made = self.body(x)
            return torch.relu(made + x if self.residual else made)

    def residuals(channels: int, count: int) -> list[nn.Module]:
        return [Layer(nn.Conv2d(channels, channels, 3, 1, 1), channels, residual=True) for _ in range(count)]

    def downwards(blocks, channels: int) -> nn.ModuleList:
        made = nn.ModuleList()
        for (width, kernel, stride, padding), count in blocks:
            first = Layer(nn.Conv2d(channels, width, kernel, stride, padding), width)
            made.append(nn.Sequential(first, *residuals(width, count)))
            channels = width
        made[-1].append(Layer(nn.Conv2d(channels, channels, 1), channels)) if blocks is _FACE else None
        return made

    class Generator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.face, self.sound = downwards(_FACE, 6), nn.Sequential(*downwards(_SOUND, 1))
            self.up = nn.ModuleList([nn.Sequential(Layer(nn.Conv2d(512, 512, 1), 512))])
            channels, skips = 512, [block[0].body[0].out_channels for block in self.face][::-1]
            for (width, stride, padding, count), skip in zip(_UP, skips, strict=False):
                wide = nn.ConvTranspose2d(channels + skip, width, 3, stride, padding, output_padding=stride - 1)
                self.up.append(nn.Sequential(Layer(wide, width), *residuals(width, count)))
                channels = width
            last = Layer(nn.Conv2d(channels + skips[-1], 32, 3, 1, 1), 32)
            self.last = nn.Sequential(last, nn.Conv2d(32, 3, 1), nn.Sigmoid())

        def forward(self, mel: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
            maps = []
            for block in self.face:
                faces = block(faces)
                maps.append(faces)
            x = self.sound(mel)
            for block in self.up:
                x = torch.cat([block(x), maps.pop()], dim=1)
            return self.last(x)

    return Generator().eval().requires_grad_(False)


class Stopwatch:
    """One pass after another of a batch of ``batch`` faces; float32, as many threads as torch is set to."""

    def __init__(self, batch: int) -> None:
        import torch

        self._network, self._batch = generator(), batch
        self._inputs = torch.rand(batch, *MEL_SHAPE), torch.rand(batch, 6, SIZE, SIZE)
        self.seconds_a_frame()  # what is set up at the first pass

    def seconds_a_frame(self) -> float:
        """Of one more pass."""
        import torch

        with torch.inference_mode():
            started = time.perf_counter()
            self._network(*self._inputs)
            return (time.perf_counter() - started) / self._batch
