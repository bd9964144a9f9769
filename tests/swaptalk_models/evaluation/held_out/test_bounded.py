"""evaluation/held_out: figures do not depend on the pieces that they are taken in, and memory not on how many there are."""

import dataclasses
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from swaptalk_models.evaluation.held_out import lip_sync, swapper, sync, wav2lip, wav_sync_swap
from swaptalk_models.evaluation.held_out.identity import IdentityHeldOut
from swaptalk_models.evaluation.held_out.lip_sync import LipSyncHeldOut
from swaptalk_models.evaluation.held_out.restorer import RestorerHeldOut
from swaptalk_models.evaluation.held_out.swapper import FaceSwapperHeldOut, swap_pairs
from swaptalk_models.evaluation.held_out.sync import SyncHeldOut
from swaptalk_models.evaluation.held_out.vqgan import VQGANHeldOut
from swaptalk_models.evaluation.held_out.wav2lip import Wav2LipHeldOut
from swaptalk_models.evaluation.held_out.wav_sync_swap import WavSyncSwapHeldOut
from swaptalk_models.rehearsal.live_memory import LiveMemory
from swaptalk_models.settings.models import TrainConfig
from swaptalk_models.training.data import Clip, TrainingData
from swaptalk_models.training.objective import HeldOut, Objective

MANY = [("d_000", n % 30, "d_000", (n + 7) % 30, "train" if n < 2 else "validation") for n in range(12)]


NAMES = ["identity_encoder", "vqgan", "lip_expert", "sync_judge", "face_swapper", "lip_sync", "wav2lip"]


@pytest.fixture(params=[*NAMES, "wav_sync_swap", "restorer"])
def name(request) -> str:
    return request.param


@pytest.fixture
def make(request, name, teacher_of, monkeypatch):
    """(samples a step, data, pairs) -> (objective, what measures it), with judges that take no time."""
    monkeypatch.setattr(lip_sync, "crop_openings", lambda crops, around: crops[:, 20, 14].mean(1) / 255)
    monkeypatch.setattr(wav2lip, "crop_openings", lambda crops: crops[:, 20, 14].mean(1) / 255)
    monkeypatch.setattr(wav_sync_swap, "crop_openings", lambda crops: crops[:, 20, 14].mean(1) / 255)
    for module in (swapper, wav_sync_swap):
        monkeypatch.setattr(
            module, "crop_identities", lambda crops, points: crops[:, ::8, ::8].reshape(len(crops), -1) / 1e3
        )
    monkeypatch.setattr(swapper, "crop_landmarks", lambda crops, points: np.repeat(points[None], len(crops), axis=0))
    makers = {
        "identity_encoder": ("make_identity", IdentityHeldOut),
        "vqgan": ("make_vqgan_objective", VQGANHeldOut),
        "lip_expert": ("make_expert", SyncHeldOut),
        "sync_judge": ("make_judge", SyncHeldOut),
        "face_swapper": ("make_swapper", FaceSwapperHeldOut),
        "lip_sync": ("make_lip_sync", LipSyncHeldOut),
        "wav2lip": ("make_wav2lip", Wav2LipHeldOut),
        "wav_sync_swap": ("make_wav_sync_swap", WavSyncSwapHeldOut),
        "restorer": ("make_restorer", RestorerHeldOut),
    }
    fixture, measure = makers[name]
    build = request.getfixturevalue(fixture)

    def make(samples: int, data: TrainingData, pairs: list[tuple] = MANY) -> tuple[Objective, HeldOut]:
        train = TrainConfig(batch=samples)
        if name in ("face_swapper", "wav_sync_swap"):
            objective = build(data, teacher_of(pairs), train=train)
        elif name in ("lip_expert", "sync_judge"):
            objective = build(data, batch=samples)
        else:
            objective = build(data) if name == "identity_encoder" else build(data, train=train)
        objective.model.eval()
        return objective, measure(objective)

    return make


def figures_of(held_out: HeldOut, model: torch.nn.Module, folder: Path) -> dict[str, float]:
    outcome = held_out.finish(model, folder)
    tested = {
        f"{kind} {name}": value for kind in ("metrics", "baselines") for name, value in vars(outcome)[kind].items()
    }
    return (
        held_out.validate(model)
        | tested
        | {str(n): v for n, v in enumerate(outcome.curves.get("accuracy_by_offset", []))}
    )


