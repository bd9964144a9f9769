"""data/recordings/twins.py: who shares a recording shares a split."""

import numpy as np
import pyarrow as pa
import pytest

from swaptalk_models.data.recordings import kept_fingerprints
from swaptalk_models.data.recordings.twins import joined, shared_recordings
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home

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
    assert {twin["clip"], twin["twin"]} == {f"{held_out}0_000", f"{learned}1_000"}
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
