"""The process in which a model is trained: `python -m assets.support.training_worker JOB.json`, started by Dagster Pipes,
alone or under torchrun.

JOB.json: {"spec": fields of a TrainSpec, "status": file for the outcome, "parent": process id of the run, "ray": where the training is one of
a Ray cluster's, {"config": fields of a RayConfig, "cpus": of one that has to be started}}. Only the first of several processes speaks with
Dagster. A fault that is the user's goes into the status file as one line.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_pipes import PipesContext, open_dagster_pipes

if TYPE_CHECKING:
    from swaptalk_models.training.spec import TrainSpec

REPORT_SECONDS = 2.0
RARER = 0.01  # of the time that the training has run so far


def main() -> int:
    job = json.loads(Path(sys.argv[1]).read_text())
    if int(os.environ.get("RANK", "0")) != 0:
        return run(job, lambda line: None)
    with open_dagster_pipes() as pipes:
        return run(job, Reporter(pipes), pipes.log.warning)


def run(job: dict[str, Any], report: Callable[[str], None], warn: Callable[[str], None] | None = None) -> int:
    """Train what ``job["spec"]`` says, and report; what is lost on the way goes to ``warn``. Returns the exit code: 0 done, 2 the user's fault;
    raises ours.
    """
    from swaptalk_models.data.engine.disk_full import full_disk_is_a_user_error
    from swaptalk_models.data.store.home import Home
    from swaptalk_models.errors import UserError

    status = Path(job["status"])
    threading.Thread(target=end_with, args=(job["parent"],), daemon=True).start()
    try:
        from swaptalk_models.training.spec import TrainSpec

        spec = TrainSpec(**job["spec"])
        with full_disk_is_a_user_error(Home(Path(spec.home))):
            if "ray" in job:
                _on_ray(spec, job["ray"], report, warn)
            else:
                _here(spec, report)
    except UserError as error:
        write_status(status, {"user_error": " ".join(str(error).split())})
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        write_status(status, {"error": f"{type(error).__name__}: {error}"})
        raise
    return 0


def _here(spec: TrainSpec, report: Callable[[str], None]) -> None:
    from swaptalk_models.training.run import train

    train(spec, report=report)


def _on_ray(
    spec: TrainSpec, ray: dict[str, Any], report: Callable[[str], None], warn: Callable[[str], None] | None
) -> None:
    from swaptalk_models.settings.compute import RayConfig
    from swaptalk_models.training.ray_ranks import train_on_ray

    train_on_ray(spec, RayConfig(**ray["config"]), ray["cpus"], report, warn)


class Reporter:
    """Lines to Dagster's log. Those that count ("step 5/9 ...", "50/900 pairs ...") at most every REPORT_SECONDS, and rarer as hours go by: every
    line is a row of its database.
    """

    def __init__(self, pipes: PipesContext):
        self.pipes, self.started, self.said = pipes, time.monotonic(), 0.0

    def __call__(self, line: str) -> None:
        now = time.monotonic()
        counts = line.removeprefix("step ")[:1].isdigit()
        if not counts or now - self.said >= max(REPORT_SECONDS, RARER * (now - self.started)):
            self.said = now
            self.pipes.log.info(line)


def write_status(path: Path, status: dict[str, str]) -> None:
    aside = path.with_suffix(f".{os.getpid()}")
    try:
        aside.write_text(json.dumps(status))
        aside.replace(path)
    except FileNotFoundError:  # the run that started us has gone, and its folder with it
        pass


def end_with(parent: int, seconds: float = 2.0) -> None:
    """End this process when the run that started it is killed: the next run resumes the training, and two must not
    write one folder.
    """
    while True:
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            os._exit(1)
        time.sleep(seconds)


if __name__ == "__main__":
    sys.exit(main())
