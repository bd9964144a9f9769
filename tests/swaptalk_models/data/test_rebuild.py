"""An earlier training's data can be read again as they were, whatever came later."""

import hashlib
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.data.snapshot import Snapshot, load_snapshot, make_snapshot
from swaptalk_models.data.sources.catalog import write_catalog
from swaptalk_models.data.stages.orphans import remove_orphans
from swaptalk_models.data.stages.registry import DATA_STAGES, run_data_stage
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.settings.preset import load_preset
from swaptalk_models.training.data import TrainingData


def snapshot_of(home: Home, videos: Path, **settings: str) -> Snapshot:
    preset = load_preset("tiny", {name.replace("__", "."): value for name, value in settings.items()})
    write_catalog(home, preset, videos=str(videos))
    for stage in DATA_STAGES:
        run_data_stage(stage, home, preset)
    return make_snapshot(home, preset)


def what_training_reads(home: Home, snapshot: Snapshot) -> dict[str, str]:
    """A hash of everything that a training takes from the tables, a clip at a time."""
    data = TrainingData(home.root, snapshot.path)
    found = {}
    for clip in data.clips:
        rows = data.rows_of([clip])
        arrays = (data.crops(rows), data.landmarks[rows], data.labels[rows], data.mels[clip.name])
        found[clip.name] = hashlib.sha256(
            b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
        ).hexdigest()
    return found


@pytest.mark.slow
def test_earlier_snapshot_reads_what_it_always_read(tmp_path: Path, monkeypatch):
    home, videos = Home(tmp_path / "home").create(), tmp_path / "videos"
    write_corpus(videos, 4, 1.0, size=128)
    first = snapshot_of(home, videos)
    read = what_training_reads(home, first)
    assert len(read) == 4

    write_corpus(videos, 5, 1.0, size=128)
    second = snapshot_of(home, videos)
    assert second.version != first.version and len(second.clips()) == 5
    third = snapshot_of(home, videos, face_crops__margin="0.1")
    assert third.version not in (first.version, second.version)
    (videos / "phantom_000.mp4").unlink()
    snapshot_of(home, videos, face_crops__margin="0.1")
    assert remove_orphans(home)["face_crops"] == 1
    monkeypatch.setattr(tables, "_MANY_FRAGMENTS", 1)
    for name in ("face_tracks", "face_crops", "mels"):
        tables.compact(home, name)
        tables.clean_versions(home, name, timedelta(0))

    assert what_training_reads(home, load_snapshot(home, first.version)) == read
    assert {clip: content for clip, content in what_training_reads(home, second).items() if clip in read} == read
    assert not set(what_training_reads(home, third).values()) & set(read.values())
    assert {"face_crops", "mels"} <= {name.removesuffix("_version") for name in first.rows.column_names}
