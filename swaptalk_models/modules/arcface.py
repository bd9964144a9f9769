"""An external ArcFace in the place of our identity encoder, for those who have one: weights in the layout of insightface's arcface_torch.

The network looks at 112 px faces with eyes, nose and mouth at fixed points. Our crops are aligned to a template of their own, so one constant
warp takes any of them there, and gradients come back through it. Mind the licence of the weights: insightface's are for research only.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from pickle import UnpicklingError  # what torch.load raises when it refuses; nothing is unpickled

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.errors import UserError
from swaptalk_models.settings.models import IdentityEncoderConfig

SIDE = 112  # px
# Eyes, tip of the nose, corners of the mouth, in pixels of the 112 px face (Deng et al. 2019).
POINTS = np.array([(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)])
_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3), 200: (6, 26, 60, 6)}
_WIDTHS = (64, 128, 256, 512)


class Block(nn.Module):
    """Residual block of the "improved" ResNet: norm, convolution, norm, PReLU, convolution, norm."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        skip = x_BCHW if self.downsample is None else self.downsample(x_BCHW)
        x_BCHW = self.prelu(self.bn2(self.conv1(self.bn1(x_BCHW))))
        return skip + self.bn3(self.conv2(x_BCHW))


class ArcFace(nn.Module):
    """Same uses as ``IdentityEncoder``: (B, 3, S, S) aligned crops in [-1, 1] -> (B, dim), unit length. Names of weights are the published ones."""

    grid: Tensor
    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(self, config: IdentityEncoderConfig, crop_size: int, depth: int, margin: float = 0.0) -> None:
        super().__init__()
        self.config, self.crop_size = config, crop_size
        turn, shift = _fit(crop_size, margin)
        self.scale = max(1.0, abs(turn))  # pixels of our crop to one of the 112 px face
        self.register_buffer("grid", _warp(turn, shift, crop_size), persistent=False)
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        previous = 64
        for number, (width, blocks) in enumerate(zip(_WIDTHS, _BLOCKS[depth], strict=True), 1):
            layer = [Block(previous if index == 0 else width, width, 2 if index == 0 else 1) for index in range(blocks)]
            setattr(self, f"layer{number}", nn.Sequential(*layer))
            previous = width
        self.bn2 = nn.BatchNorm2d(512)
        self.fc = nn.Linear(512 * 7 * 7, config.dim)
        # Published under the name `features`, which here is what the perceptual loss looks at.
        self.out = nn.BatchNorm1d(config.dim)

    def align(self, image_B3SS: Tensor) -> Tensor:
        """Our crops -> (B, 3, 112, 112), differentiable. Large crops are first brought to about the scale they are read at, else they alias."""
        side = round(self.crop_size / self.scale)
        if side < self.crop_size:
            image_B3SS = F.interpolate(
                image_B3SS, size=(side, side), mode="bilinear", antialias=True, align_corners=False
            )
        grid = self.grid.to(image_B3SS.dtype).expand(len(image_B3SS), -1, -1, -1)
        return F.grid_sample(image_B3SS, grid, padding_mode="border", align_corners=False)

    def features(self, image_B3SS: Tensor) -> list[Tensor]:
        """Maps from fine to coarse, (B, 64, 112, 112) to (B, 512, 7, 7): what the perceptual loss compares."""
        maps = [self.prelu(self.bn1(self.conv1(self.align(image_B3SS))))]
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            maps.append(layer(maps[-1]))
        return maps

    def forward(self, image_B3SS: Tensor) -> Tensor:
        return self.embed(self.features(image_B3SS))

    def embed(self, maps: list[Tensor]) -> Tensor:
        """Identity embedding (B, dim) from ``features``."""
        return F.normalize(self.out(self.fc(self.bn2(maps[-1]).flatten(1))).float(), dim=-1)


def load_arcface(config: IdentityEncoderConfig, crop_size: int, margin: float = 0.0) -> tuple[ArcFace, int]:
    """The network of ``config.external``, frozen, and its depth.

    Raises:
        UserError: the file cannot be read, or does not hold the weights of an IResNet.
    """
    path = Path(config.external).expanduser()
    weights = {f"out.{key[9:]}" if key.startswith("features.") else key: tensor for key, tensor in _read(path).items()}
    blocks = tuple(len({key.split(".")[1] for key in weights if key.startswith(f"layer{n}.")}) for n in (1, 2, 3, 4))
    depth = next((depth for depth, known in _BLOCKS.items() if known == blocks), None)
    if depth is None or "fc.weight" not in weights:
        raise UserError(f"{path}: not an ArcFace of insightface's arcface_torch (IResNet 18, 34, 50, 100 or 200)")
    network = ArcFace(dataclasses.replace(config, dim=len(weights["fc.weight"])), crop_size, depth, margin)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(
            f"{path}: not the weights of an IResNet {depth}: {str(error).splitlines()[1].strip()}"
        ) from None
    return network.eval().requires_grad_(False), depth


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix in (".pth", ".pt"):
            weights = torch.load(path, map_location="cpu", weights_only=True)
            return {key: tensor for key, tensor in weights.items() if isinstance(tensor, Tensor)}
    except UnpicklingError:
        raise UserError(f"{path}: holds more than tensors, so it is not opened") from None
    except (SafetensorError, RuntimeError, OSError, ValueError, EOFError, AttributeError) as error:
        raise UserError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
    if path.suffix == ".onnx":
        raise UserError(
            f"{path}: ONNX runs forward only, and a loss needs gradients: give the PyTorch weights (.safetensors or .pth)"
        )
    raise UserError(f"{path}: identity_encoder.external must be .safetensors or .pth")


def _fit(size: int, margin: float) -> tuple[complex, complex]:
    """Least-squares similarity from pixels of the 112 px face to pixels of our crop: crop = turn * face + shift, as complex numbers."""
    marks = template_landmarks(size, margin).astype(np.float64)
    ours = np.stack([marks[36:42].mean(0), marks[42:48].mean(0), marks[30], marks[48], marks[54]])
    face, crop = POINTS[:, 0] + 1j * POINTS[:, 1], ours[:, 0] + 1j * ours[:, 1]
    centred = face - face.mean()
    turn = (np.conj(centred) * (crop - crop.mean())).sum() / (np.abs(centred) ** 2).sum()
    return turn, crop.mean() - turn * face.mean()


def _warp(turn: complex, shift: complex, size: int) -> Tensor:
    """Where grid_sample finds each pixel of the 112 px face in our crop, (1, 112, 112, 2)."""
    y, x = np.mgrid[:SIDE, :SIDE]
    place = turn * (x + 1j * y) + shift
    return torch.from_numpy(np.stack([place.real, place.imag], axis=-1) * 2 / size + (1 / size - 1)).float()[None]
