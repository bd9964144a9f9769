"""Which test videos are made: held-out people, self-driven and cross-driven, in chunks, pairs drawn by a recorded seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from swaptalk_models.errors import UserError
from swaptalk_models.settings.methods import CROSS, SELF

if TYPE_CHECKING:
    import numpy as np

FPS = 25


@dataclass(frozen=True)
class Chunk:
    """Some consecutive frames of a clip."""

    clip: str
    first: int = 0
    frames: int | None = None
    """None: the whole clip."""
    sound_offset: int = 0
    """Frames by which its sound comes too early, as the snapshot says: it is moved back."""

    @property
    def name(self) -> str:
        """A file's name, without suffix."""
        return self.clip if self.frames is None else f"{self.clip}_{self.first:06d}"


@dataclass(frozen=True)
class Scene:
    """One source, one target, one sound: all methods of its setting are tried on it."""

    name: str
    setting: str
    """SELF or CROSS."""
    source: str
    """Held-out person whose picture is put on."""
    target: Chunk
    """Of another held-out person."""
    audio: Chunk
    """Whose sound drives the lips: the target's own, or another person's."""


def chunks_of(clip: str, frames: int, seconds: float, sound_offset: int = 0) -> list[Chunk]:
    """A clip in equal chunks of about ``seconds``; one up to half as long again stays whole."""
    count = max(1, round(frames / (seconds * FPS)))
    if count == 1:
        return [Chunk(clip, sound_offset=sound_offset)]
    edges = [frames * number // count for number in range(count + 1)]
    return [Chunk(clip, first, last - first, sound_offset) for first, last in pairwise(edges)]


def draw_scenes(clips: list[dict[str, Any]], pairs: int, seed: int, chunk_seconds: float = 10.0) -> list[Scene]:
    """``pairs`` scenes a setting. Targets take turns: people first, then their clips and chunks; both settings have the same targets.
    Sources and voices take turns as well, over both settings: with few scenes one person's face would else decide a figure.
    Targets and voices are clips whose sound can be used; a source is a face, so everybody may be one.

    Args:
        clips: test rows of a snapshot, with "clip", "person", "frames", "sound" and, where it is not in step, "sound_offset".

    Raises:
        UserError: fewer than two held-out people with a usable sound.
    """
    import numpy as np

    if len({clip["person"] for clip in clips if clip["sound"]}) < 2:
        raise UserError("test videos need at least two held-out people with a usable sound: a target and another voice")
    rng = np.random.default_rng(seed)
    shuffled = [clips[number] for number in rng.permutation(len(clips))]
    people = list(dict.fromkeys(clip["person"] for clip in shuffled))
    turns: dict[str, list[Chunk]] = {}
    for clip in shuffled:
        if clip["sound"]:
            chunks = chunks_of(clip["clip"], clip["frames"], chunk_seconds, clip.get("sound_offset", 0))
            turns.setdefault(clip["person"], []).extend(chunks)
    ordered = sorted(
        (turn, place, person, chunk)
        for place, (person, chunks) in enumerate(turns.items())
        for turn, chunk in enumerate(chunks)
    )
    scenes: list[Scene] = []
    sources, voices = Counter[str](), Counter[str]()
    for setting in (SELF, CROSS):
        for number in range(pairs):
            _, _, person, target = ordered[number % len(ordered)]
            source = _next_in_turn([other for other in people if other != person], sources, rng)
            audio = target
            if setting == CROSS:
                voice = turns[_next_in_turn([other for other in turns if other != person], voices, rng)]
                audio = voice[rng.integers(len(voice))]
            scenes.append(Scene(f"{setting}_{number:03d}", setting, source, target, audio))
    return scenes


def _next_in_turn(people: list[str], times: Counter[str], rng: np.random.Generator) -> str:
    """One of those who had the fewest turns so far, drawn; ``times`` counts it."""
    fewest = min(times[person] for person in people)
    waiting = [person for person in people if times[person] == fewest]
    chosen = waiting[rng.integers(len(waiting))]
    times[chosen] += 1
    return chosen
