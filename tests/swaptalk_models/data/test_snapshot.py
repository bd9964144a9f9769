import dataclasses
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from swaptalk_models.data import snapshot as snapshot_module
from swaptalk_models.data.person_split import SPLITS
from swaptalk_models.data.quality.gates import heard
from swaptalk_models.data.snapshot import TABLES, is_drawn, load_snapshot, make_snapshot, make_unheard_snapshot
from swaptalk_models.data.sources.catalog_table import catalog_table
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.audit import wrong_rows
from swaptalk_models.data.store.fingerprint import hash_values
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Entry, Ledger
from swaptalk_models.errors import UserError
from swaptalk_models.settings.data import QualityConfig, SplitConfig
from swaptalk_models.settings.preset import Preset

PRESET = Preset("test")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home").create()
    fill(home, "abcde")
    return home


def fill(home: Home, people: str, content: str = "1") -> None:
    rows = [
        {"video": f"{p}{i}", "clip": f"{p}{i}_000", "clip_index": 0, "person": p, "source": "x"}
        for p in people
        for i in range(2)
    ]
    home.catalog.parent.mkdir(exist_ok=True)
    pq.write_table(catalog_table(rows), home.catalog)
    for name in TABLES:
        put(home, name, [row["clip"] for row in rows], content)


def video_of(clip: str) -> str:
    return clip.rpartition("_")[0]


def put(home: Home, name: str, clips: list[str], content: str = "1", **quality: float) -> None:
    tables.delete_clips(home, name, clips)
    frames = pa.array([0, 1] * len(clips), pa.int32())
    twice = [clip for clip in clips for _ in range(2)]
    columns = {"clip": twice, "video": [video_of(clip) for clip in twice], "frame": frames}
    made = {"mels": {"mel": b""}, "face_crops": {"crop": None}}.get(name, {})
    columns |= {column: pa.array([value] * len(twice), pa.large_binary()) for column, value in made.items()}
    tables.append_rows(home, name, pa.table(columns))
    with Ledger(home.ledger) as ledger:
        ledger.commit(
            Entry(
                name,
                clip,
                video_of(clip),
                "f",
                "i",
                "1",
                "p",
                OK,
                output={"rows": content, "frames": 2, "quality": quality},
                rows=2,
            )
            for clip in clips
        )


def test_manifest_names_every_clip_with_person_split_and_versions(home: Home):
    snapshot = make_snapshot(home, PRESET)
    assert [row["clip"] for row in snapshot.clips()] == sorted(f"{p}{i}_000" for p in "abcde" for i in range(2))
    for row in snapshot.clips():
        assert row["person"] == row["clip"][0] and row["frames"] == 2
    for person in "abcde":
        assert len({row["split"] for row in snapshot.clips() if row["person"] == person}) == 1
    assert sum(len(snapshot.clips(split)) for split in SPLITS) == 10
    assert load_snapshot(home).version == snapshot.version and snapshot.path == home.manifest(snapshot.version)


def test_version_is_of_the_content_alone(home: Home, tmp_path: Path):
    snapshot = make_snapshot(home, PRESET)
    for name in TABLES:
        put(home, name, ["a0_000"])  # the same rows, written again: another Lance version
    again = make_snapshot(home, PRESET)
    assert again.version == snapshot.version and again.rows.equals(snapshot.rows)
    other = Home(tmp_path / "other").create()
    fill(other, "edcba")
    assert make_snapshot(other, PRESET).version == snapshot.version


def test_where_nothing_has_changed_no_clip_is_looked_at(home: Home, monkeypatch: pytest.MonkeyPatch):
    first = make_snapshot(home, PRESET)
    with monkeypatch.context() as patch:
        patch.setattr(snapshot_module, "_usable", None)  # a call of it would end here
        assert make_snapshot(home, PRESET).version == first.version
    put(home, "mels", ["a0_000"], content="2")
    second = make_snapshot(home, PRESET)
    (home.snapshots / "current").write_text(first.version + "\n")  # somebody has gone back
    assert make_snapshot(home, PRESET).version == second.version != first.version
    home.manifest(second.version).unlink()
    assert make_snapshot(home, PRESET).version == second.version and home.manifest(second.version).is_file()


def test_new_data_make_a_new_version_and_the_old_one_can_be_rebuilt(home: Home):
    old = make_snapshot(home, PRESET)
    put(home, "face_crops", ["a0_000"], "2")
    new = make_snapshot(home, PRESET)
    assert new.version != old.version and load_snapshot(home).version == new.version
    put(home, "face_crops", [row["clip"] for row in old.clips()], "3")
    kept = load_snapshot(home, old.version)
    assert kept.rows.equals(old.rows)
    assert tables.read_clip(home, "face_crops", "a0_000", version=kept.table_version("face_crops")).num_rows == 2


