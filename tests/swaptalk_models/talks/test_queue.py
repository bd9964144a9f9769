"""talks/queue.py, talks/cancelling.py, with talks that take no time"""

import json
import warnings
from pathlib import Path

import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.inference.marking import NoMarks
from swaptalk_models.inference.passing import Tally
from swaptalk_models.talks.cancelling import Cancelled, Stoppable, asking
from swaptalk_models.talks.job_file import Talk
from swaptalk_models.talks.making import MadeTalk
from swaptalk_models.talks.queue import (
    CANCELLED,
    DONE,
    FAILED,
    QUEUED,
    REFUSED,
    RUNNING,
    Progress,
    TalkQueue,
    make_queued,
)


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


class Told(Quick):
    """Says how far it is, and what there is to know."""

    def __init__(self, queue, name):
        super().__init__()
        self.queue, self.name = queue, name

    def make(self, *files, watch, **options):
        watch("follow", 3, 9)
        assert self.queue.progress(self.name) == Progress("follow", 3, 9)
        watch("follow", 4, 9)
        assert self.queue.progress(self.name).done == 3, "not every frame is written down"
        watch("generate", 0, 9)
        assert self.queue.progress(self.name).part == "generate"
        for _ in range(2):
            warnings.warn_explicit("a.png: is small", UserWarning, "swaptalk_models/x.py", 1, "swaptalk_models.x")
        warnings.warn_explicit("others'", UserWarning, "numpy/x.py", 1, "numpy.x")
        return super().make(*files, **options)


@pytest.mark.filterwarnings("ignore")
def test_how_far_it_is_and_what_was_said_of_it(asked):
    queue, talk, release = asked
    entry = queue.add(talk, release)
    for _ in range(2):
        assert make_queued(queue, entry.id, Told(queue, entry.id)).notes == ["a.png: is small"]
        assert queue.progress(entry.id) is None, "it is over"
        Path(talk.output).unlink()
        queue.add(talk, release)


def test_a_talk_can_be_ended_before_its_first_frame():
    told = []
    watch = asking(lambda: True, lambda *said: told.append(said))
    with pytest.raises(Cancelled):
        watch("follow", 0, 9)
    asking(lambda: False, lambda *said: told.append(said))("follow", 1, 9)
    assert told == [("follow", 1, 9)]
