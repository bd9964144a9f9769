"""training/data.py"""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from swaptalk_models.data.faces.alignment import smooth_landmarks
from swaptalk_models.data.faces.regions import downsample_labels
from swaptalk_models.data.sound.mel import mel_window
from swaptalk_models.data.store import tables
from swaptalk_models.errors import UserError
from swaptalk_models.modules.images import from_unit, to_unit
from swaptalk_models.training import clip_mels, frame_table
from swaptalk_models.training import data as data_module
from swaptalk_models.training.data import TrainingData


def test_rows_stand_in_the_order_of_clips_and_frames(tiny, data):
    assert [clip.name for clip in data.clips] == sorted(tiny.crops)
    assert data.frames == sum(clip.frames for clip in data.clips)
    for clip in data.clips:
        rows = clip.first + np.arange(clip.frames)
        assert np.array_equal(data.crops(rows), tiny.crops[clip.name])
        assert np.array_equal(data.mels[clip.name], tiny.mels[clip.name])


def test_columns_of_a_row_belong_together(data, rows_for):
    upper, lower = data.codes("v1", grid=4)
    for number, clip in enumerate(data.clips):
        rows = slice(clip.first, clip.first + clip.frames)
        faces = rows_for["face_crops"](clip.name, number, clip.frames)
        latents = rows_for["vq_latents"](clip.name, number, clip.frames)
        assert np.array_equal(data.landmarks[rows].reshape(-1, 136), tables.as_array(faces["landmarks"]))
        labels = [np.frombuffer(label, np.uint8) for label in faces["labels"].to_pylist()]
        assert np.array_equal(data.labels[rows].reshape(-1, 64), np.stack(labels))
        assert np.array_equal(upper[rows].reshape(-1, 16), tables.as_array(latents["upper"]))
        assert np.array_equal(lower[rows].reshape(-1, 16), tables.as_array(latents["lower"]))
    assert upper.dtype == np.uint16 and upper.shape == (data.frames, 2, 2, 4), "groups, rows, columns"


def test_a_row_is_steadied_by_its_own_clip_alone(data):
    for clip in data.clips[:3]:
        whole = smooth_landmarks(data.landmarks_of_clip(clip), 1.0)
        for frame in (0, 1, clip.frames // 2, clip.frames - 1):
            assert np.allclose(data.steady_landmarks_of(clip.first + frame, 1.0), whole[frame], atol=1e-4)


def test_splits_hold_different_people(data):
    by_split = {split: {clip.person for clip in data.of(split)} for split in ("train", "validation", "test")}
    assert [len(people) for people in by_split.values()] == [3, 1, 2]
    assert len(set.union(*by_split.values())) == 6
    clip = data.of("validation")[0]
    assert set(data.person_of_row[data.rows_of([clip])]) == {clip.person}


def test_windows_are_the_mels_own(data, tiny):
    clip = data.of("test")[0]
    windows = data.windows(clip, np.array([0, 7, 25]))
    assert np.array_equal(windows[1], mel_window(tiny.mels[clip.name], 7))
    assert windows.shape == (3, 16, 80)


def test_sound_is_moved_where_the_snapshot_says_so(own, tiny):
    rows = pq.read_table(own.manifest).to_pylist()
    pq.write_table(
        pa.Table.from_pylist([row | {"sound_offset": 5 if i == 0 else 0} for i, row in enumerate(rows)]), own.manifest
    )
    mels = own.data().mels
    moved, *rest = (row["clip"] for row in rows)
    assert np.array_equal(mels[moved][16:], tiny.mels[moved][:-16])
    assert all(np.array_equal(mels[clip], tiny.mels[clip]) for clip in rest)


def test_no_clip_in_a_split_is_the_users_to_mend(own):
    rows = [row | {"split": "train"} for row in pq.read_table(own.manifest).to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows), own.manifest)
    with pytest.raises(UserError, match="no clip for validation.*6 clips of 6 people"):
        own.data().of("validation")


def test_videos_can_be_left_out_of_a_training_and_of_nothing_else(tiny, data):
    less = TrainingData(tiny.home.root, tiny.manifest, ["[bx]", "a*"])
    assert [clip.name for clip in less.of("train")] == ["c_000"]
    assert [less.of(split) for split in ("validation", "test")] == [data.of(split) for split in ("validation", "test")]
    assert less.frames == data.frames, "rows of a frame are the same"
    assert [clip.name for clip in TrainingData(tiny.home.root, tiny.manifest, ["a", "e"]).of("test")] == [
        "e_000",
        "f_000",
    ]
    with pytest.raises(
        UserError, match="a training without e: no video of the training people is called so .one of them is a"
    ):
        TrainingData(tiny.home.root, tiny.manifest, ["e"])


