"""Our standard speed figures: one file a bench, each found here by its name."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from swaptalk_models.errors import UserError

# name -> (module in pipelines.bench, what it measures). A bench is a function
# `measure(workdir: Path, home: Path) -> dict[str, float | str]`.
BENCHES = {
    "prepare": (
        "prepare",
        "from mp4 to tracks, crops and mels: frames a second, share of each stage, beside plain decoding and the peers' detector",
    ),
    "ray": (
        "ray_tasks",
        "the data stages as Ray tasks beside worker processes, on the same clips: ratio, start included",
    ),
    "ray-flow": (
        "ray_flow",
        "what Ray's driver takes for an item and for a MiB, and what 1, 2 and 4 workers make of items that only wait",
    ),
    "memory": ("memory", "peak memory of preparing 10 s and 10 minutes of video (takes minutes)"),
    "cache": ("cache", "random 5-frame windows of cached codes and sound: frames a second"),
    "train": (
        "train",
        "steps a second of every training at the preset's size, share of waiting for data, bfloat16 against float32",
    ),
    "nothing-to-do": (
        "nothing_to_do",
        "a run that finds everything done: our own seconds at 10, 1,000 and 10,000 clips, and the home's as a user sees it",
    ),
    "add-one": ("add_one", "one video more in a home of 10, 1,000 and 10,000 clips: seconds, and whether they grow"),
    "generate": (
        "generate",
        "one talking face, the home's release or preset base untrained: each part's time, beside Wav2Lip's published generator",
    ),
}


SIZED = ("nothing-to-do", "add-one", "ray")
"""Those that do with any number of clips: `measure` takes it, too."""


def measure(name: str, workdir, home, sizes: Sequence[int] = ()) -> dict[str, float | str]:
    """Run one bench in an empty folder. UserError: it needs something that the home does not have, or has no choice of ``sizes``."""
    if sizes and name not in SIZED:
        raise UserError(f"{name} has no choice of size: --clips goes with {', '.join(SIZED)}")
    more = {"sizes": sizes} if sizes else {}
    return importlib.import_module(f"pipelines.bench.{BENCHES[name][0]}").measure(workdir, home, **more)
