"""training/run.py"""

import dataclasses
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from swaptalk_models.errors import UserError
from swaptalk_models.modules.arcface import ArcFace
from swaptalk_models.modules.weights import load_model, load_shape, save_model
from swaptalk_models.settings.models import (
    IdentityEncoderConfig,
    LipExpertConfig,
    SyncJudgeConfig,
    TrainConfig,
    Wav2LipConfig,
)
from swaptalk_models.training.inputs import read_inputs
from swaptalk_models.training.run import build_objective, train
from swaptalk_models.training.spec import TrainSpec, external_checksum

TRAIN = TrainConfig(steps=2, batch=8, eval_every=1, device="cpu", dtype="float32")


def spec_of(tiny, folder, name, config, **inputs) -> TrainSpec:
    return TrainSpec(
        name,
        str(tiny.home.root),
        dataclasses.asdict(config),
        32,
        str(tiny.manifest),
        {key: str(path) for key, path in inputs.items()},
        str(folder / name / "v0"),
    )


@pytest.fixture
def vqgan_folder(vqgan, tmp_path):
    save_model("vqgan", vqgan, {"crop_size": 32, "grid": 4, "dim": 8, "groups": 2}, tmp_path / "vqgan" / "v1")
    return tmp_path / "vqgan" / "v1"


def test_a_training_is_given_no_video_that_it_leaves_out(tiny, tmp_path, vqgan_folder):
    config = LipExpertConfig(width=8, dim=8, train=dataclasses.replace(TRAIN, without=("a", "c*")))
    objective, _ = build_objective(
        read_inputs(spec_of(tiny, tmp_path, "lip_expert", config, vqgan=vqgan_folder)), "lip_expert"
    )
    assert [clip.name for clip in objective.clips] == ["b_000"]


def test_a_training_leaves_a_whole_folder(tiny, tmp_path, vqgan_folder):
    said = []
    config = LipExpertConfig(width=8, dim=8, train=TRAIN)
    spec = spec_of(tiny, tmp_path, "lip_expert", config, vqgan=vqgan_folder)
    folder = train(spec, said.append)
    assert folder.done and folder.version == "v0"
    names = {path.name for path in folder.path.iterdir()}
    assert names == {
        "config.json",
        "curves",
        "curves.png",
        "history.parquet",
        "result.json",
        "samples",
        "weights.safetensors",
    }
    assert (folder.path / "samples" / "accuracy_by_offset.png").is_file()
    result = folder.result()
    assert (result["name"], result["step"], result["inputs"]) == ("lip_expert", 2, {"vqgan": "v1"})
    assert result["snapshot"] == "snap" and result["hardware"]
    assert (result["seed"], result["processes"], result["precision"]) == (0, 1, "float32")
    assert result["kept_step"] in (1, 2) and result["config"]["train"]["batch"] == 8
    assert 0 <= result["metrics"]["accuracy"] <= 1 and "accuracy" in result["baselines"]
    assert len(result["curves"]["accuracy_by_offset"]) == 31
    assert load_model("lip_expert", folder.path).config.width == 8
    assert load_shape(folder.path) == {"crop_size": 32, "grid": 4, "dim": 8, "groups": 2}
    assert "held_out_accuracy" in pq.read_table(folder.path / "history.parquet").column_names
    assert any(line.startswith("held-out people: accuracy") for line in said)


def test_a_whole_folder_is_left_as_it_is(tiny, tmp_path):
    spec = spec_of(tiny, tmp_path, "sync_judge", SyncJudgeConfig(channels=(8, 8), dim=8, train=TRAIN))
    folder = train(spec, lambda line: None)
    before = {path.name: path.stat().st_mtime_ns for path in folder.path.iterdir()}
    said = []
    train(spec, said.append)
    assert said == []
    assert {path.name: path.stat().st_mtime_ns for path in folder.path.iterdir()} == before


