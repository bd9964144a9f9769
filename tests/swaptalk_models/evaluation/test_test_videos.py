"""evaluation/test_videos.py, with a generator that takes no time"""

import json
import types
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from swaptalk_models.config import load_preset
from swaptalk_models.data import tables
from swaptalk_models.data.alignment import template_landmarks
from swaptalk_models.data.home import Home
from swaptalk_models.data.video_writer import VideoWriter
from swaptalk_models.evaluation import test_videos
from swaptalk_models.evaluation.test_videos import evaluation_folder, make_test_videos
from swaptalk_models.inference import generator, release
from swaptalk_models.training.spec import ModelFolder, make_current

PRESET = load_preset("tiny", {"evaluation.pairs": 2})
CLIPS = [{"clip": f"{person}_000", "person": person, "split": "test"} for person in "ab"]
CLOSED = 3  # the frame whose mouth is closed


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    home = Home(tmp_path / "home").create()
    for name in ("vqgan", "face_swapper", "lip_sync"):
        folder = ModelFolder(home.models / name / "v1")
        folder.path.mkdir(parents=True)
        make_current(folder)
    home.clips.mkdir()
    for number, clip in enumerate(CLIPS):
        with VideoWriter(home.clip_video(clip["clip"]), 64, 64, crf=1) as writer:
            for frame in range(8):
                writer.write(np.full((64, 64, 3), 100 * number + 10 * frame + 20, np.uint8))
        landmarks = np.repeat(template_landmarks(64)[None], 8, axis=0)
        landmarks[:, 66, 1] += np.float32([8, 7, 6, 0, 1, 6, 7, 8])  # closed at 3 and 4 ...
        landmarks[4] += 9  # ... but moved away at 4
        values = [[clip["clip"]] * 8, ["v"] * 8, list(range(8)), [b""] * 8, None, None, [b""] * 8, [1.0] * 8]
        columns = dict(zip(tables.SCHEMAS["face_crops"].names, values, strict=True))
        columns |= {"affine": tables.float_list(np.zeros((8, 6))), "landmarks": tables.float_list(landmarks)}
        rows = pa.table(columns, schema=tables.SCHEMAS["face_crops"])
        tables.append_rows(home, "face_crops", rows.take([5, 3, 1, 0, 2, 4, 7, 6]))
    snapshot = types.SimpleNamespace(version="snap", clips=lambda split: CLIPS, table_version=lambda name: None)
    monkeypatch.setattr(test_videos, "load_snapshot", lambda home: snapshot)
    monkeypatch.setattr(release, "load_current", lambda home, preset: "networks")
    return home


@pytest.fixture
def made(monkeypatch) -> list:
    calls = []

    class Quick:
        def __init__(self, networks):
            assert networks == "networks"

        def generate(self, source, target, audio, output, *, lips, progress):
            calls.append((source, target, audio, output, lips))
            output.write_bytes(b"video")

    monkeypatch.setattr(generator, "Generator", Quick)
    return calls


def test_every_method_on_every_scene(home, made):
    records = make_test_videos(home.root, PRESET)
    assert len(records) == 2 * 4 + 2 * 4 and len(made) == 2 * 3 + 2 * 3, "the ground truth is there already"
    assert len({record["path"] for record in records if record["method"] != "Ground truth"}) == 12
    for record in records:
        assert Path(record["path"]).is_file() and Path(record["source"]).is_file()
        assert Path(record["source"]).stem != Path(record["target"]).stem[0], "source and target are two people"
        own = Path(record["audio"]).stem == Path(record["target"]).stem
        assert own == (record["setting"] == "self" or record["method"] == "Ground truth")
        if record["method"] == "Ground truth":
            assert record["path"] == record["target"]
        assert sorted(path.name for path in Path(record["gallery"]).iterdir()) == ["a.png", "b.png"]


def test_methods_differ_in_source_and_lips(home, made):
    records = make_test_videos(home.root, PRESET)
    method = {record["path"]: record["method"] for record in records}
    asked = {(method[str(output)], source is not None, lips) for source, _, _, output, lips in made}
    assert asked == {
        ("SwapTalk", True, "audio"),
        ("Lip-sync alone", False, "audio"),
        ("Copied reference", False, "reference"),
        ("Swap alone", True, "target"),
    }


def test_the_source_picture_has_a_closed_mouth(home, made):
    records = make_test_videos(home.root, PRESET)
    for number, person in enumerate("ab"):
        picture = cv2.imread(str(Path(records[0]["gallery"]) / f"{person}.png"))
        assert abs(picture.mean() - (100 * number + 10 * CLOSED + 20)) < 3


def test_made_once(home, made):
    first = make_test_videos(home.root, PRESET)
    count = len(made)
    assert make_test_videos(home.root, PRESET) == first and len(made) == count
    (evaluation_folder(home, PRESET) / "test_videos.json").unlink()
    Path(first[1]["path"]).unlink()
    make_test_videos(home.root, PRESET)
    assert len(made) == count + 1, "videos that are there are kept"


def test_another_model_seed_or_number_is_another_set(home):
    folders = {evaluation_folder(home, preset) for preset in (PRESET, load_preset("tiny", {"evaluation.pairs": 3}))}
    folders.add(evaluation_folder(home, load_preset("tiny", {"evaluation.pairs": 2, "evaluation.seed": 1})))
    other = ModelFolder(home.models / "vqgan" / "v2")
    other.path.mkdir()
    make_current(other)
    folders.add(evaluation_folder(home, PRESET))
    assert len(folders) == 4


def test_records_are_plain_json(home, made):
    records = make_test_videos(home.root, PRESET)
    assert json.loads((evaluation_folder(home, PRESET) / "test_videos.json").read_text()) == records
