"""The swap teacher's work: pairs of frames of different people, swapped by the classical warp, as the face swapper's proxy targets.

Every pair has a seed of its own, so that the table does not depend on how the work was shared out, and is kept whole or not at all.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import lru_cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from swaptalk_models.classical.hair import bare_face
from swaptalk_models.classical.light import relight
from swaptalk_models.classical.posing import STEADY, posed_as
from swaptalk_models.classical.warp_swap import neutral_landmarks, warp_swap
from swaptalk_models.data.media.png import decode_png, encode_png
from swaptalk_models.inference.encode import LatentEncoder
from swaptalk_models.settings.models import SwapTeacherConfig
from swaptalk_models.settings.section import build_section
from swaptalk_models.training.data import Clip, TrainingData
from swaptalk_models.training.pair_table import write_pairs
from swaptalk_models.training.spec import TrainSpec

Pair = tuple[Clip, int, Clip, int]
"""(source clip, frame, target clip, frame)"""
Encode = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
Job = tuple[str, str, SwapTeacherConfig, list[tuple[str, Pair]]]
"""(home, manifest, config, pairs with their splits)"""
_CLIPS_REMEMBERED = 1024  # of which a worker knows the neutral landmarks
JOB_PAIRS = 50  # swapped, encoded and written together
_SAME_PERSON = 0.15
"""Share of pairs whose source is another frame of the target's own person: their swap is the target itself, which teaches to keep it."""


def draw_pairs(data: TrainingData, split: str, n: int, seed: int) -> Iterator[Pair]:
    """``n`` pairs within one split; all people alike often."""
    rng = np.random.default_rng([seed, len(split)])
    clips = data.of(split)
    by_person: dict[int, list[Clip]] = {}
    for clip in clips:
        by_person.setdefault(clip.person, []).append(clip)
    people = sorted(by_person)
    for _ in range(n):
        target_person = people[rng.integers(len(people))]
        others = [person for person in people if person != target_person]
        same = not others or rng.random() < _SAME_PERSON
        source_person = target_person if same else others[rng.integers(len(others))]
        source, target = (_draw_frame(by_person[person], rng) for person in (source_person, target_person))
        yield (*source, *target)


def _draw_frame(clips: list[Clip], rng: np.random.Generator) -> tuple[Clip, int]:
    clip = clips[rng.integers(len(clips))]
    return clip, int(rng.integers(clip.frames))


def swap_pair(data: TrainingData, pair: Pair, colour_strength: float) -> np.ndarray:
    """The teacher's result on one pair, (S, S, 3) uint8."""
    source_clip, source_frame, target_clip, target_frame = pair
    source, target = source_clip.first + source_frame, target_clip.first + target_frame
    source_crop, target_crop = data.crops(np.array([source, target]))
    if source_clip.person == target_clip.person:
        return target_crop
    of_source, of_target = data.landmarks[np.array([source, target])]
    neutral = _neutral(data, target_clip)
    swapped, _ = warp_swap(
        source_crop, of_source, target_crop, of_target, target_neutral=neutral, colour_strength=colour_strength
    )
    return swapped


@lru_cache(maxsize=_CLIPS_REMEMBERED)
def _neutral(data: TrainingData, clip: Clip) -> np.ndarray:
    """(68, 2)"""
    return neutral_landmarks(data.landmarks_of_clip(clip))


def lit_source(data: TrainingData, source: int, target: int) -> np.ndarray:
    """The source's crop in the target's light and without hair over its face, (S, S, 3) uint8, from two rows of the data."""
    source_crop, target_crop = data.crops(np.array([source, target]))
    of_source, of_target = data.landmarks[np.array([source, target])]
    return bare_face(relight(source_crop, of_source, target_crop, of_target), of_source)


