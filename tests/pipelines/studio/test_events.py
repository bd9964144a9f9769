"""Server-sent events: all talks, or one until it is over."""

from __future__ import annotations

import json

from swaptalk_models.talks.queue import DONE, RUNNING, Progress

from .test_talks import ask, become


class Stream:
    """What comes, event by event."""

    def __init__(self, client, path):
        self.connection = client.connect()
        self.connection.request("GET", path)
        self.answer = self.connection.getresponse()

    def next(self):
        """(kind, data); None at the end. The line that says when to come back is passed over."""
        kind = data = None
        while line := self.answer.readline().decode():
            if line.startswith("event: "):
                kind = line[7:].strip()
            elif line.startswith("data: "):
                data = json.loads(line[6:])
            elif line == "\n" and kind:
                return kind, data
        return None

    def until(self, wanted):
        """The first data of this kind for which ``wanted`` holds."""
        kind, holds = wanted
        while (found := self.next()) is not None:
            if found[0] == kind and holds(found[1]):
                return found[1]
        raise AssertionError("the stream has ended")


def test_one_talk_is_followed_to_its_end(client, given, home):
    queue = client.studio.talks.queue
    name = ask(client, given)["id"]
    stream = Stream(client, f"/api/talks/{name}/events")
    assert stream.answer.headers["content-type"].startswith("text/event-stream")
    assert stream.next()[1]["state"] == "queued"
    become(queue, name, RUNNING, attempts=1)
    for done in (3, 6):
        queue.report(name, Progress("generate", done, 9))
        told = stream.until(("talk", lambda talk: talk["progress"]))
        assert told["progress"] == {"part": "generate", "done": done, "of": 9}
    become(queue, name, DONE, frames={"frames": 9})
    assert stream.until(("talk", lambda talk: talk["state"] == "done"))["video"] == f"/api/talks/{name}/video"
    assert stream.next() == ("end", {"id": name}) and stream.next() is None
    assert client.ask("GET", "/api/talks/0123456789ab/events").status == 404


def test_whoever_comes_back_gets_all_anew(client, given):
    first, second = (ask(client, given, consent=word)["id"] for word in "ab")
    for _ in range(2):
        stream = Stream(client, "/api/events")
        assert stream.next() == ("known", {"ids": [first, second]}), "so that who was away forgets what was removed"
        assert [stream.next()[1]["id"] for _ in range(2)] == [first, second], "the oldest first"
        assert stream.next()[0] == "studio"
        stream.connection.close()
    stream = Stream(client, "/api/events")
    become(client.studio.talks.queue, first, DONE, frames={"frames": 1})
    stream.until(("talk", lambda talk: talk["id"] == first and talk["state"] == "done"))
    client.ask("DELETE", f"/api/talks/{first}")
    assert stream.until(("removed", lambda told: True)) == {"id": first}
