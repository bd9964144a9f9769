"""inference/release.py"""

import dataclasses
import json
import shutil

import pytest
import torch

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.release_log import current_release
from swaptalk_models.errors import UserError
from swaptalk_models.inference.release import build_release, load_current, load_release
from swaptalk_models.modules.face_swapper import FaceSwapper
from swaptalk_models.modules.lip_sync import LipSync
from swaptalk_models.modules.model_folder import ModelFolder, make_current
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.weights import save_model
from swaptalk_models.settings.models import FaceSwapperConfig, LipSyncConfig, VQGANConfig
from swaptalk_models.settings.preset import load_preset

PRESET = load_preset("tiny", {"face_crops.size": 32, "face_crops.label_grid": 8, "face_tracks.min_face": 40})


def make_models(home, seed=0):
    torch.manual_seed(seed)
    networks = {
        "vqgan": VQGAN(VQGANConfig(factor=8, channels=(8, 8, 8), codes=16, dim=8)),
        "face_swapper": FaceSwapper(FaceSwapperConfig(width=8, depth=1, heads=2), 8, 4),
        "lip_sync": LipSync(LipSyncConfig(width=8, heads=2, audio_dim=8), 8, 4, 8),
    }
    for name, network in networks.items():
        folder = ModelFolder(home / "models" / name / f"v{seed}")
        save_model(name, network, {"crop_size": 32, "grid": 4, "dim": 8}, folder.path)
        result = {"step": 7, "metrics": {"psnr_db": 24.5}, "baselines": {"psnr_db": 20.25}, "snapshot": "snap"}
        (folder.path / "result.json").write_text(json.dumps(result))
        (folder.path / "samples").mkdir()
        (folder.path / "samples" / "faces.png").write_bytes(b"of training people")
        make_current(folder)
    return networks


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("home"))
    networks = make_models(home.root)
    return home, build_release(home, PRESET).value, networks


@pytest.fixture
def release(built, tmp_path):
    """A copy to damage."""
    return shutil.copytree(built[1], tmp_path / "release")


def test_a_release_is_one_folder_that_runs_by_itself(built, release):
    shown = sorted(str(path.relative_to(release)) for path in release.rglob("*") if path.is_file())
    networks = [f"{name}/{file}" for name in built[2] for file in ("config.json", "weights.safetensors")]
    assert shown == sorted([*networks, "MODEL_CARD.md", "release.json"]), "no samples: they show people"
    loaded = load_release(release, device="cpu")
    for name, network in built[2].items():
        weights = network.state_dict()
        assert all(torch.equal(weights[key], value) for key, value in getattr(loaded, name).state_dict().items())
    assert (loaded.grid, loaded.crops, loaded.faces) == (4, PRESET.face_crops, PRESET.face_tracks)


def test_the_card_tells_what_was_measured(built):
    card = (built[1] / "MODEL_CARD.md").read_text()
    assert "| vqgan | v0 | 7 | psnr_db | 24.5 | 20.25 |" in card
    assert "Training snapshot snap" in card


def test_the_newest_is_current_and_the_same_is_not_built_twice(tmp_path):
    with pytest.raises(UserError, match="no release in"):
        current_release(Home(tmp_path))
    make_models(tmp_path)
    first, cached = build_release(Home(tmp_path), PRESET)
    assert not cached
    stamp = (first / "release.json").stat().st_mtime_ns
    assert build_release(Home(tmp_path), PRESET) == (first, True) and current_release(Home(tmp_path)) == first
    assert (first / "release.json").stat().st_mtime_ns == stamp
    make_models(tmp_path, seed=1)
    second, cached = build_release(Home(tmp_path), PRESET)
    assert second != first and first.is_dir() and not cached
    assert current_release(Home(tmp_path)) == second


def test_another_crop_is_another_release(tmp_path):
    make_models(tmp_path)
    other = dataclasses.replace(PRESET, face_crops=dataclasses.replace(PRESET.face_crops, margin=0.1))
    assert build_release(Home(tmp_path), PRESET).value != build_release(Home(tmp_path), other).value


def test_a_release_needs_all_networks(tmp_path):
    make_models(tmp_path)
    (tmp_path / "models" / "lip_sync" / "current").unlink()
    with pytest.raises(UserError, match="no trained lip_sync"):
        build_release(Home(tmp_path), PRESET)
    assert not (tmp_path / "releases").exists()


@pytest.mark.parametrize("file", ["vqgan/weights.safetensors", "lip_sync/config.json", "MODEL_CARD.md"])
def test_a_changed_file_is_refused(release, file):
    content = bytearray((release / file).read_bytes())
    content[-1] ^= 1
    (release / file).write_bytes(content)
    with pytest.raises(UserError, match=f"{file}: differs from the hash"):
        load_release(release)


def test_a_missing_file_is_named(release):
    (release / "face_swapper" / "weights.safetensors").unlink()
    with pytest.raises(UserError, match="face_swapper/weights.safetensors: missing from the release"):
        load_release(release)


def test_what_is_no_release(release, tmp_path):
    with pytest.raises(UserError, match="not a release"):
        load_release(tmp_path)
    (release / "release.json").write_text((release / "release.json").read_text()[:-40])
    with pytest.raises(UserError, match="release.json: damaged"):
        load_release(release)


def test_networks_run_before_they_are_released(built):
    home, _, networks = built
    loaded = load_current(home, PRESET, device="cpu")
    assert torch.equal(loaded.vqgan.upper.codebook, networks["vqgan"].upper.codebook)
    assert loaded.crops.size == 32


def test_the_card_says_whom_the_models_serve_worst(built, tmp_path):
    make_models(tmp_path)
    folder = build_release(Home(tmp_path), PRESET, ["source, skin: dark: ID sim. 0.5 instead of 0.7"]).value
    assert "## Whom it serves worst" in (text := (folder / "MODEL_CARD.md").read_text())
    assert "- source, skin: dark: ID sim. 0.5 instead of 0.7" in text
    assert "Whom it serves" not in (built[1] / "MODEL_CARD.md").read_text(), "nothing was measured"
