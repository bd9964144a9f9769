"""evaluation/measure/make_videos.py, scene_videos.py and scene_inputs.py, with a generator that takes no time"""

import json
import shutil
import sys
import types
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.media.audio import read_audio, write_wav
from swaptalk_models.data.media.video import read_frames
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.stages import face_crops
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.measure import make_videos, scene_videos
from swaptalk_models.evaluation.measure.make_videos import make_test_videos
from swaptalk_models.evaluation.measure.protocol import Chunk
from swaptalk_models.evaluation.measure.scene_inputs import chunk_files
from swaptalk_models.evaluation.measure.scene_videos import evaluation_folder, load_videos
from swaptalk_models.inference import generator, release
from swaptalk_models.modules.model_folder import ModelFolder, make_current
from swaptalk_models.provenance.marks import ManifestOnly
from swaptalk_models.settings.preset import load_preset

METHODS = "[Lip-sync alone, Swap alone, Copied reference]"
WITHOUT = {"evaluation.pairs": 2, "evaluation.silent_seconds": 0}
PRESET = load_preset("tiny", WITHOUT | {"evaluation.methods": METHODS})
CLIPS = [{"clip": f"{person}_000", "person": person, "split": "test", "frames": 8, "sound": True} for person in "ab"]
CLOSED = 3  # the frame whose mouth is closed


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    home = Home(tmp_path / "home").create()
    for name in ("vqgan", "face_swapper", "lip_sync", "wav2lip", "wav_sync_swap", "restorer"):
        folder = ModelFolder(home.models / name / "v1")
        folder.path.mkdir(parents=True)
        make_current(folder)
    home.clips.mkdir()
    sound = np.sin(np.arange(8 * 640, dtype=np.float32))
    for number, clip in enumerate(CLIPS):
        with VideoWriter(home.clip_video(clip["clip"]), 64, 64, crf=1) as writer:
            for frame in range(8):
                writer.write(np.full((64, 64, 3), 100 * number + 10 * frame + 20, np.uint8))
        write_wav(home.clip_audio(clip["clip"]), sound)
        landmarks = np.repeat(template_landmarks(64)[None], 8, axis=0)
        landmarks[:, 66, 1] += np.float32([8, 7, 6, 0, 1, 6, 7, 8])  # closed at 3 and 4 ...
        landmarks[4] += 9  # ... but moved away at 4
        values = [[clip["clip"]] * 8, ["v"] * 8, list(range(8)), [b""] * 8, None, None, [b""] * 8, [1.0] * 8]
        columns = dict(zip(face_crops.SCHEMA.names, values, strict=True))
        columns |= {"affine": tables.float_list(np.zeros((8, 6))), "landmarks": tables.float_list(landmarks)}
        rows = pa.table(columns, schema=face_crops.SCHEMA)
        tables.append_rows(home, "face_crops", rows.take([5, 3, 1, 0, 2, 4, 7, 6]))
    snapshot = types.SimpleNamespace(version="snap", clips=lambda split: CLIPS, table_version=lambda name: None)
    for module in (make_videos, scene_videos):
        monkeypatch.setattr(module, "load_snapshot", lambda home: snapshot)
    monkeypatch.setattr(release, "load_current", lambda home, preset: "networks")
    monkeypatch.setattr(make_videos, "_processes", lambda targets: 1)  # what is replaced here is not so in others
    return home


@pytest.fixture
def made(monkeypatch) -> types.SimpleNamespace:
    made = types.SimpleNamespace(videos=[], followed=[], detailed=[], markings=[])

    class Quick:
        def __init__(self, networks):
            self.networks = networks

        def follow(self, target, progress):
            made.followed.append(target)
            return types.SimpleNamespace(target=target, landmarks=None)

        def generate(self, source, target, audio, output, *, stages, detail, marking, track, progress):
            assert track.target == target
            made.markings.append(marking)
            made.videos.append((source, target, audio, output, stages, self.networks))
            made.detailed += [output] if detail else []
            output.write_bytes(b"video")

    monkeypatch.setattr(generator, "Generator", Quick)
    return made


