"""provenance/marks.py: what a generation does with it, without networks."""

import json
import sys

import numpy as np
import pytest

from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.provenance.choice import MarkChoice
from swaptalk_models.provenance.jobs import sha256_of
from swaptalk_models.provenance.manifest import read_manifest
from swaptalk_models.provenance.marks import job_marks
from swaptalk_models.provenance.watermark.detection import read_watermark


@pytest.fixture
def made_with(talking, track, write_video, tmp_path):
    """(choice, which frames show a made face) -> (video, record)."""
    release = tmp_path / "release"
    release.mkdir()
    (release / "release.json").write_text("{}")
    inputs = {}
    for role in ("source", "target", "voice"):
        inputs[role] = tmp_path / f"{role}.bin"
        inputs[role].write_text(role)

    def make(choice: MarkChoice, shown=lambda number: number):
        output = tmp_path / "out.mp4"
        marks = job_marks(tmp_path / "home", inputs, release, output, {}, choice)
        marks.begin(track)
        frames = [marks.on_frame(frame, number, shown(number)) for number, frame in enumerate(talking)]
        made = sum(shown(number) is not None for number in range(len(frames)))
        marks.end({"frames": len(frames), "made": made, "passed_through": {"no face": len(frames) - made}})
        write_video(output, frames, finish=marks.on_file)
        newest = max((tmp_path / "home" / "jobs").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        return output, json.loads(newest.read_text())

    return make


def test_all_marks_say_the_same_job(made_with):
    output, record = made_with(MarkChoice(consent="Anna, for the film"))
    assert read_manifest(output).said["job"] == record["id"]
    assert read_watermark(output).bits == record["bits"] == read_manifest(output).said["watermark"]
    assert record["output"] == {"path": str(output), "sha256": sha256_of(output)}
    assert record["consent"]["said"] == "Anna, for the film" and record["consent"]["how"] == "option"
    assert record["frames"] == {"frames": 60, "made": 60, "passed_through": {"no face": 0}}
    assert record["marks"]["watermark"]["frames"] == 60 and record["marks"]["unmarked"] is None


def test_unmarked_leaves_every_frame_and_says_why(made_with, talking, write_video, tmp_path):
    output, record = made_with(MarkChoice(unmarked="test for the codec"))
    assert output.read_bytes() == write_video(tmp_path / "plain.mp4", talking).read_bytes()
    assert record["marks"] == {"manifest": None, "watermark": None, "label": None, "unmarked": "test for the codec"}
    assert not (tmp_path / "home" / "identity").exists()


def test_frames_that_passed_through_get_no_watermark(made_with, frames_of, talking):
    output, record = made_with(MarkChoice(), lambda number: None)
    assert record["marks"]["watermark"] is None and read_manifest(output).said["watermark"] is None
    assert record["consent"] is None
    assert np.abs(np.subtract(frames_of(output)[5], talking[5], dtype=int)).mean() < 3


def test_the_label_is_on_every_frame_whatever_it_shows(made_with, frames_of):
    output, record = made_with(MarkChoice(label=True), lambda number: number if number % 2 else None)
    assert record["marks"]["label"] == "AI-generated"
    for frame in frames_of(output)[:4]:
        assert frame[-14:-4, 4:60].max() > 200 and frame[-2:, :60].mean() < 120


def test_what_cannot_be_marked_is_not_begun(made_with, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(UserError, match="--unmarked REASON"):
        made_with(MarkChoice())
    assert not (tmp_path / "out.mp4").exists()
    made_with(MarkChoice(unmarked="no library here"))


def test_an_error_while_signing_leaves_no_video(made_with, monkeypatch, tmp_path):
    from swaptalk_models.provenance import marks

    def breaks(*_):
        raise UserError("broken")

    monkeypatch.setattr(marks, "sign", breaks)
    with pytest.raises(UserError, match="broken"):
        made_with(MarkChoice())
    assert not list(tmp_path.glob("*.mp4")) and not list(tmp_path.glob(".*"))
    assert not list((tmp_path / "home" / "jobs").glob("*.json")), "nothing was made, so nothing is recorded"


def test_a_home_with_marks_is_still_a_home(made_with, tmp_path):
    made_with(MarkChoice())
    assert Home(tmp_path / "home").create().state() is not None