def test_same_seed_same_weights(tiny, tmp_path):
    config = IdentityEncoderConfig(channels=(8, 8), dim=8, train=TRAIN)
    made = [train(spec_of(tiny, tmp_path / part, "identity_encoder", config), lambda line: None) for part in "ab"]
    assert made[0].weights.read_bytes() == made[1].weights.read_bytes()
    other = dataclasses.replace(config, train=dataclasses.replace(TRAIN, seed=1))
    third = train(spec_of(tiny, tmp_path / "c", "identity_encoder", other), lambda line: None)
    assert third.weights.read_bytes() != made[0].weights.read_bytes()


def test_the_vqgan_takes_the_identity_encoder(tiny, tmp_path, vqgan_config):
    config = IdentityEncoderConfig(channels=(8, 8), dim=8, train=TRAIN)
    identity = train(spec_of(tiny, tmp_path, "identity_encoder", config), lambda line: None)
    spec = spec_of(
        tiny, tmp_path, "vqgan", dataclasses.replace(vqgan_config, train=TRAIN), identity_encoder=identity.path
    )
    folder = train(spec, lambda line: None)
    assert np.isfinite(folder.result()["metrics"]["psnr_db"])
    assert (folder.path / "samples" / "reconstruction.png").is_file()
    assert load_shape(folder.path) == {"crop_size": 32, "grid": 4, "dim": 8, "groups": 2}
    assert json.loads((folder.path / "config.json").read_text())["name"] == "vqgan"


def test_an_external_identity_encoder_is_taken_as_it_is(tiny, tmp_path, vqgan_config):
    torch.manual_seed(0)
    theirs = ArcFace(IdentityEncoderConfig(dim=8), 32, 18)
    file = tmp_path / "backbone.safetensors"
    save_file({key.replace("out.", "features."): tensor for key, tensor in theirs.state_dict().items()}, file)
    spec = spec_of(tiny, tmp_path, "identity_encoder", IdentityEncoderConfig(external=str(file), train=TRAIN))
    said = []
    folder = train(spec, said.append)
    result = folder.result()
    assert result["external"] == {"file": file.name, "sha256": external_checksum(str(file)), "network": "IResNet 18"}
    assert 0 <= result["metrics"]["auc"] <= 1 and result["step"] == 0
    assert "IResNet 18" in said[0]
    ours = load_model("identity_encoder", folder.path)
    image = torch.rand(2, 3, 32, 32)
    assert torch.equal(ours(image), theirs.eval()(image))
    # And the VQGAN's losses look through it.
    spec = spec_of(
        tiny, tmp_path, "vqgan", dataclasses.replace(vqgan_config, train=TRAIN), identity_encoder=folder.path
    )
    assert np.isfinite(train(spec, lambda line: None).result()["metrics"]["psnr_db"])


def test_the_baseline_takes_ours_as_teacher(tiny, tmp_path, vqgan_folder):
    config = LipExpertConfig(width=8, dim=8, train=TRAIN)
    expert = train(spec_of(tiny, tmp_path, "lip_expert", config, vqgan=vqgan_folder), lambda line: None)
    config = Wav2LipConfig(channels=(8, 8), audio_dim=8, sync_start=0.0, train=TRAIN)
    spec = spec_of(tiny, tmp_path, "wav2lip", config, vqgan=vqgan_folder, lip_expert=expert.path)
    folder = train(spec, lambda line: None)
    assert np.isfinite(folder.result()["metrics"]["pixel_error"])
    assert "sync" in pq.read_table(folder.path / "history.parquet").column_names
    assert load_model("wav2lip", folder.path).config.channels == (8, 8)


def test_a_missing_input_is_the_users_to_mend(tiny, tmp_path, vqgan_config):
    spec = spec_of(tiny, tmp_path, "vqgan", vqgan_config, identity_encoder=tmp_path / "nowhere")
    with pytest.raises(UserError, match="nowhere.*config.json is missing"):
        train(spec, lambda line: None)
    assert not (tmp_path / "vqgan" / "v0" / "result.json").exists()


def test_an_unknown_training_is_our_fault(tiny, tmp_path, vqgan_folder):
    with pytest.raises(KeyError, match="lips"):
        train(spec_of(tiny, tmp_path, "lips", LipExpertConfig(), vqgan=vqgan_folder), lambda line: None)
