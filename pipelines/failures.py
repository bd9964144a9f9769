"""Why a run failed, in one sentence; and where `swaptalk status` finds it, whether the run was of the command line or of the UI."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swaptalk_models.data.store.home import Home

if TYPE_CHECKING:
    import dagster as dg
    from dagster._core.execution.plan.objects import StepFailureData
    from dagster._utils.error import SerializableErrorInfo

_USERS_FAULTS = ("UserError", "BadClip")
_INTERRUPTED = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")
_FRAMES_SHOWN = 5
NO_STAGE = "the run"
"""Stands for the stage of a run that failed before its first."""


@dataclass(frozen=True)
class Failure:
    """The first stage that failed, and why."""

    stage: str
    reason: str
    """One line; for the input's or the settings' fault, with what to do."""
    ours: bool
    """Whether it is a fault of the program; else of the input or the settings."""
    interrupted: bool = False
    """Stopped by hand."""
    details: str = ""
    """The innermost frames, where it is ours."""
    at: float = 0.0
    """When, in seconds since the epoch."""


def first_failure(instance: dg.DagsterInstance, run_id: str) -> Failure | None:
    """Why this run failed; None where no stage of it did. What failed because of that comes later and is not asked."""
    import dagster as dg

    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.ASSET_CHECK_EVALUATION}
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=kinds) if entry.dagster_event]
    checks = [event.asset_check_evaluation_data for event in events if not event.is_step_failure]
    blocked = [check for check in checks if not check.passed and check.blocking]
    found = [
        _failure(event.step_key or "a stage", event.step_failure_data) for event in events if event.is_step_failure
    ]
    for failure in found:
        if failure.interrupted or not failure.ours:
            return failure
    if blocked and found:
        check = blocked[0]
        said = check.description or "no description"
        return Failure(
            check.asset_key.to_user_string(), f"check {check.check_name} failed: {said}", False, at=time.time()
        )
    return found[0] if found else None


def remember_failure(home: Home, failure: Failure | None) -> None:
    """Keep it as the home's last; None, or what somebody stopped by hand: the last run did not fail."""
    kept = failure is not None and not failure.interrupted
    told = (
        {name: value for name, value in dataclasses.asdict(failure).items() if name != "interrupted"} if kept else None
    )
    if told != home.state().failed:
        home.update_state(failed=told)


def forget_failure(home: Home, worked: Collection[str]) -> None:
    """The home's last failure is over where its stage is among those that ``worked``, or where it had none."""
    failed = home.state().failed
    if failed and (failed["stage"] in worked or failed["stage"] == NO_STAGE):
        home.update_state(failed=None)


def _failure(step: str, data: StepFailureData) -> Failure:
    stage, now = step.rpartition(".")[2], time.time()
    causes = list(_causes(data.error))
    for error in causes:
        if error.cls_name in _INTERRUPTED:
            return Failure(stage, "stopped by hand", False, interrupted=True, at=now)
        if error.cls_name in _USERS_FAULTS:
            return Failure(stage, error.message.partition(": ")[2].strip(), False, at=now)
    if not causes:
        return Failure(stage, "no reason was kept", True, at=now)
    return Failure(
        stage, " ".join(causes[-1].message.split()), True, details="".join(causes[-1].stack[-_FRAMES_SHOWN:]), at=now
    )


def _causes(error: SerializableErrorInfo | None) -> Iterator[SerializableErrorInfo]:
    """From the outermost to the deepest."""
    while error is not None:
        yield error
        error = error.cause
