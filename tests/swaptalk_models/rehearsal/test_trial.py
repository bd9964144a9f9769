"""rehearsal/trial.py, on the CPU"""

import pytest
import torch

from swaptalk_models.rehearsal import trial
from swaptalk_models.rehearsal.trial import _timed, try_device
from swaptalk_models.settings.preset import load_preset

TOY = {
    "face_crops.size": 32,
    "face_crops.label_grid": 8,
    "vqgan.factor": 8,
    "vqgan.channels": [8, 8, 8],
    "vqgan.dim": 8,
    "vqgan.groups": 1,
    "vqgan.train.batch": 8,
    "identity_encoder.channels": [8, 8],
    "identity_encoder.train.batch": 8,
    "sync_judge.channels": [8, 8],
    "sync_judge.train.batch": 16,
    "lip_expert.width": 16,
    "lip_expert.train.batch": 16,
    "face_swapper.depth": 1,
    "face_swapper.train.batch": 8,
    "lip_sync.width": 16,
    "lip_sync.audio_dim": 16,
    "lip_sync.train.batch": 4,
}


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(trial, "FRAMES", 30)


@pytest.mark.slow
def test_every_pass_for_real():
    said = []
    found = try_device(load_preset("tiny", TOY), torch.device("cpu"), compiled=False, processes=2, report=said.append)
    models = ("identity_encoder", "sync_judge", "vqgan", "lip_expert", "face_swapper", "lip_sync")
    trained = [(name, what) for name in models for what in ("step", "validation", "finish")]
    others = [
        ("swap_teacher", "make"),
        ("test_videos", "generation"),
        ("metrics", "measuring"),
        ("vqgan", "2 processes"),
    ]
    assert [(one.model, one.name) for one in found] == trained + others
    for one in found:
        assert not one.fault and one.seconds > 0
        assert one.peak > 0 or one.name == "2 processes"
        assert bool(one.precision) == (one.name == "step")
    assert said[0].startswith("identity_encoder: two steps") and said[-1] == "vqgan: two steps in 2 processes"


def test_what_fails_says_why_and_the_others_go_on(monkeypatch):
    def break_down(self, count):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 20 GiB")

    monkeypatch.setattr(trial.Fit, "take", break_down)
    monkeypatch.setattr(trial, "trained_names", lambda preset: ["identity_encoder"])
    found = try_device(
        load_preset("tiny", TOY), torch.device("cpu"), compiled=False, processes=1, report=lambda line: None
    )
    assert [(one.name, bool(one.fault)) for one in found] == [
        ("step", True),
        ("make", False),
        ("generation", False),
        ("measuring", False),
    ]
    assert found[0].fault == "CUDA out of memory. Tried to allocate 20 GiB"


def test_our_own_faults_are_not_the_devices():
    with pytest.raises(KeyError):
        _timed("vqgan", "step", torch.device("cpu"), lambda: {}["gone"])
