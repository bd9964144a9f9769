"""assets/training.py and its worker, with trainings that take no time."""

import json
import os
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import cv2
import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from assets import training_progress, training_worker
from assets.support.checks import shortfalls, wrong_weights
from assets.support.pictures import thumbnail
from assets.support.resources import SwapTalk
from assets.training import identity_encoder, lip_expert_left_chance, model_metadata
from swaptalk_models.data import snapshot
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.errors import UserError
from swaptalk_models.modules.model_folder import ModelFolder, current, held_out_metrics, make_current
from swaptalk_models.training.history import write_history

RESULT = {"name": "x", "step": 7, "seconds": 1.5, "metrics": {"auc": 0.95, "nothing": None}, "baselines": {"auc": 0.5}}


def write_result(spec) -> None:
    folder = Path(spec.output)
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / "curves.png"), np.zeros((900, 1200, 3), np.uint8))
    (folder / "result.json").write_text(
        json.dumps(RESULT | {"inputs": {}, "snapshot": Path(spec.snapshot).parent.name, "version": folder.name})
    )


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    """A home with a training snapshot, and nothing behind it."""
    home = Home(tmp_path / "home").create()
    manifest = home.manifest("snap1")
    manifest.parent.mkdir(parents=True)
    made = snapshot.Snapshot("snap1", manifest, pa.table({"clip": ["a"]}))
    monkeypatch.setattr(snapshot, "load_snapshot", lambda home, version=None: made)
    return home


class InThisProcess(dg.PipesSubprocessClient):
    """Runs the worker's code here, with this as the training."""

    def __init__(self, monkeypatch, train):
        super().__init__()
        self.started = []
        module = types.ModuleType("swaptalk_models.training.run")
        module.train = train
        monkeypatch.setitem(sys.modules, "swaptalk_models.training.run", module)
        monkeypatch.setattr(training_worker, "end_with", lambda parent: None)

    def run(self, *, command, context, **_):
        self.started.append(command)
        if training_worker.run(json.loads(Path(command[-1]).read_text()), lambda line: None):
            raise RuntimeError("exit code is not 0")


def materialize(home, pipes, instance=None, **overrides):
    resources = {"swaptalk": SwapTalk(home=str(home.root), overrides=overrides), "pipes": pipes}
    return dg.materialize(
        [identity_encoder, dg.AssetSpec("training_snapshot")],
        selection=[identity_encoder],
        resources=resources,
        raise_on_error=False,
        instance=instance,
    )


def metadata(result):
    return {k: v.value for k, v in result.asset_materializations_for_node("identity_encoder")[0].metadata.items()}


def test_trains_once_then_is_cached(home, monkeypatch):
    pipes = InThisProcess(monkeypatch, lambda spec, report: write_result(spec))
    first, second = materialize(home, pipes), materialize(home, pipes)
    assert first.success and second.success
    assert len(pipes.started) == 1
    assert (metadata(first)["status"], metadata(second)["status"]) == ("computed", "cached")
    with Ledger(home.ledger) as ledger:
        assert (ledger.last_run()["identity_encoder"].cached, ledger.last_run()["identity_encoder"].computed) == (1, 0)


def test_another_setting_is_another_model(home, monkeypatch):
    pipes = InThisProcess(monkeypatch, lambda spec, report: write_result(spec))
    versions = {
        metadata(materialize(home, pipes, **{"identity_encoder.train.steps": steps}))["version"] for steps in (10, 20)
    }
    assert len(versions) == 2
    assert current(home.root, "identity_encoder").version in versions


def test_data_version_is_the_models(home, monkeypatch):
    pipes = InThisProcess(monkeypatch, lambda spec, report: write_result(spec))
    result = materialize(home, pipes)
    tags = result.asset_materializations_for_node("identity_encoder")[0].tags
    assert tags["dagster/data_version"] == current(home.root, "identity_encoder").version


def test_users_fault_in_the_worker_is_a_users_fault_here(home, monkeypatch):
    def train(spec, report):
        raise UserError("no clip for validation:\nrun with more people")

    result = materialize(home, InThisProcess(monkeypatch, train))
    error = result.failure_data_for_node("identity_encoder").error.cause
    assert error.cls_name == "UserError"
    assert "no clip for validation: run with more people" in error.message
    with pytest.raises(UserError, match="no trained"):
        current(home.root, "identity_encoder")


def test_our_fault_says_what_it_was(home, monkeypatch):
    def train(spec, report):
        raise ZeroDivisionError("loss")

    result = materialize(home, InThisProcess(monkeypatch, train))
    assert "ZeroDivisionError" in str(result.failure_data_for_node("identity_encoder").error.to_string())


