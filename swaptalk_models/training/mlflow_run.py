"""A training as an MLflow run: parameters, curves by step, figures, artefacts and tags.

All of it is read from the model's folder, so it can be sent while another process trains, or long after. What was sent stands in a file in the
folder: a resumed training goes on in the same MLflow run, and what a server that was down has missed is sent when it is back.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.modules.model_folder import ModelFolder
from swaptalk_models.settings.tracking import Tracker
from swaptalk_models.training.history import HISTORY_FILE, read_history
from swaptalk_models.training.spec import TrainSpec

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

RECORD_FILE = "mlflow.json"
RUNNING, FINISHED, FAILED, KILLED = "RUNNING", "FINISHED", "FAILED", "KILLED"
_AT_ONCE = 900  # figures in one request; MLflow takes 1000
_PARAMETERS_AT_ONCE = 100
_LONGEST = 500  # letters of a parameter that every MLflow takes
_HELD_OUT = "held_out_"
# A training waits for nobody: without these a silent server holds a request for two minutes, seven times. And MLflow would tell its makers
# of each use, and print each run's address.
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


@dataclass(frozen=True)
class Sent:
    """What is in MLflow already."""

    uri: str
    experiment_id: str
    run_id: str
    parameters: bool = False
    rows: int = 0
    """Of the history."""
    complete: bool = False
    """Whether the figures and the artefacts of the finished model are there, too."""


class MLflowRun:
    """The MLflow run of one training. Nothing is sent, and MLflow is not imported, before ``send``."""

    def __init__(self, tracker: Tracker, spec: TrainSpec, tags: Mapping[str, str]) -> None:
        """``tags``: further ones, of who has started the training."""
        self.tracker, self.spec = tracker, spec
        self.folder = ModelFolder(Path(spec.output))
        self.tags = dict(tags) | {
            "swaptalk.model": spec.name,
            "swaptalk.version": spec.version,
            "swaptalk.snapshot": Path(spec.snapshot).parent.name,
            "swaptalk.folder": spec.output,
        }
        self.sent = _read_record(self.folder.path / RECORD_FILE, without_password(tracker.uri))
        self._found = False
        """Whether the server was asked for the run since this object was made."""

    @property
    def complete(self) -> bool:
        """Whether there is nothing left to send."""
        return self.sent is not None and self.sent.complete

    @property
    def address(self) -> str | None:
        """Of the run's page; None where there is no run yet, or nothing that serves pages."""
        if self.sent is None or not self.tracker.uri.startswith("http"):
            return None
        return f"{self.sent.uri}/#/experiments/{self.sent.experiment_id}/runs/{self.sent.run_id}"

    def send(self) -> None:
        """Send what the folder has and MLflow has not.

        Raises:
            Exception: whatever MLflow raises; what was sent before is remembered.
        """
        if self.complete:
            return
        client = _client(self.tracker.uri)
        done = self.folder.done  # before the history is read, which is whole by then
        history = read_history(self.folder.path / HISTORY_FILE)
        sent = self._open(client, len(history))
        for metrics, rows in _portions(history, sent.rows):
            client.log_batch(sent.run_id, metrics=metrics)
            sent = self._remember(sent, rows=rows)
        if done:
            self._send_result(client, sent.run_id)
            client.set_terminated(sent.run_id, FINISHED)
            self._remember(sent, complete=True)

    def end(self, status: str) -> None:
        """Tell that the training has ended without a model: FAILED, or KILLED; it may be resumed. Raises as ``send``."""
        if self.sent is not None and not self.complete:
            _client(self.tracker.uri).set_terminated(self.sent.run_id, status)

    def _open(self, client: MlflowClient, rows: int) -> Sent:
        """The run in MLflow; made where there is none, where somebody has deleted it, or where the training began anew and has fewer ``rows``."""
        if self.sent is not None and (
            rows < self.sent.rows or (not self._found and not _is_there(client, self.sent.run_id))
        ):
            self.sent, self._found = None, False
        if self.sent is None:
            experiment = _experiment(client, self.tracker.experiment)
            name = f"{self.spec.name} {self.spec.version[:8]}"
            run = client.create_run(experiment, tags=self.tags | {"mlflow.runName": name})
            self.sent = self._remember(Sent(without_password(self.tracker.uri), experiment, run.info.run_id))
        elif not self._found:
            client.update_run(self.sent.run_id, status=RUNNING)
            for key, value in self.tags.items():
                client.set_tag(self.sent.run_id, key, value)
        if not self.sent.parameters:
            _log_parameters(client, self.sent.run_id, parameters(self.spec))
            self._remember(self.sent, parameters=True)
        self._found = True
        return self.sent

    def _send_result(self, client: MlflowClient, run_id: str) -> None:
        result = self.folder.result()
        figures = {f"final/{name}": value for name, value in result["metrics"].items()}
        figures |= {f"baseline/{name}": value for name, value in result.get("baselines", {}).items()}
        figures |= {"seconds": result["seconds"], "kept_step": result.get("kept_step")}
        client.log_batch(run_id, metrics=list(_metrics(figures, result["step"], _now())))
        for name in ("hardware", "precision", "processes", "seed", "init"):
            if name in result:
                client.set_tag(run_id, f"swaptalk.{name}", str(result[name]))
        for name in ("result.json", "config.json", "curves.png", HISTORY_FILE):
            if (self.folder.path / name).is_file():
                client.log_artifact(run_id, str(self.folder.path / name))
        if (self.folder.path / "samples").is_dir():
            client.log_artifacts(run_id, str(self.folder.path / "samples"), "samples")
        with tempfile.TemporaryDirectory(prefix="swaptalk-") as aside:
            settings = Path(aside) / "settings.json"
            settings.write_text(json.dumps(dataclasses.asdict(self.spec), indent=1))
            client.log_artifact(run_id, str(settings))

    def _remember(self, sent: Sent, **changed: Any) -> Sent:
        self.sent = dataclasses.replace(sent, **changed)
        with atomic_write(self.folder.path / RECORD_FILE) as aside:
            aside.write_text(json.dumps(dataclasses.asdict(self.sent), indent=1))
        return self.sent


