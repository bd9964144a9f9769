"""data/recordings/twins.py: who shares a recording shares a split."""

import shutil

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.ndimage import gaussian_filter1d

from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.media.video import read_frames
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.data.recordings import kept_fingerprints
from swaptalk_models.data.recordings.twins import joined, shared_recordings
from swaptalk_models.data.sources.catalog import write_catalog
from swaptalk_models.data.stages.registry import DATA_STAGES, run_data_stage
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.settings.preset import load_preset

from ..test_snapshot import PRESET, fill, load_snapshot, make_snapshot

STEPS = 400  # five seconds


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home").create()


def noise(seed: int) -> np.ndarray:
    """Mels of a sound like no other."""
    rough = np.random.default_rng(seed).normal(0, 1.5, (STEPS // 20 + 1, 80))
    return np.clip(np.repeat(rough, 20, axis=0)[:STEPS], -4, 4).astype("<f4")


def give_sounds(home: Home, sounds: dict[str, np.ndarray]) -> None:
    tables.delete_clips(home, "mels", list(sounds))
    columns = {
        "clip": list(sounds),
        "video": [clip.rpartition("_")[0] for clip in sounds],
        "frame": pa.array([0] * len(sounds), pa.int32()),
    }
    columns |= {"mel": pa.array([sound.tobytes() for sound in sounds.values()], pa.large_binary())}
    tables.append_rows(home, "mels", pa.table(columns))
    enter_again(home, "mels")


def enter_again(home: Home, stage: str) -> None:
    """The ledger's entries as they are, as a stage enters what it has made again."""
    with Ledger(home.ledger) as ledger:
        ledger.commit(ledger.entries(stage).values())


def test_people_hang_together_through_others():
    assert joined("abcd", [("c", "b"), ("d", "c")]) == {"a": "a", "b": "b", "c": "b", "d": "b"}


def test_a_recording_under_two_names_is_in_one_split_and_marked(home):
    fill(home, "abcdefgh")
    before = make_snapshot(home, PRESET)
    split = {row["person"]: row["split"] for row in before.clips()}
    held_out = next(person for person in split if split[person] == "test")
    learned = next(person for person in split if split[person] == "train")
    sound = noise(1)
    give_sounds(home, {f"{held_out}0_000": sound, f"{learned}1_000": np.roll(sound, -40, axis=0)})
    (home.root / "fingerprints.parquet").unlink()
    after = make_snapshot(home, PRESET)
    now = {row["person"]: row["split"] for row in after.clips()}
    assert now[held_out] == now[learned] and after.version != before.version
    (twin,) = (row for row in after.clips() if row["twin"])
    assert {twin["clip"], twin["twin"]} == {f"{held_out}0_000", f"{learned}1_000"} and twin["twin_by"] == "sound"
    assert after.version == "9ac3447ae468bfbb", "of earlier code"
    assert load_snapshot(home).clips() == after.clips()


def test_without_twins_a_snapshot_is_as_ever(home, monkeypatch):
    fill(home, "abcdef")
    version = make_snapshot(home, PRESET).version
    monkeypatch.setattr("swaptalk_models.data.snapshot.shared_recordings", lambda *given: [])
    assert make_snapshot(home, PRESET).version == version
    assert {row["twin"] for row in load_snapshot(home).clips()} == {""}


def test_only_what_is_new_is_fingerprinted(home, monkeypatch):
    fill(home, "abcd")
    made: list[int] = []
    real = kept_fingerprints.sound_fingerprint
    monkeypatch.setattr(kept_fingerprints, "sound_fingerprint", lambda mel: made.append(len(mel)) or real(mel))
    give_sounds(home, {"a0_000": noise(1), "b0_000": noise(1), "c0_000": noise(2)})
    hashes, owner = {"a0_000": "1", "b0_000": "1", "c0_000": "1"}, {"a0_000": "a", "b0_000": "b", "c0_000": "c"}
    (twin,) = shared_recordings(home, hashes, {}, owner)
    assert (twin.first, twin.second, len(made)) == ("a0_000", "b0_000", 3)
    assert shared_recordings(home, hashes, {}, owner) == [twin] and len(made) == 3
    assert shared_recordings(home, hashes | {"b0_000": "2"}, {}, owner) == [twin] and len(made) == 4
    del hashes["b0_000"]
    assert shared_recordings(home, hashes, {}, owner) == [] and len(made) == 4


def movie(seed: int, frames: int = 200) -> list[bytes]:
    """Crops that move like no others."""
    rough = np.random.default_rng(seed).normal(0, 40, (frames // 4 + 2, 4, 9))
    smooth = gaussian_filter1d(np.repeat(rough, 4, axis=0), 4, axis=0)[:frames]
    grey = np.clip(128 + 2 * smooth, 0, 255).astype(np.uint8)
    return [encode_png(np.repeat(np.kron(one, np.ones((8, 8), np.uint8))[..., None], 3, axis=2)) for one in grey]


def give_pictures(home: Home, pictures: dict[str, list[bytes]]) -> None:
    """Their rows come in any order."""
    tables.delete_clips(home, "face_crops", list(pictures))
    rows = [(clip, number, crop) for clip, crops in pictures.items() for number, crop in enumerate(crops)][::-1]
    clips, numbers, crops = zip(*rows, strict=True)
    columns = {"clip": list(clips), "video": [clip.rpartition("_")[0] for clip in clips]}
    columns |= {"frame": pa.array(numbers, pa.int32()), "crop": pa.array(crops, pa.large_binary())}
    tables.append_rows(home, "face_crops", pa.table(columns))
    enter_again(home, "face_crops")


def test_a_silent_and_a_dubbed_copy_are_found_by_their_picture(home):
    fill(home, "abcdefgh")
    before = make_snapshot(home, PRESET)
    split = {row["person"]: row["split"] for row in before.clips()}
    held_out = next(person for person in split if split[person] == "test")
    first, second = sorted(person for person in split if split[person] == "train")[:2]
    shown = movie(1)
    give_sounds(home, {f"{first}1_000": noise(1), f"{second}0_000": noise(2)})
    give_pictures(home, {f"{held_out}0_000": shown, f"{first}1_000": shown[33:], f"{second}0_000": movie(2)})
    (home.root / "fingerprints.parquet").unlink()
    (home.root / "picture_fingerprints.parquet").unlink()
    after = make_snapshot(home, PRESET)
    now = {row["person"]: row["split"] for row in after.clips()}
    assert now[held_out] == now[first] and after.version != before.version
    (twin,) = (row for row in after.clips() if row["twin"])
    assert {twin["clip"], twin["twin"]} == {f"{held_out}0_000", f"{first}1_000"} and twin["twin_by"] == "picture"
    assert make_snapshot(home, PRESET).version == after.version


def test_a_twin_by_both_is_one_by_sound_in_a_snapshot_that_stays_as_it_was(home):
    """What is trained already is not trained again."""
    fill(home, "abcdefgh")
    give_sounds(home, dict.fromkeys(("a0_000", "b0_000"), noise(1)))
    by_sound = make_snapshot(home, PRESET)
    give_pictures(home, dict.fromkeys(("a0_000", "b0_000"), movie(1)))
    (home.root / "picture_fingerprints.parquet").unlink()
    by_both = make_snapshot(home, PRESET)
    assert by_both.version == by_sound.version
    (twin,) = (row for row in by_both.clips() if row["twin"])
    assert (twin["clip"], twin["twin"], twin["twin_by"]) == ("b0_000", "a0_000", "sound")


def test_a_manifest_of_before_pictures_says_that_its_twins_were_heard(home):
    fill(home, "abcdefgh")
    give_sounds(home, dict.fromkeys(("a0_000", "b0_000"), noise(1)))
    snapshot = make_snapshot(home, PRESET)
    pq.write_table(snapshot.rows.drop_columns(["twin_by"]), snapshot.path)
    assert load_snapshot(home).clips() == snapshot.clips()


def test_only_pictures_that_are_new_are_looked_at(home, monkeypatch):
    fill(home, "abcd")
    seen: list[int] = []
    real = kept_fingerprints.luminance_grid
    monkeypatch.setattr(kept_fingerprints, "luminance_grid", lambda png: seen.append(len(png)) or real(png))
    give_pictures(home, {"a0_000": movie(1), "b0_000": movie(1), "c0_000": movie(2)})
    hashes, owner = {"a0_000": "1", "b0_000": "1", "c0_000": "1"}, {"a0_000": "a", "b0_000": "b", "c0_000": "c"}
    (twin,) = shared_recordings(home, {}, hashes, owner)
    assert (twin.first, twin.second, twin.kind, len(seen)) == ("a0_000", "b0_000", "picture", 3 * 200 // 5)
    assert shared_recordings(home, {}, hashes, owner) == [twin] and len(seen) == 120
    assert shared_recordings(home, {}, hashes | {"b0_000": "2"}, owner) == [twin] and len(seen) == 160
    del hashes["b0_000"]
    assert shared_recordings(home, {}, hashes, owner) == [] and len(seen) == 160
    assert pq.read_table(home.root / "picture_fingerprints.parquet")["clip"].to_pylist() == ["a0_000", "c0_000"]


@pytest.mark.slow
def test_from_videos_to_twins(home, tmp_path):
    """Through all stages: a smaller, silent copy of the end of somebody's video, in another window."""
    videos = write_corpus(tmp_path / "videos", people=5, seconds=1.2, size=128)
    (long,) = write_corpus(tmp_path / "long", people=1, seconds=8.0, size=256)
    shutil.copy(long, videos[0])
    copy = [cv2.resize(frame[6:-6, 6:-6], (200, 200)) for batch in read_frames(long) for frame in batch][17:]
    with VideoWriter(tmp_path / "videos" / "copy.mp4", 200, 200, audio=np.zeros(640 * len(copy)), crf=26) as writer:
        for frame in copy:
            writer.write(frame)
    preset = load_preset("tiny")
    write_catalog(home, preset, videos=str(tmp_path / "videos"))
    for stage in DATA_STAGES:
        run_data_stage(stage, home, preset)
    snapshot = make_snapshot(home, preset)
    twins = {row["clip"]: (row["twin"], row["twin_by"]) for row in snapshot.clips() if row["twin"]}
    assert twins == {"phantom_000_000": ("copy_000", "picture")}
    split = {row["video"]: row["split"] for row in snapshot.clips()}
    assert len(split) == 6 and split["copy"] == split["phantom_000"]
