"""The out-of-step gate's measure: by how many frames a clip's sound misses its lips, as the sync judge hears it.

The judge is trained on the clips as they are, before anybody has listened; the snapshot goes by what it has measured.
What a judge has found in all thirds of a clip alike stays, until the clip's crops or sound change, and where it was
unsure only a clearly better judge is asked again. Real clips are often a frame or two out of step, and a judge that was
trained on such clips still finds by how much: that its accuracy suffers from them is no excuse not to ask it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from swaptalk_models.data.engine.executor import Executor
from swaptalk_models.data.engine.items import Item, Needs, Result, Work
from swaptalk_models.data.engine.runner import run_stage
from swaptalk_models.data.quality.gates import SYNC_STAGE, heard
from swaptalk_models.data.sound.mel import WINDOW_FRAMES, is_silent
from swaptalk_models.data.sources.catalog import catalog_rows
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Ledger, StageReport

if TYPE_CHECKING:
    from swaptalk_models.metrics.judges import SyncJudge

GOOD_JUDGE = 0.55
"""Held-out accuracy (chance: 0.5) from which a judge is asked at all, if it also beats the trivial one. Clips that are out of step lower it, so it
cannot be much."""
BETTER = 0.05
"""Accuracy by which a judge must be better than another to be asked where that one was unsure."""
NEEDS = Needs(tables=("face_crops", "mels"))
MAX_FRAMES = 500
"""A constant offset shows in 20 s as well as in minutes; these are taken from the middle."""


def measure_offsets(
    home: Home,
    name: str,
    accuracy: float,
    make_judge: Callable[[], SyncJudge],
    sure: int = 1,
    run: str = "",
    executor: Executor | None = None,
) -> StageReport:
    """Measure every clip that no judge has measured yet, or only a clearly worse one that was unsure. ``make_judge`` makes
    the judge of this name and held-out accuracy; it is called once, and only if there is such a clip. In this process, unless
    there is an executor.

    Ledger entries of stage "sync_offsets": output["quality"] holds offset (frames, positive: the sound comes too early),
    spread (frames by which the offsets of the clip's thirds differ from it at most; up to ``sure`` the judge was sure) and
    sync (LSE-C), or nothing where it is too short (below 64 frames) or a third shows too little of a face;
    output["judge"] and ["accuracy"] say whose they are.
    """
    videos = list(dict.fromkeys(row["video"] for row in catalog_rows(home)))
    with Ledger(home.ledger) as ledger:
        known = {clip: entry.output for clip, entry in ledger.entries(SYNC_STAGE, videos, orphaned=None).items()}
    settled = {
        clip
        for clip, output in known.items()
        if output["quality"].get("spread", 0) <= sure or accuracy < output.get("accuracy", 0.0) + BETTER
    }

    def items() -> list[Item]:
        with Ledger(home.ledger) as ledger:
            crops, mels = (ledger.entries(stage, videos, OK) for stage in ("face_crops", "mels"))
        return [
            Item(clip, entry.video, heard(entry, mels[clip]), {"frames": entry.output["frames"]})
            for clip, entry in crops.items()
            if clip in mels
        ]

    return run_stage(
        SYNC_STAGE,
        items,
        videos,
        home=home,
        params=None,
        work=measuring(make_judge, name, accuracy),
        reads=("face_crops", "mels"),
        there=lambda home, item: item.clip in settled,
        run=run,
        executor=executor,
    )


def measuring(make_judge: Callable[[], SyncJudge], name: str, accuracy: float) -> Work:
    """The work on one clip; arguments as of ``measure_offsets``. It keeps the judge between clips."""
    return _Measuring(make_judge, name, accuracy)


class _Measuring:
    """The work on one clip; holds the judge between clips."""

    def __init__(self, make_judge: Callable[[], SyncJudge], name: str, accuracy: float):
        self.make_judge = make_judge
        self.judge: SyncJudge | None = None
        self.whose = {"judge": name, "accuracy": accuracy}

    def __call__(self, item: Item, home: Home, params: None) -> Result:
        if self.judge is None:
            self.judge = self.make_judge()
        crops, seen, mel = _middle(home, item.clip, item.payload["frames"])
        return Result({"quality": _quality(self.judge, crops, seen, mel)} | self.whose)


def _quality(judge: SyncJudge, crops: np.ndarray, seen: np.ndarray, mel: np.ndarray) -> dict[str, float]:
    """Offset, spread and sync of a clip; nothing where it is too short, is silent or shows too little of a face.

    Args:
        crops: (T, S, S, 3) uint8.
        seen: (T,) bool, whether there is a face.
        mel: (3.2 T, 80) float32.
    """
    from swaptalk_models.metrics.sync import sync_score

    if len(crops) < WINDOW_FRAMES or is_silent(mel):
        return {}
    whole_windows = np.asarray(np.lib.stride_tricks.sliding_window_view(seen, WINDOW_FRAMES).all(axis=1))
    numbers = np.arange(len(whole_windows))
    thirds = [np.isin(numbers, third) & whole_windows for third in np.array_split(numbers, 3)]
    video, audio = judge.video_embeddings(crops), judge.audio_embeddings(mel)
    found = [sync_score(video, audio, valid=valid) for valid in (whole_windows, *thirds)]
    scores = [score for score in found if score is not None]
    if len(scores) < len(found):
        return {}
    whole, *parts = scores
    spread = max(abs(part.av_offset - whole.av_offset) for part in parts)
    edge = len(whole.curve) // 2
    if any(abs(score.av_offset) == edge for score in scores):
        spread = 2 * edge  # the lowest place at the edge is no minimum: silence has it there
    return {"offset": float(whole.av_offset), "spread": float(spread), "sync": round(whole.lse_c, 4)}


def _middle(home: Home, clip: str, frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Crops (T, S, S, 3), whether a face was seen (T,), and mel (3.2 T, 80) of at most MAX_FRAMES frames."""
    from swaptalk_models.data.media.png import decode_png

    first = max(0, frames - MAX_FRAMES) // 2 // 5 * 5  # five frames are sixteen steps
    last = min(frames, first + MAX_FRAMES)
    rows = tables.open_table(home, "face_crops").to_table(
        columns=["frame", "crop", "confidence"],
        filter=f"{tables.clips_filter([clip])} AND frame >= {first} AND frame < {last}",
    )
    rows = rows.sort_by("frame")
    row = tables.read_clip(home, "mels", clip, ["steps", "mel"])
    mel = np.frombuffer(row["mel"][0].as_py(), "<f4").reshape(row["steps"][0].as_py(), -1)
    crops = np.stack([decode_png(png.as_py()) for png in rows["crop"]])
    return crops, rows["confidence"].to_numpy() > 0, mel[first * 16 // 5 : round(last * 3.2)]
