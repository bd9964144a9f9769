"""Damaged and unusual videos through the data stages: no crash, no hang, nothing refused without a reason, nothing wrong taken.

A bit of *coded* data that turns one valid picture or sound into another cannot be told by anybody: neither mp4 nor
H.264 nor AAC has a checksum there. That few such slip through, and how little they change of a picture, is part of the
test. Everything else, cut, spliced, or changed in a box of the container, may leave no row that is not the good
video's, but for its timing within what the index's audit allows (`mp4_audit`).

Exempt is what looks like a healthy video: one recorded with a late or dropped frame, or trimmed. There, every picture is
one of the good video's, in its order and within `SHIFT` frames of its moment; a few may be repeated or missing, and the
end may be left out. (A time scale that is so damaged that its edit list seems to trim would break that bound: all is
slower. `test_mp4_audit` pins that down; among the damages drawn here it does not come up.)
"""

import random
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.cutting import SAMPLES_PER_FRAME
from swaptalk_models.data.media.video import read_frames
from swaptalk_models.data.sources.catalog import write_catalog
from swaptalk_models.data.stages.registry import DATA_STAGES, run_data_stage
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, QUARANTINED, Ledger
from swaptalk_models.settings.preset import load_preset

from .damage import DAMAGE, UNUSUAL, overwritten_code, write

FRAMES = 30
GREY_LEVELS, LOUDNESS = 1.0, 0.05
"""More than this, in the worst frame's mean or in the worst sample, is another picture or sound."""
WORST = 10.0
"""Grey levels by which a picture may differ where some of its bits were turned over and the decoder did not notice."""
SHIFT = 3
"""A damaged edit list or time step that passes for a healthy one may shift picture or sound by this many frames."""


@dataclass
class Corpus:
    """A folder of variants, and what the stages made of it."""

    home: Home
    good: list[str]
    """Videos (keys) that nobody has touched."""
    damaged: dict[str, str]
    """{key: key of the good one}."""
    coded: dict[str, set[str]]
    """{key: boxes} of those of the damaged ones of which coded data were overwritten."""
    unusual: dict[str, str]
    """{key: what it is}."""
    seconds: float
    entries: dict[str, dict]
    """{stage: {clip: entry}}."""

    def of(self, video: str) -> list[tuple[str, str]]:
        """(status, reason) of everything that any stage has of a video."""
        return [(e.status, e.reason) for found in self.entries.values() for e in found.values() if e.video == video]

    def clips(self, video: str) -> list[str]:
        """Clips that went all the way."""
        last = list(self.entries)[-1]
        return [e.clip for e in self.entries[last].values() if e.video == video and e.status == OK]


def make(folder: Path, sources: list[tuple[np.ndarray, np.ndarray]], stages: tuple[str, ...], every: int) -> Corpus:
    """All damages of all sources, and each source's share (one of ``every``) of what is unusual."""
    videos = folder / "videos"
    videos.mkdir()
    good = [
        write(videos / f"good{i}.mp4", *source, movflags="+faststart" if i % 2 else "+use_metadata_tags")
        for i, source in enumerate(sources)
    ]
    data = [path.read_bytes() for path in good]
    made = {path.name: "" for path in good}
    coded = {}
    for i, source in enumerate(sources):
        for number, (name, damage) in enumerate(DAMAGE.items()):
            path = videos / f"damaged{i}_{number}_{name}.mp4"
            damaged = damage(data[i], data[(i + 1) % len(data)], random.Random(f"{i} {name}"))
            path.write_bytes(damaged)
            made[path.name] = good[i].stem
            if boxes := overwritten_code(data[i], damaged):
                coded[path.name] = boxes
        for number, (name, variant) in enumerate(UNUSUAL.items()):
            if number % every == i % every:
                made[variant(videos / f"unusual{i}_{name}", *source).name] = name
    originals = {path: path.read_bytes() for path in videos.iterdir()}
    home = Home(folder / "home").create()
    preset = load_preset("tiny", {"limits.item_seconds": 300})
    started = time.monotonic()
    write_catalog(home, preset, videos=str(videos))
    for stage in stages:
        run_data_stage(stage, home, preset, workers=2)
    seconds = time.monotonic() - started
    assert {path: path.read_bytes() for path in videos.iterdir()} == originals, "the user's files were touched"
    keys = {Path(row["source"]).name: row["video"] for row in pq.read_table(home.catalog).to_pylist()}
    kinds = {
        kind: {keys[name]: of for name, of in made.items() if name.startswith(kind)}
        for kind in ("good", "damaged", "unusual")
    }
    with Ledger(home.ledger) as ledger:
        entries = {stage: ledger.entries(stage) for stage in stages}
    touched = {keys[name]: boxes for name, boxes in coded.items()}
    return Corpus(home, list(kinds["good"]), kinds["damaged"], touched, kinds["unusual"], seconds, entries)


def check_everything_is_accounted_for(corpus: Corpus) -> None:
    """Every video is in the ledger; what is refused has one line that says why, and says nothing of our own insides."""
    for video in [*corpus.good, *corpus.damaged, *corpus.unusual]:
        found = corpus.of(video)
        assert found, video
        for status, reason in found:
            assert (status == QUARANTINED) == bool(reason)
            assert "\n" not in reason and "Error" not in reason and "Traceback" not in reason and len(reason) < 400
        assert corpus.clips(video) or any(status == QUARANTINED for status, _ in found), video
    assert all(corpus.clips(video) for video in corpus.good)
    parts = [path for path in corpus.home.root.rglob("*.part*")]
    assert not parts, "something half written was left"


