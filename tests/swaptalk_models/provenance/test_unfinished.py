"""provenance/unfinished.py: which unfinished job goes on, and what is left of one."""

import dataclasses

import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.inference.resumable_writer import PIECE
from swaptalk_models.provenance.jobs import Consent, Input, Job, ReleaseUsed
from swaptalk_models.provenance.unfinished import clock, unfinished

JOB = Job(
    "20260101T000000-aa", "2026-01-01", {"source": Input("a.png", "a1", 3)}, ReleaseUsed("v", "r1", "s"),
    {"detail": True, "face": None}, Consent("Anna", "option", "2026-01-01"),
)  # fmt: skip
LATER = dataclasses.replace(JOB, id="20260101T000100-bb", time="2026-01-02", consent=None)


@pytest.fixture
def output(tmp_path):
    """Of a job that was killed behind its second piece."""
    output = tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt), unfinished(output) as held:
        assert held.take(JOB, resume=False) == (JOB, None)
        for number in range(2):
            (held.folder / f"{number:06d}.mp4").write_bytes(b"x")
            (held.folder / f"{number:06d}.json").write_text("{}")
        raise KeyboardInterrupt
    return output


def test_the_same_job_goes_on(output, tmp_path):
    with unfinished(output) as held:
        job, said = held.take(LATER, resume=True)
        assert job == JOB, "its mark is in the pieces"
        assert said == "going on at 0:19" and held.frames == 2 * PIECE
    assert list(tmp_path.iterdir()) == [], "done"


@pytest.mark.parametrize(
    "changed",
    [{"options": {"detail": False, "face": None}}, {"release": ReleaseUsed("v", "r2", "s")},
     {"inputs": {"source": Input("a.png", "a2", 3)}}],
)  # fmt: skip
def test_another_job_begins_anew(output, changed):
    with unfinished(output) as held:
        job, said = held.take(dataclasses.replace(LATER, **changed), resume=True)
        assert job.id == LATER.id and said.endswith("begun anew") and held.frames == 0


def test_who_does_not_ask_for_it_begins_anew_and_is_told(output):
    with unfinished(output) as held:
        job, said = held.take(LATER, resume=False)
        assert job == LATER and said == "begun anew; --resume would have gone on at 0:19" and held.frames == 0


def test_nothing_to_go_on_with(tmp_path):
    with unfinished(tmp_path / "new.mp4") as held:
        assert held.take(JOB, resume=True) == (JOB, "nothing to go on with: begun anew")


def test_an_error_before_the_first_piece_leaves_nothing(tmp_path):
    with pytest.raises(UserError), unfinished(tmp_path / "out.mp4") as held:
        held.take(JOB, resume=False)
        raise UserError("no face")
    assert list(tmp_path.iterdir()) == []


def test_two_do_not_work_on_one_output(tmp_path):
    said = pytest.raises(UserError, match="another process is making it")
    with unfinished(tmp_path / "out.mp4"), said, unfinished(tmp_path / "out.mp4"):
        pass


def test_a_place_in_a_video():
    assert [clock(frames) for frames in (0, 24, 25, 1500, 92525)] == ["0:00", "0:00", "0:01", "1:00", "61:41"]