@pytest.mark.parametrize(
    ("others", "silent", "together"), [("abcd", "", True), ("abcd", "ab", False), ("ab", "", False)]
)
def test_a_programme_has_many_speakers_who_are_held_out_together(
    tmp_path: Path, others: str, silent: str, together: bool
):
    """RD_Radio is no person. Only where there are hardly any others its speakers are divided."""
    home = Home(tmp_path / "home").create()
    fill(home, others)
    radio = [f"RD_Radio{number}" for number in range(1, 20)]
    rows = pq.read_table(home.catalog).to_pylist()
    rows += [{"video": v, "clip": f"{v}_000", "clip_index": 0, "person": "RD_Radio", "source": "x"} for v in radio]
    pq.write_table(catalog_table(rows), home.catalog)
    for name in TABLES:
        put(home, name, [f"{video}_000" for video in radio])
    if silent:
        put(home, "mels", [f"{person}{i}_000" for person in silent for i in range(2)], level=-70.0)
    found = {row["person"]: row["split"] for row in make_snapshot(home, PRESET).clips()}
    assert set(found) == {*others, *radio}
    assert (len({found[video] for video in radio}) == 1) == together


def test_extra_data_only_ever_train(tmp_path: Path):
    home = Home(tmp_path / "home").create()
    fill(home, "abcdefghij")
    usual = {row["person"]: row["split"] for row in make_snapshot(home, PRESET).clips()}
    held_out = sorted(person for person, split in usual.items() if split != "train")
    extra = f"{held_out[0]}*", f"{held_out[1]}0"  # all videos of one, only the first of the other
    preset = dataclasses.replace(PRESET, training_snapshot=dataclasses.replace(PRESET.training_snapshot, extra=extra))
    snapshot = make_snapshot(home, preset)
    split = {row["person"]: row["split"] for row in snapshot.clips()}
    assert split[held_out[0]] == "train" and split[held_out[1]] != "train" and set(split) == set("abcdefghij")
    assert len({row["split"] for row in snapshot.clips() if row["person"] == held_out[1]}) == 1, (
        "nobody is on both sides"
    )


def test_extra_data_of_training_people_change_nothing(tmp_path: Path):
    home = Home(tmp_path / "home").create()
    fill(home, "abcdefghij")
    snapshot = make_snapshot(home, PRESET)
    some = tuple(row["video"] for row in snapshot.clips("train"))[:4]
    preset = dataclasses.replace(PRESET, training_snapshot=dataclasses.replace(PRESET.training_snapshot, extra=some))
    assert make_snapshot(home, preset).version == snapshot.version
    typo = dataclasses.replace(
        PRESET, training_snapshot=dataclasses.replace(PRESET.training_snapshot, extra=("vox_*",))
    )
    with pytest.raises(UserError, match=r"training_snapshot.extra: no video is called 'vox_\*'; one of them is a0"):
        make_snapshot(home, typo)


def test_too_much_extra_data_leaves_nobody_to_hold_out(home: Home):
    preset = dataclasses.replace(
        PRESET, training_snapshot=dataclasses.replace(PRESET.training_snapshot, extra=("[abc]*",))
    )
    with pytest.raises(
        UserError, match=r"only 2 usable people \(.*\).*; 6 clips are extra data \(training_snapshot.extra\)"
    ):
        make_snapshot(home, preset)


def test_split_shares_are_part_of_the_version(home: Home):
    snapshot = make_snapshot(home, PRESET)
    more = dataclasses.replace(PRESET, training_snapshot=SplitConfig(validation=0.4, test=0.4))
    assert make_snapshot(home, more).version != snapshot.version


def test_clip_that_failed_in_one_stage_is_not_in_it(home: Home):
    with Ledger(home.ledger) as ledger:
        ledger.commit([Entry("mels", "a0_000", "a0", "f", "i", "1", "p", "quarantined", "no sound")])
        ledger.set_orphaned("face_crops", ["b1_000"], True)
    assert {row["clip"] for row in make_snapshot(home, PRESET).clips()}.isdisjoint({"a0_000", "b1_000"})


def test_too_few_people_names_what_is_in_quarantine(tmp_path: Path):
    home = Home(tmp_path / "few").create()
    fill(home, "abc")
    with Ledger(home.ledger) as ledger:
        ledger.commit([Entry("face_tracks", "d0_000", "d0", "f", "i", "1", "p", "quarantined", "no face found")])
    with pytest.raises(
        UserError, match=r"only 3 usable people.*1 in quarantine: d0_000 \(face_tracks\): no face found"
    ):
        make_snapshot(home, PRESET)


