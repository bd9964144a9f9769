"""What can be known before hours are spent: one finding a line, each with a verdict and what follows from it.

Few people are only told of: the project runs on ten videos. Too little disk is refused before anything is written.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swaptalk_models.data.store.asked import Asked
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.graph.lineage import LINEAGE
from swaptalk_models.graph.models import MODELS
from swaptalk_models.rehearsal.corpus_size import Corpus, known_corpus
from swaptalk_models.rehearsal.forecast import NOTHING_KNOWN, forecast, spoken
from swaptalk_models.rehearsal.machine import gpu_bytes, host_bytes
from swaptalk_models.rehearsal.room_on_disk import free_bytes, room_needed
from swaptalk_models.settings import enough
from swaptalk_models.settings.enough import ENOUGH, FEW, TOO_FEW, Limit
from swaptalk_models.settings.preset import Preset, load_preset
from swaptalk_models.training.spec import starting_folder

FILE = "precheck.json"
"""In a home: the findings before its last run."""
DISK = "disk"
_GIB = 2**30
_LEAST_PEOPLE = 4


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    there: str
    """How much there is."""
    verdict: str
    """ENOUGH, FEW, TOO_FEW, or nothing where that is no question."""
    follows: str = ""
    """What follows from it, or what it rests on."""


@dataclass(frozen=True)
class Needs:
    """What a dry run has found that a preset needs: more exact than its budget."""

    host: float
    """Bytes of the largest pass."""
    gpu: float
    eflop: float
    gpu_hours: float
    sustained_tflops: float


def precheck(
    home: Home, asked: Asked, assets: Collection[str] = tuple(LINEAGE), needs: Needs | None = None
) -> list[Finding]:
    """Corpus, disk, memory and time of a run. Nothing is written.

    Args:
        assets: what the run makes.

    Raises:
        UserError: the preset cannot be used.
    """
    preset = load_preset(asked.preset, asked.overrides)
    try:
        corpus, unknown = known_corpus(home, preset, asked), "told once the annotations are fetched"
    except UserError as error:
        corpus, unknown = None, str(error)
    if corpus is None:
        return [Finding("people", "?", "", unknown), *_memory(preset, None, needs), *_time_by_operations(needs)]
    return [
        *_people(preset, corpus),
        *(_test_videos(preset) if "model_release" in assets else ()),
        _disk(home, preset, corpus, assets),
        *(_memory(preset, corpus, needs) if MODELS.keys() & assets else ()),
        *_time(home, preset, corpus, assets, needs),
    ]


def check_room(home: Home, asked: Asked, assets: Collection[str]) -> None:
    """Look at the disk alone. Nothing is written. What is wrong with the source is said by the catalog.

    Raises:
        UserError: there is too little room for what a run would write that makes these assets.
    """
    preset = load_preset(asked.preset, asked.overrides)
    try:
        corpus = known_corpus(home, preset, asked)
    except UserError:
        return
    if corpus is not None:
        refuse_a_full_disk(home, [_disk(home, preset, corpus, assets)])


def refuse_a_full_disk(home: Home, findings: Collection[Finding]) -> None:
    """
    Raises:
        UserError: the disk is among the findings as too small.
    """
    for found in findings:
        if found.what == DISK and found.verdict == TOO_FEW:
            raise UserError(
                f"{home.root}: too little room on the disk: {found.there} {found.follows}: free some, or take another --home, fewer videos or a "
                "smaller preset"
            )


def short(findings: Collection[Finding]) -> list[str]:
    """A sentence for each that is not enough."""
    return [f"{f.what} {f.there}, {f.verdict}: {f.follows}" for f in findings if f.verdict in (FEW, TOO_FEW)]


def keep(home: Home, findings: Collection[Finding]) -> None:
    """Leave them in the home, for `swaptalk status`."""
    with atomic_write(home.root / FILE) as aside:
        aside.write_text(json.dumps([dataclasses.asdict(found) for found in findings], indent=1))


def kept(root: Path) -> list[dict[str, Any]]:
    """What was found before the last run of a home; empty where nobody has looked."""
    path = root / FILE
    return json.loads(path.read_text()) if path.is_file() else []


def _people(preset: Preset, corpus: Corpus) -> Iterator[Finding]:
    split = corpus.split(preset.training_snapshot)
    people = {name: len(found) for name, found in split.items()}
    if not any(people.values()):
        there = len(set(corpus.persons.values()))
        said = f"a run ends at training_snapshot: {_LEAST_PEOPLE} are the least, one to train on, one to validate, two to test with"
        yield Finding("people", str(there), TOO_FEW, said)
        return
    train = _finding("people to train on", str(people["train"]), enough.TRAIN_PEOPLE, people["train"])
    yield (
        dataclasses.replace(train, follows=train.follows + _at_chance(preset, corpus))
        if train.verdict == TOO_FEW
        else train
    )
    yield _finding("people to validate", str(people["validation"]), enough.VALIDATION_PEOPLE, people["validation"])
    yield _finding("people to test", str(people["test"]), enough.TEST_PEOPLE, people["test"])
    minutes = corpus.seconds_of(split["train"]) / 60
    limit = enough.DRAWN_MINUTES if corpus.drawn else enough.REAL_MINUTES
    speech = _finding("speech to train on", f"{minutes:.1f} min", limit, minutes)
    guess = f"; the length of {corpus.guessed} of {len(corpus.persons)} videos is a guess" if corpus.guessed else ""
    yield dataclasses.replace(speech, follows=(speech.follows + guess).removeprefix("; "))


def _test_videos(preset: Preset) -> Iterator[Finding]:
    """Whether the gate of releases will be able to see anything."""
    limit = dataclasses.replace(enough.TEST_VIDEOS, few=preset.model_release.fewest_videos)
    videos = preset.evaluation.pairs
    yield _finding("test videos a setting", str(videos), limit, videos)


def _at_chance(preset: Preset, corpus: Corpus) -> str:
    """What becomes of a lip expert that does."""
    try:
        start = starting_folder("lip_expert", preset, drawn=corpus.drawn)
    except UserError:  # said where it is used
        start = None
    return "; it then keeps its starting weights" if start else "; the run then ends there"


def _disk(home: Home, preset: Preset, corpus: Corpus, assets: Collection[str]) -> Finding:
    parts = room_needed(home, preset, corpus, assets)
    needed, (free, place) = sum(parts.values()), free_bytes(home)
    largest = ", ".join(f"{name} {parts[name] / _GIB:.2g}" for name in sorted(parts, key=lambda name: -parts[name])[:3])
    there = f"{_gib(free)} GiB free, {_gib(needed)} needed"
    found = _finding(DISK, there, enough.DISK, free / needed if needed else enough.DISK.enough)
    of = f" (GiB: {largest})" if parts else ""
    if found.verdict == TOO_FEW:
        return dataclasses.replace(found, follows=f"at {place}{of}")
    return dataclasses.replace(found, follows=(found.follows + of).strip()) if found.verdict == FEW else found


def _memory(preset: Preset, corpus: Corpus | None, needs: Needs | None) -> Iterator[Finding]:
    budget = preset.budget
    host = needs.host if needs else budget.host_gib * _GIB + _more_held(preset, corpus)
    if host and (needs or budget.host_gib):
        there = host_bytes()
        said = f"{_gib(there)} GiB, {_gib(host)} needed"
        yield _finding("memory", said, enough.HOST_MEMORY, there / host)
    else:
        yield Finding(
            "memory", f"{_gib(host_bytes())} GiB", "", "budget.host_gib is not set: --dry-run says what is needed"
        )
    if not budget.gpu_gib:
        yield Finding("GPU memory", "none needed", ENOUGH)
        return
    gpu, devices = (needs.gpu if needs else budget.gpu_gib * _GIB), gpu_bytes()
    if not devices:
        yield Finding(
            "GPU memory",
            f"no CUDA device, {_gib(gpu)} GiB needed",
            TOO_FEW,
            "trainings would run on the CPU, which this preset is not made for",
        )
        return
    said = f"{_gib(min(devices))} GiB, {_gib(gpu)} needed"
    yield _finding("GPU memory", said, enough.GPU_MEMORY, min(devices) / gpu)


def _more_held(preset: Preset, corpus: Corpus | None) -> float:
    """Bytes that a corpus longer than the budget's takes beyond it."""
    if corpus is None or not preset.budget.hours or corpus.total_seconds <= 3600 * preset.budget.hours:
        return 0.0
    from swaptalk_models.rehearsal.held import corpus_frames, held_bytes

    longer, usual = held_bytes(preset, int(25 * corpus.total_seconds)), held_bytes(preset, corpus_frames(preset))
    return float(max(0, longer - usual))  # nothing where crops no longer fit and stay on disk


def _time(
    home: Home, preset: Preset, corpus: Corpus, assets: Collection[str], needs: Needs | None
) -> Iterator[Finding]:
    found = forecast(home, preset, corpus, assets)
    if found.text or not needs:
        yield Finding("time", found.text or "?", "", found.rests_on)
    if needs and (found.unknown or not found.text):
        yield from _time_by_operations(needs)


def _time_by_operations(needs: Needs | None) -> Iterator[Finding]:
    if needs is None:
        yield Finding("time", "?", "", NOTHING_KNOWN)
        return
    hours = spoken(3600 * needs.gpu_hours)
    said = f"by {needs.eflop:.3g} EFLOP of trainings, on a GPU that keeps up {needs.sustained_tflops:g} TFLOP/s; not measured here"
    yield Finding("time", f"{hours} of a GPU", "", said)


def _gib(size: float) -> str:
    gib = size / _GIB
    return f"{gib:.0f}" if gib >= 10 else f"{gib:.1f}" if gib >= 0.05 or not gib else "under 0.1"


def _finding(what: str, there: str, limit: Limit, amount: float) -> Finding:
    return Finding(what, there, limit.verdict(amount), limit.follows(amount))
