"""One real video added to homes of any size: what its own partition costs, and what the plain run costs beyond one with nothing to do."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from pipelines.bench.growth import homes, seconds, state_used, whole_run
from swaptalk_models.data.store.home import Home
from swaptalk_models.settings.preset import load_preset

SECONDS, SIZE, TRIES = 2.0, 256, 3


def measure(workdir: Path, home: Path, sizes: Sequence[int] = ()) -> dict[str, float | str]:
    """Seconds for each size of the home, and how many times the smallest one's the largest one's are."""
    from swaptalk_models.data.phantom.corpus import write_corpus

    drawn = write_corpus(workdir / "drawn", 1, SECONDS, 0, SIZE)[0]
    found: dict[str, float | str] = {
        "video": f"{SECONDS:g} s at {SIZE} px, one process, best of {TRIES}",
        "state": state_used(),
    }
    partition: dict[int, float] = {}
    for clips, place, videos in homes(workdir, sizes):
        nothing = min(whole_run(place, videos) for _ in range(TRIES))
        alone, whole = [], []
        for index in range(TRIES):
            shutil.copy(drawn, videos / f"added_{index}_a.mp4")
            alone.append(_partition(place, videos, f"added_{index}_a"))
            shutil.copy(drawn, videos / f"added_{index}_b.mp4")
            whole.append(whole_run(place, videos))
        partition[clips] = min(alone)
        found |= {
            f"partition_seconds_at_{clips}": min(alone),
            f"whole_run_seconds_at_{clips}": min(whole),
            f"whole_run_beyond_nothing_to_do_at_{clips}": min(whole) - nothing,
        }
    smallest, largest = min(partition), max(partition)
    return found | {f"partition_at_{largest}_times_at_{smallest}": partition[largest] / partition[smallest]}


def _partition(home: Home, videos: Path, video: str) -> float:
    """Seconds of the data stages for this one video, as a sensor or the UI asks for it."""
    from swaptalk_models.data.sources.catalog import write_catalog
    from swaptalk_models.data.stages.registry import DATA_STAGES, run_data_stage

    preset = load_preset("tiny")
    write_catalog(home, preset, videos=str(videos))
    return seconds(lambda: [run_data_stage(stage, home, preset, [video]) for stage in DATA_STAGES])