def test_earlier_training_data_that_were_deleted_are_tagged_anew(home: Home):
    import shutil

    snapshot = make_snapshot(home, PRESET)
    shutil.rmtree(home.tables)
    fill(home, "abcde")
    again = make_snapshot(home, PRESET)
    assert again.version == snapshot.version
    assert tables.read_clip(home, "mels", "a0_000", version=again.table_version("mels")).num_rows == 2


def clips(snapshot) -> set[str]:
    return {row["clip"] for row in snapshot.clips()}


def with_quality(**limits) -> Preset:
    return Preset("test", quality=QualityConfig(**limits))


def test_marked_clips_stay_out_until_the_limit_is_loosened(home: Home):
    whole = make_snapshot(home, PRESET)
    put(home, "face_crops", ["a0_000"], blur=0.9)
    put(home, "mels", ["b1_000"], level=-70.0)
    without = make_snapshot(home, PRESET)
    assert clips(whole) - clips(without) == {"a0_000"} and without.version != whole.version
    with Ledger(home.ledger) as ledger:
        marks = {entry.clip: entry.reason for entry in ledger.entries("quality", status="marked").values()}
        assert ledger.quarantine() == []
    assert set(marks) == {"a0_000", "b1_000"} and "blurred" in marks["a0_000"] and "silent" in marks["b1_000"]
    assert clips(make_snapshot(home, with_quality(max_blur=0.95))) == clips(whole)
    assert make_snapshot(home, with_quality(leave_out=False)).version == whole.version, "measures are no content"


def mute(snapshot) -> set[str]:
    return {row["clip"] for row in snapshot.clips() if not row["sound"]}


def test_a_clip_marked_for_its_sound_is_in_it_and_said_to_be_mute(home: Home):
    whole = make_snapshot(home, PRESET)
    assert whole.rows["sound"].to_pylist() == [True] * 10
    put(home, "mels", ["b1_000"], level=-70.0)
    put(home, "mels", ["c0_000"], level=-10.0, clipped=0.3)
    found = make_snapshot(home, PRESET)
    assert clips(found) == clips(whole) and mute(found) == {"b1_000", "c0_000"} and found.version != whole.version
    assert make_snapshot(home, PRESET).version == found.version
    assert mute(make_snapshot(home, with_quality(min_level=-90.0))) == {"c0_000"}
    assert mute(make_snapshot(home, with_quality(leave_out=False))) == set()
    loose = make_snapshot(home, with_quality(min_level=-90.0, max_clipped=0.5))
    assert loose.version == whole.version, "where all can be heard, nothing has changed"


def test_the_version_of_data_that_can_be_heard_is_that_of_earlier_code(home: Home):
    """What is trained already is not trained again."""
    assert make_snapshot(home, PRESET).version == "a7df1ccc97d0663e"


def test_of_an_earlier_manifest_all_can_be_heard(home: Home):
    snapshot = make_snapshot(home, PRESET)
    pq.write_table(snapshot.rows.drop_columns(["sound"]), snapshot.path)
    assert all(row["sound"] is True for row in load_snapshot(home).clips())


def test_people_who_cannot_be_heard_leave_enough_others_in_each_split(home: Home):
    for person in "abcde":
        put(home, "mels", [f"{person}{i}_000" for i in range(2)], level=-70.0)
        found = make_snapshot(home, PRESET)
        heard = {split: {row["person"] for row in found.clips(split) if row["sound"]} for split in SPLITS}
        assert len(heard["test"]) >= 2 and heard["validation"] and heard["train"] and len(clips(found)) == 10
        put(home, "mels", [f"{person}{i}_000" for i in range(2)])
    put(home, "mels", [f"{p}{i}_000" for p in "ab" for i in range(2)], level=-70.0)
    with pytest.raises(
        UserError, match=r"only 3 of 5 people with a usable sound.*; 4 marked: a0_000: sound silent.*min_level"
    ):
        make_snapshot(home, PRESET)


def test_offsets_change_the_snapshot_once_and_only_where_they_matter(home: Home):
    """The judge is trained on a snapshot and the next one goes by its offsets: this has to come to rest."""
    whole = make_snapshot(home, PRESET)
    listen(home, dict.fromkeys(clips(whole), 0.0))
    assert make_snapshot(home, PRESET).version == whole.version, "in step: nothing is trained again"
    listen(home, {"a0_000": -5.0, "b0_000": 2.0})
    first, second = make_snapshot(home, PRESET), make_snapshot(home, PRESET)
    assert clips(first) == clips(whole) and mute(first) == {"a0_000"} and first.version == second.version
    shifted = make_snapshot(home, with_quality(out_of_step="shift"))
    assert {row["clip"]: row["sound_offset"] for row in shifted.clips() if row["sound_offset"]} == {"a0_000": -5}
    assert clips(shifted) == clips(whole) and mute(shifted) == set() and shifted.version != whole.version
    assert make_snapshot(home, with_quality(out_of_step="keep")).version == whole.version


