"""training/objectives/lip_sync.py"""

import numpy as np
import pytest
import torch

from swaptalk_models.data.sound.mel import centred_windows, mel_window
from swaptalk_models.evaluation.held_out.lip_sync import LipSyncHeldOut
from swaptalk_models.training.talk_samples import closed_windows


@pytest.fixture
def make(make_lip_sync):
    return make_lip_sync


def frames_of(codes: np.ndarray, of: np.ndarray) -> list[int]:
    """Rows of the data with these codes (N, G, h / 2, h)."""
    return [int(np.flatnonzero((of == one).all((1, 2, 3)))[0]) for one in codes]


def test_training_hears_what_inference_hears(make, data):
    """For each of the five frames the very window that the generator takes for it; for the expert the expert's own."""
    objective = make(quiet=0.0)
    batch = objective.batch(np.random.default_rng(1), 12)
    for label, mel, for_expert in zip(batch["label"], batch["mel"], batch["mel_expert"], strict=True):
        rows = frames_of(label.numpy(), objective.lower)
        clip = next(clip for clip in data.clips if clip.first <= rows[0] < clip.first + clip.frames)
        frames = np.array(rows) - clip.first
        assert np.array_equal(frames, frames[0] + np.arange(5))
        whole = centred_windows(data.heard[clip.name], np.arange(clip.frames))  # as inference/generator.py calls it
        assert np.array_equal(mel.numpy(), whole[frames])
        assert np.array_equal(
            for_expert.numpy(), mel_window(data.heard[clip.name], frames[0])
        )  # as the expert was trained


def test_upper_halves_are_those_of_the_labels_frames(make):
    objective = make()
    batch = objective.batch(np.random.default_rng(1), 4)
    for upper, lower in zip(batch["target_upper"], batch["label"], strict=True):
        assert frames_of(upper.numpy(), objective.upper) == frames_of(lower.numpy(), objective.lower)


def test_the_reference_is_of_the_same_clip_and_none_of_the_five(make, data):
    """A reference out of the window would hand over the target's lower half."""
    objective = make()
    batch = objective.batch(np.random.default_rng(2), 300)
    seen = set()
    for label, upper, lower in zip(batch["label"], batch["reference_upper"], batch["reference_lower"], strict=True):
        rows = frames_of(label.numpy(), objective.lower)
        (reference,) = frames_of(lower.numpy()[None], objective.lower)
        assert frames_of(upper.numpy()[None], objective.upper) == [reference]
        assert data.person_of_row[reference] == data.person_of_row[rows[0]]
        assert reference not in rows
        seen.add(reference)
    assert len(seen) > 60, "of 90 training frames"


@pytest.mark.parametrize("region", ["mouth", "half"])
def test_the_label_does_not_reach_the_prediction(make, region):
    """Around the region that is made it stays as it is, and weighs nothing."""
    objective = make(region=region)
    objective.model.eval()
    batch = objective.batch(np.random.default_rng(0), 4)
    made = objective.predict(objective.model, batch)
    other = batch | {"label": (batch["label"] + 1) % 16, "mel_expert": torch.zeros_like(batch["mel_expert"])}
    again, inside = objective.predict(objective.model, other), objective.model.region.expand_as(made) > 0
    assert torch.equal(again[inside], made[inside])
    assert torch.equal(again[~inside], objective.label(other)[~inside])
    assert inside.all() == (region == "half")
    assert objective.loss(other, 0.0)[0] != objective.loss(batch, 0.0)[0]
    weight = objective._weight(batch)
    assert (weight.flatten(0, 1)[:, None].expand_as(made)[~inside] == 0).all()
    assert torch.allclose(weight.mean((2, 3)), torch.ones(4, 5))


def test_sync_loss_joins_in_time_and_reaches_the_model_only(make):
    objective = make(sync_start=0.5, sync_weight=1.0)
    objective.model.train()
    batch = objective.batch(np.random.default_rng(0), 2)
    early, parts = objective.loss(batch, 0.49)
    assert "sync" not in parts and torch.allclose(early, parts["code"])
    late, parts = objective.loss(batch, 0.5)
    assert torch.allclose(late, parts["code"] + parts["sync"])
    parts["sync"].backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in objective.model.parameters())
    assert all(p.grad is None for p in [*objective.expert.parameters(), *objective.vqgan.parameters()])


