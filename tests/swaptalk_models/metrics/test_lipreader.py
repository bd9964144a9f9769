"""metrics/lipreader.py and lip_reading.py, with a tiny scripted network in the place of a real one"""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.errors import UserError
from swaptalk_models.metrics.lip_reading import SIDE, LipReading
from swaptalk_models.metrics.lipreader import LipReader


class Rows(nn.Module):
    """A row a frame: the mouth in a few cells."""

    def __init__(self, drop: int = 0) -> None:
        super().__init__()
        self.drop = drop

    def forward(self, mouths: Tensor) -> Tensor:
        assert mouths.dim() == 5
        cells = nn.functional.adaptive_avg_pool2d(mouths[0], [4, 4]).flatten(1)
        return (cells - cells.mean(dim=1, keepdim=True))[None, self.drop :]


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> LipReader:
    path = tmp_path_factory.mktemp("lipreader") / "rows.pt"
    torch.jit.script(Rows()).save(path)
    return LipReader(path)


LANDMARKS = np.repeat(template_landmarks(256)[None], 130, axis=0)
FRAMES = np.random.default_rng(0).integers(0, 255, (13, 256, 256, 3), np.uint8).repeat(10, axis=0)


def read(reader, made, usable=None) -> float:
    reading = LipReading(reader, LANDMARKS, LANDMARKS, np.ones(130, bool) if usable is None else usable)
    for number, (ours, theirs) in enumerate(zip(made, FRAMES, strict=True)):
        reading.look(number, ours, theirs)
    return reading.score()


def test_the_same_lips_have_one_and_others_less(reader):
    assert read(reader, FRAMES) == pytest.approx(1, abs=1e-6)
    others = FRAMES.copy()
    others[:, 130:230] = FRAMES[::-1, 130:230]
    assert read(reader, others) < 0.9
    seen = np.arange(130) >= 65
    half = np.where(seen[:, None, None, None], FRAMES, others)
    assert read(reader, half, seen) == pytest.approx(1, abs=1e-6), "frames without a face do not count"


def test_the_mouth_is_in_the_middle_of_what_it_sees(reader):
    affine = reader.affines(LANDMARKS[:1])[0]
    mouth = affine[:, :2] @ LANDMARKS[0, 48:68].mean(axis=0) + affine[:, 2]
    eyes = np.linalg.norm(affine[:, :2] @ (LANDMARKS[0, 36:42].mean(axis=0) - LANDMARKS[0, 42:48].mean(axis=0)))
    assert np.abs(mouth - (SIDE - 1) / 2).max() < 2 and eyes == pytest.approx(67, abs=1)


def test_too_little_is_not_read(reader):
    reading = LipReading(reader, LANDMARKS, LANDMARKS, np.ones(130, bool))
    for number in range(24):
        reading.look(number, FRAMES[number], FRAMES[number])
    assert np.isnan(reading.score())


def test_files_that_are_no_lipreader(tmp_path):
    text, short = tmp_path / "notes.pt", tmp_path / "short.pt"
    text.write_text("no network")
    with pytest.raises(UserError, match=r"notes.pt: no lipreader: not a TorchScript file"):
        LipReader(text)
    torch.jit.script(Rows(drop=1)).save(short)
    with pytest.raises(UserError, match=r"gave \(1, 24, 16\) for 25 frames"):
        LipReader(short)
    torch.jit.script(nn.Linear(3, 3)).save(short)
    with pytest.raises(UserError, match=r"cannot take \(1, 25, 1, 88, 88\)"):
        LipReader(short)
