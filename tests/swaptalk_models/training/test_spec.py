"""training/spec.py"""

import dataclasses
import hashlib
import json

import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import MODELS, own_models
from swaptalk_models.modules.model_folder import ModelFolder, current, make_current
from swaptalk_models.settings.preset import load_preset
from swaptalk_models.training.spec import content, plan


@pytest.fixture
def home(tmp_path):
    for model in own_models():
        make_folder(tmp_path, model.name, "first")
    return tmp_path


def make_folder(home, name, version):
    folder = home / "models" / name / version
    folder.mkdir(parents=True)
    make_current(ModelFolder(folder))


def key(home, name="lip_sync", snapshot="s1", **overrides):
    return plan(name, home, load_preset("tiny", overrides), home / "manifest.parquet", snapshot).version


def test_inputs_come_first_in_the_order_of_training():
    seen = set()
    for name, model in MODELS.items():
        assert set(model.inputs) <= seen
        seen.add(name)


def test_a_plan_names_inputs_and_output(home):
    spec = plan("lip_sync", home, load_preset("tiny"), home / "manifest.parquet", "s1")
    assert spec.inputs == {name: str(home / "models" / name / "first") for name in ("vqgan", "lip_expert")}
    assert spec.output == str(home / "models" / "lip_sync" / spec.version)
    assert spec.crop_size == 64
    assert dataclasses.asdict(load_preset("tiny").lip_sync) == spec.config


@pytest.mark.parametrize(
    "overrides",
    [
        {"lip_sync.train.device": "cuda:1"},
        {"lip_sync.train.processes": 2},
        {"lip_sync.train.compile": True},
        {"lip_sync.train.checkpoint_seconds": 1.0},
        {"vqgan.train.steps": 3},
        {"evaluation.pairs": 3},
    ],
)
def test_where_it_runs_and_other_stages_settings_leave_the_key(home, overrides):
    assert key(home, **overrides) == key(home)


@pytest.mark.parametrize(
    "overrides",
    [
        {"lip_sync.train.steps": 3},
        {"lip_sync.train.seed": 1},
        {"lip_sync.train.minutes": 5.0},
        {"lip_sync.train.dtype": "float32"},
        {"lip_sync.warping": False},
        {"lip_sync.train.without": ["a*"]},
        {"face_crops.size": 128},
        {"snapshot": "s2"},
    ],
)
def test_content_changes_the_key(home, overrides):
    assert key(home, **overrides) != key(home)


def test_younger_settings_that_change_nothing_leave_the_key(home):
    """Models that were trained before there was such a setting stay what they are, also as read back from JSON."""
    config = json.loads(json.dumps(dataclasses.asdict(load_preset("tiny").lip_sync)))
    assert config["train"]["without"] == [] and "without" not in content(config)["train"]
    assert content(config | {"train": config["train"] | {"without": ["a*"]}})["train"]["without"] == ["a*"]


def test_an_external_network_counts_by_its_content(tmp_path, home):
    for name, weights in (("a.pth", b"one"), ("b.pth", b"one"), ("c.pth", b"two")):
        (tmp_path / name).write_bytes(weights)

    def version(name, **more):
        overrides = {"identity_encoder.external": str(tmp_path / name)} | {
            f"identity_encoder.{k}": v for k, v in more.items()
        }
        return key(home, "identity_encoder", **overrides)

    assert version("a.pth") == version("b.pth") != version("c.pth")
    assert key(home, "identity_encoder") != version("a.pth")
    digest = hashlib.sha256(b"one").hexdigest()
    assert version("a.pth", external_sha256=digest) == version("a.pth")
    with pytest.raises(UserError, match=f"c.pth: its SHA-256 is .*, not identity_encoder.external_sha256 .{digest}"):
        version("c.pth", external_sha256=digest)
    with pytest.raises(UserError, match="identity_encoder.external: no file .*gone.pth"):
        version("gone.pth")


def test_a_new_input_makes_a_new_model(home):
    before, expert = key(home), key(home, "lip_expert")
    make_folder(home, "lip_expert", "second")
    assert key(home) != before
    assert key(home, "lip_expert") == expert


def test_new_code_makes_a_new_model(home, monkeypatch):
    before = key(home)
    monkeypatch.setitem(MODELS, "lip_sync", dataclasses.replace(MODELS["lip_sync"], code_version="test"))
    assert key(home) != before


def test_a_missing_input_says_how_to_make_it(tmp_path):
    with pytest.raises(UserError, match="no trained vqgan.*swaptalk run --until vqgan"):
        key(tmp_path)


def test_the_pointer_moves(home):
    assert current(home, "vqgan").version == "first"
    make_folder(home, "vqgan", "second")
    assert current(home, "vqgan").version == "second"
    assert not current(home, "vqgan").done
    (current(home, "vqgan").path / "result.json").write_text("{}")
    assert current(home, "vqgan").done


def test_a_baseline_has_the_budget_of_what_it_is_compared_with(home):
    assert "wav2lip" not in {name for model in own_models() for name in model.inputs}, "none of ours is built on it"
    spec = plan("wav2lip", home, load_preset("tiny", {"lip_sync.train.steps": 7}), home / "manifest.parquet", "s1")
    assert spec.config["train"] == dataclasses.asdict(load_preset("tiny", {"lip_sync.train.steps": 7}).lip_sync.train)
    assert spec.inputs == {name: str(home / "models" / name / "first") for name in ("vqgan", "lip_expert")}
    assert key(home, "wav2lip", **{"lip_sync.train.steps": 8}) != spec.version
    assert (
        plan("wav2lip", home, load_preset("tiny", {"wav2lip.train": {"steps": 3}}), home / "m", "s1").config["train"][
            "steps"
        ]
        == 3
    )