def parameters(spec: TrainSpec) -> dict[str, str]:
    """Every setting of the training under its dotted name, and what it is built on."""
    found = dict(_flat(spec.config, "")) | {"face_crops.size": spec.crop_size, "face_crops.margin": spec.crop_margin}
    found |= {f"inputs.{name}": Path(path).name for name, path in spec.inputs.items()}
    return {name: _as_set(value)[:_LONGEST] for name, value in found.items()}


def _as_set(value: Any) -> str:
    """As one would write it in a preset."""
    return value if isinstance(value, str) else json.dumps(value)


def without_password(uri: str) -> str:
    """The address without a user's name and password in it."""
    return re.sub(r"(?<=://)[^/@]*@", "", uri)


def _flat(values: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{where}{name}.")
        else:
            yield where + name, value


def _client(uri: str) -> MlflowClient:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # a line for each attempt
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _experiment(client: MlflowClient, name: str) -> str:
    """Its id; made where there is none."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:  # another training was faster
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)


def _is_there(client: MlflowClient, run_id: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        return bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise


def _log_parameters(client: MlflowClient, run_id: str, values: Mapping[str, str]) -> None:
    from mlflow.entities import Param

    found = [Param(name, value) for name, value in values.items()]
    for first in range(0, len(found), _PARAMETERS_AT_ONCE):
        client.log_batch(run_id, params=found[first : first + _PARAMETERS_AT_ONCE])


def _portions(history: list[dict[str, float]], first: int) -> Iterator[tuple[list[Metric], int]]:
    """The rows from ``first`` on, as figures for one request each, and how many rows there are with them."""
    waiting: list[Metric] = []
    for number, row in enumerate(history[first:], first + 1):
        figures = {_curve(name): value for name, value in row.items() if name != "step"}
        waiting += _metrics(figures, int(row["step"]), _now())
        if number == len(history) or len(waiting) > _AT_ONCE - len(row):
            yield waiting, number
            waiting = []


def _curve(name: str) -> str:
    """MLflow draws what stands before a slash as a group."""
    return f"held_out/{name.removeprefix(_HELD_OUT)}" if name.startswith(_HELD_OUT) else f"train/{name}"


def _metrics(figures: Mapping[str, float | None], step: int, at: int) -> Iterator[Metric]:
    from mlflow.entities import Metric

    for name, value in figures.items():
        if value is not None and math.isfinite(value):
            yield Metric(name, float(value), at, step)


def _now() -> int:
    return int(1000 * time.time())


def _read_record(path: Path, uri: str) -> Sent | None:
    """What was sent to this very server."""
    try:
        sent = Sent(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):  # nothing yet; or damaged, then it is sent anew
        return None
    return sent if sent.uri == uri else None
