"""What an experiment tracker is told of a training, while it runs and when it has ended; see swaptalk_models/training/mlflow_run.py.

A tracker that is down or silent neither stops nor slows a training: a thread of the step, not the training's process, speaks with it. One line says
so, and what it has missed is sent in the same or in a later run.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.support.resources import SwapTalk
from swaptalk_models.graph.models import MODELS
from swaptalk_models.modules.model_folder import ModelFolder
from swaptalk_models.training.spec import TrainSpec

if TYPE_CHECKING:
    from swaptalk_models.training.mlflow_run import MLflowRun

EVERY_SECONDS = 20.0
"""As often as a training keeps its history."""
WAIT_SECONDS = 30.0
"""For the last of it, once a training has ended."""
HURRY_SECONDS = 5.0
"""The same where it has failed or was stopped."""
_missed: set[str] = set()
"""Addresses that this process could not send to, and has said so."""


@contextmanager
def tracked(context: dg.AssetExecutionContext, swaptalk: SwapTalk, spec: TrainSpec) -> Iterator[dict[str, Any]]:
    """Within, the tracker of the settings follows the training; gives metadata, which are there when it is left."""
    found: dict[str, Any] = {}
    tracker = swaptalk.load().tracking.tracker()
    if tracker is None:
        yield found
        return
    from swaptalk_models.training.mlflow_run import FAILED, FINISHED, KILLED, MLflowRun

    tags = {
        "dagster.run_id": context.run.run_id,
        "dagster.asset": context.asset_key.to_user_string(),
        "swaptalk.code_version": MODELS[spec.name].code_version,
        "swaptalk.preset": swaptalk.load().name,
        "mlflow.source.name": "swaptalk",
        "mlflow.source.type": "JOB",
    }
    run = MLflowRun(tracker, spec, tags)
    follower = _Follower(context, run)
    try:
        yield found
    except Exception:
        follower.end(FAILED)
        raise
    except BaseException:
        follower.end(KILLED)
        raise
    follower.end(FINISHED)
    if run.sent is not None:
        found["mlflow"] = dg.MetadataValue.url(run.address) if run.address else run.sent.run_id


class _Follower:
    """Sends what is new, now and then, from a thread of its own."""

    def __init__(self, context: dg.AssetExecutionContext, run: MLflowRun) -> None:
        self.context, self.run = context, run
        self.ended, self.status = threading.Event(), ""
        self.told = run.sent is not None
        # Of a model that was here before the tracker was down, one try in a process is enough.
        idle = run.complete or (ModelFolder(run.folder.path).done and run.tracker.uri in _missed)
        self.thread = None if idle else threading.Thread(target=self._follow, name="experiment tracker", daemon=True)
        if self.thread:
            self.thread.start()

    def end(self, status: str) -> None:
        """Send the last of it, if it can be sent in time."""
        limit = WAIT_SECONDS if status == "FINISHED" else HURRY_SECONDS
        self.status = status
        self.ended.set()
        if self.thread:
            self.thread.join(limit)
            if self.thread.is_alive():
                self._say(f"no answer in {limit:g} s")

    def _follow(self) -> None:
        while True:
            self._send()
            if self.ended.wait(EVERY_SECONDS):
                break
        self._send()

    def _send(self) -> None:
        try:
            self.run.send()
            if self.status and not self.run.complete:
                self.run.end(self.status)
            if not self.told and self.run.address:
                self.told = True
                self.context.log.info(f"MLflow: {self.run.address}")
        except ImportError as error:
            self._say(f"{error}: pip install 'swaptalk[mlflow]'")
        except Exception as error:  # noqa: BLE001 - whoever looks on must never stop a training
            self._say(" ".join(str(error).split()) or type(error).__name__)

    def _say(self, why: str) -> None:
        from swaptalk_models.training.mlflow_run import without_password

        if self.run.tracker.uri not in _missed:
            _missed.add(self.run.tracker.uri)
            where = without_password(self.run.tracker.uri)
            self.context.log.warning(
                f"MLflow at {where} was not told; trainings go on, and the next run tells it: {why[:300]}"
            )