def test_mute_clips_are_for_who_looks_only(partly_mute):
    names = {split: [clip.name for clip in partly_mute.of(split)] for split in ("train", "test")}
    assert names == {"train": ["a_000", "b_000", "c_000"], "test": ["e_000", "f_000"]}
    heard = {split: [clip.name for clip in partly_mute.speaking(split)] for split in ("train", "validation", "test")}
    assert heard == {"train": ["a_000", "c_000"], "validation": ["d_000"], "test": ["f_000"]}


def test_a_split_that_cannot_be_heard_says_what_brings_it_back(own):
    rows = [row | {"sound": row["split"] != "test"} for row in pq.read_table(own.manifest).to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows), own.manifest)
    assert len(own.data().of("test")) == 2
    with pytest.raises(
        UserError, match="no clip for test has a usable sound.*quality.min_level.*quality.leave_out=false"
    ):
        own.data().speaking("test")


def test_of_an_earlier_manifest_all_clips_can_be_heard(own):
    pq.write_table(pq.read_table(own.manifest).drop_columns(["sound"]), own.manifest)
    assert all(clip.sound is True for clip in own.data().clips)


@pytest.mark.parametrize("table, use", [("face_crops", lambda d: d.landmarks), ("mels", lambda d: d.mels)])
def test_a_later_change_of_a_table_does_not_reach_an_old_snapshot(own, rows_for, table, use):
    before = use(own.data())
    tables.delete_clips(own.home, table, ["a_000"])
    after = use(own.data())
    assert all(np.array_equal(before[key], after[key]) for key in (before if table == "mels" else range(len(before))))


def test_missing_frames_name_table_and_clip(own):
    tables.open_table(own.home, "vq_latents").delete("clip = 'c_000' AND frame = 11")
    with pytest.raises(UserError, match="vq_latents misses frames.*c_000.*materialise vq_latents"):
        own.data().codes("v1", 4)


def test_missing_mels_name_the_clip(own):
    tables.delete_clips(own.home, "mels", ["c_000"])
    rows = [row | {"mels_version": None} for row in pq.read_table(own.manifest).to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows), own.manifest)
    with pytest.raises(UserError, match="mels miss 1 clips.*c_000"):
        _ = own.data().mels


def test_a_missing_table_says_how_to_make_it(tiny, tmp_path):
    with pytest.raises(UserError, match="no table face_crops.*swaptalk run --until face_crops"):
        _ = TrainingData(tmp_path, tiny.manifest).landmarks


def test_codes_of_another_vqgan_are_refused(own, rows_for, data):
    with pytest.raises(UserError, match="made by VQGAN v1, not by v2"):
        data.codes("v2", 4)
    tables.delete_clips(own.home, "vq_latents", ["b_000"])
    tables.append_rows(own.home, "vq_latents", rows_for["vq_latents"]("b_000", 1, 30, vqgan="v2"))
    with pytest.raises(UserError, match="v1, v2"):
        own.data().codes("v1", 4)


def test_clips_outside_of_the_snapshot_are_left_out(own, rows_for):
    before = own.data().codes("v1", 4)
    tables.append_rows(own.home, "vq_latents", rows_for["vq_latents"]("aa_new", 9, 12))
    after = own.data().codes("v1", 4)
    assert all(np.array_equal(b, a) for b, a in zip(before, after, strict=True))


def test_frames_beyond_a_clip_do_not_run_into_the_next(own, rows_for):
    """vq_latents is read as it is now: a clip may have grown since the snapshot."""
    before = own.data().codes("v1", 4)
    longer = rows_for["vq_latents"]("b_000", 7, 34).slice(30)
    tables.append_rows(own.home, "vq_latents", longer)
    after = own.data().codes("v1", 4)
    assert all(np.array_equal(b, a) for b, a in zip(before, after, strict=True))


def test_pixels_go_to_unit_range_and_back():
    crops = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    images = to_unit(crops)
    assert images.shape == (1, 3, 16, 16) and images.dtype == np.float32
    assert (images.min(), images.max()) == (-1, 1)
    assert np.array_equal(from_unit(images), crops)
    assert from_unit(np.full((1, 3, 1, 1), 7.0)).max() == 255


