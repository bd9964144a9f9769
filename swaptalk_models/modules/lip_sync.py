"""The lip-sync module: the reference's lower half is moved into the target's pose, then given the lips of the audio.

    T^U, R^U --hourglass--> difference --U-Net encoder--> offset map
    R^B --grid_sample(offset map)--> warped R^B --U-Net with audio cross-attention--> lower half

The target's own lower half is never an input: it is the label. By default the module answers for mouth and chin alone, and what lies around them
stays the target's (`region`; the figure replaces all of the half). A generation leaves what is
beside the target's face, too. Shapes: B batch, D embedding channels, (h / 2, h) the latent grid of a half.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.faces.regions import REGIONS, region_labels
from swaptalk_models.modules.audio_encoder import MEL_BANDS, MEL_SILENCE, MEL_STEPS, AudioEncoder
from swaptalk_models.modules.blocks import Attention, ResBlock, norm, position_grid, start_at_zero
from swaptalk_models.modules.vqgan import cosine_basis
from swaptalk_models.settings.models import LipSyncConfig


class Hourglass(nn.Module):
    """Down, across and up again, with a skip: (B, D, H, W) -> (B, C, H, W), each cell knowing the whole half."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(dim, width, 3, padding=1), ResBlock(width, width))
        self.down = nn.Sequential(nn.Conv2d(width, width, 4, stride=2, padding=1), ResBlock(width, width))
        self.up = nn.Sequential(nn.Conv2d(width, 4 * width, 1), nn.PixelShuffle(2))
        self.last = ResBlock(width, width)

    def forward(self, z_BDHW: Tensor) -> Tensor:
        first = self.first(z_BDHW)
        return self.last(first + self.up(self.down(first)))


class PreparedReference(NamedTuple):
    """What the module needs of one reference frame, reckoned once for all frames."""

    lower: Tensor
    """(1, D, H, W)"""
    features: Tensor | None
    """(1, C, H, W) of its upper half, as the warping sees it; None without warping."""
    fine: Tensor | None
    """(1, 3, H * factor, W * factor) its lower half spread out to pixels; None without warping."""


class FaceWarping(nn.Module):
    """Moves the reference's lower half into the target's pose, read off the two upper halves.

    A cell is a whole patch of pixels, and to move a face by half a cell is not to blend two patches. So the embeddings are spread out to the
    resolution of pixels, by a linear map that starts as the inverse of the cosine transform the VQGAN's own linear path starts as, are moved
    there, and are gathered into cells again.
    """

    def __init__(self, dim: int, width: int, factor: int, reach: float = 0.5) -> None:
        super().__init__()
        self.factor = factor
        self.reach = reach  # largest offset, as a share of the half's side
        self.hourglass = Hourglass(dim, width)
        self.encoder = nn.Sequential(ResBlock(width, width), ResBlock(width, width))
        self.context = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, width, 1), nn.SiLU())
        self.offset = nn.Sequential(norm(width), nn.SiLU(), nn.Conv2d(width, 2, 3, padding=1))
        # Training starts from the identity warp.
        start_at_zero(self.offset[-1])
        basis = cosine_basis(factor, dim)
        self.spread = nn.Parameter(basis.T[:, :, None, None].clone())
        self.gather = nn.Parameter(basis[:, :, None, None].clone())

    def offsets(self, target_upper: Tensor, reference_upper: Tensor) -> Tensor:
        """(B, H, W, 2) x, y offsets in grid_sample's units (2 is the whole side)."""
        return self._offsets(*self.hourglass(torch.cat([target_upper, reference_upper])).chunk(2))

    def _offsets(self, target: Tensor, reference: Tensor) -> Tensor:
        encoded = self.encoder(target - reference)
        moved = self.offset(encoded + self.context(encoded)).float()
        return 2 * self.reach * torch.tanh(moved).movedim(1, -1)

    def forward(self, target_upper: Tensor, reference_upper: Tensor, reference_lower: Tensor) -> Tensor:
        """(B, D, H, W) of the lower half, moved."""
        lower = reference_lower.float()
        return self._move(lower, self.spread_out(lower), self.offsets(target_upper, reference_upper))

    def prepared_offsets(self, target_upper: Tensor, features: Tensor) -> Tensor:
        """``offsets``, from the features of a PreparedReference."""
        return self._offsets(self.hourglass(target_upper), features)

    def move(self, reference: PreparedReference, offsets: Tensor) -> Tensor:
        """The lower half of one reference, (B, D, H, W), moved by offsets (B, H, W, 2)."""
        assert reference.fine is not None
        lower, fine = (part.expand(offsets.shape[0], -1, -1, -1) for part in (reference.lower, reference.fine))
        return self._move(lower, fine, offsets)

    def spread_out(self, lower: Tensor) -> Tensor:
        """(B, D, H, W) -> (B, 3, H * factor, W * factor)"""
        return F.pixel_shuffle(F.conv2d(lower, self.spread), self.factor)

    def _move(self, lower: Tensor, fine: Tensor, offsets: Tensor) -> Tensor:
        blended = _moved(lower, offsets)
        fine_offsets = F.interpolate(
            offsets.movedim(-1, 1), fine.shape[2:], mode="bilinear", align_corners=False
        ).movedim(1, -1)
        moved = F.pixel_unshuffle(_moved(fine, fine_offsets, "bicubic"), self.factor)
        # Channels that no pixel has room for (more than 3 a pixel) stay blended.
        return blended + F.conv2d(moved - F.conv2d(blended, self.spread), self.gather)


