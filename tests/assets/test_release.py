"""assets/release.py"""

import dagster as dg
import numpy as np
import pytest
from safetensors.numpy import save_file

from assets.release import model_release, model_release_weights
from assets.support.resources import SwapTalk
from swaptalk_models.data.snapshot import SCHEMA, Snapshot
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.memoised import Memoised
from swaptalk_models.data.store.release_log import CHOSEN, REFUSED, RELEASED, ReleaseEvent, add_event, read_log
from swaptalk_models.evaluation.compare import groups, release, release_history


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home").create()


@pytest.fixture(autouse=True)
def found(monkeypatch, tmp_path) -> list[str]:
    """What the comparison with the release says has become worse; nothing unless a test says so."""
    worse: list[str] = []
    monkeypatch.setattr(release, "compare_with_release", lambda home, preset: {})
    monkeypatch.setattr(release, "losses", lambda comparison: list(worse))
    monkeypatch.setattr(release, "released_is_current", lambda home: False)
    monkeypatch.setattr(release, "measurements", lambda home, preset: {"videos": []})
    monkeypatch.setattr(groups, "groups_of", lambda home, preset: ([], []))
    monkeypatch.setattr(release_history, "measurements", lambda home, preset: {"models": {"vqgan": "v1"}, "videos": []})
    empty = Snapshot("s1", tmp_path / "manifest.parquet", SCHEMA.empty_table())
    monkeypatch.setattr(release_history, "load_snapshot", lambda home, version=None: empty)
    monkeypatch.setattr("swaptalk_models.inference.release.release_version", lambda home, preset: "r1")
    return worse


def release_with(monkeypatch, weights: np.ndarray):
    def build_release(home, preset, worst_served) -> Memoised:
        folder = home.releases / "r1"
        cached = folder.is_dir()
        if not cached:
            folder.mkdir(parents=True)
            save_file({"w": weights}, folder / "weights.safetensors")
        (home.releases / "current").write_text("r1\n")  # always written, and no sign of work done
        return Memoised(folder, cached)

    monkeypatch.setattr("swaptalk_models.inference.release.build_release", build_release)


def materialize(home, **overrides):
    resources = {"swaptalk": SwapTalk(home=str(home.root), overrides=overrides)}
    return dg.materialize([model_release, model_release_weights], resources=resources, raise_on_error=False)


def test_release_and_then_cached(home, monkeypatch):
    release_with(monkeypatch, np.ones(4, np.float32))
    first, second = materialize(home), materialize(home)
    statuses = [r.asset_materializations_for_node("model_release")[0].metadata["status"].value for r in (first, second)]
    assert statuses == ["computed", "cached"]
    assert home.state().release == str(home.releases / "r1")
    tags = first.asset_materializations_for_node("model_release")[0].tags
    assert tags["dagster/data_version"] == "r1"


def test_measured_anew_it_is_computed_though_the_networks_are_the_same(home, monkeypatch):
    release_with(monkeypatch, np.ones(4, np.float32))
    materialize(home)
    monkeypatch.setattr(release, "measurements", lambda home, preset: {"videos": [{"ssim": 0.5}]})
    again = materialize(home).asset_materializations_for_node("model_release")[0]
    assert again.metadata["status"].value == "computed"
    assert (home.releases / "r1" / "evaluation.json").is_file()


def test_weights_that_are_not_finite_block(home, monkeypatch):
    release_with(monkeypatch, np.array([1, np.inf], np.float32))
    result = materialize(home)
    assert not result.success
    assert "w is not finite" in result.get_asset_check_evaluations()[0].metadata["wrong"].value


def test_worse_models_are_not_released(home, monkeypatch, found):
    release_with(monkeypatch, np.ones(4, np.float32))
    found.append("id_similarity (self-driven) was 0.7 and is 0.5")
    refused = materialize(home)
    assert not refused.success and not (home.releases / "current").exists() and home.state().release is None
    (failure,) = [event for event in refused.all_events if event.is_step_failure]
    assert "was 0.7 and is 0.5" in str(failure.step_failure_data.error)
    assert "model_release.allow_worse=true" in str(failure.step_failure_data.error)


def test_worse_models_are_released_on_demand_and_say_so(home, monkeypatch, found):
    release_with(monkeypatch, np.ones(4, np.float32))
    found.append("id_similarity (self-driven) was 0.7 and is 0.5")
    allowed = materialize(home, **{"model_release.allow_worse": "true"})
    assert allowed.success
    metadata = allowed.asset_materializations_for_node("model_release")[0].metadata
    assert "was 0.7" in metadata["released although worse"].value


def test_the_released_models_themselves_are_not_compared(home, monkeypatch, found):
    release_with(monkeypatch, np.ones(4, np.float32))
    found.append("anything")
    monkeypatch.setattr(release, "released_is_current", lambda home: True)
    assert materialize(home).success


def test_what_became_of_it_is_noted_once(home, monkeypatch, found):
    release_with(monkeypatch, np.ones(4, np.float32))
    found.append("id_similarity (self-driven) was 0.7 and is 0.5")
    materialize(home), materialize(home)
    (event,) = read_log(home)
    assert (event.kind, event.version, event.snapshot, event.reason) == (REFUSED, "r1", "s1", found[0])
    found.clear()
    for _ in range(2):
        result = materialize(home)
    assert [event.kind for event in read_log(home)] == [REFUSED, RELEASED]
    page = result.asset_materializations_for_node("model_release")[0].metadata["all releases (while swaptalk dev runs)"]
    assert page.value == "http://127.0.0.1:3001/releases.html"
    assert "was 0.7 and is 0.5" in (home.evaluation / "releases.html").read_text()


def test_a_release_that_somebody_left_is_not_put_back_into_use(home, monkeypatch):
    release_with(monkeypatch, np.ones(4, np.float32))
    (home.releases / "r0").mkdir(parents=True)
    (home.releases / "current").write_text("r0")
    add_event(home, ReleaseEvent(CHOSEN, "r0", 1.0, before="r1", reason="lips blurred"))
    home.update_state(release=str(home.releases / "r0"))
    result = materialize(home)
    assert result.success and (home.releases / "current").read_text() == "r0"
    (event,) = result.asset_materializations_for_node("model_release")
    assert event.tags["dagster/data_version"] == "r0" and "lips blurred" in event.metadata["stays out of use"].value
    add_event(home, ReleaseEvent(CHOSEN, "r1", 2.0, before="r0"))
    materialize(home)
    assert (home.releases / "current").read_text() == "r1\n", "chosen again, it is as any other"
