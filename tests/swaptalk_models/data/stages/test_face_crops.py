"""The crops of one clip: memory. What comes out is in the tests of the parts and of the whole."""

import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from swaptalk_models.data.engine.items import Item
from swaptalk_models.data.faces.alignment import TEMPLATE
from swaptalk_models.data.media import video
from swaptalk_models.data.stages import face_tracks
from swaptalk_models.data.stages.face_crops import crop
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import BadClip
from swaptalk_models.settings.data import CropsConfig

SIDE = 160


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def tracked(home: Home, clip: str, frames: int) -> Item:
    """A clip with a face that stands still, in face_tracks."""
    landmarks = np.tile(40 + 80 * (TEMPLATE - TEMPLATE.min()) / np.ptp(TEMPLATE), (frames, 1, 1))
    columns = [pa.array([clip] * frames), pa.array(["v"] * frames), pa.array(range(frames), pa.int32())]
    columns += [tables.float_list(np.zeros((frames, 4))), tables.float_list(landmarks)]
    columns += [pa.array(np.ones(frames, np.float32)), pa.array(np.ones(frames, np.uint8))]
    tables.append_rows(home, "face_tracks", pa.Table.from_arrays(columns, schema=face_tracks.SCHEMA))
    return Item(clip, "v", "")


def noise(frames: int):
    """Frames that no compression makes small, in batches."""
    rng = np.random.default_rng(0)
    return lambda path, batch: (
        rng.integers(0, 256, (min(batch, frames - i), SIDE, SIDE, 3), np.uint8) for i in range(0, frames, batch)
    )


def peak_of_crops(home: Home, frames: int, monkeypatch) -> int:
    item = tracked(home, f"c{frames}", frames)
    monkeypatch.setattr(video, "read_frames", noise(frames))
    tracemalloc.start()
    result = crop(item, home, CropsConfig(size=128, label_grid=32))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.table.num_rows == frames and result.output["frames"] == frames
    assert result.table.path.stat().st_size > frames * 30_000, "the crops themselves are on disk"
    return peak


def test_memory_of_crops_does_not_grow_with_the_clip(home: Home, monkeypatch):
    peak_of_crops(home, 32, monkeypatch)  # what is made once
    short, long = peak_of_crops(home, 64, monkeypatch), peak_of_crops(home, 640, monkeypatch)
    assert long - short < 64 * 30_000, f"{short / 2**20:.1f} MiB for 64 frames, {long / 2**20:.1f} for 640"


@pytest.mark.parametrize("there", [20, 40])
def test_clip_of_another_length_than_its_track_is_refused_and_leaves_nothing(home: Home, monkeypatch, there: int):
    item = tracked(home, "c", 32)
    monkeypatch.setattr(video, "read_frames", noise(there))
    with pytest.raises(BadClip, match="c: "):
        crop(item, home, CropsConfig())
    assert list(home.spool.iterdir()) == []