def given_source(
    data: TrainingData, source: int, target: int, neutral: np.ndarray, lit: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """What the swapper is given of a source: posed as the target's frame, (S, S, 3) uint8, and its landmarks (68, 2).

    As at inference, where hair is looked for in a larger picture.

    Args:
        neutral: (68, 2) the target clip's resting shape.
        lit: ``lit_source`` of another frame of the clip; None: of this one.
    """
    lit = lit_source(data, source, target) if lit is None else lit
    of_source, of_target = data.landmarks[source], data.steady_landmarks_of(target, STEADY)
    return posed_as(lit, of_source, neutral, of_target, data.crops(np.array([target]))[0])


def make_swap_teacher(spec: TrainSpec, report: Callable[[str], None]) -> dict[str, Any]:
    """Swap all pairs of a training; gives facts for its result."""
    config = build_section(SwapTeacherConfig, spec.config)
    encoder = LatentEncoder(Path(spec.inputs["vqgan"]))
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = make_pairs(Path(spec.home), Path(spec.snapshot), config, Path(spec.output), encoder.encode, report, workers)
    return {"step": count, "seed": config.seed}


def make_pairs(
    home: Path,
    manifest: Path,
    config: SwapTeacherConfig,
    folder: Path,
    encode: Encode,
    report: Callable[[str], None],
    workers: int,
) -> int:
    """Swap all pairs, encode the results and write ``folder``/pairs.arrow (see pair_table.py). Gives their number.

    Args:
        encode: crops (N, S, S, 3) uint8 -> codes of upper and lower halves, each (N, n) uint16.
    """
    counts = {"train": config.pairs, "validation": config.held_out_pairs}
    data = TrainingData(home, manifest, config.without, held=False)
    wanted = ((split, pair) for split, count in counts.items() for pair in draw_pairs(data, split, count, config.seed))
    jobs = ((str(home), str(manifest), config, some) for some in iter(lambda: list(islice(wanted, JOB_PAIRS)), []))
    with (
        ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker) as pool,
        write_pairs(folder) as writer,
    ):
        for done in _in_order(pool, jobs, ahead=2 * workers):
            crops = np.stack([decode_png(row["crop"]) for row in done] + [row.pop("given") for row in done])
            codes = {}
            for half, both in zip(("upper", "lower"), encode(crops), strict=True):
                codes[half] = both[: len(done)].reshape(len(done), -1)
                codes[f"source_{half}"] = both[len(done) :].reshape(len(done), -1)
            writer.write(done, codes)
            report(f"{writer.num_rows}/{sum(counts.values())} pairs swapped")
        return writer.num_rows


def _in_order(pool: ProcessPoolExecutor, jobs: Iterable[Job], ahead: int) -> Iterator[list[dict[str, Any]]]:
    """The jobs' results; no more than ``ahead`` of them wait to be taken."""
    waiting: deque[Future[list[dict[str, Any]]]] = deque()
    for job in jobs:
        waiting.append(pool.submit(_swap_some, job))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _start_worker() -> None:
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle


def _swap_some(job: Job) -> list[dict[str, Any]]:
    """Worker: the rows of some pairs."""
    home, manifest, config, pairs = job
    data = _load(home, manifest, config.without)
    rows = []
    for split, pair in pairs:
        source_clip, source_frame, target_clip, target_frame = pair
        swapped = swap_pair(data, pair, config.colour_strength)
        source, target = source_clip.first + source_frame, target_clip.first + target_frame
        given, points = given_source(data, source, target, _neutral(data, target_clip))
        rows.append(
            {
                "source_clip": source_clip.name,
                "source_frame": source_frame,
                "target_clip": target_clip.name,
                "target_frame": target_frame,
                "split": split,
                "crop": encode_png(swapped),
                "source_landmarks": points.ravel(),
                "given": given,
            }
        )
    return rows


@lru_cache(maxsize=1)
def _load(home: str, manifest: str, without: tuple[str, ...]) -> TrainingData:
    """Once a worker. Crops and landmarks stay on disk: there are as many workers as cores."""
    return TrainingData(Path(home), Path(manifest), without, held=False)
