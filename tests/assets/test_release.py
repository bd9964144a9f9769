"""assets/release.py"""

import sys
import types

import dagster as dg
import numpy as np
import pytest
from safetensors.numpy import save_file

from assets.release import model_release, model_release_weights
from assets.resources import SwapTalk
from swaptalk_models.data.home import Home


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home").create()


def release_with(monkeypatch, weights: np.ndarray):
    def build_release(home, preset):
        folder = home / "releases" / "r1"
        if not folder.is_dir():
            folder.mkdir(parents=True)
            save_file({"w": weights}, folder / "weights.safetensors")
        (home / "releases" / "current").write_text("r1\n")  # always written, and no sign of work done
        return folder

    module = types.ModuleType("swaptalk_models.inference.release")
    module.build_release = build_release
    monkeypatch.setitem(sys.modules, module.__name__, module)


def materialize(home):
    resources = {"swaptalk": SwapTalk(home=str(home.root))}
    return dg.materialize([model_release, model_release_weights], resources=resources, raise_on_error=False)


def test_release_and_then_cached(home, monkeypatch):
    release_with(monkeypatch, np.ones(4, np.float32))
    first, second = materialize(home), materialize(home)
    statuses = [r.asset_materializations_for_node("model_release")[0].metadata["status"].value for r in (first, second)]
    assert statuses == ["computed", "cached"]
    assert home.state()["release"] == str(home.releases / "r1")
    tags = first.asset_materializations_for_node("model_release")[0].tags
    assert tags["dagster/data_version"] == "r1"


def test_weights_that_are_not_finite_block(home, monkeypatch):
    release_with(monkeypatch, np.array([1, np.inf], np.float32))
    result = materialize(home)
    assert not result.success
    assert "w is not finite" in result.get_asset_check_evaluations()[0].metadata["wrong"].value
