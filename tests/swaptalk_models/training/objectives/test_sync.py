"""training/objectives/sync.py"""

import dataclasses

import numpy as np
import pytest
import torch

from swaptalk_models.data.sound.mel import mel_windows
from swaptalk_models.errors import UserError
from swaptalk_models.settings.models import LipExpertConfig, SyncJudgeConfig, TrainConfig
from swaptalk_models.training.data import Clip
from swaptalk_models.training.objectives import sync
from swaptalk_models.training.objectives.sync import LipExpertObjective, SyncJudgeObjective


def make_expert(data, vqgan, **train) -> LipExpertObjective:
    torch.manual_seed(0)
    config = LipExpertConfig(width=16, dim=16, dropout=0.0, train=TrainConfig(**{"batch": 36} | train))
    return LipExpertObjective(config, data, vqgan, "v1", 4)


@pytest.fixture
def expert(data, vqgan):
    return make_expert(data, vqgan)


@pytest.fixture
def judge(data):
    torch.manual_seed(0)
    return SyncJudgeObjective(SyncJudgeConfig(channels=(8, 8), dim=8, train=TrainConfig(batch=36)), data)


@pytest.mark.parametrize("starts", [16, 17, 40, 300])
def test_windows_of_a_clip_are_apart(starts):
    rng = np.random.default_rng(0)
    drawn = np.stack([sync._apart(rng, starts, 4) for _ in range(300)])
    assert np.diff(drawn, axis=1).min() >= 5
    assert drawn.min() == 0 and drawn.max() == starts - 1, "from the first to the last"


def place_of(codes: np.ndarray, objective, data):
    """(clip, start) of a window of codes (5, G, h / 2, h)."""
    for clip in data.clips:
        for start in range(clip.frames - 4):
            if np.array_equal(objective.lower[clip.first + start : clip.first + start + 5], codes):
                return clip, start
    raise AssertionError("not a window of this data")


def test_lips_and_sound_of_a_sample_belong_together(expert, data):
    n = expert.windows
    assert n == 6, "30 frames hold six windows 5 apart"
    batch = expert.batch(np.random.default_rng(3), 2 * n)
    assert batch["lower"].shape == (2 * n, 5, 2, 2, 4) and batch["mel"].shape == (2 * n, 16, 80)
    assert batch["clip"].tolist() == [0] * n + [1] * n
    places = [place_of(codes, expert, data) for codes in batch["lower"].numpy()]
    for (clip, start), mel in zip(places, batch["mel"].numpy(), strict=True):
        assert np.array_equal(mel, data.windows(clip, np.array([start]))[0])
        assert clip.split == "train"
    for group in (places[:n], places[n:]):
        assert len({clip.name for clip, _ in group}) == 1
        assert np.diff([start for _, start in group]).min() >= 5


def test_judge_is_given_pixels_of_the_lower_half(judge, data, tiny):
    rows = np.stack([data.clips[1].first + np.arange(3, 8)])
    lips = judge.lips(rows)["lower"]
    assert np.array_equal(lips[0], tiny.crops["b_000"][3:8, 16:])
    assert judge.video(judge.model.eval(), {"lower": torch.from_numpy(lips)}).shape == (1, 8)


def test_expert_sees_the_lower_half_only(expert):
    batch = expert.batch(np.random.default_rng(0), 12)
    assert set(batch) == {"lower", "mel", "clip"}
    assert batch["lower"].shape[2:] == (2, 2, 4), "groups, half the rows, columns"


def test_loss_tells_the_perfect_from_the_shuffled(expert, monkeypatch):
    """With embeddings that know the answer the loss is near 0 and the accuracy 1; with shuffled ones neither."""
    batch = expert.batch(np.random.default_rng(0), expert.windows)
    known = torch.eye(expert.windows)
    expert.model.eval()
    expert.model.log_scale.data.fill_(np.log(40.0))
    expert.model.bias.data.fill_(-20.0)
    monkeypatch.setattr(expert, "video", lambda model, batch: known)
    expert.model.audio = Fixed(known)
    right, parts = expert.loss(batch, 0.0)
    assert right < 0.01 and parts["accuracy"] == 1
    expert.model.audio = Fixed(known.roll(1, 0))
    wrong, parts = expert.loss(batch, 0.0)
    assert wrong > 5 and parts["accuracy"] < 0.5


def test_other_clips_are_no_negatives(expert, monkeypatch):
    """A network that only knows whose voice it is gains nothing: its loss is that of a guess within the clip."""
    n = expert.windows
    batch = expert.batch(np.random.default_rng(0), 2 * n)
    whose = torch.eye(2).repeat_interleave(n, 0)
    expert.model.eval()
    monkeypatch.setattr(expert, "video", lambda model, batch: whose)
    expert.model.audio = Fixed(whose)
    _, parts = expert.loss(batch, 0.0)
    assert parts["contrastive"].item() == pytest.approx(np.log(n), abs=1e-4)


class Fixed(torch.nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, _):
        return self.value


