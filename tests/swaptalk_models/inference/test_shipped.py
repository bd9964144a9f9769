"""inference/shipped.py, and what lies in the package"""

import json
import shutil

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file

from swaptalk_models.data.sources.catalog_table import catalog_table
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import own_models
from swaptalk_models.inference import shipped
from swaptalk_models.inference.release import load_release
from swaptalk_models.inference.shipped import LARGEST_MB, pack
from swaptalk_models.modules.model_folder import SHIPPED, ModelFolder, make_current
from swaptalk_models.modules.weights import load_model, save_model
from swaptalk_models.rehearsal.random_data import untrained
from swaptalk_models.settings.preset import load_preset

PRESET = load_preset("shipped")
NETWORKS = [spec.name for spec in own_models() if spec.network]


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = Home(tmp_path / "home").create()
    home.catalog.parent.mkdir()
    row = {"video": "a0", "clip": "a0_000", "clip_index": 0, "person": "a", "source": str(home.phantom / "a0.mp4")}
    pq.write_table(catalog_table([row]), home.catalog)
    monkeypatch.setattr(shipped, "load_snapshot", lambda home: type("Snapshot", (), {"version": "snap"}))
    shape = {"crop_size": 128, "grid": PRESET.grid, "dim": PRESET.vqgan.dim, "groups": PRESET.vqgan.groups}
    for name in NETWORKS:
        folder = ModelFolder(home.models / name / "v1")
        torch.manual_seed(0)
        save_model(name, untrained(name, PRESET), shape, folder.path)
        result = {"step": 7, "metrics": {"figure": 0.5}, "baselines": {}}
        (folder.path / "result.json").write_text(json.dumps(result))
        make_current(folder)
    return home


def test_what_is_packed_is_small_whole_and_runs(home, tmp_path):
    settings = pack(home, PRESET, tmp_path / "shipped")
    assert set(settings["models"]) == set(NETWORKS)
    size = sum(path.stat().st_size for path in (tmp_path / "shipped").rglob("*") if path.is_file())
    assert size <= LARGEST_MB * 1e6
    halves = load_file(tmp_path / "shipped" / "vqgan" / "weights.safetensors")
    assert {tensor.dtype for tensor in halves.values() if tensor.is_floating_point()} == {torch.float16}
    for name in NETWORKS:
        theirs = load_model(name, home.models / name / "v1").state_dict()
        ours = load_model(name, tmp_path / "shipped" / name).state_dict()
        assert all(
            torch.allclose(ours[key], tensor, atol=1e-2) for key, tensor in theirs.items() if tensor.is_floating_point()
        )
        assert all(tensor.dtype == theirs[key].dtype for key, tensor in ours.items()), "in full precision again"
    assert load_release(tmp_path / "shipped", "cpu").grid == 32
    assert "drawn people" in (tmp_path / "shipped" / "MODEL_CARD.md").read_text()


def test_a_network_that_nothing_was_done_to_stays_with_its_figures(home, tmp_path):
    pack(home, PRESET, tmp_path / "shipped")
    swapper, vqgan = (home.models / name / "v1" for name in ("face_swapper", "vqgan"))
    for name, model in (("face_swapper", swapper), ("vqgan", vqgan)):
        later = ModelFolder(home.models / name / "v2")
        shutil.copytree(model, later.path)
        result = {"step": 3, "metrics": {"figure": 0.9}, "baselines": {}, "init": "shipped"}
        (later.path / "result.json").write_text(json.dumps(result))
        make_current(later)
    weights = load_file(home.models / "face_swapper" / "v2" / "weights.safetensors")
    save_file(
        {name: tensor * 1.5 for name, tensor in weights.items()},
        home.models / "face_swapper" / "v2" / "weights.safetensors",
    )
    settings = pack(home, PRESET, tmp_path / "shipped")
    assert (settings["models"]["face_swapper"], settings["models"]["vqgan"]) == ("v2", "v1")
    card = (tmp_path / "shipped" / "MODEL_CARD.md").read_text()
    assert "| face_swapper | 3 more | figure | 0.9 |" in card and "| vqgan | 7 | figure | 0.5 |" in card
    assert card.count("| vqgan |") == card.count("| face_swapper |") == 1
    assert load_release(tmp_path / "shipped", "cpu").grid == 32


def test_weights_of_real_people_are_never_packed(home, tmp_path):
    row = {"video": "b0", "clip": "b0_000", "clip_index": 0, "person": "b", "source": "/films/b0.mp4"}
    pq.write_table(catalog_table([row]), home.catalog)
    with pytest.raises(UserError, match="only weights of drawn people"):
        pack(home, PRESET, tmp_path / "shipped")
    assert not (tmp_path / "shipped").exists()


@pytest.mark.skipif(not (SHIPPED / "release.json").is_file(), reason="no weights in this checkout")
def test_what_lies_in_the_package_is_whole():
    networks = load_release(SHIPPED, "cpu")
    assert networks.grid == 32 and networks.crops.size == 128
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) <= LARGEST_MB * 1e6
    settings = json.loads((SHIPPED / "release.json").read_text())
    assert set(settings["models"]) == set(NETWORKS)
    assert settings["knows"]["drawn"] == settings["knows"]["people"], "drawn people, and said to be"
