"""Preparing data, on phantom clips, in one worker process and in all of them."""

from __future__ import annotations

import os
import time
from pathlib import Path

from swaptalk_models.config import load_preset
from swaptalk_models.data.home import Home

PEOPLE, SECONDS, SIZE = 4, 4.0, 480


def measure(workdir: Path, home: Path) -> dict[str, float | str]:
    """Frames a second over all stages, each stage's share of the time, and the ratio to decoding alone."""
    from swaptalk_models.data.phantom.corpus import write_corpus
    from swaptalk_models.data.prepare import STAGES, run_data_stage
    from swaptalk_models.data.sources import write_catalog
    from swaptalk_models.data.video import read_frames

    videos = write_corpus(workdir / "videos", PEOPLE, SECONDS, 0, SIZE)
    started = time.perf_counter()
    frames = sum(len(batch) for video in videos for batch in read_frames(video))
    decoding = time.perf_counter() - started

    place, preset = Home(workdir / "home").create(), load_preset("tiny")
    write_catalog(place, preset, videos=str(workdir / "videos"))
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    seconds = {}
    for stage in STAGES:
        started = time.perf_counter()
        run_data_stage(stage, place, preset, workers=workers)
        seconds[stage] = time.perf_counter() - started
    total = sum(seconds.values())
    found: dict[str, float | str] = {
        "video": f"{PEOPLE} x {SECONDS:g} s at {SIZE} px",
        "workers": float(workers),
        "frames_per_second": frames / total,
        "times_real_time": frames / total / 25,
        "decoding_frames_per_second": frames / decoding,
        "times_decoding": total / decoding,
    }
    return found | {f"{stage}_share": value / total for stage, value in seconds.items()}
