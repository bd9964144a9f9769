"""training/swap_teacher.py, on drawn people"""

import dataclasses
from collections import Counter

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from swaptalk_models.classical.warp_swap import neutral_landmarks
from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.data.snapshot import SCHEMA
from swaptalk_models.data.stages import face_crops
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.settings.data import CropsConfig
from swaptalk_models.settings.models import SwapTeacherConfig
from swaptalk_models.training import swap_teacher as teacher_pairs
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.pair_table import PAIRS_FILE, read_pairs
from swaptalk_models.training.swap_teacher import draw_pairs, given_source, lit_source, make_pairs, swap_pair

SIZE, FRAMES = 32, 3
PEOPLE = {"a": "train", "b": "train", "c": "train", "d": "validation", "e": "validation", "f": "test"}
STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}
CONFIG = SwapTeacherConfig(pairs=50, held_out_pairs=4)  # more than one job


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """(home, manifest): each person's clip is a few drawn frames."""
    home = Home(tmp_path_factory.mktemp("home")).create()
    rows = []
    for number, (person, split) in enumerate(PEOPLE.items()):
        renderer, clip = Renderer(make_person(number), size=128), f"{person}_000"
        drawn = [renderer.frame(STILL | {"opening": 0.4 * frame}) for frame in range(FRAMES)]
        frames_landmarks = np.stack([points for _, points in drawn])
        affines = crop_affines(frames_landmarks, CropsConfig(size=SIZE))
        crops = [crop_face(image, affine, SIZE) for (image, _), affine in zip(drawn, affines, strict=True)]
        columns = [
            pa.array([clip] * FRAMES),
            pa.array([person] * FRAMES),
            pa.array(np.arange(FRAMES), pa.int32()),
            pa.array([cv2.imencode(".png", crop[..., ::-1])[1].tobytes() for crop in crops], pa.large_binary()),
            tables.float_list(affines),
            tables.float_list(apply_affine(frames_landmarks, affines)),
            pa.array([bytes(64)] * FRAMES, pa.binary()),
            pa.array(np.ones(FRAMES), pa.float32()),
        ]
        tables.append_rows(home, "face_crops", pa.Table.from_arrays(columns, schema=face_crops.SCHEMA))
        rows.append({"clip": clip, "video": person, "person": person, "split": split, "frames": FRAMES, "sound": True})
    manifest = home.manifest("snap")
    manifest.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), manifest)
    return home, manifest


@pytest.fixture(scope="module")
def data(home):
    return TrainingData(home[0].root, home[1])


def test_pairs_stay_within_their_split(data):
    for split in ("train", "validation", "test"):
        people = {clip.person for clip in data.of(split)}
        for source, source_frame, target, target_frame in draw_pairs(data, split, 50, 0):
            assert {source.person, target.person} <= people
            assert 0 <= source_frame < FRAMES and 0 <= target_frame < FRAMES


def test_some_pairs_are_of_one_person_and_all_people_come_up(data):
    pairs = list(draw_pairs(data, "train", 600, 0))
    same = sum(source.person == target.person for source, _, target, _ in pairs) / 600
    assert 0.1 < same < 0.2
    shares = Counter(target.person for _, _, target, _ in pairs)
    assert len(shares) == 3 and min(shares.values()) > 150
    ordered = {(source.person, target.person) for source, _, target, _ in pairs}
    assert len(ordered) == 9


def test_one_person_alone_is_paired_with_himself(data):
    assert all(source.person == target.person for source, _, target, _ in draw_pairs(data, "test", 20, 0))


def test_the_seed_says_it_all(data):
    first, again, other = (list(draw_pairs(data, "train", 30, seed)) for seed in (1, 1, 2))
    assert first == again != other and len(first) == 30


def test_the_same_person_is_left_as_the_target(data):
    clip = data.of("train")[0]
    kept = swap_pair(data, (clip, 0, clip, 2), 0.5)
    assert np.array_equal(kept, data.crops(np.array([clip.first + 2]))[0])


def test_another_person_is_put_on(data):
    source, target = data.of("train")[:2]
    swapped = swap_pair(data, (source, 0, target, 1), 0.5)
    theirs, ours = data.crops(np.array([target.first + 1, source.first]))
    assert swapped.shape == (SIZE, SIZE, 3) and swapped.dtype == np.uint8
    changed = np.abs(swapped.astype(int) - theirs).mean(2)
    assert changed[10:24, 10:22].mean() > 3, "the face"
    assert changed[0].max() <= 2 and changed[:, 0].max() <= 2, "the rim of the crop is the target's"
    assert not np.array_equal(swapped, ours)


