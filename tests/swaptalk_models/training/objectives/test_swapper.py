"""training/objectives/swapper.py"""

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from swaptalk_models.errors import UserError
from swaptalk_models.modules.identity_encoder import IdentityEncoder
from swaptalk_models.settings.models import FaceSwapperConfig, IdentityEncoderConfig
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.objectives.swapper import FaceSwapperObjective
from swaptalk_models.training.swap_teacher import PAIRS_FILE

PAIRS = [("a_000", 3, "b_000", 7, "train"), ("b_000", 0, "c_000", 29, "train"), ("d_000", 1, "d_000", 2, "validation")]


@pytest.fixture(scope="session")
def teacher(tmp_path_factory):
    """Swaps that are one colour, another for each pair."""
    folder = tmp_path_factory.mktemp("teacher")
    names = ("source_clip", "source_frame", "target_clip", "target_frame", "split")
    table = pa.Table.from_pylist([dict(zip(names, pair, strict=True)) for pair in PAIRS])
    pngs = [cv2.imencode(".png", np.full((32, 32, 3), 50 * n, np.uint8))[1].tobytes() for n in range(len(PAIRS))]
    table = table.append_column("crop", pa.array(pngs))
    for shift, half in enumerate(("upper", "lower", "source_upper", "source_lower")):
        codes = pa.array(np.repeat(np.arange(len(PAIRS)) + shift, 16), pa.uint16())
        table = table.append_column(half, pa.FixedSizeListArray.from_arrays(codes, 16))
    pq.write_table(table, folder / PAIRS_FILE)
    return folder


@pytest.fixture
def make(data, vqgan, teacher):
    def make(pixel_weight: float = 0.0, **changed) -> FaceSwapperObjective:
        torch.manual_seed(0)
        identity = IdentityEncoder(IdentityEncoderConfig(channels=(8, 8), dim=8))
        config = FaceSwapperConfig(width=16, depth=1, heads=2, decoded_samples=2, pixel_weight=pixel_weight, **changed)
        return FaceSwapperObjective(config, data, vqgan, "v1", 4, identity, teacher)

    return make


def test_a_pair_holds_source_target_and_the_teachers_swap(make, data, tiny):
    objective = make()
    batch = objective._pairs(np.array([0, 1]))
    row = {clip.name: clip.first for clip in data.clips}
    assert (batch["source_upper"][0] == 2).all() and (batch["source_lower"][1] == 4).all(), "the source in the target's light"
    assert np.array_equal(batch["target_lower"][1], objective.lower[row["c_000"] + 29])
    assert np.array_equal(batch["target_region"][0], objective.labels[row["b_000"] + 7])
    assert (batch["made_upper"][1] == 1).all() and (batch["made_lower"][1] == 2).all()
    shown = (batch["source_image"][0].permute(1, 2, 0).numpy() + 1) * 127.5
    assert np.allclose(shown, tiny.crops["a_000"][3], atol=0.5)
    assert torch.allclose(batch["made_image"][1], torch.full((3, 32, 32), 50 / 127.5 - 1))
    assert batch["source_region"].shape == (2, 4, 4) and batch["source_region"].dtype == torch.int64


def test_a_batch_is_of_training_pairs(make):
    upper = make().batch(np.random.default_rng(0), 50)["made_upper"]
    assert set(upper.unique().tolist()) == {0, 1}


def test_pairs_of_videos_that_are_left_out_are_not_trained_on(make, tiny, vqgan, teacher):
    usual = make()
    without = TrainingData(tiny.home.root, tiny.manifest, ["a"])
    objective = FaceSwapperObjective(usual.config, without, vqgan, "v1", 4, usual.identity, teacher)
    assert usual.pairs["train"].tolist() == [0, 1] and objective.pairs["train"].tolist() == [1]
    assert objective.pairs["validation"].tolist() == usual.pairs["validation"].tolist() == [2]
    nobody = TrainingData(tiny.home.root, tiny.manifest, ["b"])
    with pytest.raises(UserError, match="no pair of the swap teacher's is left"):
        FaceSwapperObjective(usual.config, nobody, vqgan, "v1", 4, usual.identity, teacher)


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


def test_loss_goes_down_on_one_batch(make, learn_one_batch):
    objective = make()
    losses = learn_one_batch(objective, 4)
    assert losses[-1] < 0.7 * losses[0]


def test_held_out_figures(make):
    objective = make()
    with torch.no_grad():
        figures = objective.validate(objective.model.eval())
    assert figures["score"] == pytest.approx(figures["source_identity"] - figures["proxy"])


def test_test_pairs_are_of_two_people(make, data):
    clips = data.of("test")
    sources, targets = make()._test_pairs(clips)
    assert {(clips[i].person, clips[j].person) for i, j in zip(sources, targets, strict=True)} == {(4, 5), (5, 4)}


def test_figures_on_test_people(make, data, monkeypatch, tmp_path):
    """With a judge that sees nothing but the first pixel: the one of a stored crop tells the clip."""
    from swaptalk_models.metrics import crop_judges

    def judge(crops, landmarks):
        assert len(crops) == len(landmarks)
        return np.eye(256, dtype=np.float32)[crops[:, 0, 0, 0]]

    monkeypatch.setattr(crop_judges, "crop_identities", judge)
    objective = make()
    outcome = objective.finish(objective.model.eval(), tmp_path)
    faults = {"rim_ratio", "landmark_distance", "background_difference", "flicker"}
    identity = {"source_similarity", "target_similarity", "id_retrieve"}
    assert set(outcome.metrics) == identity | faults
    assert outcome.baselines["source_similarity"] == outcome.baselines["id_retrieve"] == 0.0, "the target as it was is not the source"
    of_teacher = {name.removesuffix("_teacher") for name in outcome.baselines if name.endswith("_teacher")}
    re_encoded = {name.removesuffix("_re-encoded_target") for name in outcome.baselines if name.endswith("_re-encoded_target")}
    assert of_teacher == identity | faults and re_encoded == faults
    assert outcome.baselines["background_difference_teacher"] < outcome.metrics["background_difference"], "it never touches the background"
    assert (tmp_path / "samples" / "swaps.png").is_file()