def test_pieces_do_not_change_a_figure(make, data, tmp_path):
    torch.manual_seed(0)
    found = []
    for samples in (4, 4096):
        objective, held_out = make(samples, data)
        found.append(figures_of(held_out, objective.model, tmp_path))
    assert found[0] == pytest.approx(found[1], abs=1e-5, rel=1e-5, nan_ok=True)


class Longer(TrainingData):
    """The tiny home's clips, each ``times`` as long by going round and round, with crops that stay on disk."""

    def __init__(self, data: TrainingData, times: int) -> None:
        self.__dict__ |= {
            key: value for key, value in vars(data).items() if key not in ("clips", "frames", "person_of_row")
        }
        self.short, self.times, self.held = data, times, True
        clips = data.clips
        self.clips = [dataclasses.replace(c, first=c.first * times, frames=c.frames * times) for c in clips]
        self.frames = data.frames * times
        ranges = [np.tile(np.arange(c.first, c.first + c.frames), times) for c in clips]
        self.row = np.concatenate(ranges)
        self.landmarks, self.labels = data.landmarks[self.row], data.labels[self.row]
        self.mels = {c.name: np.tile(data.mels[c.name], (times, 1)) for c in clips}
        self.heard = {c.name: np.tile(data.heard[c.name], (times, 1)) for c in clips}

    def crops(self, rows: np.ndarray) -> np.ndarray:
        return self.short.crops(self.row[rows])

    def codes(self, vqgan: str, grid: int) -> tuple[np.ndarray, np.ndarray]:
        upper, lower = self.short.codes(vqgan, grid)
        return upper[self.row], lower[self.row]


def peak_bytes(work: Callable[[], object]) -> int:
    """Of Python's and numpy's allocations, and of torch's, in a call."""
    with LiveMemory() as memory:
        work()
    return memory.peak


@pytest.mark.slow
def test_memory_does_not_grow_with_clips_or_pairs(make, name, data, tmp_path, monkeypatch):
    """Ten times as long clips, and ten times as many pairs: at most 1.2 times the memory, beside one clip's landmarks."""
    monkeypatch.setattr(
        sync, "_TOGETHER", 50
    )  # windows that are held against each other: else a minute's, and clips are shorter here
    peaks = []
    for times in (2, 20):
        objective, held_out = make(4, Longer(data, times), MANY[:2] + MANY[2:] * times)
        if not peaks:  # what is imported and remembered the first time
            held_out.validate(objective.model), held_out.finish(objective.model, tmp_path)
        peaks.append(
            {
                "validate": peak_bytes(partial(held_out.validate, objective.model)),
                "finish": peak_bytes(partial(held_out.finish, objective.model, tmp_path)),
            }
        )
    landmarks = (
        68 * 2 * 4 * max(clip.frames for clip in objective.data.clips)
    )  # of one clip, whose resting shape is looked for
    for what, short in peaks[0].items():
        assert peaks[1][what] < 1.2 * short + landmarks, (name, what, peaks)


def test_test_pairs_of_a_large_corpus_are_drawn_without_listing_them():
    clips = [Clip(f"{person}_{n}", person, "test", 0, 10) for person in range(40) for n in range(3)]
    sources, targets = swap_pairs(clips)
    # What the list of all pairs, shuffled, gives.
    pairs = [(i, j) for i, a in enumerate(clips) for j, b in enumerate(clips) if a.person != b.person]
    listed = np.array([pairs[k] for k in np.random.default_rng(0).permutation(len(pairs))[:48]])
    assert np.array_equal(np.stack([sources, targets], axis=1), listed)
    many = [Clip(f"{person}_{n}", person, "test", 0, 10) for person in range(300) for n in range(10)]
    tracemalloc.start()
    sources, targets = swap_pairs(many)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20 and len(set(zip(sources.tolist(), targets.tolist(), strict=True))) == 48
    assert all(many[i].person != many[j].person for i, j in zip(sources, targets, strict=True))