def encode(crops):
    """Codes that tell the crops apart."""
    flat = crops.reshape(len(crops), -1).astype(np.uint16)
    return flat[:, 500:508], flat[:, 1500:1508]


@pytest.fixture(scope="module")
def made(home, tmp_path_factory):
    folder, said = tmp_path_factory.mktemp("teacher"), []
    assert make_pairs(home[0].root, home[1], CONFIG, folder, encode, said.append, workers=2) == 54
    return read_pairs(folder), folder, said


def test_no_pair_is_drawn_from_what_is_left_out(home, tmp_path):
    config = dataclasses.replace(CONFIG, pairs=20, held_out_pairs=2, without=("[ab]",))
    make_pairs(home[0].root, home[1], config, tmp_path, encode, lambda line: None, workers=1)
    rows = read_pairs(tmp_path).to_pylist()
    sides = {row[side] for row in rows if row["split"] == "train" for side in ("source_clip", "target_clip")}
    assert sides == {"c_000"} and Counter(row["split"] for row in rows) == {"train": 20, "validation": 2}


def test_the_table_holds_every_pair_with_its_codes(made, data):
    table, folder, said = made
    assert [path.name for path in folder.iterdir()] == [PAIRS_FILE]
    assert said[-1] == "54/54 pairs swapped"
    rows = table.to_pylist()
    assert Counter(row["split"] for row in rows) == {"train": 50, "validation": 4}
    wanted = [*draw_pairs(data, "train", 50, 0), *draw_pairs(data, "validation", 4, 0)]
    for row, (source, source_frame, target, target_frame) in zip(rows, wanted, strict=True):
        assert (row["source_clip"], row["source_frame"]) == (source.name, source_frame)
        assert (row["target_clip"], row["target_frame"]) == (target.name, target_frame)
        crop = cv2.imdecode(np.frombuffer(row["crop"], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        upper, lower = encode(crop[None])
        assert row["upper"] == upper[0].tolist() and row["lower"] == lower[0].tolist()
        neutral = neutral_landmarks(data.landmarks_of_clip(target))
        given, points = given_source(data, source.first + source_frame, target.first + target_frame, neutral)
        assert np.allclose(row["source_landmarks"], points.ravel())
        upper, lower = encode(given[None])
        assert row["source_upper"] == upper[0].tolist() and row["source_lower"] == lower[0].tolist()
    assert table["upper"].type == pa.list_(pa.uint16(), 8)


def test_sharing_out_the_work_does_not_change_it(made, home, data):
    """One process, one pair at a time, in another order: the same rows."""
    rows = made[0].to_pylist()
    drawn = {"train": list(draw_pairs(data, "train", 50, 0)), "validation": list(draw_pairs(data, "validation", 4, 0))}
    for number in (53, 7, 0, 49):
        split, index = ("train", number) if number < 50 else ("validation", number - 50)
        (alone,) = teacher_pairs._swap_some((str(home[0].root), str(home[1]), CONFIG, [(split, drawn[split][index])]))
        del alone["given"]  # kept as codes
        assert np.allclose(alone.pop("source_landmarks"), rows[number]["source_landmarks"])
        assert alone == {name: rows[number][name] for name in alone}


def test_workers_hold_nothing_and_make_the_same(data, home):
    """Crops and landmarks stay on disk, where there are as many of them as a corpus has frames."""
    light = teacher_pairs._load(str(home[0].root), str(home[1]), ())
    pair = next(iter(draw_pairs(light, "train", 1, 3)))
    assert np.array_equal(swap_pair(light, pair, 0.5), swap_pair(data, pair, 0.5))
    rows = pair[0].first + pair[1], pair[2].first + pair[3]
    assert np.array_equal(lit_source(light, *rows), lit_source(data, *rows))
    assert not light.landmarks.held and light._crops is None and light._pixels is None


def test_a_table_that_is_not_finished_is_not_there(home, tmp_path):
    def breaks(crops):
        raise RuntimeError("no more memory")

    with pytest.raises(RuntimeError, match="no more memory"):
        make_pairs(home[0].root, home[1], CONFIG, tmp_path, breaks, lambda line: None, workers=1)
    assert not any(tmp_path.iterdir())
