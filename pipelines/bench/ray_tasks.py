"""The data stages on the same clips in worker processes, as Ray tasks stage after stage, a Ray started for the run and stopped after it included,
and as Ray tasks with stages that overlap."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from swaptalk_models.data.engine.ray_cluster import cluster_address, kept, require_ray
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.settings.compute import COMPUTE, RAY, RayConfig
from swaptalk_models.settings.preset import load_preset

PEOPLE, SECONDS, SIZE, CLIPS = 4, 2.0, 320, 100
STAGES = ("clips", "face_tracks", "face_crops", "mels")


def measure(workdir: Path, home: Path, sizes: Sequence[int] = (CLIPS,)) -> dict[str, float | str]:
    """Seconds of each stage both ways, one after the other in one run; and whether both made the same.

    Raises:
        UserError: more than one size.
    """
    from assets.support.resources import SwapTalk
    from swaptalk_models.data.phantom.corpus import write_corpus

    require_ray()
    if len(sizes) != 1:
        raise UserError("ray: one number of clips")
    (clips,) = sizes
    drawn = write_corpus(workdir / "drawn", PEOPLE, SECONDS, 0, SIZE)
    videos = workdir / "videos"
    videos.mkdir()
    for number in range(clips):
        video = drawn[number % PEOPLE]
        shutil.copy(video, videos / f"{video.stem}_{number // PEOPLE}.mp4")
    workers = SwapTalk().workers
    took = {compute: _prepare(videos, workdir / compute, compute, workers) for compute in COMPUTE}
    local, ray = (took[compute] for compute in COMPUTE)
    overlapping = _prepare_overlapping(videos, workdir / "overlapping", workers)
    made = [_made(Home(workdir / way)) for way in (*COMPUTE, "overlapping")]
    found: dict[str, float | str] = {
        "clips": f"{clips} x {SECONDS:g} s at {SIZE} px, h264",
        "workers": float(workers),
        "cluster": cluster_address(RayConfig()) or "started for the run",
        "local_seconds": sum(local.values()),
        "ray_seconds": sum(ray.values()),
        "ray_start_and_stop_seconds": ray["start and stop"],
        "times_the_local_seconds": sum(ray.values()) / sum(local.values()),
        "without_start_times_the_local_seconds": sum(ray[stage] for stage in STAGES)
        / sum(local[stage] for stage in STAGES),
        "overlapping_seconds": overlapping,
        "overlapping_times_the_ray_seconds_without_start": overlapping / (sum(ray.values()) - ray["start and stop"]),
        "same_results": "yes" if made[0] == made[1] == made[2] else "NO",
    }
    return found | {f"{stage}_times_the_local_seconds": ray[stage] / local[stage] for stage in STAGES}


def _prepare(videos: Path, place: Path, compute: str, workers: int) -> dict[str, float]:
    """Seconds of each stage, and of Ray's start and stop."""
    from swaptalk_models.data.engine.ray_cluster import connected
    from swaptalk_models.data.sources.catalog import write_catalog
    from swaptalk_models.data.stages.registry import DATA_STAGES, run_data_stage

    home, preset, seconds = Home(place).create(), load_preset("tiny", {"compute": compute}), {}
    write_catalog(home, preset, videos=str(videos))
    begun = time.perf_counter()
    with kept():
        if compute == RAY:
            with connected(preset.ray, workers):
                pass  # so that its start is counted by itself
        for stage in DATA_STAGES:
            started = time.perf_counter()
            run_data_stage(stage, home, preset, workers=workers)
            seconds[stage] = time.perf_counter() - started
    return seconds | {"start and stop": time.perf_counter() - begun - sum(seconds.values())}


def _prepare_overlapping(videos: Path, place: Path, workers: int) -> float:
    """Seconds of all stages as a run has them done on Ray, without Ray's start and stop."""
    from swaptalk_models.data.engine.ray_cluster import connected
    from swaptalk_models.data.sources.catalog import write_catalog
    from swaptalk_models.data.stages.flow import Flow
    from swaptalk_models.data.stages.registry import DATA_STAGES

    home, preset = Home(place).create(), load_preset("tiny", {"compute": RAY})
    catalog = write_catalog(home, preset, videos=str(videos))
    with kept(), connected(preset.ray, workers):
        started = time.perf_counter()
        flow = Flow(tuple(DATA_STAGES), home, preset, catalog.videos, workers)
        for stage in flow.names:
            flow.report(stage)
        return time.perf_counter() - started


def _made(home: Home) -> list[tuple[str, str, str]]:
    """(stage, clip, hash of what the ledger says was made)"""
    from swaptalk_models.data.stages.registry import DATA_STAGES
    from swaptalk_models.data.store.fingerprint import hash_values
    from swaptalk_models.data.store.ledger import Ledger

    with Ledger(home.ledger) as ledger:
        entries = [entry for stage in DATA_STAGES for entry in ledger.entries(stage).values()]
    return [
        (entry.stage, entry.clip, hash_values([entry.fingerprint, entry.status, entry.output])) for entry in entries
    ]
