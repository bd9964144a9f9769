"""New videos in a watched folder. Off until somebody switches it on in the UI.

The folder is SWAPTALK_WATCH, else the folder of videos that the home was made from.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import dagster as dg

from assets.support.partitions import RANGE_END, RANGE_START, videos
from pipelines.instance import default_home
from pipelines.jobs import prepare_data
from pipelines.run_settings import last_settings
from swaptalk_models.data.store.asked import settle
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError


@dg.sensor(
    job=prepare_data,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Adds a partition for every new video of the watched folder and prepares its data.",
)
def new_videos(context: dg.SensorEvaluationContext):
    """A video is taken once two looks in a row find the same size and time: by then its copying has ended.

    The cursor holds {path: [size, mtime_ns]} of the last look, and the paths that were taken.
    """
    from swaptalk_models.data.sources.folder import folder_catalog

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

    cursor = json.loads(context.cursor) if context.cursor else {"seen": {}, "taken": {}}
    seen = {row["source"]: look for row in rows if (look := _look(row["source"])) is not None}
    # Taken with this very content; a file that was overwritten is taken again.
    taken = {path: look for path, look in cursor["taken"].items() if seen.get(path) == look}
    known = set(context.instance.get_dynamic_partitions(videos.name))
    fresh, waiting = [], 0
    for row in rows:
        path = row["source"]
        if path not in seen or path in taken:
            continue
        if not cursor["seen"] and row["video"] in known:  # the first look: what is there already was taken by a run
            taken[path] = seen[path]
        elif cursor["seen"].get(path) == seen[path] and seen[path][0] > 0:
            fresh.append(row["video"])
            taken[path] = seen[path]
        else:
            waiting += 1
    new_cursor = json.dumps({"seen": seen, "taken": taken})
    if not fresh:
        reason = f"{waiting} new videos, still being written or seen for the first time" if waiting else "no new video"
        return dg.SensorResult(skip_reason=dg.SkipReason(reason), cursor=new_cursor)
    return dg.SensorResult(
        run_requests=_requests(fresh, known, home, folder),
        dynamic_partitions_requests=_additions([key for key in fresh if key not in known]),
        cursor=new_cursor,
    )


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


def _look(path: str) -> list[int] | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None  # gone since
    return [stat.st_size, stat.st_mtime_ns]


def _additions(keys: list[str]) -> list[dg.AddDynamicPartitionsRequest]:
    return [videos.build_add_request(keys)] if keys else []


def _requests(fresh: list[str], known: set[str], home: Home, folder: Path) -> list[dg.RunRequest]:
    """One run over all new videos, which are neighbours at the end of the partitions, and one for each changed one."""
    config = dataclasses.replace(last_settings(home), videos=str(folder), hdtf="").run_config()
    new = [key for key in fresh if key not in known]
    ranges = ([(new[0], new[-1])] if new else []) + [(key, key) for key in fresh if key in known]
    return [dg.RunRequest(run_config=config, tags={RANGE_START: first, RANGE_END: last}) for first, last in ranges]
