"""Inception-v3 as the judge behind FID, when its weights are given (`swaptalk evaluate --inception FILE`).

Source     Szegedy et al., "Rethinking the Inception architecture", CVPR 2016, in the variant of the TensorFlow graph of 2015-12-05 that FID is
           defined by; layout of the weights file after mseitzer/pytorch-fid (`pt_inception-2015-12-05-6726825d.pth`), whose features
           these are, bit for bit with one set of random weights (docs/guide/evaluating.md). torchvision is not needed.
Features   pool3, 2048 a picture: bilinear to 299 px, scaled to [-1, 1].
Variant    average pools do not count the padding, and the last block's pool takes the maximum.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swaptalk_models.metrics.weights import load_published, sha256

PUBLISHED = "6726825d"
"""First digits of the published file's SHA-256; they are part of its name."""
SIDE = 299
_BATCH = 8


class Conv(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(
        self,
        before: int,
        after: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ):
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class _Mixed(nn.Module):
    """Paths side by side. A path is layers by name, in the file's own names; a list within it is a fork whose ends are put together."""

    def __init__(self, pool: str, **layers: Conv) -> None:
        super().__init__()
        self.pool = pool
        for name, layer in layers.items():
            self.add_module(name, layer)

    def _through(self, x: Tensor, *names: str) -> Tensor:
        for name in names:
            x = getattr(self, name)(x)
        return x

    def _pooled(self, x: Tensor) -> Tensor:
        if self.pool == "mean":
            return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
        return F.max_pool2d(x, 3, stride=1, padding=1) if self.pool == "max" else F.max_pool2d(x, 3, stride=2)


class MixedA(_Mixed):
    """35 x 35: 1x1, 5x5, double 3x3, pool."""

    branch1x1: Conv
    branch_pool: Conv

    def __init__(self, before: int, pooled: int) -> None:
        super().__init__(
            "mean",
            branch1x1=Conv(before, 64, 1),
            branch5x5_1=Conv(before, 48, 1),
            branch5x5_2=Conv(48, 64, 5, padding=2),
            branch3x3dbl_1=Conv(before, 64, 1),
            branch3x3dbl_2=Conv(64, 96, 3, padding=1),
            branch3x3dbl_3=Conv(96, 96, 3, padding=1),
            branch_pool=Conv(before, pooled, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        five = self._through(x, "branch5x5_1", "branch5x5_2")
        three = self._through(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(self._pooled(x))], 1)


class MixedB(_Mixed):
    """35 x 35 to 17 x 17."""

    branch3x3: Conv

    def __init__(self, before: int) -> None:
        super().__init__(
            "shrink",
            branch3x3=Conv(before, 384, 3, stride=2),
            branch3x3dbl_1=Conv(before, 64, 1),
            branch3x3dbl_2=Conv(64, 96, 3, padding=1),
            branch3x3dbl_3=Conv(96, 96, 3, stride=2),
        )

    def forward(self, x: Tensor) -> Tensor:
        three = self._through(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
        return torch.cat([self.branch3x3(x), three, self._pooled(x)], 1)


class MixedC(_Mixed):
    """17 x 17: 1x1, 7x7 and double 7x7 in strips, pool."""

    branch1x1: Conv
    branch_pool: Conv

    def __init__(self, before: int, width: int) -> None:
        row, column = partial(Conv, kernel=(1, 7), padding=(0, 3)), partial(Conv, kernel=(7, 1), padding=(3, 0))
        super().__init__(
            "mean",
            branch1x1=Conv(before, 192, 1),
            branch7x7_1=Conv(before, width, 1),
            branch7x7_2=row(width, width),
            branch7x7_3=column(width, 192),
            branch7x7dbl_1=Conv(before, width, 1),
            branch7x7dbl_2=column(width, width),
            branch7x7dbl_3=row(width, width),
            branch7x7dbl_4=column(width, width),
            branch7x7dbl_5=row(width, 192),
            branch_pool=Conv(before, 192, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        single = self._through(x, *(f"branch7x7_{n}" for n in (1, 2, 3)))
        double = self._through(x, *(f"branch7x7dbl_{n}" for n in (1, 2, 3, 4, 5)))
        return torch.cat([self.branch1x1(x), single, double, self.branch_pool(self._pooled(x))], 1)


class MixedD(_Mixed):
    """17 x 17 to 8 x 8."""

    def __init__(self, before: int) -> None:
        super().__init__(
            "shrink",
            branch3x3_1=Conv(before, 192, 1),
            branch3x3_2=Conv(192, 320, 3, stride=2),
            branch7x7x3_1=Conv(before, 192, 1),
            branch7x7x3_2=Conv(192, 192, (1, 7), padding=(0, 3)),
            branch7x7x3_3=Conv(192, 192, (7, 1), padding=(3, 0)),
            branch7x7x3_4=Conv(192, 192, 3, stride=2),
        )

    def forward(self, x: Tensor) -> Tensor:
        three = self._through(x, "branch3x3_1", "branch3x3_2")
        seven = self._through(x, *(f"branch7x7x3_{n}" for n in (1, 2, 3, 4)))
        return torch.cat([three, seven, self._pooled(x)], 1)


class MixedE(_Mixed):
    """8 x 8: 1x1, forked 3x3, double forked 3x3, pool."""

    branch1x1: Conv
    branch3x3_1: Conv
    branch3x3_2a: Conv
    branch3x3_2b: Conv
    branch3x3dbl_3a: Conv
    branch3x3dbl_3b: Conv
    branch_pool: Conv

    def __init__(self, before: int, pool: str) -> None:
        row, column = partial(Conv, kernel=(1, 3), padding=(0, 1)), partial(Conv, kernel=(3, 1), padding=(1, 0))
        super().__init__(
            pool,
            branch1x1=Conv(before, 320, 1),
            branch3x3_1=Conv(before, 384, 1),
            branch3x3_2a=row(384, 384),
            branch3x3_2b=column(384, 384),
            branch3x3dbl_1=Conv(before, 448, 1),
            branch3x3dbl_2=Conv(448, 384, 3, padding=1),
            branch3x3dbl_3a=row(384, 384),
            branch3x3dbl_3b=column(384, 384),
            branch_pool=Conv(before, 192, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        single, double = self.branch3x3_1(x), self._through(x, "branch3x3dbl_1", "branch3x3dbl_2")
        forks = [
            self.branch3x3_2a(single),
            self.branch3x3_2b(single),
            self.branch3x3dbl_3a(double),
            self.branch3x3dbl_3b(double),
        ]
        return torch.cat([self.branch1x1(x), *forks, self.branch_pool(self._pooled(x))], 1)


class Inception(nn.Module):
    """From pixels to pool3; names and shapes of all tensors are those of the published file, whose classifier is left out."""

    name = "Inception-v3"
    crop_size = 256
    single_frames = True
    """A row a picture, each alone: a sample of the frames will do."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3, self.Conv2d_2a_3x3 = Conv(3, 32, 3, stride=2), Conv(32, 32, 3)
        self.Conv2d_2b_3x3, self.Conv2d_3b_1x1 = Conv(32, 64, 3, padding=1), Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = MixedA(192, 32), MixedA(256, 64), MixedA(288, 64)
        self.Mixed_6a = MixedB(288)
        self.Mixed_6b, self.Mixed_6c = MixedC(768, 128), MixedC(768, 160)
        self.Mixed_6d, self.Mixed_6e = MixedC(768, 160), MixedC(768, 192)
        self.Mixed_7a = MixedD(768)
        self.Mixed_7b, self.Mixed_7c = MixedE(1280, "mean"), MixedE(2048, "max")

    def forward(self, x_B3HW: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in [0, 1] -> (B, 2048)."""
        x = 2 * F.interpolate(x_B3HW, (SIDE, SIDE), mode="bilinear", align_corners=False) - 1
        for name, layer in self.named_children():
            x = layer(x)
            if name in ("Conv2d_2b_3x3", "Conv2d_4a_3x3"):
                x = F.max_pool2d(x, 3, stride=2)
        return x.mean(dim=(2, 3))

    @torch.no_grad()
    def features(self, crops: np.ndarray) -> np.ndarray:
        """uint8 RGB crops (T, S, S, 3) -> (T, 2048) float32."""
        pictures = torch.from_numpy(np.ascontiguousarray(crops)).movedim(-1, 1).float() / 255
        return torch.cat([self(part) for part in torch.split(pictures, _BATCH)]).numpy()


def load_inception(path: Path) -> Inception:
    """Inception with the weights of a file, named after their checksum. UserError: another file."""
    network = Inception()
    load_published(network, Path(path), "the weights of pytorch-fid's Inception-v3", left_out=("fc.", "AuxLogits."))
    checksum = sha256(Path(path))
    published = checksum.startswith(PUBLISHED)
    network.name = f"{'Inception-v3 pool3 of pytorch-fid' if published else 'unpublished weights in Inception-v3'}, weights sha256 {checksum}"
    return network
