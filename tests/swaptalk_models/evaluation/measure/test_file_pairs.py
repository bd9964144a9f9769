"""Partners of the videos of a folder, by name."""

import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.measure.file_pairs import pair_files


def folder(root, name, *files):
    for file in files:
        path = root / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root / name


def names(pairs):
    return [
        (method, *(p.name if p else None for p in (f.generated, f.target, f.source, f.audio))) for method, f in pairs
    ]


def test_partners_have_the_videos_name_whatever_their_suffix(tmp_path):
    made = folder(tmp_path, "made", "a.mp4", "b, señor.mov", "notes.txt", ".a.mp4")
    targets, faces = (
        folder(tmp_path, "targets", "a.avi", "b, señor.mp4"),
        folder(tmp_path, "faces", "a.png", "b, señor.jpg"),
    )
    sounds = folder(tmp_path, "sounds", "a.wav", "b, señor.m4a")
    expected = [
        ("", "a.mp4", "a.avi", "a.png", "a.wav"),
        ("", "b, señor.mov", "b, señor.mp4", "b, señor.jpg", "b, señor.m4a"),
    ]
    assert names(pair_files(made, targets, faces, sounds, None)) == expected
    assert names(pair_files(made, None, None, None, None))[0] == ("", "a.mp4", None, None, None)


def test_names_of_parts(tmp_path):
    made = folder(tmp_path, "made", "bob__ann.mp4", "bob__ann__eve.mp4")
    targets, faces = folder(tmp_path, "targets", "ann.mp4"), folder(tmp_path, "faces", "bob.png")
    sounds = folder(tmp_path, "sounds", "ann.wav", "eve.wav")
    found = names(pair_files(made, targets, faces, sounds, None))
    assert [row[2:] for row in found] == [("ann.mp4", "bob.png", "ann.wav"), ("ann.mp4", "bob.png", "eve.wav")]


def test_sub_folders_are_methods_and_a_file_is_everybodys_partner(tmp_path):
    made = folder(tmp_path, "made", "ours/a.mp4", "theirs/a.mp4", "c.mp4")
    target = folder(tmp_path, "targets", "t.mp4") / "t.mp4"
    found = names(pair_files(made, target, None, None, None))
    assert [row[:3] for row in found] == [
        ("", "c.mp4", "t.mp4"),
        ("ours", "a.mp4", "t.mp4"),
        ("theirs", "a.mp4", "t.mp4"),
    ]


def test_missing_and_doubtful_partners_are_named(tmp_path):
    made, targets = folder(tmp_path, "made", "bob__ann.mp4"), folder(tmp_path, "targets", "eve.mp4")
    with pytest.raises(UserError, match=r"nothing belongs to bob__ann.mp4: expected bob__ann.mp4 or ann.mp4"):
        pair_files(made, targets, None, None, None)
    folder(tmp_path, "targets", "ann.mp4", "ann.avi")
    with pytest.raises(UserError, match=r"both ann.avi and ann.mp4"):
        pair_files(made, targets, None, None, None)


def test_videos_of_the_leak_test_are_the_methods_own(tmp_path):
    made = folder(tmp_path, "made", "ours/bob__ann__eve.mp4", "theirs/bob__ann__eve.mp4")
    silent = folder(tmp_path, "silent", "ours/bob__ann.mp4", "theirs/bob__ann__eve.mp4")
    own = folder(tmp_path, "own", "ours/bob__ann.mp4", "bob__ann.mp4")
    (_, ours), (_, theirs) = pair_files(made, None, None, None, None, silent, own)
    assert (ours.further.silent, theirs.further.silent) == (
        silent / "ours/bob__ann.mp4",
        silent / "theirs/bob__ann__eve.mp4",
    )
    assert (ours.further.own, theirs.further.own) == (own / "ours/bob__ann.mp4", own / "bob__ann.mp4")
    assert ours.target is None and pair_files(made, None, None, None, None)[0][1].further.silent is None
