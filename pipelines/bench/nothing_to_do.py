"""A run that finds everything done, as a user sees it: a process of its own, from start to exit."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from swaptalk_models.data.home import Home
from swaptalk_models.errors import UserError


def measure(workdir: Path, home: Path) -> dict[str, float | str]:
    """Seconds of a second `swaptalk run` of the home, of loading the definitions alone, and the difference."""
    from pipelines.run import last_settings

    settings = last_settings(Home(home))
    if not Home(home).state():
        raise UserError(f"nothing was ever run in {home}: run `swaptalk run --home {home}` first")
    command = ["-m", "pipelines.cli.main", "run", "--home", str(home), "--preset", settings.preset]
    for option, value in (("--videos", settings.videos), ("--hdtf", settings.hdtf)):
        command += [option, value] if value else []
    for name, value in settings.overrides.items():
        command += ["--set", f"{name}={value}"]
    _timed(command)  # whatever there still was to do
    run = _timed(command)
    start = _timed(["-c", "import pipelines.definitions"])
    return {"seconds": run, "dagster_start_seconds": start, "ours_seconds": run - start}


def _timed(arguments: list[str]) -> float:
    started = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(
            f"the run itself failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}"
        )
    return time.perf_counter() - started