def test_every_method_on_every_scene(home, made):
    records = make_test_videos(home, PRESET).value
    assert len(records) == 2 * 4 + 2 * 4 and len(made.videos) == 2 * 3 + 2 * 3, "the ground truth is there already"
    assert len(made.followed) == len(set(made.followed)) == 2, "a target once, for all methods and settings"
    targets = [target for _, target, *_ in made.videos]
    assert targets == sorted(targets), "one target after the other: a single track is held"
    assert len({record["path"] for record in records if record["method"] != "Ground truth"}) == 12
    for record in records:
        assert Path(record["path"]).is_file() and Path(record["source"]).is_file()
        assert Path(record["source"]).stem != Path(record["target"]).stem[0], "source and target are two people"
        own = Path(record["audio"]).stem == Path(record["target"]).stem
        assert own == (record["setting"] == "self" or record["method"] == "Ground truth")
        if record["method"] == "Ground truth":
            assert record["path"] == record["target"]
        assert sorted(path.name for path in Path(record["gallery"]).iterdir()) == ["a.png", "b.png"]


def test_what_goes_wrong_in_a_process_is_said_by_the_run(home, monkeypatch):
    """Two targets, two processes, really: and the home's models are folders without weights."""
    monkeypatch.setattr(make_videos, "_processes", lambda targets: targets)
    with pytest.raises(UserError, match="vqgan"):
        make_test_videos(home, PRESET)
    assert not list(home.evaluation.glob("*/test_videos.json"))


def test_they_are_signed_and_no_pixel_is_touched(home, made):
    make_test_videos(home, PRESET)
    frame = np.zeros((4, 4, 3), np.uint8)
    for marking in made.markings:
        assert isinstance(marking, ManifestOnly) and marking.on_frame(frame, 0, 0) is frame
    assert (home.root / "identity").is_dir()


def test_without_the_library_that_signs_they_are_made_all_the_same(home, made, monkeypatch):
    monkeypatch.setitem(sys.modules, "c2pa", None)
    make_test_videos(home, PRESET)
    assert set(made.markings) == {None}


def test_methods_differ_in_source_and_lips(home, made):
    records = make_test_videos(home, PRESET).value
    method = {record["path"]: record["method"] for record in records}
    asked = {(method[str(output)], source is not None, stages) for source, _, _, output, stages, _ in made.videos}
    assert asked == {
        ("SwapTalk", True, ("swap", "speak")),
        ("Lip-sync alone", False, ("speak",)),
        ("Copied reference", False, ("copy_lips",)),
        ("Swap alone", True, ("swap",)),
    }


def test_only_the_row_that_says_so_has_detail(home, made):
    """No figure of the paper's method may contain it."""
    methods = "[SwapTalk + detail, Swap alone]"
    records = make_test_videos(home, load_preset("tiny", WITHOUT | {"evaluation.methods": methods})).value
    detailed = [record["path"] for record in records if record["method"] == "SwapTalk + detail"]
    assert {str(path) for path in made.detailed} == set(detailed) and len(detailed) == 4
    assert len({record["path"] for record in records if record["method"] == "SwapTalk"} - set(detailed)) == 4


def test_cascades_run_on_rgb_models_of_their_target(home, made, monkeypatch):
    monkeypatch.setattr(
        make_videos, "_rgb_models", lambda home, networks, method, track: (networks, method.stages, track.target)
    )
    preset = load_preset("tiny", WITHOUT | {"evaluation.methods": "[Sync-Swap-Restore, RGB swap alone]"})
    records = make_test_videos(home, preset).value
    method = {record["path"]: record["method"] for record in records}
    rgb = [call for call in made.videos if method[str(call[3])] != "SwapTalk"]
    assert len(rgb) == 4 + 2, "the swap alone is cross-driven only"
    for _, target, _, _, stages, models in rgb:
        assert models == ("networks", stages, target)
        assert stages in (("speak", "swap", "restore"), ("swap",))
    assert all(call[5] == "networks" for call in made.videos if method[str(call[3])] == "SwapTalk")


def test_long_clips_are_cut(home):
    """Picture and sound of the same instants."""
    chunk = Chunk("b_000", 4, 4)
    video, audio = chunk_files(home, chunk, home.evaluation / "x")
    frames = np.concatenate(list(read_frames(video)))
    assert np.abs(frames.mean((1, 2, 3)) - [160, 170, 180, 190]).max() < 3
    sound = read_audio(audio, 16000)
    assert np.abs(sound - np.sin(np.arange(4 * 640, 8 * 640))).max() < 1e-3
    stamp = video.stat().st_mtime_ns
    assert chunk_files(home, chunk, home.evaluation / "x") == (video, audio)
    assert video.stat().st_mtime_ns == stamp, "cut once"
    assert chunk_files(home, Chunk("b_000"), home.evaluation)[0] == home.clip_video("b_000")