def listen(home: Home, offsets: dict[str, float]) -> None:
    with Ledger(home.ledger) as ledger:
        crops, mels = (ledger.entries(stage) for stage in ("face_crops", "mels"))
        for clip, offset in offsets.items():
            inputs, output = hash_values(heard(crops[clip], mels[clip])), {"quality": {"offset": offset, "spread": 1.0}}
            ledger.commit([Entry("sync_offsets", clip, clip[:2], "f", inputs, "1", "p", OK, output=output)])


def test_the_judge_learns_from_what_it_does_not_change(home: Home):
    """One run is enough: what is heard moves the snapshot, not the data that the listener was trained on."""
    shift = with_quality(out_of_step="shift")
    before = make_unheard_snapshot(home, shift)
    assert not (home.snapshots / "current").exists(), "nobody else trains on it"
    listen(home, {"a0_000": -5.0})
    heard_now = make_snapshot(home, shift)
    assert make_unheard_snapshot(home, shift).version == before.version != heard_now.version
    assert load_snapshot(home).version == heard_now.version
    assert mute(make_unheard_snapshot(home, PRESET)) == set(), "nor is a clip left out that was heard to be out of step"
    assert make_unheard_snapshot(home, with_quality(out_of_step="keep")).version == before.version


def test_drawn_are_only_the_phantoms(home: Home):
    assert not is_drawn(home)
    rows = [{"video": "a0", "clip": "a0_000", "clip_index": 0, "person": "a", "source": str(home.phantom / "a0.mp4")}]
    pq.write_table(catalog_table(rows), home.catalog)
    assert is_drawn(home)
    rows.append({"video": "b0", "clip": "b0_000", "clip_index": 0, "person": "b", "source": "/films/b0.mp4"})
    pq.write_table(catalog_table(rows), home.catalog)
    assert not is_drawn(home)


def test_an_offset_holds_for_the_sound_it_was_measured_on(home: Home):
    make_snapshot(home, PRESET)
    listen(home, {"a0_000": -5.0, "b0_000": 6.0})
    with Ledger(home.ledger) as ledger:
        ledger.set_orphaned("sync_offsets", ["b0_000"], True)  # its video was away for a run
    put(home, "mels", ["a0_000"], "mended")
    shifted = make_snapshot(home, with_quality(out_of_step="shift"))
    assert {row["clip"]: row["sound_offset"] for row in shifted.clips() if row["sound_offset"]} == {"b0_000": 6}


def test_too_few_people_names_what_is_marked(home: Home):
    put(home, "face_crops", [f"{p}{i}_000" for p in "ab" for i in range(2)], blur=0.9)
    with pytest.raises(
        UserError, match=r"only 3 usable people.*; 4 marked: a0_000: face too blurred: 0.90.*quality.max_blur"
    ):
        make_snapshot(home, PRESET)


def test_marks_of_clips_that_have_gone_go_too(home: Home):
    put(home, "face_crops", ["a0_000"], blur=0.9)
    make_snapshot(home, PRESET)
    with Ledger(home.ledger) as ledger:
        ledger.set_orphaned("face_crops", ["a0_000"], True)
    make_snapshot(home, PRESET)
    with Ledger(home.ledger) as ledger:
        assert "a0_000" not in ledger.entries("quality", orphaned=None)


def test_audit_finds_missing_surplus_and_double_rows(home: Home):
    assert wrong_rows(home, "face_crops", of="face_tracks") == []
    row = pa.table({"clip": ["a0_000"], "video": ["a0"], "frame": pa.array([1], pa.int32())})
    tables.append_rows(home, "face_crops", row)
    tables.delete_clips(home, "face_crops", ["b0_000"])
    tables.append_rows(
        home, "face_crops", pa.table({"clip": ["zz"], "video": ["z"], "frame": pa.array([0], pa.int32())})
    )
    wrong = " | ".join(wrong_rows(home, "face_crops"))
    assert "a0_000: 3 rows instead of 2" in wrong and "a0_000: frames that are there twice" in wrong
    assert "b0_000: 0 rows instead of 2" in wrong and "zz: 1 rows instead of 0" in wrong
    assert "b0_000: 0 rows for 2 in face_tracks" in " | ".join(wrong_rows(home, "face_crops", of="face_tracks"))