def test_a_worker_without_a_result_is_a_fault(home, monkeypatch):
    result = materialize(home, InThisProcess(monkeypatch, lambda spec, report: None))
    assert "without a result" in result.failure_data_for_node("identity_encoder").error.to_string()


def test_several_processes_go_through_torchrun(home, monkeypatch):
    pipes = InThisProcess(monkeypatch, lambda spec, report: write_result(spec))
    assert materialize(
        home, pipes, **{"identity_encoder.train.processes": 2, "identity_encoder.train.batch": 32}
    ).success
    assert "torch.distributed.run" in pipes.started[0]
    assert "--nproc_per_node=2" in pipes.started[0]


FAKE_TRAINING = """
import sys, types
module = types.ModuleType("swaptalk_models.training.run")
def train(spec, report):
    from swaptalk_models.errors import UserError
    report("step 1 of 2")
    raise UserError("it is the " + spec.name)
module.train = train
sys.modules["swaptalk_models.training.run"] = module
"""


def test_through_a_real_process(home, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(FAKE_TRAINING)
    pipes = dg.PipesSubprocessClient(
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, cwd=str(Path(__file__).parents[2])
    )
    with dg.instance_for_test() as instance:
        result = materialize(home, pipes, instance)
        logs = [entry.user_message for entry in instance.all_logs(result.run_id)]
    error = result.failure_data_for_node("identity_encoder").error.cause
    assert (error.cls_name, "it is the identity_encoder" in error.message) == ("UserError", True)
    assert any("step 1 of 2" in line for line in logs)


LONG_TRAINING = """
import json, pathlib, sys, time, types
module = types.ModuleType("swaptalk_models.training.run")
def train(spec, report):
    from swaptalk_models.training.history import write_history
    folder = pathlib.Path(spec.output)
    folder.mkdir(parents=True)
    write_history([{"step": 5, "loss": 0.5}, {"step": 5, "held_out_auc": 0.75}], folder / "history.parquet")
    for _ in range(600):  # until the test has seen it
        if (folder / "seen").exists():
            break
        time.sleep(0.05)
    result = {"step": 7, "seconds": 1.0, "metrics": {"seen": float((folder / "seen").exists())}}
    (folder / "result.json").write_text(json.dumps(result | {"inputs": {}, "snapshot": "snap1"}))
module.train = train
sys.modules["swaptalk_models.training.run"] = module
"""


def test_curves_are_shown_while_a_training_runs(home, tmp_path, monkeypatch):
    """The training ends only when its observation is in the event log, where the UI takes it from."""
    monkeypatch.setattr(training_progress, "FIRST_SECONDS", 0.2)
    (tmp_path / "sitecustomize.py").write_text(LONG_TRAINING)
    pipes = dg.PipesSubprocessClient(
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, cwd=str(Path(__file__).parents[2])
    )
    key = dg.AssetKey("identity_encoder")
    with dg.instance_for_test() as instance:

        def look():
            while not instance.fetch_observations(key, limit=1).records:
                time.sleep(0.05)
            next((home.root / "models" / "identity_encoder").iterdir()).joinpath("seen").touch()

        threading.Thread(target=look, daemon=True).start()
        result = materialize(home, pipes, instance)
        shown = instance.fetch_observations(key, limit=9).records[-1].event_log_entry.asset_observation.metadata
    assert metadata(result)["seen"] == 1.0
    assert (shown["loss"].value, shown["held_out_auc"].value, shown["step"].value) == (0.5, 0.75, 5.0)
    assert shown["curves"].value.startswith("![curves](data:image/jpeg;base64,")


def test_whoever_looks_on_never_stops_a_training(home, tmp_path, monkeypatch):
    monkeypatch.setattr(training_progress, "FIRST_SECONDS", 0.01)

    def train(spec, report):
        Path(spec.output).mkdir(parents=True)
        (Path(spec.output) / "history.parquet").write_text("not Parquet")
        time.sleep(0.2)
        write_result(spec)

    assert materialize(home, InThisProcess(monkeypatch, train)).success


def test_an_expert_at_chance_fails_its_check(home):
    folder = home.models / "lip_expert" / "v1"
    folder.mkdir(parents=True)
    make_current(ModelFolder(folder))

    def check(accuracy, losses, warmup=5):
        result = {"metrics": {"accuracy": accuracy}, "step": 10 * len(losses), "config": {"train": {"warmup": warmup}}}
        (folder / "result.json").write_text(json.dumps(result))
        write_history([{"step": 10 * (i + 1), "pairs": loss} for i, loss in enumerate(losses)], folder / "history.parquet")
        return lip_expert_left_chance(SwapTalk(home=str(home.root)))

    good = check(0.9, [0.69] * 12 + [0.3] * 20)
    assert good.passed and good.metadata["left_chance_at_step"].value == 130.0
    assert "left 0.69 for good at step 130 of 320" in good.description
    for accuracy, losses in ((0.9, [0.69] * 30), (0.5, [0.2] * 30), (0.9, [0.2] * 10 + [0.69] * 20)):
        bad = check(accuracy, losses)
        assert not bad.passed and bad.severity == dg.AssetCheckSeverity.ERROR
        assert "still at chance" in bad.description
    assert check(0.5, [1.0], warmup=50).passed, "a trial of the machinery"
    spec = next(iter(lip_expert_left_chance.check_specs))
    assert spec.blocking


def test_what_counts_is_said_now_and_then_and_all_else_at_once():
    said = []
    report = training_worker.Reporter(types.SimpleNamespace(log=types.SimpleNamespace(info=said.append)))
    report.started = report.said = time.monotonic() - 1000  # a line in 10 s
    for line in ("step 1/9  loss 2", "step 2/9  loss 2", "50/900 pairs swapped", "resumed at step 4 of 9", "held-out people: auc 1"):
        report(line)
    assert said == ["step 1/9  loss 2", "resumed at step 4 of 9", "held-out people: auc 1"]
    report.said -= 5
    report("step 3/9")
    assert len(said) == 3, "2 s are not enough any more"
    report.said -= 10
    report("step 4/9")
    assert said[-1] == "step 4/9"


def test_worker_ends_with_its_run():
    parent = subprocess.Popen([sys.executable, "-c", ""])
    parent.wait()
    code = f"from assets.support.training_worker import end_with; end_with({parent.pid}, 0.01)"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], timeout=20, check=False).returncode
        == 1
    )