def _moved(x_BCHW: Tensor, offsets_BHW2: Tensor, mode: str = "bilinear") -> Tensor:
    height, width = x_BCHW.shape[2:]
    grid = position_grid(height, width, device=x_BCHW.device) + offsets_BHW2
    return F.grid_sample(x_BCHW, grid, mode=mode, padding_mode="border", align_corners=False)


class AudioBlock(nn.Module):
    """Residual convolutions, then cross-attention from every cell to the audio tokens. (B, C_in, H, W) -> (B, C, H, W)."""

    def __init__(self, channels_in: int, channels: int, audio_dim: int, heads: int) -> None:
        super().__init__()
        self.block = ResBlock(channels_in, channels)
        self.norm = norm(channels)
        self.attention = Attention(channels, audio_dim, heads)

    def forward(self, x_BCHW: Tensor, audio_BMC: Tensor) -> Tensor:
        x_BCHW = self.block(x_BCHW)
        tokens = self.norm(x_BCHW).flatten(2).transpose(1, 2)
        return x_BCHW + self.attention(tokens, audio_BMC).transpose(1, 2).unflatten(2, x_BCHW.shape[2:])


class LipTransform(nn.Module):
    """U-Net over the warped lower half with audio cross-attention in every block. (B, D, H, W) -> the same.

    It sees nothing else of the face: given the upper half or the unwarped reference as well, it listens less (measured: the mouths of held-out
    people follow the sound at 0.67 instead of 0.74).
    """

    def __init__(self, config: LipSyncConfig, dim: int, grid: int) -> None:
        super().__init__()
        width, audio = config.width, (config.audio_dim, config.heads)
        self.audio_norm = nn.LayerNorm(config.audio_dim)
        self.first = nn.Conv2d(dim, width, 3, padding=1)
        # Where on the face a cell lies decides what the audio does to it.
        self.position = nn.Parameter(0.02 * torch.randn(width, grid // 2, grid))
        self.down = AudioBlock(width, width, *audio)
        self.shrink = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)
        self.middle = nn.ModuleList([AudioBlock(2 * width, 2 * width, *audio) for _ in range(2)])
        self.grow = nn.Sequential(nn.Conv2d(2 * width, 4 * width, 1), nn.PixelShuffle(2))
        self.up = AudioBlock(2 * width, width, *audio)
        self.last = nn.Sequential(norm(width), nn.SiLU(), nn.Conv2d(width, dim, 3, padding=1))
        # Training starts from the warped reference.
        start_at_zero(self.last[-1])

    def forward(self, warped_BDHW: Tensor, audio_BMC: Tensor) -> Tensor:
        return warped_BDHW + self.difference(warped_BDHW, audio_BMC)

    def difference(self, warped_BDHW: Tensor, audio_BMC: Tensor) -> Tensor:
        """What the sound makes of the warped half, less that half."""
        audio_BMC = self.audio_norm(audio_BMC)
        down = self.down(self.first(warped_BDHW) + self.position, audio_BMC)
        x = self.shrink(down)
        for block in self.middle:
            x = block(x, audio_BMC)
        x = self.up(torch.cat([down, self.grow(x)], dim=1), audio_BMC)
        return self.last(x).float()


class LipSync(nn.Module):
    """Upper half of the target, a reference frame of the same video, a mel window -> the target's lower half."""

    mouth: Tensor
    region: Tensor

    def __init__(self, config: LipSyncConfig, dim: int, grid: int, factor: int) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mouth", _mouth_cells(grid), persistent=False)
        region = _mouth_and_chin(grid)
        self.register_buffer(
            "region", region if config.region == "mouth" else torch.ones_like(region), persistent=False
        )
        self.audio = AudioEncoder(config.audio_dim)
        self.warping = FaceWarping(dim, config.warp_width, factor) if config.warping else None
        self.transform = LipTransform(config, dim, grid)

    @classmethod
    def build(cls, config: LipSyncConfig, shape: Mapping[str, int]) -> LipSync:
        return cls(config, shape["dim"], shape["grid"], shape["crop_size"] // shape["grid"])

    def forward(self, target_upper: Tensor, reference: Tensor, mel_BTF: Tensor) -> Tensor:
        """Predict the lower half.

        Args:
            target_upper: (B, D, h / 2, h) standardised embeddings of the target's upper half.
            reference: (B, D, h, h) standardised embeddings of the reference frame.
            mel_BTF: (B, 16, 80) mel window centred on the target frame, values in [-4, 4].

        Returns:
            (B, D, h / 2, h) standardised embeddings of the lower half.
        """
        return self.transform(self.warp(target_upper, reference), self.audio(mel_BTF))

    def speak(self, target_upper: Tensor, reference: Tensor, mel_BTF: Tensor) -> Tensor:
        """``forward`` for inference: what the sound changes against silence is done ``guidance`` times, around the mouth.

        A mean over all the mouths that a sound may go with moves less than any of them; guidance gives the movement back, as classifier-free
        guidance does (Ho & Salimans 2022). Silence takes the place of "no condition": lips that are closed stay as they are.
        """
        warped = self.warp(target_upper, reference)
        return warped + self.guided_difference(warped, mel_BTF, self.silence())

    def prepare(self, reference_1Dhh: Tensor) -> PreparedReference:
        """Of one reference frame, for ``FaceWarping.prepared_offsets`` and ``move``."""
        upper, lower = reference_1Dhh.chunk(2, dim=2)
        if self.warping is None:
            return PreparedReference(lower, None, None)
        lower = lower.float()
        return PreparedReference(lower, self.warping.hourglass(upper), self.warping.spread_out(lower))

    def silence(self) -> Tensor | None:
        """Audio tokens (1, M, C) of silence, which guidance needs; None where there is none."""
        if self.config.guidance == 1:
            return None
        place = self.audio.position
        mel_1TF = torch.full((1, MEL_STEPS, MEL_BANDS), MEL_SILENCE, dtype=place.dtype, device=place.device)
        return self.audio(mel_1TF)

    def guided_difference(self, warped: Tensor, mel_BTF: Tensor, silence: Tensor | None) -> Tensor:
        """What the sound makes of the warped half, less that half, guided as ``speak`` says, with what ``silence`` gave."""
        difference = self.transform.difference(warped, self.audio(mel_BTF))
        if silence is None:
            return difference
        silent = self.transform.difference(warped, silence.expand(warped.shape[0], -1, -1))
        return difference + (self.config.guidance - 1) * self.mouth * (difference - silent)

    def place(self, made: Tensor, lower: Tensor) -> Tensor:
        """What was made, in the region that the module answers for; around it the target's lower half as it was. All (B, D, h / 2, h).

        The target's lower half passes by the module, not through it: what is made knows nothing of it.
        """
        return torch.where(self.region > 0, made, lower)

    def warp(self, target_upper: Tensor, reference: Tensor) -> Tensor:
        """The reference's lower half in the target's pose, (B, D, h / 2, h)."""
        reference_upper, reference_lower = reference.chunk(2, dim=2)
        if self.warping is None:
            return reference_lower
        return self.warping(target_upper, reference_upper, reference_lower)


def _mouth_cells(grid: int) -> Tensor:
    """(1, 1, h / 2, h), 1 around the mouth of the template face and 0 elsewhere. The template's, for the target's own lips must not show through."""
    size = 16 * grid
    labels = region_labels(template_landmarks(size), size, grid)[grid // 2 :]
    lips = torch.from_numpy(labels == REGIONS.index("lip")).float()[None, None]
    return F.max_pool2d(lips, 3, stride=1, padding=1)


def _mouth_and_chin(grid: int) -> Tensor:
    """(1, 1, h / 2, h), 1 from the nostrils down, as wide as the jaw: what moves when the template face speaks."""
    centre = (torch.arange(grid) + 0.5) / grid
    wide, low = (centre > 0.25) & (centre < 0.75), centre[grid // 2 :] > 0.56
    return (low[:, None] & wide[None]).float()[None, None]
