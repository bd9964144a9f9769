"""Trainings as runs of a real MLflow server on the loopback address; and of one that is down, silent or not installed."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import dagster as dg
import pytest

from assets.support import tracked
from assets.training import MODEL_ASSETS
from swaptalk_models.modules.model_folder import current
from swaptalk_models.training.history import read_history

ROOT = Path(__file__).parents[2]
NAME = "identity_encoder"
LONGER = {
    f"{NAME}.train.{key}": value for key, value in {"steps": 24, "eval_every": 6, "checkpoint_seconds": 0.01}.items()
}
KILLS = """
import subprocess, sys, time
from pathlib import Path
training = subprocess.Popen(sys.argv[2:])
while not list(Path(sys.argv[1]).glob("*/history.parquet")):
    assert training.poll() is None, "it has ended before it could be killed"
    time.sleep(0.01)
training.kill()
sys.exit(training.wait() and 1)
"""
"""Kills a training after its first checkpoint. Arguments: the folder of its versions, its command."""


class Killed(dg.PipesSubprocessClient):
    def __init__(self, versions: Path) -> None:
        super().__init__()
        self.versions = versions

    def run(self, *, command, **more):
        return super().run(command=[sys.executable, "-c", KILLS, str(self.versions), *command], **more)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """As in a process that has not spoken with a tracker yet."""
    monkeypatch.setattr(tracked, "_missed", set())
    monkeypatch.setattr(tracked, "EVERY_SECONDS", 0.2)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


def train(graph, pipes=None, must: bool = True, **overrides):
    """Materialise the identity encoder. Gives the run's id, the metadata of the asset, and the warnings."""
    asset = MODEL_ASSETS[NAME]
    result = dg.materialize(
        [asset, *(dg.AssetSpec(dep.asset_key) for dep in asset.get_asset_spec().deps)],
        selection=[asset],
        resources={"swaptalk": graph.swaptalk(**overrides), "pipes": pipes or dg.PipesSubprocessClient()},
        instance=graph.instance,
        raise_on_error=False,
    )
    assert result.success == must
    logged = [entry for entry in graph.instance.all_logs(result.run_id) if entry.dagster_event is None]
    warnings = [entry.user_message for entry in logged if entry.level >= 30]
    made = result.asset_materializations_for_node(NAME) if must else []
    return result.run_id, {key: value.value for event in made for key, value in event.metadata.items()}, warnings


def test_a_training_is_a_run_with_all_that_belongs_to_it(own, mlflow_server):
    from mlflow.tracking import MlflowClient

    here = {"tracking.mlflow": mlflow_server, "tracking.experiment": "whole"} | LONGER
    dagster_run, metadata, warnings = train(own, **here)
    assert warnings == []
    folder, client = current(own.home.root, NAME), MlflowClient(mlflow_server)
    (run,) = client.search_runs([client.get_experiment_by_name("whole").experiment_id])
    # linked both ways
    assert metadata["mlflow"] == f"{mlflow_server}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    assert urllib.request.urlopen(metadata["mlflow"], timeout=10).status == 200
    tags = run.data.tags
    assert (tags["dagster.run_id"], tags["dagster.asset"]) == (dagster_run, NAME)
    assert tags["swaptalk.snapshot"] == folder.result()["snapshot"] and tags["swaptalk.version"] == folder.version
    assert tags["swaptalk.code_version"] == MODEL_ASSETS[NAME].get_asset_spec().code_version
    # parameters
    assert run.data.params["train.steps"] == "24" and run.data.params["channels"] == "[8, 8]"
    # curves: every point of the history, each once
    history = read_history(folder.path / "history.parquet")
    for name, theirs in (("loss", "train/loss"), ("held_out_auc", "held_out/auc")):
        points = [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, theirs)]
        assert sorted(points) == [(row["step"], pytest.approx(row[name])) for row in history if name in row]
        assert len(points) >= 4
    # figures and artefacts
    assert run.data.metrics["final/auc"] == pytest.approx(folder.result()["metrics"]["auc"])
    assert {"final/auc", "baseline/auc"} <= set(run.data.metrics)
    kept = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"result.json", "config.json", "settings.json", "curves.png", "history.parquet"} <= kept
    samples = {file.path for file in client.list_artifacts(run.info.run_id, "samples")}
    assert samples == {f"samples/{path.name}" for path in (folder.path / "samples").glob("*")}
    assert (run.info.status, run.info.run_name) == ("FINISHED", f"{NAME} {folder.version[:8]}")

    _, again, _ = train(own, **here)
    assert (again["status"], again["mlflow"]) == ("cached", metadata["mlflow"])
    assert len(client.search_runs([run.info.experiment_id])) == 1, "a cached training is no new run"


