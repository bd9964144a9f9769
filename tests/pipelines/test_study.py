"""pipelines/cli/study.py and pipelines/study_server.py"""

import http.client
import json
import threading

import pytest

from pipelines.cli.main import main
from pipelines.study_server import study_server
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.study.record import (
    KEY_FILE,
    PAGE_FILE,
    VOTES_FOLDER,
    Item,
    Shown,
    Study,
    studies_folder,
    write_key,
)

SHOWN = {
    f"{name}{scene}": Shown(name, str(scene), {"lse_c": float(name == "A")}) for name in "AB" for scene in range(6)
}
ITEMS = tuple(Item(f"i{scene}", f"A{scene}", f"B{scene}", str(scene)) for scene in range(6))
STUDY = Study("s1", "lips", 0, (*ITEMS, Item("i6", "whole", "broken", "0", "whole")), SHOWN)


def vote(item: Item, choice="left", rater="0123456789abcdef", **changed):
    said = {"study": "s1", "rater": rater, "item": item.id, "left": item.left, "right": item.right, "choice": choice}
    return said | {"seconds": 2.5, "at": "2026-01-01T00:00:00Z"} | changed


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home").create()
    folder = studies_folder(home) / STUDY.version
    write_key(STUDY, folder)
    (folder / PAGE_FILE).write_text("<p>the page")
    return home


@pytest.fixture
def ask(home):
    """(method, path, body, headers) -> (status, text), of the served study."""
    with study_server(studies_folder(home) / STUDY.version, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def ask(method, path, body=None, headers=None):
            connection = http.client.HTTPConnection(*server.server_address[:2], timeout=10)
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

        yield ask
        server.shutdown()


def swaptalk(capsys, *arguments):
    """(exit code, stdout, stderr)"""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in arguments])
    return ended.value.code, *capsys.readouterr()


def test_the_page_is_given_and_the_key_is_not(ask):
    assert ask("GET", "/") == (200, "<p>the page")
    for path in (
        f"/{KEY_FILE}",
        f"/{VOTES_FOLDER}/",
        "/../state.json",
        f"/x/../{KEY_FILE}",
        "/videos/",
        "/videos/../key.json",
    ):
        assert ask("GET", path)[0] == 404, path
    assert ask("HEAD", f"/{KEY_FILE}")[0] == 404


def test_votes_come_back(ask, home, capsys):
    for rater in ("0123456789abcdef", "fedcba9876543210"):
        for item in STUDY.items:
            assert ask("POST", "/votes", json.dumps(vote(item, rater=rater))) == (200, "kept")
    files = sorted((studies_folder(home) / "s1" / VOTES_FOLDER).iterdir())
    assert [len(file.read_text().splitlines()) for file in files] == [7, 7]
    code, out, _ = swaptalk(capsys, "study", "--votes", "--home", home.root, "--json")
    outcome = json.loads(out)
    assert code == 0 and outcome["raters"] == 2 and outcome["votes"] == 12
    assert [one["contestant"] for one in outcome["standings"]] == ["A", "B"] and outcome["standings"][0][
        "preferred"
    ] == 1
    code, out, _ = swaptalk(capsys, "study", "--votes", "--home", home.root, *files)
    assert code == 0 and "12 votes of 2 raters; 0 left out" in out and "100 % of 12 duels" in out
    assert "In which of the two do the lips follow" in out


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("{", {}, 400),
        ("[]", {}, 400),
        (json.dumps(vote(ITEMS[0], choice="up")), {}, 400),
        (json.dumps(vote(ITEMS[0], rater="../../../x")), {}, 400),
        (json.dumps(vote(ITEMS[0], study="s2")), {}, 400),
        ("x" * 3000, {}, 413),
        (json.dumps(vote(ITEMS[0])), {"Origin": "https://elsewhere.example"}, 403),
    ],
)
def test_what_is_no_vote_is_not_kept(ask, home, body, headers, status):
    assert ask("POST", "/votes", body, headers)[0] == status
    assert ask("POST", "/key.json", body)[0] == 404
    assert not (studies_folder(home) / "s1" / VOTES_FOLDER).exists()


def test_one_rater_does_not_fill_the_disk(ask, home):
    folder = studies_folder(home) / "s1" / VOTES_FOLDER
    folder.mkdir()
    (folder / "0123456789abcdef.jsonl").write_text("x" * 100_000)
    assert ask("POST", "/votes", json.dumps(vote(ITEMS[0])))[0] == 400


def test_a_port_that_is_taken(home):
    with study_server(studies_folder(home) / "s1", 0) as server, pytest.raises(UserError, match="choose another"):
        study_server(studies_folder(home) / "s1", server.server_address[1])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing was measured in"),
        (["--releases"], "0 of the releases of"),
        (["--releases", "--method", "SwapTalk"], "one or the other"),
        (["--votes"], "no votes in there"),
        (["--votes", "--serve"], "one after the other"),
        (["VOTES"], "files are read with --votes"),
    ],
)
def test_one_line_says_what_is_wrong(home, capsys, tmp_path, arguments, said):
    (tmp_path / "votes.jsonl").write_text("")
    words = [tmp_path / "votes.jsonl" if word == "VOTES" else word for word in arguments]
    code, _, err = swaptalk(capsys, "study", *words, "--home", home.root)
    assert code == 2 and said in err and err.count("\n") == 1
