"""The official SyncNet as a judge, when its weights are given (`swaptalk evaluate --syncnet FILE`).

Source     Chung and Zisserman, "Out of time: automated lip sync in the wild", ACCV-W 2016; layout of the network, of its weights file
           (`syncnet_v2.model`) and of its input after joonson/syncnet_python. The weights are not ours to ship.
Input      picture: five frames, BGR in 0..255, of the face box widened by 0.4 (more below than above), 224 px, box smoothed by a median over
           13 frames; sound: 20 MFCC steps (0.2 s) of 16-bit samples, four steps a frame.
Differs    the original finds its box with the detector S3FD; here the box that S3FD draws (forehead to chin) is put around our landmarks.
           It writes the crops through two lossy codecs, and fills what lies beyond the picture with grey; here the picture's edge is repeated.
           It leaves out the last whole window.
Beware     no weights were at hand when this was written: the architecture is checked against the published code, tensor by tensor, and the
           sound's features against its package; whoever has the weights can hold the result to the README of the original:
           `example.avi` gives offset 3, distance 5.353, confidence 10.021.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import median_filter
from torch import Tensor, nn

from swaptalk_models.metrics.mfcc import mfcc
from swaptalk_models.metrics.weights import load_published, sha256

SIDE, FRAMES = 224, 5
MFCC_STEPS, STEPS_PER_FRAME = 20, 4
_WIDER = 0.4  # of the box's half side
_FOREHEAD = 0.3  # of the way from chin to brows: how far above the brows S3FD's box begins
_SMOOTH = 13  # frames
_BATCH = 8  # windows: the first layer's activations take 5 MB each


class SyncNet(nn.Module):
    """Two towers; names and shapes of all tensors are those of the published file."""

    crop_size = SIDE

    def __init__(self, dim: int = 1024) -> None:
        super().__init__()
        self.name = "SyncNet"
        self.netcnnaud = nn.Sequential(
            *_layer2(1, 64, 3, 1),
            nn.MaxPool2d((1, 1), (1, 1)),
            *_layer2(64, 192, 3, 1),
            nn.MaxPool2d((3, 3), (1, 2)),
            *_layer2(192, 384, 3, 1),
            *_layer2(384, 256, 3, 1),
            *_layer2(256, 256, 3, 1),
            nn.MaxPool2d((3, 3), (2, 2)),
            *_layer2(256, 512, (5, 4), 0),
        )
        self.netfcaud = _head(dim)
        self.netfclip = _head(dim)
        self.netcnnlip = nn.Sequential(
            *_layer3(3, 96, (5, 7, 7), 2, 0),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_layer3(96, 256, (1, 5, 5), 2, 1),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_layer3(256, 256, (1, 3, 3), 1, 1),
            *_layer3(256, 256, (1, 3, 3), 1, 1),
            *_layer3(256, 256, (1, 3, 3), 1, 1),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_layer3(256, 512, (1, 6, 6), 1, 0),
        )

    def forward_lip(self, frames_B3THW: Tensor) -> Tensor:
        """(1, 3, T, 224, 224) BGR 0..255 -> (T - 4, dim). Only the first layer looks along time: T frames give all their windows at once."""
        features_B = self.netcnnlip(frames_B3THW)  # (1, 512, T - 4, 1, 1)
        return self.netfclip(features_B[0, :, :, 0, 0].T)

    def forward_aud(self, mfcc_B1CT: Tensor) -> Tensor:
        """(B, 1, 13, 20) -> (B, dim)."""
        return self.netfcaud(self.netcnnaud(mfcc_B1CT).flatten(1))

    def affines(self, landmarks: np.ndarray) -> np.ndarray:
        """Frame to crop transforms (T, 2, 3) float32 of the original's crop, from landmarks (T, 68, 2) in px."""
        brows, chin = landmarks[:, 17:27, 1].min(axis=1), landmarks[:, 8, 1]
        left, right = landmarks[..., 0].min(axis=1), landmarks[..., 0].max(axis=1)
        top = brows - _FOREHEAD * (chin - brows)
        box = np.stack([(left + right) / 2, (top + chin) / 2, np.maximum(right - left, chin - top) / 2])
        x, y, half = median_filter(box, size=(1, _SMOOTH), mode="nearest")
        scale = SIDE / (2 * (1 + _WIDER) * np.maximum(half, 1))
        # Pixel centres at whole numbers: the crop's left edge, at -0.5, is where the widened box begins.
        shift_x, shift_y = -scale * (x - half * (1 + _WIDER)) - 0.5, -scale * (y - half) - 0.5
        zero = np.zeros_like(scale)
        return np.moveaxis(np.array([[scale, zero, shift_x], [zero, scale, shift_y]]), 2, 0).astype(np.float32)

    @torch.no_grad()
    def video_embeddings(self, crops: np.ndarray) -> np.ndarray:
        """uint8 RGB crops (T, 224, 224, 3) to (T - 4, dim) float32."""
        frames = torch.from_numpy(np.ascontiguousarray(crops[..., ::-1])).movedim(-1, 0).float()[None]
        starts = range(0, len(crops) - FRAMES + 1, _BATCH)
        return torch.cat([self.forward_lip(frames[:, :, s : s + _BATCH + FRAMES - 1]) for s in starts]).numpy()

    @torch.no_grad()
    def sound_embeddings(self, samples: np.ndarray) -> np.ndarray:
        """Float samples (S,) in [-1, 1] at 16 kHz to (N, dim) float32, the i-th for the sound of frames i to i + 4."""
        steps = mfcc(np.round(samples * 32767).astype(np.int16))
        count = (len(steps) - MFCC_STEPS) // STEPS_PER_FRAME + 1
        if count < 1:
            last = self.netfcaud[-1]
            assert isinstance(last, nn.Linear)
            return np.zeros((0, last.out_features), np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(steps, MFCC_STEPS, axis=0)[::STEPS_PER_FRAME][:count, None]
        parts = torch.split(torch.from_numpy(np.ascontiguousarray(windows)), 64)
        return torch.cat([self.forward_aud(part) for part in parts]).numpy()


def load_syncnet(path: Path) -> SyncNet:
    """SyncNet with the weights of a file; its name holds their checksum. UserError: another file."""
    network = SyncNet()
    load_published(network, Path(path), "the weights of SyncNet (syncnet_v2.model of joonson/syncnet_python)")
    network.name = f"SyncNet of joonson/syncnet_python, weights sha256 {sha256(Path(path))}"
    return network


def _layer2(before: int, after: int, kernel: int | tuple[int, int], padding: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(before, after, kernel, padding=padding), nn.BatchNorm2d(after), nn.ReLU(inplace=True)


def _layer3(before: int, after: int, kernel: tuple[int, int, int], stride: int, padding: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv3d(before, after, kernel, (1, stride, stride), (0, padding, padding))
    return convolution, nn.BatchNorm3d(after), nn.ReLU(inplace=True)


def _head(dim: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, dim))
