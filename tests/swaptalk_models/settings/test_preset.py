"""settings/preset.py and the presets"""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.settings.models import VQGANConfig
from swaptalk_models.settings.preset import PRESETS, Preset, load_preset
from swaptalk_models.settings.section import build_section

# DESIGN.md, 4
CONTRACT = {"tiny": (64, 4, 16), "nano": (128, 4, 32), "base": (256, 8, 32), "paper": (512, 16, 32)}


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_those_of_the_contract(name):
    preset = load_preset(name)
    assert (preset.face_crops.size, preset.vqgan.factor, preset.grid) == CONTRACT[name]
    assert preset.name == name
    assert preset.grid % 4 == 0, "each half is halved once more by the lip modules"


def test_a_preset_says_only_what_differs():
    assert dataclasses.replace(load_preset("tiny"), name="x") != Preset(name="x")
    assert load_preset("tiny").mels == Preset(name="x").mels


def test_overrides_by_dotted_names():
    preset = load_preset(
        "tiny",
        {
            "vqgan.train.steps": "7",
            "vqgan.train.lr": "1e-3",
            "lip_sync.warping": "false",
            "identity_encoder.channels": "[8, 16]",
            "face_tracks.backend": "dlib",
            "evaluation.pairs": 3,
            "face_crops.margin": 0,
        },
    )
    assert preset.vqgan.train.steps == 7 and preset.vqgan.train.lr == 1e-3
    assert preset.lip_sync.warping is False
    assert preset.identity_encoder.channels == (8, 16)
    assert preset.evaluation.pairs == 3
    assert preset.face_crops.margin == 0.0 and isinstance(preset.face_crops.margin, float)
    assert preset.vqgan.train.batch == load_preset("tiny").vqgan.train.batch, "the rest stays"


@pytest.mark.parametrize(
    "setting, value, named",
    [
        ("vqgan.train.steps", "many", r"'vqgan\.train\.steps' must be int, not 'many'"),
        ("vqgan.train.steps", "1.5", r"'vqgan\.train\.steps' must be int"),
        ("vqgan.train.steps", "true", r"'vqgan\.train\.steps' must be int"),
        ("vqgan.train.lr", "fast", r"'vqgan\.train\.lr' must be float"),
        ("vqgan.train.lr", "false", r"'vqgan\.train\.lr' must be float"),
        ("lip_sync.warping", "0", r"'lip_sync\.warping' must be bool"),
        ("vqgan.channels", "48", r"'vqgan\.channels' must be a list"),
        ("vqgan.channels", "[a, b, c]", r"'vqgan\.channels' must be int"),
        ("vqgan", "7", "'vqgan' is a section"),
        ("vqgan.train", "", r"'vqgan\.train' is a section"),
        ("vqgan.factor.deep", "7", "'factor' is a value, not a section"),
        ("vqgan.train.steps", "0", r"^vqgan\.train\.steps must be at least 1$"),
        ("vqgan.factor", "16", r"^vqgan\.channels must have 4 entries"),
        ("face_tracks.min_face", "0", r"^face_tracks\.min_face must be at least 1$"),
        ("face_crops.size", "72", r"^face_crops\.size must be a multiple of 16"),
        ("face_crops.label_grid", "12", r"^face_crops\.label_grid must be a multiple"),
        ("face_swapper.decoded_samples", "0", r"^face_swapper\.decoded_samples must be at least 1$"),
        ("lip_sync.region", "lips", r"^lip_sync\.region must be mouth or half, not 'lips'$"),
        ("vqgan.train.steps", "[1", r"vqgan\.train\.steps"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(setting, value, named):
    with pytest.raises(UserError, match=named) as error:
        load_preset("tiny", {setting: value})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "typed, meant, listed",
    [
        ("faces.min_face", "face_tracks.min_face", "face_tracks has backend, .*min_face$"),
        ("vqgan.trian.steps", "vqgan.train.steps", "vqgan.train has steps, minutes, "),
        ("vqgna.train.steps", "vqgan.train.steps", "vqgan.train has steps, "),
        ("vqgan.train.stps", "vqgan.train.steps", "vqgan.train has steps, "),
        ("vqgan.steps", "vqgan.train.steps", "vqgan.train has steps, "),
        ("crops.size", "face_crops.size", "face_crops has size, "),
        ("snapshot.extra", "training_snapshot.extra", "training_snapshot has validation, "),
        ("release.tolerance", "model_release.tolerance", "model_release has allow_worse, "),
        ("split.test", "training_snapshot.test", "training_snapshot has validation, "),
        ("min_face", "face_tracks.min_face", "face_tracks has backend, "),
        ("lip_sync.mel.rate", "mels.rate", "mels has rate, "),
        ("wav2lip.train.stepz", "wav2lip.train.steps", "wav2lip.train has steps, "),
    ],
)
def test_an_unknown_setting_is_answered_by_what_may_be_meant(typed, meant, listed):
    with pytest.raises(UserError, match=f"^unknown setting {typed!r}: did you mean {meant}[?] {listed}"):
        load_preset("tiny", {typed: "1"})


@pytest.mark.parametrize(
    "typed, listed",
    [
        ("nonsense", "there are .*vqgan, .*phantom, "),
        ("nonsense.zzz", "there are "),
        ("vqgan.train.zzz", "vqgan.train has steps, "),
    ],
)
def test_an_unknown_setting_like_no_other_is_answered_by_what_there_is(typed, listed):
    with pytest.raises(UserError, match=f"^unknown setting {typed!r}: {listed}"):
        load_preset("tiny", {typed: "1"})


def test_an_unknown_section_of_a_file_is_answered_in_the_same_way(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("faces: {min_face: 20}")
    with pytest.raises(UserError, match="^unknown setting 'faces.min_face': did you mean face_tracks.min_face[?]"):
        load_preset(str(path))


def test_halves_must_divide():
    """Each half is encoded alone, so a crop is a multiple of twice the compression."""
    with pytest.raises(UserError, match="multiple of twice vqgan.factor"):
        load_preset("tiny", {"face_crops.size": 48, "vqgan.factor": 32, "vqgan.channels": [8] * 5})


def test_unknown_preset():
    with pytest.raises(UserError, match="no preset 'huge': there are tiny, nano, base, paper"):
        load_preset("huge")


def test_a_preset_of_ones_own(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("vqgan:\n  codes: 64\n")
    assert load_preset(str(path)).vqgan == dataclasses.replace(VQGANConfig(), codes=64)
    assert load_preset(str(path)).name == "mine"
    path.write_text("")
    assert load_preset(str(path)) == Preset(name="mine")


@pytest.mark.parametrize(
    "text, named",
    [
        ("vqgan: [1", "not valid YAML"),
        ("- 1\n- 2", "mapping of sections"),
        ("1: 2", "unknown setting"),
        ("vqgan:", "section"),
    ],
)
def test_a_damaged_preset_is_named(tmp_path, text, named):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=named) as error:
        load_preset(str(path))
    assert "\n" not in str(error.value)


def test_what_was_written_can_be_read_back():
    config = load_preset("base").vqgan
    assert build_section(VQGANConfig, dataclasses.asdict(config)) == config


def test_light_to_import():
    code = "import sys, swaptalk_models.settings.preset; print({'torch', 'cv2', 'lance', 'pyarrow', 'numpy'} & set(sys.modules))"
    root = Path(__file__).parents[3]
    shown = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
