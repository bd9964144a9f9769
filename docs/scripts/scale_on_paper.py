"""What preparing so many hours on so many workers takes, reckoned from measured constants: time, storage, requests, commits, ledger, memory, and
which part is the first that is full.

    python docs/scripts/scale_on_paper.py             the tables of docs/results/scale.md
    python docs/scripts/scale_on_paper.py --check     beside what `swaptalk bench ray-flow` measures here, with 1, 2 and 4 workers

Data stages and codes only: trainings have budgets of their own, which `swaptalk run --dry-run` tells. A worker is a core.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

from swaptalk_models.data.engine.runner import GROUP_CLIPS, GROUP_SECONDS
from swaptalk_models.data.store.home import Home
from swaptalk_models.rehearsal.corpus_size import Corpus
from swaptalk_models.rehearsal.room_on_disk import room_needed
from swaptalk_models.settings.preset import Preset, load_preset

HOURS, WORKERS = (1, 10, 100, 10_000), (1, 4, 16, 64)
STAGES = ("raw_videos", "clips", "face_tracks", "face_crops", "mels")
TABLES = ("face_tracks", "face_crops", "mels")
FRAME_PX = 480 * 480
MIB, GIB = 2**20, 2**30


@dataclass(frozen=True)
class Constant:
    """One measured value."""

    value: float
    unit: str
    source: str


CONSTANTS = {
    "worker": Constant(0.35, "s of a core for a second of video", "speed.md, `swaptalk bench prepare`, 480 px"),
    "ray": Constant(1.21, "times that, as a Ray task", "below, processor time of all processes, 30 clips"),
    "start": Constant(7.0, "s", "start and stop of a Ray, speed.md; a cluster that is there: under 1"),
    "driver_item": Constant(0.0041, "s of the driver for an item of a stage", "`swaptalk bench ray-flow`, below"),
    "driver_mib": Constant(0.0012, "s of the driver for a MiB in or out", "the same"),
    "commit": Constant(
        0.026, "s for a commit to an S3 store", "single runs of November 2026, a local S3 server (moto): 17 to 26 ms"
    ),
    "manifest": Constant(874 / 5000, "KiB of manifest for a fragment", "the same: 874 KiB for 5,000"),
    "writes": Constant(3, "PUTs a commit: rows, transaction, manifest", "reckoned from Lance's format"),
    "link": Constant(110, "MiB/s of the driver's link", "assumed: 1 Gbit/s"),
    "ledger_row": Constant(438, "bytes of a ledger entry on disk", "50,000 entries in SQLite"),
    "entry": Constant(2076, "bytes of an entry that the driver holds", "the same: growth of its memory"),
    "item": Constant(335, "bytes of an item that it holds", "the same"),
    "nothing": Constant(30 / 100_000, "s a clip to find that nothing is to be done", "docs/guide/scale.md, Postgres"),
    "driver_base": Constant(0.45, "GiB of the driver itself", "speed.md, `swaptalk bench memory`"),
}


@dataclass(frozen=True)
class Row:
    """One case."""

    hours: float
    workers: int
    seconds: float
    full: str
    """The part that the time is the time of."""
    storage: float
    """Bytes."""
    commits: float
    requests: float
    ledger: float
    """Entries."""
    memory: float
    """Bytes of the driver."""
    again: float
    """Seconds of a run that finds all of it done."""


def reckon(hours: float, workers: int, preset: Preset) -> Row:
    """The case of so many hours at 480 px in clips of the preset's length."""
    c = {name: constant.value for name, constant in CONSTANTS.items()}
    seconds = 3600 * hours
    clips = seconds / preset.clips.chunk_seconds
    made = _bytes(seconds, preset)
    # A source goes to the workers twice (its facts, its clips), a clip's picture twice, its sound once; all that is made comes back.
    through = 4 * made["clips"] + sum(made[name] for name in ("face_tracks", "face_crops", "mels"))
    items = clips * len(STAGES)
    time_of = {
        "workers": seconds * c["worker"] * c["ray"] / workers,
        "driver's core": items * c["driver_item"] + through / MIB * c["driver_mib"],
        "driver's link": through / MIB / c["link"],
    }
    full, longest = max(time_of.items(), key=lambda part: part[1])
    # A group is 16 clips, or what was done in ten seconds.
    commits = sum(min(clips, max(clips / GROUP_CLIPS, longest / len(STAGES) / GROUP_SECONDS)) for _ in TABLES)
    longest += commits * c["commit"] if full != "workers" else 0.0
    # Of one stage: entries of the two that it reads and of its own, and its items; beside these, what is under way.
    held = clips * (3 * c["entry"] + c["item"]) + min(4 * GIB, 2 * workers * through / clips)
    return Row(
        hours,
        workers,
        c["start"] + longest,
        full,
        sum(made.values()),
        commits,
        commits * c["writes"] + 5 * clips,
        clips * (len(STAGES) + 1),
        c["driver_base"] * GIB + held,
        clips * c["nothing"],
    )


