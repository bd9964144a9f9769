import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError


@pytest.fixture
def home(tmp_path: Path, state: str) -> Home:
    return Home(tmp_path / "home").create()


def test_home_that_cannot_be_made_is_the_users_fault(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be the home"):
        Home(tmp_path / "file").create()


@pytest.mark.parametrize("name", ["100%41", "what?", "no_utf8_\udcff"])
def test_a_home_whose_databases_would_not_be_found_is_refused_at_once(tmp_path: Path, name: str):
    with pytest.raises(UserError, match="choose another"):
        Home(tmp_path / name).create()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a #1 [x]*", "größe", "12:30"])
def test_other_names_of_a_home_are_taken(tmp_path: Path, name: str):
    assert Home(tmp_path / name).create().locks.is_dir()


def refused(home: Home, stage: str, why: str) -> None:
    with pytest.raises(UserError, match=why), home.writing(stage):
        pass


def test_two_writers_of_a_stage_exclude_each_other(home: Home):
    with home.writing("clips"), home.writing("mels"):
        refused(home, "clips", rf"another run \(pid {os.getpid()}( on .+)?\) is at work on clips in {home.root}")
    with home.writing("clips"):
        pass


def test_nobody_writes_what_somebody_reads(home: Home):
    with home.writing("face_tracks", reads=("clips",)), home.writing("mels", reads=("clips",)):
        refused(home, "clips", "is at work on clips")


def test_next_writer_knows_whether_the_last_one_ended_well(home: Home):
    with home.writing("clips") as unclean:
        assert not unclean
    with pytest.raises(ZeroDivisionError), home.writing("clips") as unclean:
        assert not unclean
        raise ZeroDivisionError
    with home.writing("clips") as unclean:
        assert unclean
    with home.writing("clips") as unclean:
        assert not unclean


def test_lock_of_a_killed_process_is_free(home: Home):
    code = (
        "import sys, time; from pathlib import Path; from swaptalk_models.data.store.home import Home\n"
        "with Home(Path(sys.argv[1])).writing('clips'): print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(home.root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    with pytest.raises(UserError, match=f"pid {process.pid}"), home.writing("clips"):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with home.writing("clips") as unclean:
        assert unclean
