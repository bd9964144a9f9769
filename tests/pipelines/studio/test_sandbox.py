"""A child that decodes is bounded, and what becomes of it is told in plain words."""

from __future__ import annotations

import os
import sys
import time

import pytest

from pipelines.studio.limits import Limits
from pipelines.studio.refusal import Refusal
from pipelines.studio.sandbox import ChildFailed, in_a_child

CHILD = "tests.pipelines.studio.naughty_child"
SMALL = Limits(seconds=20, memory=512 << 20, file=4 << 20)


def ask(task: str, limits: Limits = SMALL, **asked):
    return in_a_child(task, asked, limits, "ben.mp4", CHILD)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not bound memory")
def test_memory_is_bounded():
    with pytest.raises(Refusal, match=r"no memory after [1-7] pieces"):
        ask("eats")


@pytest.mark.parametrize("task", ["spins", "sleeps"])
def test_time_is_bounded_and_nothing_of_it_stays(task, tmp_path):
    begun = time.monotonic()
    with pytest.raises(Refusal, match="ben.mp4: to look at it took more than 2 s: make it shorter"):
        ask(task, Limits(seconds=1.5), file=str(tmp_path / "child"))
    assert time.monotonic() - begun < 10
    if task == "sleeps":
        with pytest.raises(ProcessLookupError):
            for _ in range(100):  # what the child started ends with it
                os.kill(int((tmp_path / "child").read_text()), 0)
                time.sleep(0.05)


def test_what_it_writes_is_bounded(tmp_path):
    with pytest.raises((Refusal, ChildFailed)):
        ask("writes", file=str(tmp_path / "large"))
    assert (tmp_path / "large").stat().st_size <= SMALL.file


def test_a_crash_is_the_files_fault_and_an_error_is_ours():
    with pytest.raises(Refusal, match="ben.mp4: no program here can read it"):
        ask("crashes")
    with pytest.raises(ChildFailed, match="the program is wrong"):
        ask("raises")


def test_it_learns_no_secret(monkeypatch):
    monkeypatch.setenv("SWAPTALK_STUDIO_TOKEN", "a token of enough letters")
    assert ask("tells") == {"PYTHONSAFEPATH": "1"}