def test_expert_learns_by_heart(expert):
    """The objective can be minimised: on one batch the network soon tells all pairs."""
    batch = expert.batch(np.random.default_rng(0), 2 * expert.windows)
    optimiser = torch.optim.AdamW(expert.model.parameters(), lr=3e-3)
    expert.model.train()
    for _ in range(60):
        loss, parts = expert.loss(batch, 0.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert parts["contrastive"] < 0.5, "chance is log 6 = 1.79"
    assert parts["accuracy"] > 0.8
    assert all(p.grad is None for p in expert.vqgan.parameters())


def logits_of(n: int, width: int) -> np.ndarray:
    """In step up to ``width`` frames off."""
    distance = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    return np.where(distance <= width, 1.0, -1.0)


def test_accuracy_by_hand():
    assert sync._accuracy([logits_of(20, 0)]) == 1
    assert sync._accuracy([logits_of(20, 4)]) == 1, "nearer than 5 frames does not count"
    assert sync._accuracy([np.full((20, 20), 1.0)]) == 0.5
    assert sync._accuracy([np.full((20, 20), -1.0)]) == 0.5
    assert sync._accuracy([np.zeros((20, 20))]) == 0.5, "undecided is out of step"
    # 15 + 14 + ... + 1 pairs lie 5 or more frames off on each side; 15 of 120 are exactly 5 off.
    assert sync._accuracy([logits_of(20, 5)]) == pytest.approx(0.5 + 0.5 * (1 - 15 / 120))
    half_right = logits_of(20, 0)
    half_right[np.arange(10), np.arange(10)] = -1
    assert sync._accuracy([half_right]) == pytest.approx(0.75)


def test_accuracy_by_offset():
    curve = sync._accuracy_by_offset([logits_of(40, 2)])
    assert curve == [float(abs(offset) <= 2) for offset in range(-15, 16)]


def test_best_offset_is_sound_minus_lips():
    n = 40
    late = np.full((n, n), -1.0)
    late[np.arange(n - 3), np.arange(n - 3) + 3] = 1.0  # lips of frame i go with sound of frame i + 3
    assert sync._best_offset(late) == 3
    assert sync._best_offset(late.T) == -3
    assert sync._best_offset(logits_of(n, 0)) == 0


class Talking:
    """A clip whose mouth opens with the loudness, or with another's."""

    def __init__(self, lag: int) -> None:
        opening = np.convolve(np.random.default_rng(0).uniform(0, 1, 80), np.ones(3) / 3, mode="same")
        self.landmarks = np.zeros((80, 68, 2), np.float32)
        self.landmarks[:, 36:42], self.landmarks[:, 42:48] = (-10, 0), (10, 0)
        self.landmarks[:, 66, 1] = 10 * opening
        steps = np.interp(np.arange(256), np.arange(80) * 3.2 + 1.6, np.roll(opening, lag))
        self.mel = np.repeat(steps[:, None], 80, axis=1).astype(np.float32)

    def windows(self, clip, starts):
        return mel_windows(self.mel, starts)


def test_baseline_follows_loudness():
    clip = Clip("a", 0, "test", 0, 80)
    in_step, off = sync._energy_accuracy(Talking(0), clip), sync._energy_accuracy(Talking(20), clip)
    assert in_step > 0.7
    assert off < 0.6


def test_held_out_figures(expert, judge, tmp_path):
    for objective in (expert, judge):
        model = objective.model.eval()
        figures = objective.validate(model)
        assert figures["score"] == figures["accuracy"]
        outcome = objective.finish(model, tmp_path)
        assert 0 <= outcome.metrics["accuracy"] <= 1 and 0 <= outcome.baselines["accuracy"] <= 1
        assert len(outcome.curves["accuracy_by_offset"]) == 31


@pytest.mark.parametrize(("batch", "processes", "accumulate", "windows"), [(36, 1, 1, 6), (32, 1, 1, 4), (96, 2, 4, 6), (12, 2, 2, 3)])
def test_a_joint_batch_is_whole_and_its_parts_are_too(data, vqgan, batch, processes, accumulate, windows):
    """As many samples as asked for, and the mean of the parts' losses is the loss of the whole."""
    expert = make_expert(data, vqgan, batch=batch, processes=processes, accumulate=accumulate)
    assert expert.windows == windows
    joint = expert.batch(np.random.default_rng(0), batch)
    assert {len(tensor) for tensor in joint.values()} == {batch}
    expert.model.eval()
    whole, _ = expert.loss(joint, 0.0)
    chunks = {name: tensor.chunk(processes * accumulate) for name, tensor in joint.items()}
    parts = [expert.loss({name: c[i] for name, c in chunks.items()}, 0.0)[0] for i in range(processes * accumulate)]
    assert torch.stack(parts).mean().item() == pytest.approx(whole.item(), rel=1e-5)


def test_nobody_listens_to_mute_clips(partly_mute, vqgan, tmp_path):
    judge = SyncJudgeObjective(SyncJudgeConfig(channels=(8, 8), dim=8, train=TrainConfig(batch=36)), partly_mute)
    for objective in (make_expert(partly_mute, vqgan), judge):
        assert [clip.name for clip in objective.clips] == ["a_000", "c_000"]
        objective.batch(np.random.default_rng(0), 36)
        objective.validate(objective.model.eval())
        objective.finish(objective.model, tmp_path)


def test_a_batch_that_no_windows_fit_into_is_refused(data, vqgan):
    with pytest.raises(UserError, match="2 to 6 windows a clip.*= 7 is a multiple of none"):
        make_expert(data, vqgan, batch=14, processes=2)


def test_too_short_clips_are_left_out(data, vqgan, monkeypatch):
    first, *others = data.of("train")
    monkeypatch.setattr(data, "of", lambda split: [dataclasses.replace(first, frames=10), *others])
    assert [clip.name for clip in make_expert(data, vqgan).clips] == ["b_000", "c_000"]
    monkeypatch.setattr(data, "of", lambda split: [dataclasses.replace(clip, frames=9) for clip in (first, *others)])
    with pytest.raises(UserError, match="at least 10 frames"):
        make_expert(data, vqgan)