def test_crops_too_many_for_memory_are_read_from_disk(own, monkeypatch):
    """The same pictures, also in a table of which rows were deleted, in any order and twice."""
    tables.open_table(own.home, "face_crops").delete("clip = 'a_000'")
    version = tables.open_table(own.home, "face_crops").version
    rows = [
        row | {"face_crops_version": version}
        for row in pq.read_table(own.manifest).to_pylist()
        if row["clip"] != "a_000"
    ]
    pq.write_table(pa.Table.from_pylist(rows), own.manifest)
    wanted = np.array([77, 3, 3, 149, 31])
    held = own.data().crops(wanted)
    monkeypatch.setattr(data_module, "STORED_BYTES", 0)
    disk = own.data()
    assert np.array_equal(disk.crops(wanted), held)
    assert np.array_equal(held[1], own.crops["b_000"][3])
    assert disk._crops is None and disk._pixels is None


def test_processes_of_one_host_share_what_it_may_hold(own, monkeypatch):
    data, rows = own.data(), np.array([0])
    monkeypatch.setattr(data_module, "STORED_BYTES", data.frames * len(data._read_crops(rows)[0]))
    assert own.data()._crops is not None
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    second = own.data()
    assert second._crops is None and np.array_equal(second.crops(rows), data.crops(rows))


def test_a_worker_holds_no_frames(tiny, data):
    """The same pictures and landmarks, from disk, in any order and twice."""
    light, rows = tiny.data(held=False), np.array([77, 3, 3, 149, 31])
    assert np.array_equal(light.crops(rows), data.crops(rows))
    assert np.array_equal(light.landmarks[rows], data.landmarks[rows]) and light.landmarks[rows].dtype == np.float32
    clip = data.of("test")[0]
    assert np.array_equal(light.landmarks_of_clip(clip), data.landmarks_of_clip(clip))
    assert not light.landmarks.held and data.landmarks.held and light._crops is None


def test_tables_are_read_some_rows_at_a_time(tiny, data, monkeypatch):
    """The same, whatever the number of rows."""
    monkeypatch.setattr(frame_table, "_SCANNED_FRAMES", 7)
    monkeypatch.setattr(clip_mels, "_SCANNED_CLIPS", 1)
    pieces, rows = tiny.data(), np.arange(data.frames)
    assert np.array_equal(pieces.landmarks, data.landmarks) and np.array_equal(pieces.labels, data.labels)
    assert np.array_equal(pieces.crops(rows), data.crops(rows))
    assert all(
        np.array_equal(ours, theirs) for ours, theirs in zip(pieces.codes("v1", 4), data.codes("v1", 4), strict=True)
    )
    assert all(np.array_equal(pieces.mels[clip], data.mels[clip]) for clip in data.mels)


def test_what_does_not_fit_a_host_stays_in_its_table(own, monkeypatch):
    """The same numbers, by a row, a slice, or rows in any order, twice, and in any shape."""

    def things(data: TrainingData) -> dict:
        columns = {"landmarks": data.landmarks, "labels": data.labels, "cells": data.labels_at(4)}
        return columns | dict(zip(("upper", "lower"), data.codes("v1", 4), strict=True))

    held, all_held = own.data(), things(own.data())
    sounds = held.mels, held.heard
    monkeypatch.setattr(data_module, "COLUMN_BYTES", 1000)
    large, all_large = own.data(), things(own.data())
    rows = np.array([[77, 3], [3, 149], [31, 0]])
    columns = {name: (all_held[name], all_large[name]) for name in all_held}
    for name, (memory, disk) in columns.items():
        assert not disk.held and getattr(memory, "held", True), name
        assert (memory.shape, memory.dtype, len(memory)) == (disk.shape, disk.dtype, len(disk)), name
        for which in (rows, rows[:, 0], 5, slice(28, 33), np.int64(60)):
            assert np.array_equal(disk[which], memory[which]) and disk[which].dtype == memory.dtype, (name, which)
        assert np.array_equal(disk, memory)
        assert "_values" not in vars(disk), "not even by the way"
    for memory, disk in zip(sounds, (large.mels, large.heard), strict=True):
        assert memory.held and not disk.held and list(disk) == list(memory) and len(disk) == 6
        assert all(np.array_equal(disk[clip], memory[clip]) for clip in memory)


def test_processes_of_a_host_share_what_columns_may_hold(own, monkeypatch):
    monkeypatch.setattr(data_module, "COLUMN_BYTES", own.data().landmarks[:].nbytes)
    assert own.data().landmarks.held
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert not own.data().landmarks.held


def test_labels_of_the_latents_cells(data):
    assert data.labels_at(8) is data.labels, "nothing is copied where crops have as many labels"
    cells = data.labels_at(4)
    assert cells.dtype == np.uint8 and cells.shape == (data.frames, 4, 4), "a byte a cell"
    assert all(np.array_equal(cells[row], downsample_labels(data.labels[row], 4)) for row in (0, 77, 179))
