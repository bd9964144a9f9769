"""modules/weights.py"""

import dataclasses
import json

import pytest
import torch

from swaptalk_models.errors import UserError
from swaptalk_models.modules.face_swapper import FaceSwapper
from swaptalk_models.modules.identity_encoder import IdentityEncoder
from swaptalk_models.modules.lip_expert import LipExpert
from swaptalk_models.modules.lip_sync import LipSync
from swaptalk_models.modules.sync_judge import SyncJudge
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.weights import load_model, load_shape, save_model
from swaptalk_models.settings.models import (
    FaceSwapperConfig,
    IdentityEncoderConfig,
    LipExpertConfig,
    LipSyncConfig,
    SyncJudgeConfig,
)

SHAPE = {"crop_size": 32, "grid": 4, "dim": 8}


def networks(vqgan_config):
    return {
        "vqgan": lambda: VQGAN(vqgan_config),
        "identity_encoder": lambda: IdentityEncoder(IdentityEncoderConfig(channels=(8, 8), dim=8)),
        "lip_expert": lambda: LipExpert(LipExpertConfig(width=8, dim=8), 8, 4),
        "face_swapper": lambda: FaceSwapper(FaceSwapperConfig(width=8, depth=1, heads=2, semantic=False), 8, 4),
        "lip_sync": lambda: LipSync(LipSyncConfig(width=8, heads=2, audio_dim=8), 8, 4, 8),
        "sync_judge": lambda: SyncJudge(SyncJudgeConfig(channels=(8, 8), dim=8), 32),
    }


@pytest.mark.parametrize("name", ["vqgan", "identity_encoder", "lip_expert", "face_swapper", "lip_sync", "sync_judge"])
def test_round_trip(name, vqgan_config, tmp_path):
    network = networks(vqgan_config)[name]().train()
    save_model(name, network, SHAPE, tmp_path)
    loaded = load_model(name, tmp_path)
    assert loaded.config == network.config
    weights = network.state_dict()
    assert set(loaded.state_dict()) == set(weights)
    assert all(torch.equal(weights[key], value) for key, value in loaded.state_dict().items())
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters()), "frozen"
    assert load_shape(tmp_path) == SHAPE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "weights.safetensors"]


@pytest.fixture
def folder(vqgan_config, tmp_path):
    save_model("vqgan", VQGAN(vqgan_config), SHAPE, tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("missing", ["config.json", "weights.safetensors"])
def test_a_missing_file_is_named(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(UserError, match=f"not a folder of a trained vqgan.*{missing}"):
        load_model("vqgan", folder)


@pytest.mark.parametrize("file", ["config.json", "weights.safetensors"])
@pytest.mark.parametrize("share", [0, 0.5])
def test_a_cut_off_file_is_damaged(folder, file, share):
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match=f"{folder}.*damaged vqgan"):
        load_model("vqgan", folder)


def test_weights_that_do_not_fit_are_refused(folder):
    stored = json.loads((folder / "config.json").read_text())
    stored["config"]["codes"] = 99
    (folder / "config.json").write_text(json.dumps(stored))
    with pytest.raises(UserError, match="weights do not fit config.json"):
        load_model("vqgan", folder)


def test_another_model_is_refused(folder):
    with pytest.raises(UserError):
        load_model("lip_sync", folder)


def test_a_shared_codebook_is_kept_and_stays_shared(vqgan_config, tmp_path):
    network = VQGAN(dataclasses.replace(vqgan_config, one_codebook=True))
    save_model("vqgan", network, SHAPE | {"groups": 2}, tmp_path)
    loaded = load_model("vqgan", tmp_path)
    assert loaded.lower is loaded.upper
    assert torch.equal(loaded.upper.codebook, network.upper.codebook)