def test_a_killed_training_goes_on_in_its_run(own, mlflow_server):
    from mlflow.tracking import MlflowClient

    here = {"tracking.mlflow": mlflow_server, "tracking.experiment": "killed"} | LONGER
    first, _, _ = train(own, Killed(own.home.models / NAME), must=False, **here)
    client = MlflowClient(mlflow_server)
    experiment = [client.get_experiment_by_name("killed").experiment_id]
    (stopped,) = client.search_runs(experiment)
    assert (stopped.info.status, stopped.data.tags["dagster.run_id"]) == ("FAILED", first)
    second, metadata, _ = train(own, **here)
    (run,) = client.search_runs(experiment)
    assert run.info.run_id == stopped.info.run_id and metadata["mlflow"].endswith(run.info.run_id)
    assert (run.info.status, run.data.tags["dagster.run_id"]) == ("FINISHED", second)
    steps = [point.step for point in client.get_metric_history(run.info.run_id, "train/loss")]
    history = read_history(current(own.home.root, NAME).path / "history.parquet")
    assert sorted(steps) == [row["step"] for row in history if "loss" in row], "each point once"


def test_a_tracker_that_is_down_is_told_afterwards(own, mlflow_server, monkeypatch):
    from mlflow.tracking import MlflowClient

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "late")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", down)
    _, metadata, warnings = train(own)
    assert metadata["status"] == "computed" and "mlflow" not in metadata
    (line,) = warnings
    assert line.startswith(f"MLflow at {down} was not told") and "\n" not in line
    _, _, warnings = train(own)
    assert warnings == [], "it is said once"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
    _, metadata, warnings = train(own)
    assert metadata["status"] == "cached" and warnings == []
    client = MlflowClient(mlflow_server)
    (run,) = client.search_runs([client.get_experiment_by_name("late").experiment_id])
    assert metadata["mlflow"].endswith(run.info.run_id) and run.info.status == "FINISHED"
    history = read_history(current(own.home.root, NAME).path / "history.parquet")
    points = client.get_metric_history(run.info.run_id, "train/loss")
    assert len(points) == len([row for row in history if "loss" in row]) > 0


def test_a_silent_tracker_keeps_nobody_waiting(graph, trained, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.setattr(tracked, "WAIT_SECONDS", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        _, metadata, warnings = train(graph, **{"tracking.mlflow": uri})
        assert metadata["status"] == "cached" and time.monotonic() - started < 5
    assert len(warnings) == 1 and "no answer" in warnings[0]


def test_a_tracker_that_is_not_installed_is_one_line(graph, trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)
    _, metadata, warnings = train(graph, **{"tracking.mlflow": "http://127.0.0.1:9"})
    assert metadata["status"] == "cached"
    assert len(warnings) == 1 and "pip install 'swaptalk[mlflow]'" in warnings[0]


def test_where_nothing_is_asked_for_nothing_is_imported(graph, trained, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    _, metadata, warnings = train(graph, **{"tracking.mlflow": "none"})
    assert (metadata["status"], warnings) == ("cached", []) and "mlflow" not in metadata
    assert not (current(graph.home.root, NAME).path / "mlflow.json").exists()
    code = "import sys, pipelines.definitions, swaptalk_models.training.mlflow_run; print('mlflow' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
