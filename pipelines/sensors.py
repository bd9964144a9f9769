"""New videos in a watched folder. Off until somebody switches it on in the UI.

The folder is SWAPTALK_WATCH, else the folder of videos that the home was made from.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from assets.support.partitions import RANGE_END, RANGE_START, videos
from pipelines.instance import default_home
from pipelines.jobs import prepare_data
from pipelines.recovery import free_dead
from pipelines.run_settings import last_settings
from pipelines.waiting import looks_to_wait, newest_run, run_at_work
from swaptalk_models.data.store.asked import settle
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError

NAME = "new_videos"
Look = list[int]
"""[size, mtime_ns] of a file."""


@dg.sensor(
    name=NAME,
    job=prepare_data,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Prepares the data of every video that is new in the watched folder or has changed, and lets go of those that have gone.",
)
def new_videos(context: dg.SensorEvaluationContext):
    """A video is taken once two looks in a row find the same size and time: by then its copying has ended. One has gone when two looks miss it.

    What is prepared is asked of the home, so nothing is lost by a run that failed: it is asked for again, after a time that doubles.
    """
    from swaptalk_models.data.sources.folder import folder_catalog
    from swaptalk_models.data.stages.prepared import snapshot_is_behind

    home = Home(default_home())
    folder = watched_folder(home)
    if folder is None:
        return dg.SkipReason("no folder to watch: set SWAPTALK_WATCH, or run `swaptalk run --videos FOLDER` once")
    if (other := another_source(home, folder)) is not None:
        return dg.SkipReason(other)
    try:
        rows = folder_catalog(folder).select(["video", "source"]).to_pylist()
    except UserError as error:
        return dg.SkipReason(str(error))

    before = Cursor.read(context.cursor)
    found = {row["video"]: (row["source"], look) for row in rows if (look := _look(row["source"])) is not None}
    known = context.instance.get_dynamic_partitions(videos.name)
    seen, missing = dict(found.values()), sorted(set(known) - {row["video"] for row in rows})
    now = Cursor(seen, missing, before.waited)
    wanted = unprepared(home, found)
    fresh = [
        video for video in wanted if before.seen.get(found[video][0]) == found[video][1] and found[video][1][0] > 0
    ]
    gone = [video for video in missing if video in before.missing]
    last = newest_run(context.instance, NAME)
    failed = last is not None and last.status in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
    stopped = failed or snapshot_is_behind(home)
    if not fresh and not gone and not stopped:
        waiting = len(wanted) + len(missing)
        reason = f"{waiting} videos come or go: seen for the first time, or still being written" if waiting else None
        return dg.SensorResult(skip_reason=dg.SkipReason(reason or "no new video"), cursor=now.text())
    if (at_work := run_at_work(context.instance)) is not None:
        return dg.SensorResult(skip_reason=dg.SkipReason(f"waits for run {at_work}"), cursor=now.text())
    if before.waited < (looks := looks_to_wait(context.instance, NAME)):
        now = dataclasses.replace(now, waited=before.waited + 1)
        reason = f"the last run failed: asks again after {looks - before.waited} looks"
        return dg.SensorResult(skip_reason=dg.SkipReason(reason), cursor=now.text())
    additions = [key for key in fresh if key not in set(known)]
    # After a run that was stopped nobody knows which of them it left half-way; what is done costs next to nothing.
    wanted = [key for key in [*known, *additions] if key not in missing] if stopped else fresh
    return dg.SensorResult(
        run_requests=[_request([*known, *additions], wanted, home, folder)],
        dynamic_partitions_requests=[videos.build_add_request(additions)] if additions else [],
        cursor=dataclasses.replace(now, waited=0).text(),
    )


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Ends runs whose process has died (power cut, kill) and gives back their slots, as `swaptalk recover` does.",
)
def dead_runs(context: dg.SensorEvaluationContext):
    freed = free_dead(context.instance)
    return dg.SkipReason(", ".join(f"freed {run.run_id}" for run in freed) or "no run is left behind")


@dataclass(frozen=True)
class Cursor:
    """What the last look found."""

    seen: Mapping[str, Look] = field(default_factory=dict)
    """{path: look}"""
    missing: Collection[str] = ()
    """Partitions without a file."""
    waited: int = 0
    """Looks since the last run failed."""

    @classmethod
    def read(cls, text: str | None) -> Cursor:
        """One of an earlier version is read as far as it is known."""
        values: dict[str, Any] = json.loads(text) if text else {}
        return cls(**{one.name: values[one.name] for one in dataclasses.fields(cls) if one.name in values})

    def text(self) -> str:
        return json.dumps(dataclasses.asdict(self))


def watched_folder(home: Home) -> Path | None:
    """SWAPTALK_WATCH, else the folder of the last `swaptalk run --videos`."""
    folder = os.environ.get("SWAPTALK_WATCH") or home.state().videos
    return Path(folder) if folder else None


def another_source(home: Home, folder: Path) -> str | None:
    """Why this folder cannot be watched: its videos would replace what the home was made from."""
    try:
        settle(home, videos=str(folder))
    except UserError as error:
        return f"SWAPTALK_WATCH: {error}"
    return None


def unprepared(home: Home, found: Mapping[str, tuple[str, Look]]) -> list[str]:
    """Those of the videos ({video: (path, look)}) that some data stage has not done as they are now."""
    from swaptalk_models.data.stages.prepared import unprepared_videos

    if not home.has_ledger:
        return list(found)
    return unprepared_videos(home, {video: (path, look[0], look[1]) for video, (path, look) in found.items()})


def _look(path: str) -> Look | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None  # gone since
    return [stat.st_size, stat.st_mtime_ns]


def _request(keys: list[str], wanted: list[str], home: Home, folder: Path) -> dg.RunRequest:
    """One run, over the partitions from the first to the last of the ``wanted`` ones; where there is none, only the catalog and the snapshot."""
    config = dataclasses.replace(last_settings(home), videos=str(folder), hdtf="").run_config()
    if not wanted:
        return dg.RunRequest(
            run_config=config, asset_selection=[dg.AssetKey("hdtf_catalog"), dg.AssetKey("training_snapshot")]
        )
    places = sorted(keys.index(key) for key in wanted)
    return dg.RunRequest(run_config=config, tags={RANGE_START: keys[places[0]], RANGE_END: keys[places[-1]]})
