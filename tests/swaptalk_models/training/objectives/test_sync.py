"""training/objectives/sync.py"""

import dataclasses

import numpy as np
import pytest
import torch

from swaptalk_models.data.sound.mel import mel_window
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.held_out.sync import SyncHeldOut
from swaptalk_models.training.objectives import sync


@pytest.fixture
def expert(make_expert):
    return make_expert()


@pytest.fixture
def judge(make_judge):
    return make_judge()


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
        assert np.array_equal(mel, mel_window(data.heard[clip.name], start))
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


@pytest.mark.parametrize(
    ("batch", "processes", "accumulate", "windows"), [(36, 1, 1, 6), (32, 1, 1, 4), (96, 2, 4, 6), (12, 2, 2, 3)]
)
def test_a_joint_batch_is_whole_and_its_parts_are_too(make_expert, batch, processes, accumulate, windows):
    """As many samples as asked for, and the mean of the parts' losses is the loss of the whole."""
    expert = make_expert(batch=batch, processes=processes, accumulate=accumulate)
    assert expert.windows == windows
    joint = expert.batch(np.random.default_rng(0), batch)
    assert {len(tensor) for tensor in joint.values()} == {batch}
    expert.model.eval()
    whole, _ = expert.loss(joint, 0.0)
    chunks = {name: tensor.chunk(processes * accumulate) for name, tensor in joint.items()}
    parts = [expert.loss({name: c[i] for name, c in chunks.items()}, 0.0)[0] for i in range(processes * accumulate)]
    assert torch.stack(parts).mean().item() == pytest.approx(whole.item(), rel=1e-5)


def test_nobody_listens_to_mute_clips(make_expert, make_judge, partly_mute, tmp_path):
    for objective in (make_expert(partly_mute), make_judge(partly_mute)):
        assert [clip.name for clip in objective.clips] == ["a_000", "c_000"]
        objective.batch(np.random.default_rng(0), 36)
        held_out = SyncHeldOut(objective)
        held_out.validate(objective.model.eval())
        held_out.finish(objective.model, tmp_path)


def test_a_batch_that_no_windows_fit_into_is_refused(make_expert):
    with pytest.raises(UserError, match="2 to 6 windows a clip.*= 7 is a multiple of none"):
        make_expert(batch=14, processes=2)


def test_too_short_clips_are_left_out(make_expert, data, monkeypatch):
    first, *others = data.of("train")
    monkeypatch.setattr(data, "of", lambda split: [dataclasses.replace(first, frames=10), *others])
    assert [clip.name for clip in make_expert().clips] == ["b_000", "c_000"]
    monkeypatch.setattr(data, "of", lambda split: [dataclasses.replace(clip, frames=9) for clip in (first, *others)])
    with pytest.raises(UserError, match="at least 10 frames"):
        make_expert()
