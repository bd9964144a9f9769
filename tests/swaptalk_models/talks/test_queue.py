"""talks/queue.py, talks/cancelling.py, with talks that take no time"""

import json
from pathlib import Path

import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.inference.marking import NoMarks
from swaptalk_models.inference.passing import Tally
from swaptalk_models.talks.cancelling import Cancelled, Stoppable
from swaptalk_models.talks.job_file import Talk
from swaptalk_models.talks.making import MadeTalk
from swaptalk_models.talks.queue import CANCELLED, DONE, FAILED, QUEUED, REFUSED, RUNNING, TalkQueue, make_queued


class Quick:
    """Writes the video's job into it."""

    def __init__(self, fault=None):
        self.fault, self.made = fault, 0

    def make(self, *files, begun, stop, **options):
        self.made += 1
        begun(f"job{self.made}")
        if self.fault:
            raise self.fault
        if stop():
            raise Cancelled
        Path(files[3]).write_text(f"video {self.made}")
        return MadeTalk(Path(files[3]), f"job{self.made}", Tally(3, 3), {})


@pytest.fixture
def asked(tmp_path):
    """(queue, talk, release)"""
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "release.json").write_text("{}")
    for name in ("a.png", "b.mp4", "c.wav"):
        (tmp_path / name).write_text(name)
    talk = Talk(*(str(tmp_path / name) for name in ("a.png", "b.mp4", "c.wav", "out.mp4")))
    return TalkQueue(tmp_path / "home"), talk, tmp_path / "release"


def test_what_is_done_is_found_by_content_and_not_done_again(asked, tmp_path):
    queue, talk, release = asked
    entry = queue.add(talk, release)
    assert entry.state == QUEUED
    done = make_queued(queue, entry.id, Quick(), run="r1")
    assert (done.state, done.job, done.run, done.attempts, done.frames["made"]) == (DONE, "job1", "r1", 1, 3)
    assert queue.add(talk, release) == done
    (tmp_path / "a.png").write_text("another face")
    assert queue.add(talk, release).id != entry.id, "other content is another talk, whatever its name"
    (tmp_path / "a.png").write_text("a.png")
    (tmp_path / "out.mp4").write_text("changed")
    assert queue.add(talk, release).state == QUEUED, "its video is not there any more"


@pytest.mark.parametrize(("fault", "state"), [(UserError("a.png: no face"), REFUSED), (ZeroDivisionError("x"), FAILED)])
def test_what_did_not_work_is_tried_again(asked, fault, state):
    queue, talk, release = asked
    entry = queue.add(talk, release)
    with pytest.raises(type(fault)):
        make_queued(queue, entry.id, Quick(fault))
    failed = queue.read(entry.id)
    assert failed.state == state and str(fault) in failed.reason
    assert queue.add(talk, release).state == QUEUED
    assert make_queued(queue, entry.id, Quick()).attempts == 2


def test_a_missing_input_is_refused_by_name(asked, tmp_path):
    queue, talk, release = asked
    (tmp_path / "c.wav").unlink()
    entry = queue.add(talk, release)
    with pytest.raises(UserError):
        make_queued(queue, entry.id, Quick())
    assert queue.read(entry.id).reason == f"{tmp_path / 'c.wav'}: no such file"


def test_a_talk_that_was_killed_behind_its_video_is_not_made_again(asked, tmp_path):
    """The video appears, and the process dies before it can note it."""
    queue, talk, release = asked
    entry = queue.add(talk, release)
    done = make_queued(queue, entry.id, Quick())
    queue.write(type(entry)(**vars(done) | {"state": RUNNING, "sha256": None}))
    (tmp_path / "home" / "jobs").mkdir()
    record = {"output": {"sha256": done.sha256}, "frames": {"made": 3}}
    (tmp_path / "home" / "jobs" / "job1.json").write_text(json.dumps(record))
    again = Quick()
    assert make_queued(queue, queue.add(talk, release).id, again).state == DONE and again.made == 0


def test_cancelling_in_the_queue_and_at_work(asked):
    queue, talk, release = asked
    entry = queue.add(talk, release)
    assert queue.cancel(queue.find(entry.id[:5])) and queue.read(entry.id).state == CANCELLED
    assert queue.add(talk, release).state == CANCELLED, "nobody asked for it again"
    assert queue.add(talk, release, again=True).state == QUEUED
    with queue.claim(entry.id) as mine:
        assert mine and queue.cancel(entry)
        with pytest.raises(Cancelled):
            make_queued(queue, entry.id, Quick())
    assert queue.read(entry.id).state == CANCELLED
    with pytest.raises(UserError, match="no talks of"):
        queue.find("zzz")


def test_two_processes_do_not_take_the_same(asked):
    queue, talk, release = asked
    entry = queue.add(talk, release)
    with queue.claim(entry.id) as first, queue.claim(entry.id) as second:
        assert first and not second


def test_a_marking_asks_whether_to_go_on(monkeypatch):
    answers = iter([False, False, True])
    monkeypatch.setattr("swaptalk_models.talks.cancelling._EVERY_S", -1)
    marking = Stoppable(NoMarks(), lambda: next(answers))
    marking.begin(None)
    assert marking.on_frame("frame", 0, None) == "frame"
    with pytest.raises(Cancelled):
        marking.on_frame("frame", 1, None)
