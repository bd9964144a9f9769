"""Which test videos are made: held-out people, self-driven and cross-driven, pairs drawn by a recorded seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from swaptalk_models.errors import UserError

SELF, CROSS = "self", "cross"
GROUND_TRUTH, OURS = "Ground truth", "SwapTalk"
# method -> (whether the source's face is put on, where the lips come from)
METHODS: dict[str, tuple[bool, str]] = {
    OURS: (True, "audio"),
    "Lip-sync alone": (False, "audio"),
    "Swap alone": (True, "target"),
    "Copied reference": (False, "reference"),
}
# The trivial ones run where they say something: own lips fit the own sound by birth, so they are tried on a foreign one.
METHODS_OF = {SELF: (OURS, "Lip-sync alone", "Copied reference"), CROSS: (OURS, "Lip-sync alone", "Swap alone")}


@dataclass(frozen=True)
class Scene:
    """One source, one target, one sound: all methods of its setting are tried on it."""

    name: str
    setting: str
    """SELF or CROSS."""
    source: str
    """Clip of a held-out person, of which one frame is the source picture."""
    target: str
    """Clip of another held-out person."""
    audio: str
    """Clip whose sound drives the lips: the target's own, or another's."""


def draw_scenes(clips: list[dict[str, Any]], pairs: int, seed: int) -> list[Scene]:
    """``pairs`` scenes a setting, over all targets as evenly as that goes.

    Args:
        clips: test rows of a snapshot, with "clip" and "person".

    Raises:
        UserError: fewer than two held-out people.
    """
    if len({clip["person"] for clip in clips}) < 2:
        raise UserError("test videos need at least two held-out people: a source and a target")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(clips))
    scenes = []
    for setting in (SELF, CROSS):
        for number in range(pairs):
            target = clips[order[number % len(clips)]]
            others = [clip for clip in clips if clip["person"] != target["person"]]
            source = others[rng.integers(len(others))]
            audio = target if setting == SELF else others[rng.integers(len(others))]
            name = f"{setting}_{number:03d}"
            scenes.append(Scene(name, setting, source["clip"], target["clip"], audio["clip"]))
    return scenes
