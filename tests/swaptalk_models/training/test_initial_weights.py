"""training/initial_weights.py, and what a training makes of them"""

import dataclasses
import json

import pytest
import torch

from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.held_out.chance import look_at_chance
from swaptalk_models.modules.face_swapper import FaceSwapper
from swaptalk_models.modules.lip_expert import LipExpert
from swaptalk_models.modules.lip_sync import LipSync
from swaptalk_models.modules.model_folder import SHIPPED, ModelFolder
from swaptalk_models.modules.weights import load_model, save_model
from swaptalk_models.settings.models import FaceSwapperConfig, LipExpertConfig, LipSyncConfig, TrainConfig
from swaptalk_models.settings.preset import load_preset
from swaptalk_models.training import run
from swaptalk_models.training.initial_weights import adopt
from swaptalk_models.training.run import train
from swaptalk_models.training.spec import TrainSpec, starting_folder

TRAIN = TrainConfig(steps=2, batch=8, eval_every=1, device="cpu", dtype="float32", warmup=0)
CONFIG = LipExpertConfig(width=8, dim=8, train=TRAIN)


def kept(network, folder, grid=4):
    save_model("any", network, {"grid": grid}, folder)
    return folder


def test_the_same_build_takes_every_weight(tmp_path):
    torch.manual_seed(1)
    theirs, ours = LipExpert(CONFIG, 8, 4), LipExpert(CONFIG, 8, 4)
    adopt(ours, kept(theirs, tmp_path))
    assert all(torch.equal(a, b) for a, b in zip(theirs.state_dict().values(), ours.state_dict().values(), strict=True))


@pytest.mark.parametrize(
    "build",
    [
        lambda grid: FaceSwapper(FaceSwapperConfig(width=8, depth=1, heads=2), 8, grid),
        lambda grid: LipSync(LipSyncConfig(width=8, heads=2, audio_dim=8), 8, grid, 8),
    ],
)
def test_places_of_another_grid_are_resized(tmp_path, build):
    theirs, ours = build(8), build(4)
    places = {
        name: tensor
        for name, tensor in theirs.named_parameters()
        if "position" in name and tensor.shape != dict(ours.named_parameters())[name].shape
    }
    assert places
    with torch.no_grad():
        for tensor in places.values():
            tensor.fill_(0.25)
    adopt(ours, kept(theirs, tmp_path))
    own = dict(ours.named_parameters())
    for name in places:
        assert torch.allclose(own[name], torch.full_like(own[name], 0.25), atol=1e-6), "a plain one stays what it is"


def test_another_build_is_refused_and_nothing_changed(tmp_path):
    ours = LipExpert(CONFIG, 8, 4)
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    folder = kept(LipExpert(LipExpertConfig(width=16, dim=8), 8, 4), tmp_path)
    with pytest.raises(UserError, match=r"does not fit these settings: .* init=none"):
        adopt(ours, folder)
    assert all(torch.equal(before[name], tensor) for name, tensor in ours.state_dict().items())
    with pytest.raises(UserError, match="no weights to start from"):
        adopt(ours, tmp_path / "nowhere")


def test_who_starts_from_what(tmp_path):
    preset = load_preset("tiny")
    assert starting_folder("vqgan", preset, drawn=True) is None, "the phantoms' kind is known to what ships"
    shipped = SHIPPED / "vqgan" if (SHIPPED / "vqgan" / "weights.safetensors").is_file() else None
    assert starting_folder("vqgan", preset, drawn=False) == shipped
    assert starting_folder("swap_teacher", preset, drawn=False) is None, "nothing in it learns"
    assert starting_folder("vqgan", load_preset("tiny", {"init": "none"}), drawn=False) is None
    named = load_preset("tiny", {"init": str(tmp_path)})
    with pytest.raises(UserError, match=r"no weights\.safetensors in .*vqgan"):
        starting_folder("vqgan", named, drawn=True)
    kept(LipExpert(CONFIG, 8, 4), tmp_path / "lip_expert")
    assert starting_folder("lip_expert", named, drawn=True) == tmp_path / "lip_expert"


@pytest.fixture
def spec(tiny, tmp_path, vqgan):
    save_model("vqgan", vqgan, {"crop_size": 32, "grid": 4, "dim": 8, "groups": 2}, tmp_path / "vqgan" / "v1")
    torch.manual_seed(3)
    start = kept(LipExpert(CONFIG, 8, 4), tmp_path / "start")
    inputs = {"vqgan": str(tmp_path / "vqgan" / "v1")}
    output = str(tmp_path / "lip_expert" / "v0")
    home, manifest = str(tiny.home.root), str(tiny.manifest)
    return TrainSpec("lip_expert", home, dataclasses.asdict(CONFIG), 32, manifest, inputs, output, start=str(start))


def test_what_cannot_be_learned_keeps_the_weights_that_it_started_from(spec, monkeypatch):
    """Few people leave an expert at chance; what follows is trained with the weights that were there, and it is said."""
    monkeypatch.setattr(run, "CHANCE_MARGIN", 0.6)  # whatever is learned here counts as chance
    said = []
    folder = train(spec, said.append)
    theirs = load_model("lip_expert", folder.path)
    started = LipExpert(CONFIG, 8, 4)
    adopt(started, folder.path.parents[1] / "start")
    assert all(
        torch.equal(a, b) for a, b in zip(theirs.state_dict().values(), started.state_dict().values(), strict=True)
    )
    result = folder.result()
    assert "too few" in result["kept"] and result["kept_step"] == 0 and len(result["init"]) == 64
    assert any("too few" in line for line in said)
    chance = look_at_chance(ModelFolder(folder.path))
    assert chance.left and "too few" in chance.said, "it blocks nothing"


def test_a_training_that_beats_its_start_keeps_what_it_learned(spec, monkeypatch):
    monkeypatch.setattr(run, "CHANCE_MARGIN", -1.0)
    result = train(spec, lambda line: None).result()
    assert "kept" not in result and len(result["init"]) == 64


def test_weights_that_do_not_fit_are_left_aside_unless_they_were_named(spec, tmp_path):
    kept(LipExpert(LipExpertConfig(width=16, dim=8), 8, 4), tmp_path / "start")
    said = []
    result = train(dataclasses.replace(spec, output=str(tmp_path / "a" / "v0")), said.append).result()
    assert "init" not in result and any("starts from nothing" in line for line in said)
    with pytest.raises(UserError, match="does not fit"):
        train(dataclasses.replace(spec, output=str(tmp_path / "b" / "v0"), start_must_fit=True), said.append)
    assert json.loads((tmp_path / "a" / "v0" / "config.json").read_text())["name"] == "lip_expert"
