"""A training as processes of a Ray cluster: the weights that torchrun makes, to the bit, also when one of the processes is killed."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import signal
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'swaptalk[ray]'")

from swaptalk_models.data.engine.ray_cluster import kept
from swaptalk_models.data.snapshot import load_snapshot
from swaptalk_models.errors import UserError
from swaptalk_models.modules.model_folder import ModelFolder, current
from swaptalk_models.settings.compute import RayConfig
from swaptalk_models.training import ray_ranks
from swaptalk_models.training.ray_ranks import train_on_ray
from swaptalk_models.training.spec import TrainSpec, plan

TWO = {"identity_encoder.train.processes": 2}
SMALL = RayConfig(address="local", object_store_mib=200)
RAY = {"compute": "ray", "ray.address": "local", "ray.object_store_mib": 200}


@pytest.mark.slow
def test_it_makes_the_weights_of_torchrun(own):
    """By the same switch as the data stages, through Dagster."""
    made = []
    for where in ({}, RAY):
        event = own.run("identity_encoder", overrides=TWO | where)["identity_encoder"][""]
        folder = current(own.home.root, "identity_encoder")
        assert event.metadata["status"].value == "computed" and folder.result()["processes"] == 2
        made.append((folder.version, folder.weights.read_bytes(), sorted(path.name for path in folder.path.iterdir())))
        shutil.rmtree(own.home.models)
    assert made[0] == made[1], "the version, the weights, and the files beside them"
    lines = [entry.user_message for entry in own.instance.all_logs(own.result.run_id)]
    assert sum("held-out people: auc" in line for line in lines) == 1, "only the first process speaks"


@pytest.fixture
def spec(own) -> TrainSpec:
    """Of two processes, long enough for a checkpoint after each step."""
    more = {"identity_encoder.train.steps": 150, "identity_encoder.train.checkpoint_seconds": 1e-6}
    preset, snapshot = own.swaptalk(**TWO, **more).load(), load_snapshot(own.home)
    return plan("identity_encoder", own.home.root, preset, snapshot.path, snapshot.version)


class Killer:
    """Hears what a training says, and kills its second process once a checkpoint has come."""

    def __init__(self, spec: TrainSpec):
        self.checkpoint, self.lines, self.pid = Path(spec.output) / "checkpoint.pt", [], 0

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        if found := re.findall(r"\(process (\d+)\)", line):
            self.pid = int(found[1]) if not self.pid else -1
        if self.pid > 0 and self.checkpoint.is_file():
            os.kill(self.pid, signal.SIGKILL)
            self.pid = -1


@pytest.mark.slow
def test_a_killed_process_changes_nothing_nor_does_a_host_that_sees_no_home(spec, monkeypatch):
    """The disturbed one reads a copy of what it needs, as a host without the home does."""
    undisturbed = dataclasses.replace(spec, output=f"{spec.output}0")
    read = []
    with kept():
        train_on_ray(undisturbed, SMALL, 2)
        killer = Killer(spec)
        monkeypatch.setattr(ray_ranks._Ranks, "_blind", lambda self, actors: [True] * len(actors))
        at = ray_ranks.spec_at
        monkeypatch.setattr(ray_ranks, "spec_at", lambda *given: read.append(at(*given)) or read[-1])
        train_on_ray(spec, SMALL, 2, killer)
    assert killer.pid == -1 and any("begin again from the last checkpoint" in line for line in killer.lines)
    resumed = [line for line in killer.lines if line.startswith("resumed at step ")]
    assert len(resumed) == 1 and 0 < int(resumed[0].split()[3]) < 150
    assert all(spec.home not in str(dataclasses.asdict(one)) for one in read), "it knows nothing of the home"
    one, other = ModelFolder(Path(undisturbed.output)), ModelFolder(Path(spec.output))
    assert one.weights.read_bytes() == other.weights.read_bytes()
    assert sorted(path.name for path in one.path.iterdir()) == sorted(path.name for path in other.path.iterdir())


def test_a_gpu_that_no_host_has_is_missed_at_once(spec):
    config = {**spec.config, "train": {**spec.config["train"], "device": "cuda"}}
    with pytest.raises(UserError, match=r"^identity_encoder.train.device=cuda, .*=2: 1 of a GPU .* has no GPU: "):
        train_on_ray(dataclasses.replace(spec, config=config), SMALL, 2)