def _bytes(seconds: float, preset: Preset) -> dict[str, float]:
    """{stage: bytes}, as the disk's room is estimated before a run."""
    corpus = Corpus({"v": "p"}, {"v": seconds}, FRAME_PX, drawn=False)
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder)).create()
        return room_needed(home, preset, corpus, ["clips", *TABLES, "vq_latents"])


def manifest_gib(hours: float, preset: Preset) -> float:
    """GiB of manifests that are written for the largest table until all of it is there: each commit writes one anew."""
    row = reckon(hours, WORKERS[-1], preset)
    files = hours * 3600 * 25 / (256 * 1024) + 64  # full ones, and those that are not yet joined
    return row.commits / len(TABLES) * files / 2 * CONSTANTS["manifest"].value / MIB


def tables(preset: Preset) -> str:
    """Markdown."""
    lines = [
        "| hours | workers | time | full first | storage | commits | requests | ledger rows | driver's memory | nothing to do |"
    ]
    lines.append("|--:|--:|--:|---|--:|--:|--:|--:|--:|--:|")
    for hours in HOURS:
        for workers in WORKERS:
            row = reckon(hours, workers, preset)
            cells = [f"{hours:,}", str(workers), spoken(row.seconds), row.full, f"{row.storage / GIB:,.0f} GiB"]
            cells += [f"{row.commits:,.0f}", f"{row.requests:,.0f}", f"{row.ledger:,.0f}"]
            lines.append(f"| {' | '.join([*cells, f'{row.memory / GIB:.1f} GiB', spoken(row.again)])} |")
    lines += ["", "| constant | value | source |", "|---|--:|---|"]
    lines += [f"| {one.unit} | {one.value:.3g} | {one.source} |" for one in CONSTANTS.values()]
    lines += [
        "",
        f"Manifests of face_crops written on the way to 10,000 hours: {manifest_gib(10_000, preset):,.0f} GiB.",
    ]
    widest = min((row for row in _cases(100, preset) if row.full != "workers"), key=lambda row: row.workers)
    lines.append(
        f"Of 100 hours the workers are no longer what decides from {widest.workers} cores on: then it is the {widest.full}."
    )
    return "\n".join(lines)


def _cases(hours: float, preset: Preset) -> list[Row]:
    return [reckon(hours, workers, preset) for workers in range(1, 1025)]


def spoken(seconds: float) -> str:
    """A time as people say it."""
    for length, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {name}"
    return f"{max(1, math.ceil(seconds))} s"


def check() -> str:
    """Items that wait a quarter of a second: what was measured over what the same reckoning says."""
    from pipelines.bench import ray_flow

    with tempfile.TemporaryDirectory(prefix="swaptalk-bench-") as folder:
        found = ray_flow.measure(Path(folder), Path(folder))
    lines = ["| workers | reckoned (s) | measured (s) | measured over reckoned |", "|--:|--:|--:|--:|"]
    for width in ray_flow.WIDTHS:
        items = ray_flow.WAITING
        reckoned = max(items * ray_flow.WAITS_S / width, items * float(found["driver_ms_per_item"]) / 1000)
        measured = float(found[f"seconds_of_{items}_items_of_{ray_flow.WAITS_S:g}_s_with_{width}"])
        lines.append(f"| {width} | {reckoned:.1f} | {measured:.1f} | {measured / reckoned:.2f} |")
    lines += [f"\n{name}: {value:.3g}" for name, value in found.items() if "driver" in name or "per_second" in name]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--preset", default="nano")
    asked = parser.parse_args()
    print(check() if asked.check else tables(load_preset(asked.preset)))
