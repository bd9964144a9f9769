"""training/mlflow_run.py; with a real server: tests/assets/test_tracked.py"""

import json
import math

import pytest

from swaptalk_models.settings.tracking import Tracker
from swaptalk_models.training.mlflow_run import RECORD_FILE, MLflowRun, _portions, parameters
from swaptalk_models.training.spec import TrainSpec

HERE = "http://me:secret@here:5000"


@pytest.fixture
def spec(tmp_path) -> TrainSpec:
    config = {"channels": (8, 16), "external": "", "train": {"lr": 1e-3, "compile": False, "without": ["a*"]}}
    inputs = {"vqgan": "/home/models/vqgan/v7"}
    return TrainSpec(
        "lip_sync", str(tmp_path), config, 64, "/home/snapshots/s1/manifest.parquet", inputs, str(tmp_path)
    )


def test_parameters_are_settings_as_one_writes_them(spec):
    assert parameters(spec) == {
        "channels": "[8, 16]",
        "external": "",
        "train.lr": "0.001",
        "train.compile": "false",
        "train.without": '["a*"]',
        "face_crops.size": "64",
        "face_crops.margin": "0.0",
        "inputs.vqgan": "v7",
    }


def test_requests_are_as_large_as_mlflow_takes_and_miss_nothing():
    pytest.importorskip("mlflow")
    history = [{"step": n} | {f"loss_{k}": float(n * k) for k in range(40)} | {"nan": math.nan} for n in range(100)]
    history[7]["held_out_auc"] = 0.5
    portions = list(_portions(history, 5))
    assert len(portions) > 3 and all(0 < len(figures) <= 1000 for figures, _ in portions)
    assert portions[-1][1] == 100 and [rows for _, rows in portions] == sorted({rows for _, rows in portions})
    sent = [(one.key, one.step, one.value) for figures, _ in portions for one in figures]
    assert len(sent) == len(set(sent)) == 95 * 40 + 1, "each once, and no NaN"
    assert ("held_out/auc", 7, 0.5) in sent and ("train/loss_3", 99, 297.0) in sent
    assert list(_portions(history, 100)) == []


def test_what_was_sent_elsewhere_was_not_sent_here(spec, tmp_path):
    record = {"uri": "http://here:5000", "experiment_id": "1", "run_id": "r", "rows": 3, "complete": True}
    (tmp_path / RECORD_FILE).write_text(json.dumps(record))
    run = MLflowRun(Tracker(HERE, "x"), spec, {})
    assert run.complete and run.address == "http://here:5000/#/experiments/1/runs/r"
    other = MLflowRun(Tracker("http://there:5000", "x"), spec, {})
    assert not other.complete and other.address is None
    (tmp_path / RECORD_FILE).write_text("damaged")
    assert not MLflowRun(Tracker(HERE, "x"), spec, {}).complete
