"""The process of a training: its packages are ours, its lines are few, and it does not outlive its run."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from assets.support import training_worker
from assets.support.own_packages import own_environment
from swaptalk_models.modules.model_folder import current

from .conftest import standing_in

ROOT = Path(__file__).parents[2]


def test_no_package_of_the_folder_one_stands_in_is_taken_for_ours(shadows, trained):
    """The session's training was started from there (see `trained`)."""
    assert list(shadows.rglob("*.taken")) == []
    plain = subprocess.run([sys.executable, "-m", "assets"], cwd=shadows, capture_output=True, text=True, check=False)
    assert "not these" in plain.stderr, "it would have been taken"
    (shadows / "assets" / "__init__.py.taken").unlink()


def test_nor_does_one_on_the_users_own_path_of_modules(shadows, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(shadows))
    code = "import assets, swaptalk_models, sys; print(assets.__file__, swaptalk_models.__file__, *sys.path)"
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, cwd=shadows, env=own_environment(), capture_output=True, text=True, check=True)
    first, second, *path = said.stdout.split()
    assert Path(first).parents[1] == Path(second).parents[1] == ROOT
    assert str(shadows) in path[1:], "what else lies there is still found"


@pytest.mark.slow
def test_two_processes_make_the_model_of_one(own, trained, graph, shadows):
    """Through torchrun, from a folder that shadows our packages."""
    with standing_in(shadows):
        made = own.run("identity_encoder", overrides={"identity_encoder.train.processes": 2})["identity_encoder"][""]
    assert list(shadows.rglob("*.taken")) == []
    assert made.metadata["status"].value == "computed"
    one, two = (current(home.root, "identity_encoder") for home in (graph.home, own.home))
    assert (one.result()["processes"], two.result()["processes"]) == (1, 2)
    assert one.version == two.version, "how many processes is not what a model is"
    ours, theirs = load_file(one.weights), load_file(two.weights)
    assert all(abs(ours[key] - theirs[key]).max() < 1e-5 for key in ours)
    lines = [entry.user_message for entry in own.instance.all_logs(own.result.run_id)]
    assert sum("held-out people: auc" in line for line in lines) == 1, "only the first process speaks"


def test_what_counts_is_said_now_and_then_and_all_else_at_once():
    said = []
    report = training_worker.Reporter(types.SimpleNamespace(log=types.SimpleNamespace(info=said.append)))
    report.started = report.said = time.monotonic() - 1000  # a line in 10 s
    counted = ("step 1/9  loss 2", "step 2/9  loss 2", "50/900 pairs swapped")
    for line in (*counted, "resumed at step 4 of 9", "held-out people: auc 1"):
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
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=20, check=False)
    assert done.returncode == 1


def test_a_status_of_a_run_that_has_gone_is_written_nowhere(tmp_path):
    training_worker.write_status(tmp_path / "gone" / "status.json", {"error": "x"})
    training_worker.write_status(tmp_path / "status.json", {"error": "x"})
    assert json.loads((tmp_path / "status.json").read_text()) == {"error": "x"}
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_a_full_disk_is_the_users_to_mend(tmp_path, monkeypatch):
    from swaptalk_models.training import run as training

    def full(spec, report):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(training, "train", full)
    names = {"name": "vqgan", "home": str(tmp_path), "snapshot": "s", "output": "o"}
    spec = names | {"config": {}, "crop_size": 64, "inputs": {}}
    status = tmp_path / "status.json"
    assert training_worker.run({"spec": spec, "status": str(status), "parent": os.getpid()}, print) == 2
    assert "the disk is full; make room" in json.loads(status.read_text())["user_error"]
