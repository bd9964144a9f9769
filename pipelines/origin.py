"""Whose runs those of the command line are. The UI puts a run under its job, on its timeline and within reach of *Re-execute* where the run
says from which code location it came; only runs that were launched from there say so by themselves.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg

LOCATION = "swaptalk"
"""Name of the code location in workspace.yaml, and in that of `swaptalk dev`."""


def runs_are_the_uis(instance: dg.DagsterInstance, job: str) -> None:
    """Runs of ``job`` that this instance creates from now on come from the UI's code location.

    So that the daemon leaves them alone when they die, they need the tag NOT_AGAIN: who has started them starts them again.
    """
    from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(LOCATION), "__repository__")
    origin = RemoteJobOrigin(repository, job)
    # What executes in this process takes no origin.
    instance.create_run_for_job = partial(instance.create_run_for_job, remote_job_origin=origin)  # type: ignore[method-assign]


NOT_AGAIN = {"dagster/max_retries": "0"}
