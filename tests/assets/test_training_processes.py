"""A real training through Dagster, torchrun and two CPU processes, against the same training in one."""

import importlib.util
import os
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from safetensors.numpy import load_file

from assets.support.resources import SwapTalk
from assets.training import identity_encoder
from swaptalk_models.data import snapshot
from swaptalk_models.modules.model_folder import current

ROOT = Path(__file__).parents[2]
TINY = {
    "face_crops.size": 32,
    "identity_encoder.channels": [8, 8],
    "identity_encoder.dim": 8,
    "identity_encoder.train.steps": 4,
    "identity_encoder.train.batch": 8,
    "identity_encoder.train.accumulate": 2,
    "identity_encoder.train.device": "cpu",
    "identity_encoder.train.dtype": "float32",
}


def load_home_maker():
    spec = importlib.util.spec_from_file_location("tiny_home", ROOT / "tests/swaptalk_models/training/conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def trained(root: Path, processes: int, monkeypatch):
    """Folder of the model that the asset has made, and what was logged."""
    tiny = load_home_maker().write_home(root)
    made = snapshot.Snapshot("snap", tiny.manifest, pa.table({"clip": ["a"]}))
    monkeypatch.setattr(snapshot, "load_snapshot", lambda home, version=None: made)
    pipes = dg.PipesSubprocessClient(env={**os.environ, "OMP_NUM_THREADS": "1"}, cwd=str(ROOT))
    overrides = TINY | {"identity_encoder.train.processes": processes}
    with dg.instance_for_test() as instance:
        result = dg.materialize(
            [identity_encoder, dg.AssetSpec("training_snapshot")],
            selection=[identity_encoder],
            resources={"swaptalk": SwapTalk(home=str(root), overrides=overrides), "pipes": pipes},
            instance=instance,
        )
        assert result.success
        logs = [entry.user_message for entry in instance.all_logs(result.run_id)]
    return current(root, "identity_encoder"), logs


@pytest.mark.slow
def test_two_processes_make_the_model_of_one(tmp_path, monkeypatch):
    one, _ = trained(tmp_path / "one", 1, monkeypatch)
    two, logs = trained(tmp_path / "two", 2, monkeypatch)
    assert (one.result()["processes"], two.result()["processes"]) == (1, 2)
    assert one.version == two.version, "how many processes is not what a model is"
    ours, theirs = load_file(one.weights), load_file(two.weights)
    assert all(abs(ours[key] - theirs[key]).max() < 1e-5 for key in ours)
    assert sum("held-out people: auc" in line for line in logs) == 1, "only the first process speaks"
