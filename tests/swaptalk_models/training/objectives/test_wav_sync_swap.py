"""training/objectives/wav_sync_swap.py, training/teacher_pairs.py and evaluation/held_out/wav_sync_swap.py"""

import numpy as np
import pytest
import torch

from swaptalk_models.data.sound.mel import centred_windows
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.held_out.wav_sync_swap import WavSyncSwapHeldOut
from swaptalk_models.modules.images import from_unit


def test_a_sample_speaks_with_its_own_face_and_wears_anothers(make_wav_sync_swap, data):
    objective = make_wav_sync_swap()
    batch = objective.batch(np.random.default_rng(0), 6)
    assert {len(tensor) for tensor in batch.values()} == {6}
    # The pair (a_000, 3) -> (b_000, 7) of the teacher; first pixels tell clip and frame.
    pair = objective.read_pairs(np.array([0]))
    shown = {name: from_unit(pair[name].numpy())[0, 0, 0, :2].tolist() for name in ("pair_source", "pair_target")}
    assert shown == {"pair_source": [0, 3], "pair_target": [1, 7]}
    assert np.array_equal(pair["pair_mel"][0].numpy(), centred_windows(data.heard["b_000"], np.array([7]))[0])
    assert from_unit(pair["pair_made"].numpy()).max() == 0, "the teacher's first swap is black"
    assert not torch.equal(pair["pair_upper"], pair["pair_lower"])


def test_every_loss_reaches_the_network_and_no_other(make_wav_sync_swap):
    objective = make_wav_sync_swap(sync_start=0.5, sync_weight=1.0, proxy_weight=2.0, source_identity_weight=3.0)
    objective.model.train()
    batch = objective.batch(np.random.default_rng(0), 2)
    early, parts = objective.loss(batch, 0.49)
    assert torch.allclose(early, parts["pixel"] + 2 * parts["proxy"] + 3 * parts["id_src"]) and "sync" not in parts
    loss, parts = objective.loss(batch, 0.5)
    assert "sync" in parts
    loss.backward()
    assert all(p.grad is not None for p in objective.model.parameters())
    frozen = (objective.vqgan, objective.expert, objective.identity)
    assert all(p.grad is None for network in frozen for p in network.parameters())


def test_loss_goes_down_on_one_batch(make_wav_sync_swap, learn_one_batch):
    losses = learn_one_batch(make_wav_sync_swap(sync_weight=0.0), 2)
    assert losses[-1] < 0.8 * losses[0]


def test_nobody_listens_to_mute_clips(make_wav_sync_swap, partly_mute, teacher_of, tmp_path):
    """Their faces may be sources; as targets they would have to be heard."""
    pairs = [
        ("b_000", 1, "a_000", 2, "train"),
        ("a_000", 3, "b_000", 7, "train"),
        ("d_000", 1, "d_000", 2, "validation"),
    ]
    objective = make_wav_sync_swap(partly_mute, teacher_of(pairs))
    assert objective.pairs.of["train"].tolist() == [0]
    objective.batch(np.random.default_rng(0), 12)
    with pytest.raises(UserError, match="its target has no usable sound"):
        make_wav_sync_swap(partly_mute, teacher_of(pairs[1:]))
    held_out = WavSyncSwapHeldOut(objective)
    held_out.validate(objective.model.eval())
    held_out.finish(objective.model, tmp_path)


def test_held_out_figures(make_wav_sync_swap, tmp_path):
    objective = make_wav_sync_swap()
    held_out = WavSyncSwapHeldOut(objective)
    figures = held_out.validate(objective.model.eval())
    assert figures == held_out.validate(objective.model), "fixed samples"
    assert figures["score"] == figures["source_identity"] - figures["proxy"] - figures["pixel"]
    outcome = held_out.finish(objective.model, tmp_path)
    assert set(outcome.metrics) == set(outcome.baselines) == {"mouth_correlation", "source_similarity", "id_retrieve"}
    assert (tmp_path / "samples" / "wav_sync_swap.png").is_file()
