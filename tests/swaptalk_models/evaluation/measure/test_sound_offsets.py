"""Offsets measured by a made judge: lips and sound both carry the same random signal."""

import shutil
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.quality.gates import judge
from swaptalk_models.data.sound.mel import mel_windows
from swaptalk_models.data.sources.catalog_table import catalog_table
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Entry, Ledger, StageReport
from swaptalk_models.evaluation.measure import sound_offsets as quality_sync
from swaptalk_models.evaluation.measure.sound_offsets import measure_offsets
from swaptalk_models.settings.data import QualityConfig

SIDE = 8


class SignalJudge:
    """Reads the signal off the first pixel and off the first mel band."""

    crop_size = SIDE

    def __init__(self):
        self.clips = 0

    def video_embeddings(self, crops):
        self.clips += 1
        return _unit(np.lib.stride_tricks.sliding_window_view(crops[:, 0, 0, 0] / 32 - 4, 5))

    def audio_embeddings(self, mel):
        windows = mel_windows(mel, np.arange(len(mel) * 25 // 80 - 4))[..., 0]
        return _unit(windows[:, np.round(np.arange(5) * 3.2 + 1).astype(int)])


def _unit(values):
    values = values - values.mean(axis=1, keepdims=True)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9)


def put(home: Home, clip: str, frames: int, early: int = 0, hidden: slice = slice(0, 0)) -> None:
    """A clip whose sound comes `early` frames too early."""
    rng = np.random.default_rng(sum(map(ord, clip)))
    signal = rng.integers(0, 256, frames + 60)
    crops = np.zeros((frames, SIDE, SIDE, 3), np.uint8)
    crops[:, 0, 0, 0] = signal[30 : 30 + frames]
    confidence = np.ones(frames, np.float32)
    confidence[hidden], crops[hidden] = 0, 0
    steps = int(np.ceil(frames * 3.2))
    mel = np.zeros((steps, 80), np.float32)
    mel[:, 0] = signal[30 + early + (np.arange(steps) / 3.2).astype(int)] / 32 - 4
    keys = {"clip": [clip] * frames, "video": [clip] * frames, "frame": pa.array(range(frames), pa.int32())}
    png = pa.array([encode_png(crop) for crop in crops], pa.large_binary())
    tables.append_rows(home, "face_crops", pa.table(keys | {"crop": png, "confidence": pa.array(confidence)}))
    row = {
        "clip": [clip],
        "video": [clip],
        "steps": pa.array([steps], pa.int32()),
        "mel": pa.array([mel.tobytes()], pa.large_binary()),
    }
    tables.append_rows(home, "mels", pa.table(row))
    with Ledger(home.ledger) as ledger:
        output = {"rows": f"{clip} {early}", "frames": frames}
        ledger.commit(
            Entry(stage, clip, clip, "f", "i", "1", "p", OK, output=output) for stage in ("face_crops", "mels")
        )


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path / "home").create()
    home.catalog.parent.mkdir()
    rows = [
        {"video": v, "clip": v, "clip_index": 0, "person": v, "source": "x"}
        for v in ("early", "fine", "late", "long", "short")
    ]
    pq.write_table(catalog_table(rows), home.catalog)
    return home


def measure(home: Home, make_judge, name: str = "made judge", accuracy: float = 0.9) -> StageReport:
    return measure_offsets(home, name, accuracy, make_judge)


def offsets(home: Home) -> dict[str, dict]:
    with Ledger(home.ledger) as ledger:
        return {clip: entry.output["quality"] for clip, entry in ledger.entries("sync_offsets").items()}


