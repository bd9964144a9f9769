"""training/objectives/wav2lip.py"""

import numpy as np
import pytest
import torch

from swaptalk_models.data.sound.mel import centred_windows, mel_window
from swaptalk_models.evaluation.held_out.wav2lip import Wav2LipHeldOut
from swaptalk_models.modules.images import from_unit


@pytest.fixture
def make(make_wav2lip):
    return make_wav2lip


def rows_of(images: torch.Tensor, data) -> list[tuple[int, int]]:
    """(clip, frame) that the first pixel of each crop tells."""
    return [(int(image[0, 0, 0]), int(image[0, 0, 1])) for image in from_unit(images.numpy())]


def test_a_sample_is_five_frames_with_their_sound_and_another_frame(make, data):
    batch = make().batch(np.random.default_rng(1), 12)
    names = {number: clip for number, clip in enumerate(["a_000", "b_000", "c_000", "d_000", "e_000", "f_000"])}
    for target, reference, mel, for_expert in zip(
        batch["target"], batch["reference"], batch["mel"], batch["mel_expert"], strict=True
    ):
        seen = rows_of(target, data)
        (clip,), frames = {clip for clip, _ in seen}, np.array([frame for _, frame in seen])
        assert np.array_equal(frames, frames[0] + np.arange(5))
        ((other_clip, other),) = rows_of(reference[None], data)
        assert other_clip == clip and other not in frames, "the reference of one of the five would hand over the answer"
        assert names[clip][0] in "abc", "training people"
        (found,) = [one for one in data.clips if one.name == names[clip]]
        assert np.array_equal(mel.numpy(), centred_windows(data.heard[found.name], np.arange(found.frames))[frames])
        assert np.array_equal(for_expert.numpy(), mel_window(data.heard[found.name], frames[0]))


def test_lips_weigh_more_and_the_mean_weight_is_one(make, data):
    batch = make(lip_weight=5.0).batch(np.random.default_rng(0), 4)
    assert torch.allclose(batch["weight"].mean((-1, -2)), torch.ones(4, 5), atol=1e-5)
    values = batch["weight"][0, 0].unique()
    assert len(values) == 2 and values[1] / values[0] == pytest.approx(5)


def test_sync_loss_joins_in_time_and_reaches_the_model_only(make):
    objective = make(sync_start=0.5, sync_weight=1.0)
    objective.model.train()
    batch = objective.batch(np.random.default_rng(0), 2)
    early, parts = objective.loss(batch, 0.49)
    assert "sync" not in parts and torch.allclose(early, parts["pixel"])
    late, parts = objective.loss(batch, 0.5)
    assert torch.allclose(late, parts["pixel"] + parts["sync"])
    parts["sync"].backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in objective.model.parameters())
    assert all(p.grad is None for p in [*objective.expert.parameters(), *objective.vqgan.parameters()])


def test_the_expert_sees_what_it_was_trained_on(make, data):
    """Embeddings of real faces through the encoder are near those of their codes, up to quantisation: in one standardised space."""
    objective = make()
    batch = objective.batch(np.random.default_rng(0), 2)
    faces = batch["target"].flatten(0, 1)
    seen = []
    objective.expert.sync_loss = lambda lower, mel: seen.append(lower) or torch.zeros(())
    objective.sync(faces, batch)
    codes = objective.vqgan.tokenize(faces)
    truth = objective.vqgan.embed_half(codes[1], objective.vqgan.lower)
    assert seen[0].shape == (2, 5, *truth.shape[1:])
    mean, deviation = objective.vqgan.lower.statistics()
    raw = objective.vqgan.encode_halves(faces)[1]
    assert torch.allclose(seen[0].flatten(0, 1) * deviation + mean, raw, atol=1e-4)


def test_loss_goes_down_on_one_batch(make, learn_one_batch):
    objective = make(sync_weight=0.0)
    losses = learn_one_batch(objective, 2)
    assert losses[-1] < 0.8 * losses[0]


def test_nobody_listens_to_mute_clips(make, partly_mute, tmp_path):
    objective = make(partly_mute)
    assert [clip.name for clip in objective.clips] == ["a_000", "c_000"]
    objective.batch(np.random.default_rng(0), 36)
    held_out = Wav2LipHeldOut(objective)
    held_out.validate(objective.model.eval())
    held_out.finish(objective.model, tmp_path)
