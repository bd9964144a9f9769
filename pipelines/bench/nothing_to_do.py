"""A run that finds everything done: our own part in homes of any size, and the home at hand as a user sees it, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from assets.support.own_packages import own_environment
from pipelines.run_settings import last_settings
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError


def measure(workdir: Path, home: Path, sizes: Sequence[int] = ()) -> dict[str, float | str]:
    """Seconds for each size of a home without Dagster; and, where a home was ever run, those of a second `swaptalk run` of it and of
    loading the definitions alone. Most of the rest is Dagster's event log: some 20 ms for each source video and stage.
    """
    from pipelines.bench.growth import homes, state_used, whole_run

    found: dict[str, float | str] = {"state": state_used()}
    for clips, place, videos in homes(workdir, sizes):
        cpu = time.process_time()
        found[f"ours_seconds_at_{clips}"] = min(whole_run(place, videos) for _ in range(2))
        found[f"ours_cpu_seconds_at_{clips}"] = (time.process_time() - cpu) / 2
        found[f"status_seconds_at_{clips}"] = _timed(
            ["-m", "pipelines.cli.main", "status", "--json", "--home", str(place.root)]
        )
    found["share_of_10_s_at_largest"] = found[f"ours_seconds_at_{clips}"] / 10
    return found | (
        _command(home) if not Home(home).state().empty else {"home": f"nothing was ever run in {home}: left out"}
    )


def _command(home: Path) -> dict[str, float | str]:
    settings = last_settings(Home(home))
    command = ["-m", "pipelines.cli.main", "run", "--home", str(home), "--preset", settings.preset]
    for option, value in (("--videos", settings.videos), ("--hdtf", settings.hdtf)):
        command += [option, value] if value else []
    for name, value in settings.overrides.items():
        command += ["--set", f"{name}={value}"]
    _timed(command)  # whatever there still was to do
    run = _timed(command)
    start = _timed(["-c", "import pipelines.definitions"])
    return {"seconds": run, "dagster_start_seconds": start, "rest_seconds": run - start}


def _timed(arguments: list[str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, env=own_environment()
    )
    if done.returncode:
        raise UserError(
            f"the run itself failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}"
        )
    return time.perf_counter() - started
