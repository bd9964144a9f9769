"""Files, weights and held-out figures of models."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np

from assets.support.model_checks import shortfalls, wrong_weights
from assets.support.pictures import thumbnail
from swaptalk_models.modules.model_folder import ModelFolder, current, held_out_metrics


def test_files_of_a_trained_model_are_whole_and_its_figures_only_warn(graph, trained):
    graph.run("identity_encoder")
    found = {check.check_name: check for check in graph.checks()}
    assert found["identity_encoder_files"].passed and found["identity_encoder_files"].blocking
    auc = trained.metadata["auc"].value
    assert found["identity_encoder_quality"].passed == (auc >= 0.95)
    assert not found["identity_encoder_quality"].blocking
    assert found["identity_encoder_quality"].metadata["auc"].value == auc


def test_a_damaged_weight_blocks(graph, trained, own):
    shutil.copytree(graph.home.models, own.home.models)
    weights = current(own.home.root, "identity_encoder").weights
    weights.write_bytes(weights.read_bytes()[:100])
    own.run("identity_encoder", must=False)
    (check,) = [check for check in own.checks() if check.check_name == "identity_encoder_files"]
    assert not check.passed and "weights.safetensors" in check.description and not own.result.success


def test_thumbnails_are_small(tmp_path):
    cv2.imwrite(str(tmp_path / "noise.png"), np.random.default_rng(0).integers(0, 255, (2000, 3000, 3), np.uint8))
    assert len(thumbnail(tmp_path / "noise.png").value) < 100_000 * 4 / 3


def test_what_was_not_measured_counts_only_on_request():
    assert shortfalls("lip_sync", {}) == []
    assert len(shortfalls("lip_sync", {}, also_missing=True)) == 2


def test_evaluations_figures_go_over_the_trainings(tmp_path):
    (tmp_path / "result.json").write_text(json.dumps({"metrics": {"a": 1.0, "b": 2.0}}))
    assert held_out_metrics(ModelFolder(tmp_path)) == {"a": 1.0, "b": 2.0}
    (tmp_path / "evaluation.json").write_text(json.dumps({"metrics": {"b": 3.0}}))
    assert held_out_metrics(ModelFolder(tmp_path)) == {"a": 1.0, "b": 3.0}


def test_shortfalls_say_by_how_much():
    assert shortfalls("lip_sync", {"mouth_correlation": 0.5, "av_offset": -3.0}) == [
        "mouth_correlation is 0.5, 0.1 short of 0.6",
        "av_offset is -3, outside of -1 to 1",
    ]
    assert shortfalls("lip_sync", {"mouth_correlation": 0.7, "av_offset": -1.0}) == []
    assert shortfalls("face_swapper", {"id_retrieve": 90.0, "source_similarity": 0.3, "target_similarity": 0.5})
    assert shortfalls("lip_expert", {"accuracy": float("nan")})


def test_wrong_weights_finds_what_is_not_finite_and_what_is_damaged(tmp_path):
    import torch
    from safetensors.torch import save_file

    save_file({"a": torch.ones(2), "b": torch.tensor([1.0, float("nan")])}, tmp_path / "weights.safetensors")
    assert wrong_weights(tmp_path) == ["weights.safetensors: b is not finite"]
    whole = (tmp_path / "weights.safetensors").read_bytes()
    (tmp_path / "weights.safetensors").write_bytes(whole[: len(whole) // 2])
    assert len(wrong_weights(tmp_path)) == 1
