"""One talk of the queue as a Dagster run: what is asked for by `swaptalk batch`, seen and linked in the UI."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.support.resources import SwapTalk
from pipelines.executors import executor
from swaptalk_models.data.store.home import Home

if TYPE_CHECKING:
    from swaptalk_models.talks.making import Talks
    from swaptalk_models.talks.queue import Entry

TALK = "talk"
"""Name of the job; finished videos are materialisations of an asset `talks`, a partition each."""


class QueuedTalk(dg.Config):
    """Which talk of the home's queue."""

    id: str
    release: str
    """Folder of the release."""


@dg.op(
    name="make_talk",
    description="Makes one talk of the home's queue, marked and recorded.",
    tags={"dagster/kind": "mp4"},
)
def make_talk(context, config: QueuedTalk, swaptalk: SwapTalk) -> str:
    from swaptalk_models.talks.cancelling import Cancelled
    from swaptalk_models.talks.queue import TalkQueue, make_queued

    home = swaptalk.home_folder()
    try:
        entry = make_queued(TalkQueue(home.root), config.id, loaded(home.root, Path(config.release)), context.run_id)
    except Cancelled:
        raise dg.Failure(f"talk {config.id} was cancelled", allow_retries=False) from None
    tags = {"dagster/data_version": entry.sha256 or "", "dagster/input_data_version/model_release": _version(config)}
    metadata = lineage(home, entry, Path(config.release))
    context.log_event(dg.AssetMaterialization("talks", partition=config.id, metadata=metadata, tags=tags))
    return entry.talk.output


@dg.job(
    name=TALK,
    description="One talk of the queue. `swaptalk batch JOBS` puts many into it and makes them.",
    executor_def=executor,
)
def talk_job():
    make_talk()


@lru_cache(maxsize=1)
def loaded(home: Path, release: Path) -> "Talks":
    """The release's networks, once a process."""
    from swaptalk_models.talks.making import Talks

    return Talks(home, release)


def lineage(home: Home, entry: "Entry", release: Path) -> dict[str, Any]:
    """From a finished video back to release, snapshot and the videos that were trained on, as metadata."""
    from swaptalk_models.provenance.jobs import JobStore

    record = JobStore(home.root).read(entry.job or "") or {}
    used = record.get("release", {})
    found: dict[str, Any] = {
        "video": dg.MetadataValue.path(entry.talk.output),
        "sha256": entry.sha256 or "",
        "job": dg.MetadataValue.path(str(home.root / "jobs" / f"{entry.job}.json")),
        "release": dg.MetadataValue.path(str(release)),
        "release version": used.get("version", ""),
        "made by": dg.MetadataValue.asset(dg.AssetKey("model_release")),
        "frames": dg.MetadataValue.json(entry.frames),
        "made from": dg.MetadataValue.json(record.get("inputs", {})),
    }
    if used.get("snapshot"):
        found["training snapshot"] = used["snapshot"]
        manifest = home.manifest(used["snapshot"])
        if manifest.is_file():
            found["snapshot manifest"] = dg.MetadataValue.path(str(manifest))
            videos = _source_videos(manifest)
            found |= {"source videos": dg.MetadataValue.json(videos), "number of source videos": float(len(videos))}
    return found


def _source_videos(manifest: Path) -> list[str]:
    import pyarrow.parquet as pq

    rows = pq.read_table(manifest, columns=["video", "split"]).to_pylist()
    return sorted({row["video"] for row in rows if row["split"] == "train"})


def _version(config: QueuedTalk) -> str:
    return Path(config.release).name