@pytest.mark.slow
def test_actors_of_ray_find_the_same(home, tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'swaptalk[ray]'")
    from swaptalk_models.data.engine.ray_tasks import OnDevice, RayTasks
    from swaptalk_models.settings.compute import RayConfig

    for number, clip in enumerate(("fine", "early", "late")):
        put(home, clip, 100, early=(0, 6, -4)[number])
    shutil.copytree(home.root, tmp_path / "other")
    network = OnDevice("cpu", lambda device: quality_sync.measuring(SignalJudge, "made judge", 0.9))
    small = RayConfig("local", object_store_mib=200)
    executor = RayTasks("sync_offsets", quality_sync.NEEDS, lambda home, clip: (), small, 2, network)
    nobody = partial(pytest.fail, "the driver has a judge")
    assert measure_offsets(home, "made judge", 0.9, nobody, executor=executor).computed == 3
    other = Home(tmp_path / "other")
    measure(other, SignalJudge)
    assert offsets(home) == offsets(other) and offsets(home)["early"]["offset"] == 6


def test_shifted_sound_is_found_to_the_frame_and_measured_once(home):
    put(home, "fine", 100)
    put(home, "early", 100, early=6)
    put(home, "late", 100, early=-4, hidden=slice(40, 60))
    put(home, "short", 20, early=6)
    made = SignalJudge()
    assert measure(home, lambda: made).computed == 4
    found = offsets(home)
    assert {clip: quality.get("offset") for clip, quality in found.items()} == {
        "fine": 0,
        "early": 6,
        "late": -4,
        "short": None,
    }
    assert min(found[clip]["sync"] for clip in ("fine", "early", "late")) > 0.5
    assert {found[clip]["spread"] for clip in ("fine", "early", "late")} == {0}
    again = measure(home, lambda: pytest.fail("another judge was asked"), "a later judge")
    assert (again.computed, again.cached, made.clips) == (0, 4, 4)


class Guessing(SignalJudge):
    """Hears nothing: its offsets are chance."""

    def audio_embeddings(self, mel):
        return _unit(np.random.default_rng(len(mel)).normal(size=(len(mel) * 25 // 80 - 4, 5)))


def test_where_a_judge_guessed_a_clearly_better_one_listens_again(home):
    for clip in ("fine", "early", "late"):
        put(home, clip, 160, early=5)
    assert measure(home, Guessing, "bad judge", 0.6).computed == 3
    believed = [judge({"sync_offsets": {"quality": quality}}, QualityConfig()) for quality in offsets(home).values()]
    assert [verdict.reasons for verdict in believed] == [{}] * 3 and min(
        q["spread"] for q in offsets(home).values()
    ) > 1

    def nobody():
        pytest.fail("asked again")

    assert (
        measure(home, nobody, "bad judge", 0.6).computed == measure(home, nobody, "hardly better", 0.64).computed == 0
    )
    assert measure(home, SignalJudge, "good judge", 0.7).computed == 3
    assert {clip: quality["offset"] for clip, quality in offsets(home).items()} == dict.fromkeys(
        ("fine", "early", "late"), 5
    )
    assert measure(home, nobody, "perfect judge", 1.0).computed == 0, "sure is sure"


def test_a_clip_that_was_away_keeps_its_offset(home):
    put(home, "early", 100, early=6)
    measure(home, SignalJudge)
    with Ledger(home.ledger) as ledger:
        ledger.set_orphaned("sync_offsets", ["early"], True)
    assert measure(home, lambda: pytest.fail("asked again"), "a later judge", 1.0).computed == 0
    assert offsets(home)["early"]["offset"] == 6


class Deaf(SignalJudge):
    """Whatever it hears is the same to it, but for what comes last."""

    def audio_embeddings(self, mel):
        return np.linspace(1, 0, len(mel) * 25 // 80 - 4)[:, None] * np.ones(5)


def test_a_lowest_place_at_the_edge_is_not_believed(home):
    put(home, "fine", 160)
    measure(home, Deaf)
    quality = offsets(home)["fine"]
    assert abs(quality["offset"]) == 15 and judge({"sync_offsets": {"quality": quality}}, QualityConfig()).reasons == {}


def test_a_clip_that_changes_is_measured_again(home):
    put(home, "fine", 80)
    put(home, "late", 80)
    measure(home, SignalJudge)
    tables.delete_clips(home, "mels", ["late"])
    tables.delete_clips(home, "face_crops", ["late"])
    put(home, "late", 80, early=-3)
    assert measure(home, SignalJudge).computed == 1 and offsets(home)["late"]["offset"] == -3


def test_of_a_long_clip_the_middle_is_enough(home, monkeypatch):
    monkeypatch.setattr(quality_sync, "MAX_FRAMES", 83)
    put(home, "long", 141, early=5)
    crops, seen, mel = quality_sync._middle(home, "long", 141)
    assert len(crops) == len(seen) == 83 and len(mel) in (265, 266)
    measure(home, SignalJudge)
    assert offsets(home)["long"]["offset"] == 5
