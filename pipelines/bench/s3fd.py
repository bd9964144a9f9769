"""The detector that the peers run on every frame (S3FD: Zhang et al., ICCV 2017), for its time only: same layers, random weights."""

from __future__ import annotations

import time


def seconds_a_frame(side: int, repeats: int = 2) -> float:
    """Seconds of one forward pass on a picture of ``side`` x ``side`` px, the best of ``repeats``, on all cores."""
    import torch

    network = _network().eval()
    image = torch.rand(1, 3, side, side)
    best = float("inf")
    with torch.inference_mode():
        for _ in range(repeats):
            started = time.perf_counter()
            _forward(network, image)
            best = min(best, time.perf_counter() - started)
    return best


def _network():
    """VGG-16 to conv5_3, fc6 and fc7 as convolutions, two further scales, and heads of 4 + 2 numbers on six maps."""
    from torch import nn

    def block(widths: list[int], first: int) -> nn.Sequential:
        layers = []
        for width in widths:
            layers += [nn.Conv2d(first, width, 3, padding=1), nn.ReLU(inplace=True)]
            first = width
        return nn.Sequential(*layers)

    maps = [
        nn.Sequential(
            block([64, 64], 3), nn.MaxPool2d(2), block([128, 128], 64), nn.MaxPool2d(2), block([256] * 3, 128)
        ),
        nn.Sequential(nn.MaxPool2d(2), block([512] * 3, 256)),
        nn.Sequential(nn.MaxPool2d(2), block([512] * 3, 512)),
        nn.Sequential(
            nn.MaxPool2d(2), nn.Conv2d(512, 1024, 3, padding=3), nn.ReLU(), nn.Conv2d(1024, 1024, 1), nn.ReLU()
        ),
        nn.Sequential(nn.Conv2d(1024, 256, 1), nn.ReLU(), nn.Conv2d(256, 512, 3, stride=2, padding=1), nn.ReLU()),
        nn.Sequential(nn.Conv2d(512, 128, 1), nn.ReLU(), nn.Conv2d(128, 256, 3, stride=2, padding=1), nn.ReLU()),
    ]
    heads = [nn.Conv2d(width, 6, 3, padding=1) for width in (256, 512, 512, 1024, 512, 256)]
    return nn.ModuleList(nn.ModuleList(pair) for pair in zip(maps, heads, strict=True))


def _forward(network, image) -> list:
    found = []
    for stage, head in network:
        image = stage(image)
        found.append(head(image))
    return found
