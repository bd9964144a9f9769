"""`swaptalk releases`: the list, and back to an earlier release."""

import hashlib
import json
import os

import pytest

from pipelines.cli.main import main
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.release_log import REFUSED, ReleaseEvent, add_event
from swaptalk_models.talks.places import chosen_release


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path / "home").create()
    for number, version in enumerate(("aa11", "ab22")):
        folder = home.releases / version
        folder.mkdir(parents=True)
        (folder / "weights").write_text(version)
        said = {"models": {"vqgan": version}, "snapshot": "s", "preset": "tiny"}
        said["files"] = {"weights": hashlib.sha256(version.encode()).hexdigest()}
        (folder / "release.json").write_text(json.dumps(said))
        videos = [{"setting": "self", "id_similarity": 0.5 + n / 10} for n in range(5)]
        (folder / "evaluation.json").write_text(json.dumps({"videos": videos}))
        os.utime(folder / "release.json", (number, number))
    (home.releases / "current").write_text("ab22\n")
    add_event(home, ReleaseEvent(REFUSED, "ac33", 1e9, "ab22", "ssim (self-driven) was 0.9 and is 0.5"))
    return home


def releases(home: Home, capsys, *words, code=0) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["releases", "--home", str(home.root), *words])
    out, err = capsys.readouterr()
    assert ended.value.code == code, err
    return out if code == 0 else err


def test_the_list_fits_a_terminal_and_says_why(home, capsys):
    out = releases(home, capsys)
    table = out[: out.index("* in use")].splitlines()
    assert max(map(len, table)) <= 80
    assert any(line.split()[2:4] == ["ab22", "*"] for line in table)
    assert "0.700" in out and "ac33 ssim (self-driven) was 0.9 and is 0.5" in out and "other networks: vqgan" in out
    assert out.splitlines()[-1] == f"page: {home.evaluation / 'releases.html'}"


def test_back_and_forward_again(home, capsys):
    releases(home, capsys, "--use", "aa", "--because", "lips blurred")
    assert chosen_release(home.root) == home.releases / "aa11" and home.state().release == str(home.releases / "aa11")
    (first, *_) = json.loads(releases(home, capsys, "--json"))
    assert (first["kind"], first["version"], first["before"], first["reason"]) == (
        "chosen",
        "aa11",
        "ab22",
        "lips blurred",
    )
    assert first["in_use"] and first["at"] > 1e9
    assert (home.releases / "ab22" / "weights").is_file(), "the newest is not lost"
    releases(home, capsys, "--use", "ab22")
    assert chosen_release(home.root) == home.releases / "ab22"
    assert len(json.loads(releases(home, capsys, "--use", "ab22", "--json"))) == 5, "chosen twice, noted once"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--use", "zz"], "no release in"),
        (["--use", "a"], "more than one release"),
        (["--use", ""], "begins with ''"),
        (["--because", "x"], "--because goes with --use"),
    ],
)
def test_what_cannot_be_used(home, capsys, words, said):
    assert said in releases(home, capsys, *words, code=2)


def test_a_damaged_release_is_not_put_into_use(home, capsys):
    (home.releases / "aa11" / "weights").write_text("changed")
    assert "differs from the hash" in releases(home, capsys, "--use", "aa", code=2)
    assert (
        chosen_release(home.root) == home.releases / "ab22" and len(json.loads(releases(home, capsys, "--json"))) == 3
    )


def test_nothing_was_released_yet(tmp_path, capsys):
    (tmp_path / "home").mkdir()
    assert "nothing was released" in releases(Home(tmp_path / "home"), capsys)


def test_while_a_run_is_releasing_it_waits(home, capsys):
    with home.writing("model_release"):
        assert "is at work on model_release" in releases(home, capsys, "--use", "aa", code=2)