def test_the_pixel_loss_reaches_the_made_region_through_the_frozen_decoder(make):
    objective = make(pixel_weight=2.0, code_weight=0.0, sync_weight=0.0)
    batch = objective.batch(np.random.default_rng(0), 3)
    loss, parts = objective.loss(batch, 0.0)
    assert set(parts) == {"code", "pixel"} and torch.allclose(loss, 2 * parts["pixel"])
    loss.backward()
    assert objective.model.transform.last[-1].weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in objective.vqgan.parameters())
    # Of the picture, only the made region of the lower half counts: of each 8 x 8 cell that it holds, and of no other.
    cells = objective.model.region[0, 0].repeat_interleave(8, 0).repeat_interleave(8, 1) > 0
    made = objective.predict(objective.model, batch).detach()
    as_it_is = objective._pixel_loss(made, batch)
    for outside, changes in ((True, False), (False, True)):
        image = batch["image"].clone()
        image[:, :, 16:][:, :, cells != outside] += 1
        if outside:
            image[:, :, :16] += 1
        assert (objective._pixel_loss(made, batch | {"image": image}) != as_it_is).item() == changes


def test_without_a_pixel_loss_no_picture_is_read(make):
    assert "image" not in make().batch(np.random.default_rng(0), 3)


def test_no_expert_is_one_word(make):
    objective = make(sync_weight=0.0)
    _, parts = objective.loss(objective.batch(np.random.default_rng(0), 2), 1.0)
    assert set(parts) == {"code"}


def test_loss_goes_down_on_one_batch(make, learn_one_batch):
    objective = make(sync_weight=0.0)
    losses = learn_one_batch(objective, 2)
    assert losses[-1] < 0.8 * losses[0]


def test_nobody_listens_to_mute_clips(make, partly_mute, tmp_path):
    objective = make(partly_mute)
    assert [clip.name for clip in objective.clips] == ["a_000", "c_000"]
    objective.batch(np.random.default_rng(0), 36)
    held_out = LipSyncHeldOut(objective)
    held_out.validate(objective.model.eval())
    held_out.finish(objective.model, tmp_path)


def test_some_samples_hear_silence_over_closed_lips(make, data):
    batch = make(quiet=0.5).batch(np.random.default_rng(0), 200)
    silent = (batch["mel"] == -4).flatten(1).all(1)
    assert 70 < int(silent.sum()) < 130
    assert not (batch["mel_expert"][silent] == -4).flatten(1).all(1).any(), "the expert hears what was said there"
    closed = {
        clip.name: closed_windows(data.landmarks[clip.first : clip.first + clip.frames]) for clip in data.of("train")
    }
    windows = {
        tuple(make().lower[clip.first + start].ravel()) for clip in data.of("train") for start in closed[clip.name]
    }
    assert all(tuple(label[0].ravel().tolist()) in windows for label in batch["label"][silent])


def test_silence_is_heard_as_at_inference(make, monkeypatch):
    """Not with bands filled in and loudness moved, as a voice is."""
    objective, heard = make(quiet=0.5), []
    monkeypatch.setattr(
        objective, "predict", lambda model, batch: heard.append(batch["mel"]) or objective.label(batch).requires_grad_()
    )
    batch = objective.batch(np.random.default_rng(0), 40)
    objective.loss(batch, 0.0)
    silent = (batch["mel"] == -4).flatten(1).all(1)
    assert 0 < silent.sum() < 40
    assert (heard[0][silent] == -4).all() and not (heard[0][~silent] == batch["mel"][~silent]).flatten(1).all(1).any()


def test_windows_of_closed_lips():
    landmarks = np.zeros((40, 68, 2), np.float32)
    landmarks[:, 36:42, 0], landmarks[:, 66, 1] = -1, 1
    landmarks[20:27, 66, 1] = 0.1
    assert closed_windows(landmarks).tolist() == [20, 21, 22, 0], "a tenth of them, the most closed first"
    assert len(closed_windows(landmarks[:6])) == 1
