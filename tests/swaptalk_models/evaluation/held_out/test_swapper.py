"""evaluation/held_out/swapper.py"""

import numpy as np
import pytest

from swaptalk_models.evaluation.held_out import swapper
from swaptalk_models.evaluation.held_out.swapper import FaceSwapperHeldOut, swap_pairs


def test_held_out_figures(make_swapper):
    objective = make_swapper()
    figures = FaceSwapperHeldOut(objective).validate(objective.model.eval())
    assert figures["score"] == pytest.approx(figures["source_identity"] - figures["proxy"])


def test_test_pairs_are_of_two_people(data):
    clips = data.of("test")
    sources, targets = swap_pairs(clips)
    assert {(clips[i].person, clips[j].person) for i, j in zip(sources, targets, strict=True)} == {(4, 5), (5, 4)}


def test_figures_on_test_people(make_swapper, monkeypatch, tmp_path):
    """With a judge that sees nothing but the first pixel: the one of a stored crop tells the clip."""

    def judge(crops, landmarks):
        assert len(crops) == len(landmarks)
        return np.eye(256, dtype=np.float32)[crops[:, 0, 0, 0]]

    monkeypatch.setattr(swapper, "crop_identities", judge)
    objective = make_swapper()
    outcome = FaceSwapperHeldOut(objective).finish(objective.model.eval(), tmp_path)
    faults = {"rim_ratio", "landmark_distance", "background_difference", "flicker"}
    identity = {"source_similarity", "target_similarity", "id_retrieve"}
    assert set(outcome.metrics) == identity | faults | {"mouth_kept"}
    assert outcome.baselines["source_similarity"] == outcome.baselines["id_retrieve"] == 0.0, (
        "the target as it was is not the source"
    )
    of_teacher = {name.removesuffix("_teacher") for name in outcome.baselines if name.endswith("_teacher")}
    re_encoded = {
        name.removesuffix("_re-encoded_target") for name in outcome.baselines if name.endswith("_re-encoded_target")
    }
    assert of_teacher == identity | faults and re_encoded == faults
    assert outcome.baselines["background_difference_teacher"] < outcome.metrics["background_difference"], (
        "it never touches the background"
    )
    assert (tmp_path / "samples" / "swaps.png").is_file()
