"""data/store/state.py: what a home remembers, and homes made before."""

import json
import subprocess
import sys

import pytest

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.state import HomeState, read_state
from swaptalk_models.errors import UserError


@pytest.fixture
def home(tmp_path, state) -> Home:
    return Home(tmp_path / "home").create()


def test_changes_are_put_beside_what_is_there(home):
    assert home.state() == HomeState() and home.state().empty
    home.update_state(preset="tiny", videos="/a", overrides={"clips.crf": "20"})
    home.update_state(videos="/b", report="/r.html")
    assert home.state() == HomeState("tiny", "/b", overrides={"clips.crf": "20"}, report="/r.html")
    home.update_state(report=None, study=("f16", "no-expert"))
    assert home.state() == HomeState("tiny", "/b", overrides={"clips.crf": "20"}, study=("f16", "no-expert"))


def test_a_field_that_there_is_not_is_refused(home):
    with pytest.raises(TypeError, match="vidoes"):
        home.update_state(vidoes="a")
    assert not home.state_file.exists()


def test_homes_made_before_are_read(home):
    """As an older version wrote it, with nulls, and with less or more than today."""
    old = {"preset": "nano", "videos": "", "hdtf": "/h", "overrides": {"clips.crf": 20}, "release": "/r", "study": None}
    home.state_file.write_text(json.dumps(old))
    assert home.state() == HomeState("nano", "", "/h", {"clips.crf": 20}, release="/r")
    home.state_file.write_text('{"preset": "tiny"}')
    assert home.state() == HomeState("tiny")
    home.state_file.write_text('{"preset": "tiny", "overrides": null, "colour": ["red"]}')
    assert home.state() == HomeState("tiny", other={"colour": ["red"]})


def test_what_another_version_wrote_is_kept(home):
    home.state_file.write_text('{"preset": "tiny", "colour": ["red"]}')
    home.update_state(videos="/a")
    assert json.loads(home.state_file.read_text())["colour"] == ["red"]
    assert home.state().videos == "/a"


def test_what_is_written_is_what_was_written_before(home):
    """Flat: homes are read by the versions before, too."""
    home.update_state(preset="tiny", videos="", hdtf="", overrides={"a.b": [1]})
    found = json.loads(home.state_file.read_text())
    assert found == {
        "preset": "tiny",
        "videos": "",
        "hdtf": "",
        "overrides": {"a.b": [1]},
        "report": None,
        "release": None,
        "study": None,
        "failed": None,
        "report_port": None,
    }


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"overrides": ["a"]}', '{"preset": 1}', '{"study": "f16"}'])
def test_a_damaged_record_is_named_with_what_to_do(home, text):
    home.state_file.write_text(text)
    with pytest.raises(UserError, match=r"state\.json: damaged \(.*\): delete it, and give `swaptalk run`") as error:
        home.state()
    assert "\n" not in str(error.value)
    assert read_state(home.root / "none.json") == HomeState()


def test_of_two_that_write_at_once_one_waits(home):
    code = (
        "import sys; from pathlib import Path; from swaptalk_models.data.store.home import Home\n"
        "home = Home(Path(sys.argv[1]))\n"
        "for number in range(50): home.update_state(**{sys.argv[2]: f'/{number}'})"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(home.root), name]) for name in ("preset", "videos", "hdtf")
    ]
    assert [process.wait() for process in started] == [0, 0, 0]
    assert home.state() == HomeState("/49", "/49", "/49")


def test_what_lies_in_the_home_is_found_wherever_it_is(tmp_path, state):
    home = Home(tmp_path / "one").create()
    report, release = home.evaluation / "e" / "report_r.html", home.releases / "r"
    for folder in (report.parent, release):
        folder.mkdir(parents=True)
    report.touch()
    inside = {
        "report": str(report),
        "release": str(release),
        "hdtf": str(home.root / "hdtf"),
        "preset": str(home.root / "mine.yaml"),
    }
    home.update_state(**inside, videos="/elsewhere/releases/videos")
    assert str(home.root) not in home.state_file.read_text().replace("/elsewhere", "")
    moved = Home(home.root.rename(tmp_path / "two"))
    expected = {name: value.replace("/one", "/two") for name, value in inside.items()}
    assert moved.state() == HomeState(**expected, videos="/elsewhere/releases/videos")
    moved.state_file.write_text(
        json.dumps({"preset": "tiny", "report": inside["report"], "release": inside["release"]})
    )
    assert moved.state() == HomeState("tiny", report=expected["report"], release=expected["release"]), (
        "kept by an earlier version"
    )
