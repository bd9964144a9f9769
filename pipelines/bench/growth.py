"""What a run costs in homes of 10, 1,000 and 10,000 clips: with nothing to do, and with one video more."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pipelines.bench.pretend import bring_up_to_date, fill_home
from swaptalk_models.data.store.home import Home
from swaptalk_models.settings.preset import load_preset

SIZES = (10, 1_000, 10_000)


def homes(workdir: Path, preset: str = "tiny") -> Iterator[tuple[int, Home, Path]]:
    """(clips, home, folder of its videos) of each size, everything done."""
    for clips in SIZES:
        home, videos = Home(workdir / f"home_{clips}").create(), workdir / f"videos_{clips}"
        fill_home(home, load_preset(preset), videos, clips)
        yield clips, home, videos
        shutil.rmtree(home.root)
        shutil.rmtree(videos)


def seconds(work: Callable[[], object]) -> float:
    """Of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def whole_run(home: Home, videos: Path) -> float:
    """Seconds of all that we do ourselves in a `swaptalk run` up to the training snapshot, for every video; Dagster's part is not in it."""
    return seconds(lambda: bring_up_to_date(home, load_preset("tiny"), videos))