@pytest.mark.parametrize("early", [1, -1])
def test_a_sound_that_is_out_of_step_is_moved_back(home, early):
    """By the snapshot's offset, of whole clips and of pieces; before its beginning and behind its end there is silence."""
    whole = np.sin(np.arange(read_audio(home.clip_audio("b_000"), 16000).size))
    moved = np.roll(whole, early * 640)
    moved[: 640 if early > 0 else 0] = moved[len(moved) - (640 if early < 0 else 0) :] = 0
    video, audio = chunk_files(home, Chunk("b_000", sound_offset=early), home.evaluation / "x")
    assert video == home.clip_video("b_000") and audio != home.clip_audio("b_000")
    assert np.abs(read_audio(audio, 16000) - moved).max() < 1e-3
    _, audio = chunk_files(home, Chunk("b_000", 4, 4, early), home.evaluation / "x")
    assert np.abs(read_audio(audio, 16000) - moved[4 * 640 : 8 * 640]).max() < 1e-3


def test_the_source_picture_has_a_closed_mouth(home, made):
    records = make_test_videos(home, PRESET).value
    for number, person in enumerate("ab"):
        picture = cv2.imread(str(Path(records[0]["gallery"]) / f"{person}.png"))
        assert abs(picture.mean() - (100 * number + 10 * CLOSED + 20)) < 3


def test_made_once(home, made):
    first, cached = make_test_videos(home, PRESET)
    assert not cached
    count = len(made.videos)
    assert make_test_videos(home, PRESET) == (first, True) and len(made.videos) == count
    (evaluation_folder(home, PRESET) / "test_videos.json").unlink()
    Path(first[1]["path"]).unlink()
    make_test_videos(home, PRESET)
    assert len(made.videos) == count + 1, "videos that are there are kept"


def test_silence_drives_the_same_target_beside_them(home, made):
    """Nothing that was made before is made again; each target is still followed once."""
    make_test_videos(home, PRESET)
    before = len(made.videos)
    asked = load_preset("tiny", {"evaluation.pairs": 2, "evaluation.silent_seconds": 1, "evaluation.methods": METHODS})
    records, cached = make_test_videos(home, asked)
    silent = made.videos[before:]
    assert not cached and len(silent) == 2 * 2, "cross-driven scenes by the two methods that listen"
    assert {audio.name for _, _, audio, *_ in silent} == {"silence_1s.wav"}
    assert {str(target) for _, target, *_ in silent} <= {record["target"] for record in records}
    assert all(output.parent.name == "silent" and output.is_file() for _, _, _, output, *_ in silent)
    assert make_test_videos(home, asked).cached and make_test_videos(home, PRESET).cached
    assert len(made.videos) == before + 4


def test_another_model_seed_or_number_is_another_set(home):
    folders = {evaluation_folder(home, PRESET), evaluation_folder(home, load_preset("tiny", {"evaluation.pairs": 3}))}
    folders.add(evaluation_folder(home, load_preset("tiny", {"evaluation.pairs": 2, "evaluation.seed": 1})))
    other = ModelFolder(home.models / "vqgan" / "v2")
    other.path.mkdir()
    make_current(other)
    folders.add(evaluation_folder(home, PRESET))
    folders.add(evaluation_folder(home, load_preset("tiny", {"evaluation.pairs": 2, "evaluation.methods": "[all]"})))
    folders.add(evaluation_folder(home, load_preset("tiny", {"evaluation.pairs": 2, "evaluation.chunk_seconds": 5})))
    assert len(folders) == 6


def test_records_speak_of_the_home_wherever_it_is(home, made, tmp_path):
    records = make_test_videos(home, PRESET).value
    path = evaluation_folder(home, PRESET) / "test_videos.json"
    assert str(home.root) not in path.read_text()
    moved = shutil.copytree(path.parent, tmp_path / "moved" / "evaluation" / path.parent.name)
    expected = json.loads(json.dumps(records).replace(str(home.root), str(tmp_path / "moved")))
    assert load_videos(path.parent) == records and load_videos(moved) == expected
    (moved / path.name).write_text(json.dumps(records))  # as earlier versions kept them
    assert load_videos(moved) == expected


def test_what_they_are_made_from_lies_beside_them(home, made):
    make_test_videos(home, PRESET)
    origin = json.loads((evaluation_folder(home, PRESET) / "made_from.json").read_text())
    assert origin["models"] == dict.fromkeys(("vqgan", "face_swapper", "lip_sync"), "v1"), (
        "no baseline that no method needs"
    )
    assert (origin["snapshot"], origin["seed"], origin["pairs"]) == ("snap", 0, 2)
    assert origin["methods"][0] == "SwapTalk"