def difference(corpus: Corpus, clip: str, good: str, shift: int = 0) -> tuple[float, float]:
    """(grey levels, loudness) by which a clip differs from the good video's, the whole sound where it fits best within
    ``shift`` frames, each picture where it fits within them and not before the one that the last picture fits; inf
    where its size does, or it is longer by more. With a shift it may be trimmed.
    """
    ours, theirs = (np.concatenate(list(read_frames(corpus.home.clip_video(c)))) for c in (clip, f"{good}_000"))
    sounds = [read_audio(corpus.home.clip_audio(c)) for c in (clip, f"{good}_000")]
    if ours.shape[1:] != theirs.shape[1:] or len(ours) > len(theirs) + shift or (len(ours) < len(theirs) and not shift):
        return np.inf, np.inf
    grey, first = 0.0, 0
    for k, picture in enumerate(ours):
        first = max(first, k - shift)
        apart = np.abs(picture - theirs[first : k + shift + 1].astype(int)).mean((1, 2, 3))
        fits = np.flatnonzero(apart <= GREY_LEVELS)
        best = int(fits[0]) if len(fits) else int(apart.argmin())
        grey, first = max(grey, apart[best]), first + best
    margin = shift * SAMPLES_PER_FRAME
    inner = sounds[0][margin : min(map(len, sounds)) - margin]
    windows = np.lib.stride_tricks.sliding_window_view(sounds[1], len(inner))[: 2 * margin + 1]
    return grey, min(np.abs(window - inner).max() for window in windows)


def check_what_is_taken_is_right(corpus: Corpus, slips: float) -> None:
    """Clips of damaged videos are those of the good ones, but for timing, and but for a share ``slips`` of the videos
    whose coded data changed.
    """
    wrong = {}
    for video, good in corpus.damaged.items():
        for clip in corpus.clips(video):
            grey, loud = difference(corpus, clip, good, shift=0 if video in corpus.coded else SHIFT)
            if grey > GREY_LEVELS or loud > LOUDNESS:
                wrong[video] = (round(float(grey), 1), round(float(loud), 2))
    assert wrong.keys() <= corpus.coded.keys(), wrong
    assert len(wrong) <= slips * len(corpus.damaged), wrong
    assert all(grey < WORST for video, (grey, _) in wrong.items() if corpus.coded[video] == {"mdat"}), wrong


def check_the_unusual(corpus: Corpus, handled: set[str]) -> None:
    """What is only unusual is handled, everything else of it refused."""
    for video, name in corpus.unusual.items():
        assert bool(corpus.clips(video)) == (name in handled), (name, corpus.of(video))


HANDLED = {
    "odd size", "variable rate", "rotated", "eight channels", "short sound", "30 frames a second", "MPEG-2", "WebM", "AVI",
    "interlaced", "high dynamic range", "Zöe, at home; 50% 'off'", "mp4 called avi",
}  # fmt: skip


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Corpus:
    """A mosaic that drifts, and a tone; no faces, so the stages of faces are left out."""
    mosaic = np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    frames = np.stack([np.roll(mosaic, 2 * k, 1) for k in range(FRAMES)])
    tone = 0.3 * np.sin(np.arange(FRAMES * 640) * (1 + np.arange(FRAMES * 640) / 1e5) / 12)
    return make(tmp_path_factory.mktemp("drawn"), [(frames, tone)], ("raw_videos", "clips", "mels"), every=1)


def test_everything_is_accounted_for(drawn):
    assert len(drawn.damaged) + len(drawn.unusual) >= 55
    check_everything_is_accounted_for(drawn)


def test_what_is_taken_is_right(drawn):
    check_what_is_taken_is_right(drawn, slips=0.06)


def test_the_unusual_is_handled(drawn):
    check_the_unusual(drawn, HANDLED | {"nobody", "two faces"})


def test_sound_of_every_clip_that_was_taken(drawn):
    rows = tables.open_table(drawn.home, "mels").to_table(columns=["clip"])["clip"].to_pylist()
    assert sorted(rows) == sorted(e.clip for e in drawn.entries["clips"].values() if e.status == OK)


@pytest.fixture(scope="module")
def real(tmp_path_factory, real_clips) -> Corpus:
    """A second of five real clips, a quarter of their size, through all data stages."""
    sources = []
    for path in sorted((real_clips / "clips").glob("*.mp4"))[:5]:
        frames = next(read_frames(path, FRAMES))
        sources.append(
            (
                np.stack([cv2.resize(f, (240, 240), interpolation=cv2.INTER_AREA) for f in frames]),
                read_audio(path, stop_s=FRAMES / 25),
            )
        )
    return make(tmp_path_factory.mktemp("real"), sources, list(DATA_STAGES), every=4)


@pytest.mark.real
@pytest.mark.slow
def test_real_clips_damaged_in_two_hundred_ways(real):
    assert len(real.damaged) + len(real.unusual) >= 200
    check_everything_is_accounted_for(real)
    check_what_is_taken_is_right(real, slips=0.03)
    counts = {"taken": sum(bool(real.clips(v)) for v in [*real.damaged, *real.unusual])}
    for stage, entries in real.entries.items():
        counts[f"refused by {stage}"] = sum(e.status == QUARANTINED for e in entries.values())
    print(f"{len(real.damaged)} damaged and {len(real.unusual)} unusual videos in {real.seconds:.0f} s: {counts}")
