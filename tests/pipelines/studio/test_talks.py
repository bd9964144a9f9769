"""What is asked for in the studio, and what becomes of it: the home's own queue."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from pipelines.studio.keeper import Keeper
from pipelines.studio.talks import StudioTalks
from swaptalk_models.talks.queue import CANCELLED, DONE, FAILED, QUEUED, REFUSED, RUNNING, Progress, TalkQueue

WORDS = "Anna and Carla, 3 May"


@pytest.fixture
def queue(home) -> TalkQueue:
    return TalkQueue(home)


def ask(client, given, status=201, **wish):
    answer = client.ask("POST", "/api/talks", given | {"consent": WORDS} | wish)
    assert answer.status == status, answer.body
    return answer.json


def become(queue: TalkQueue, name: str, state: str, **changes):
    return queue.write(dataclasses.replace(queue.read(name), state=state, **changes))


def finish(queue: TalkQueue, name: str, content: bytes = b"video") -> Path:
    output = Path(queue.read(name).talk.output)
    output.write_bytes(content)
    become(queue, name, DONE, job="j1", frames={"frames": 3, "made": 2, "passed_through": {"covered": 1}}, run="r1")
    return output


def test_a_wish_is_a_talk_of_the_homes_queue(client, given, queue, home):
    talk = ask(client, given, face=2, label=True)
    assert (talk["state"], talk["face"], talk["source_face"], talk["label"], talk["consent"]) == (
        QUEUED,
        2,
        1,
        True,
        WORDS,
    )
    assert {role: file["name"] for role, file in talk["files"].items()} == {
        "source": "anna.png",
        "target": "ben.mp4",
        "voice": "carla.wav",
    }
    entry = queue.read(talk["id"])
    assert (
        Path(entry.talk.source).read_bytes() == b"anna.png"
        and Path(entry.talk.output).parent == home / "studio" / "videos"
    )
    assert ask(client, given, 200, face=2, label=True)["id"] == talk["id"], "asked twice, it is made once"
    assert ask(client, given, consent="others")["id"] != talk["id"], "another consent is another video"
    assert str(home) not in json.dumps(client.ask("GET", "/api/talks").json), "paths are nobody's business"


@pytest.mark.parametrize(
    ("wish", "status", "said"),
    [
        ({"consent": " "}, 422, "say whose face and voice these are"),
        ({"consent": None}, 400, "consent is missing"),
        ({"face": 3}, 422, "ben.mp4: shows 2 faces, so there is no face 3"),
        ({"source_face": 0}, 422, "anna.png: shows 1 face, so there is no face 0"),
        ({"face": True}, 400, "face: is to be a whole number"),
        ({"face": "1"}, 400, "face: is to be a whole number"),
        ({"lable": True}, 400, "'lable' is not known: was 'label' meant?"),
        ({"unmarked": "because"}, 400, "'unmarked' is not known"),
        ({"source": "0" * 16}, 404, "choose the file again"),
        ({"source": "../../release"}, 404, "choose the file again"),
        ({"consent": "x" * 5000}, 400, "longer than 2000 letters"),
    ],
)
def test_what_cannot_be_made_is_refused_at_once(client, given, queue, wish, status, said):
    answer = client.ask("POST", "/api/talks", given | {"consent": WORDS} | wish)
    assert answer.status == status and said in answer.json["error"]
    assert queue.entries() == []


def test_a_file_is_taken_for_what_it_was_sent_as(client, given):
    answer = client.ask("POST", "/api/talks", given | {"consent": WORDS, "source": given["voice"]})
    assert answer.status == 400 and answer.json["error"] == "carla.wav: was sent as voice, not as source"


@pytest.mark.parametrize("body", [b"[]", b"{", b"null", b"x" * 70_000])
def test_what_is_no_wish(client, body):
    assert client.ask("POST", "/api/talks", body, Content_Type="application/json").status in (400, 413)
    assert client.ask("POST", "/api/talks", b"{}", Content_Type="text/plain").status == 415, (
        "as a form of another site would send it"
    )


def test_who_came_first_is_made_first(client, given):
    first, second, third = (ask(client, given, consent=word) for word in "abc")
    assert [first["ahead"], second["ahead"], third["ahead"]] == [0, 1, 2]
    assert ask(client, given, 200, consent="a")["ahead"] == 0, "who asks twice keeps his place"
    assert [asked.id for asked in client.studio.talks.waiting()] == [first["id"], second["id"], third["id"]]
    assert client.ask("POST", f"/api/talks/{first['id']}/cancel").json["state"] == CANCELLED
    assert client.ask("POST", f"/api/talks/{first['id']}/retry").json["ahead"] == 2, "behind the others"
    assert [talk["id"] for talk in client.ask("GET", "/api/talks").json] == [first["id"], third["id"], second["id"]]


def test_cancel_and_retry(client, given, queue):
    name = ask(client, given)["id"]
    assert client.ask("POST", f"/api/talks/{name}/retry").status == 409
    with queue.claim(name):
        become(queue, name, RUNNING, attempts=1)
        queue.report(name, Progress("generate", 4, 9))
        talk = client.ask("GET", f"/api/talks/{name}").json
        assert talk["progress"] == {"part": "generate", "done": 4, "of": 9}
        assert client.ask("DELETE", f"/api/talks/{name}").status == 409, "it is being made"
        assert client.ask("POST", f"/api/talks/{name}/cancel").status == 200
        assert queue.wants_end(name), "whoever makes it hears of that"
    path = queue.read(name).talk.target
    become(queue, name, REFUSED, reason=f"{path}: no face found", notes=[f"{Path(path).name}: is dark"], attempts=7)
    talk = client.ask("GET", f"/api/talks/{name}").json
    assert (talk["reason"], talk["notes"]) == ("ben.mp4: no face found", ["ben.mp4: is dark"])
    assert client.ask("POST", f"/api/talks/{name}/cancel").status == 409
    again = client.ask("POST", f"/api/talks/{name}/retry").json
    assert (again["state"], again["attempts"], again["reason"]) == (QUEUED, 0, None) and not queue.wants_end(name)
    become(queue, name, FAILED)
    assert ask(client, given, 200)["state"] == QUEUED, "asked for again, it is tried again"


def test_the_video_is_played_saved_and_removed(client, given, queue, home):
    name = ask(client, given)["id"]
    assert client.ask("GET", f"/api/talks/{name}/video").status == 404
    output = finish(queue, name, b"0123456789")
    part = client.ask("GET", f"/api/talks/{name}/video", Range="bytes=2-5")
    assert (part.status, part.body, part.headers["content-type"]) == (206, b"2345", "video/mp4"), "a player leaps"
    saved = client.ask("GET", f"/api/talks/{name}/video?download=1")
    assert f'filename="swaptalk-{name}.mp4"' in saved.headers["content-disposition"]
    other = ask(client, given, consent="others")["id"]
    become(queue, other, CANCELLED)
    assert client.ask("DELETE", f"/api/uploads/{given['voice']}").status == 409, "a video was made of it"
    assert client.ask("DELETE", f"/api/talks/{name}").status == 204
    assert not output.exists() and queue.read(name) is None
    assert client.ask("GET", f"/api/uploads/{given['voice']}").status == 200, "the other one has it, too"
    assert client.ask("DELETE", f"/api/talks/{other}").status == 204
    assert client.ask("GET", f"/api/uploads/{given['voice']}").status == 404
    assert list((home / "studio" / "uploads").iterdir()) == []


def test_lineage_is_told_without_the_names_of_this_machine(client, given, queue, home):
    name = ask(client, given)["id"]
    (home / "jobs").mkdir()
    record = {
        "id": "j1", "time": "t", "release": {"version": "v7", "sha256": "f", "snapshot": "snap"},
        "inputs": {"source": {"name": "0a.png", "sha256": "s", "size": 1}}, "consent": {"said": WORDS, "how": "option", "time": "t"},
        "marks": {"manifest": {"certificate": "c"}, "watermark": {"bits": "0f", "frames": 2}, "label": None, "unmarked": None},
        "output": {"path": "/home/x/y.mp4", "sha256": "o"},
    }  # fmt: skip
    (home / "jobs" / "j1.json").write_text(json.dumps(record))
    finish(queue, name)
    talk = client.ask("GET", f"/api/talks/{name}").json
    assert talk["lineage"] == {
        "job": "j1", "time": "t", "release": "v7", "snapshot": "snap", "inputs": {"source": "s"}, "output": "o",
        "consent": {"said": WORDS, "how": "option", "time": "t"}, "marks": {"manifest": True, "watermark": "0f", "label": None},
    }  # fmt: skip
    assert talk["run"] == "r1" and talk["frames"]["passed_through"] == {"covered": 1}


def test_talks_are_there_after_a_restart_and_are_made(serve, unseen, unmade, queue, home):
    first = serve()
    given = {
        role: first.upload(role, name, name.encode()).json["id"]
        for role, name in zip(("source", "target", "voice"), ("a.png", "b.mp4", "c.wav"), strict=True)
    }
    name = ask(first, given)["id"]
    become(queue, name, RUNNING, attempts=1)
    second = serve()
    assert [talk["id"] for talk in second.ask("GET", "/api/talks").json] == [name]
    assert name in second.ask("GET", f"/talks/{name}").body.decode()
    unmade.clear()
    Keeper(second.studio.talks).look()
    assert unmade == [home], "whoever was killed in the middle is followed by another"


def test_a_maker_is_started_where_there_is_none_and_something_waits(client, given, unmade, monkeypatch):
    from pipelines.studio import keeper as module
    from pipelines.studio.maker import held

    now = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    keeper = Keeper(client.studio.talks)
    unmade.clear()
    keeper.look()
    assert unmade == []
    ask(client, given)
    unmade.clear()
    with held(client.studio.place) as mine:
        assert mine
        keeper.look()
        assert unmade == [], "there is one"
    keeper.look()
    keeper.look()
    assert len(unmade) == 1 and keeper.problem is None, "it is given some time"
    for _ in range(4):
        now += 200
        keeper.look()
    assert len(unmade) == 5 and "maker.log" in str(keeper.problem), "and then it is said"


def test_who_made_a_process_end_five_times_is_not_tried_a_sixth(client, given, queue):
    from pipelines.studio.maker import _make

    name = ask(client, given)["id"]
    become(queue, name, RUNNING, attempts=5)
    assert _make(name, Path("release"), client.studio.talks, None)
    assert queue.read(name).state == FAILED and "ended 5 times" in queue.read(name).reason


def test_no_more_wait_than_can_be_made(client, given, monkeypatch):
    monkeypatch.setattr("pipelines.studio.talks.MOST_WAITING", 1)
    ask(client, given)
    answer = client.ask("POST", "/api/talks", given | {"consent": "others"})
    assert answer.status == 503 and "wait already" in answer.json["error"]


def test_a_fault_of_ours_is_one_line_and_no_traceback(client, monkeypatch):
    def fail(self):
        raise ZeroDivisionError("secret/path.py")

    monkeypatch.setattr(StudioTalks, "all_shown", fail)
    answer = client.ask("GET", "/api/talks")
    assert answer.status == 500 and answer.json == {"error": "a fault of the program: the studio's terminal says more"}