def test_metadata_of_a_model(tmp_path):
    spec = types.SimpleNamespace(output=tmp_path / "v1", snapshot=tmp_path / "snap1" / "manifest.parquet")
    write_result(spec)
    found = model_metadata(ModelFolder(tmp_path / "v1"), cached=False)
    assert (found["step"], found["auc"], found["baseline_auc"], found["snapshot"]) == (7.0, 0.95, 0.5, "snap1")
    assert "nothing" not in found
    assert found["curves"].value.startswith("![curves](data:image/jpeg;base64,")


def test_thumbnails_are_small(tmp_path):
    cv2.imwrite(str(tmp_path / "noise.png"), np.random.default_rng(0).integers(0, 255, (2000, 3000, 3), np.uint8))
    assert len(thumbnail(tmp_path / "noise.png").value) < 100_000 * 4 / 3


def test_what_was_not_measured_counts_only_on_request():
    assert shortfalls("lip_sync", {}) == []
    assert len(shortfalls("lip_sync", {}, also_missing=True)) == 2


def test_evaluations_figures_go_over_the_trainings(tmp_path):
    (tmp_path / "result.json").write_text(json.dumps({"metrics": {"a": 1.0, "b": 2.0}}))
    assert held_out_metrics(ModelFolder(tmp_path)) == {"a": 1.0, "b": 2.0}
    (tmp_path / "evaluation.json").write_text(json.dumps({"metrics": {"b": 3.0}}))
    assert held_out_metrics(ModelFolder(tmp_path)) == {"a": 1.0, "b": 3.0}


def test_shortfalls_say_by_how_much():
    assert shortfalls("lip_sync", {"mouth_correlation": 0.5, "av_offset": -3.0}) == [
        "mouth_correlation is 0.5, 0.1 short of 0.6",
        "av_offset is -3, outside of -1 to 1",
    ]
    assert shortfalls("lip_sync", {"mouth_correlation": 0.7, "av_offset": -1.0}) == []
    assert shortfalls("face_swapper", {"id_retrieve": 90.0, "source_similarity": 0.3, "target_similarity": 0.5})
    assert shortfalls("lip_expert", {"accuracy": float("nan")})


def test_wrong_weights_finds_what_is_not_finite_and_what_is_damaged(tmp_path):
    import torch
    from safetensors.torch import save_file

    save_file({"a": torch.ones(2), "b": torch.tensor([1.0, float("nan")])}, tmp_path / "weights.safetensors")
    assert wrong_weights(tmp_path) == ["weights.safetensors: b is not finite"]
    whole = (tmp_path / "weights.safetensors").read_bytes()
    (tmp_path / "weights.safetensors").write_bytes(whole[: len(whole) // 2])
    assert len(wrong_weights(tmp_path)) == 1
