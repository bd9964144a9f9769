"""What a run costs in homes of 10, 1,000 and 10,000 clips, or of other sizes: with nothing to do, and with one video more. Their state lies
where the environment says."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from pipelines.bench.pretend import bring_up_to_date, fill_home
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.state_store import postgres_address
from swaptalk_models.settings.preset import load_preset

SIZES = (10, 1_000, 10_000)


def homes(workdir: Path, sizes: Sequence[int] = (), preset: str = "tiny") -> Iterator[tuple[int, Home, Path]]:
    """(clips, home, folder of its videos) of each size (else ``SIZES``), everything done."""
    for clips in sizes or SIZES:
        home, videos = Home(workdir / f"home_{clips}").create(), workdir / f"videos_{clips}"
        try:
            fill_home(home, load_preset(preset), videos, clips)
            yield clips, home, videos
        finally:
            _drop_state(home)
        shutil.rmtree(home.root)
        shutil.rmtree(videos)


def state_used() -> str:
    """Where these homes' state lies, for the figures' reader."""
    return "Postgres" if postgres_address() else "SQLite"


def _drop_state(home: Home) -> None:
    """A folder's removal takes no schema with it."""
    if postgres_address() and home.has_ledger:
        from swaptalk_models.data.store.postgres import connect
        from swaptalk_models.data.store.postgres_home import drop_schemas, postgres_home

        place = postgres_home(home.root)
        assert place is not None
        with closing(connect(place.address)) as connection:
            drop_schemas(place, connection)


def seconds(work: Callable[[], object]) -> float:
    """Of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def whole_run(home: Home, videos: Path) -> float:
    """Seconds of all that we do ourselves in a `swaptalk run` up to the training snapshot, for every video; Dagster's part is not in it."""
    return seconds(lambda: bring_up_to_date(home, load_preset("tiny"), videos))
