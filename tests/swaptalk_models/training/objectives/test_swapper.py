"""training/objectives/swapper.py"""

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from swaptalk_models.errors import UserError
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.pair_table import read_pairs


@pytest.fixture
def make(make_swapper):
    return make_swapper


def test_a_pair_holds_source_target_and_the_teachers_swap(make, data, tiny):
    objective = make()
    batch = objective.read_pairs(np.array([0, 1]))
    row = {clip.name: clip.first for clip in data.clips}
    assert (batch["source_upper"][0] == 2).all() and (batch["source_lower"][1] == 4).all(), (
        "the source in the target's light"
    )
    assert np.array_equal(batch["target_lower"][1], objective.lower[row["c_000"] + 29])
    assert np.array_equal(batch["target_region"][0], objective.labels[row["b_000"] + 7])
    assert (batch["made_upper"][1] == 1).all() and (batch["made_lower"][1] == 2).all()
    shown = (batch["source_image"][0].permute(1, 2, 0).numpy() + 1) * 127.5
    assert np.allclose(shown, tiny.crops["a_000"][3], atol=0.5)
    assert torch.allclose(batch["made_image"][1], torch.full((3, 32, 32), 50 / 127.5 - 1))
    assert batch["source_region"].shape == (2, 4, 4) and batch["source_region"].dtype == torch.int64


def test_pairs_of_an_earlier_version_are_still_read(make, teacher, tmp_path):
    """pairs.parquet, as it was before the pairs were written in pieces."""
    pq.write_table(read_pairs(teacher), tmp_path / "pairs.parquet")
    assert (teacher / "pairs.arrow").is_file() and not (tmp_path / "pairs.arrow").exists()
    ours, earlier = (make(teacher=folder).read_pairs(np.array([0, 2])) for folder in (teacher, tmp_path))
    assert ours.keys() == earlier.keys() and all(torch.equal(ours[name], earlier[name]) for name in ours)


def test_a_batch_is_of_training_pairs(make):
    upper = make().batch(np.random.default_rng(0), 50)["made_upper"]
    assert set(upper.unique().tolist()) == {0, 1}


def test_pairs_of_videos_that_are_left_out_are_not_trained_on(make, tiny):
    usual = make()
    without = TrainingData(tiny.home.root, tiny.manifest, ["a"])
    objective = make(without)
    assert usual.pairs["train"].tolist() == [0, 1] and objective.pairs["train"].tolist() == [1]
    assert objective.pairs["validation"].tolist() == usual.pairs["validation"].tolist() == [2]
    nobody = TrainingData(tiny.home.root, tiny.manifest, ["b"])
    with pytest.raises(UserError, match="no pair of the swap teacher's is left"):
        make(nobody)


def test_the_pixel_loss_reaches_the_swapper_through_the_frozen_decoder(make):
    objective = make(pixel_weight=2.0, proxy_weight=0.0, source_identity_weight=0.0, teacher_identity_weight=0.0)
    loss, parts = objective.loss(objective.batch(np.random.default_rng(0), 4), 0.0)
    assert set(parts) == {"proxy", "pixel"} and torch.allclose(loss, 2 * parts["pixel"])
    loss.backward()
    assert objective.model.out.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in objective.vqgan.parameters())


def test_identity_losses_reach_the_swapper_through_the_frozen_decoder(make):
    objective = make(proxy_weight=0.0)
    loss, parts = objective.loss(objective.batch(np.random.default_rng(0), 4), 0.0)
    assert set(parts) == {"proxy", "id_src", "id_res"}
    loss.backward()
    assert objective.model.out.weight.grad.abs().sum() > 0
    frozen = [*objective.vqgan.parameters(), *objective.identity.parameters()]
    assert all(p.grad is None for p in frozen)


def test_each_loss_can_be_left_out(make):
    batch = make().batch(np.random.default_rng(0), 4)
    no_identity = make(source_identity_weight=0.0, teacher_identity_weight=0.0)
    loss, parts = no_identity.loss(batch, 0.0)
    assert set(parts) == {"proxy"} and torch.allclose(loss, parts["proxy"])
    no_proxy = make(proxy_weight=0.0, source_identity_weight=0.5, teacher_identity_weight=0.25)
    loss, parts = no_proxy.loss(batch, 0.0)
    assert torch.allclose(loss, 0.5 * parts["id_src"] + 0.25 * parts["id_res"])


def test_an_error_in_the_features_counts_as_often_as_it_is_told(make, monkeypatch):
    """In embeddings and in pixels; an error everywhere counts as it did."""
    batch = make().read_pairs(np.array([0, 1]))
    batch["target_region"] = torch.ones(2, 4, 4, dtype=torch.int64)
    batch["target_region"][:, 3, 1] = 5  # lips in one cell of 16
    losses = {}
    for weight in (1.0, 9.0):
        objective = make(feature_weight=weight, pixel_weight=1.0)
        wanted = objective.vqgan.embed(batch["made_upper"], batch["made_lower"])
        for name, cells in {"lip": (3, 1), "skin": (0, 1), "all": (slice(None), slice(None))}.items():
            wrong, image = wanted.clone(), batch["made_image"].clone()
            wrong[:, :, *cells] += 1
            image.unflatten(2, (4, 8)).unflatten(4, (4, 8))[:, :, cells[0], :, cells[1]] += 1
            monkeypatch.setattr(objective, "swap", lambda *_, wrong=wrong: wrong)
            monkeypatch.setattr(objective.vqgan, "decode", lambda _, image=image: image)
            parts = objective.loss(batch, 0.0)[1]
            losses[name, weight] = torch.stack([parts["proxy"], parts["pixel"]])
    for weight, sum_of_weights in ((1.0, 16), (9.0, 24)):
        torch.testing.assert_close(losses["lip", weight], torch.full((2,), weight / sum_of_weights))
        torch.testing.assert_close(losses["skin", weight], torch.full((2,), 1 / sum_of_weights))
        torch.testing.assert_close(losses["all", weight], torch.ones(2))


def test_loss_goes_down_on_one_batch(make, learn_one_batch):
    objective = make()
    losses = learn_one_batch(objective, 4)
    assert losses[-1] < 0.7 * losses[0]
