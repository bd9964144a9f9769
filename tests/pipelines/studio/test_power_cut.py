"""The whole path by the API alone; in mid-job everything is killed, and the video is made once the studio is back."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from swaptalk_models.data.media.video import probe
from swaptalk_models.provenance.verification import verify

from ...studio_files import Served, write_files
from .conftest import EDGE, form

pytestmark = pytest.mark.slow


@pytest.fixture
def served(tmp_path) -> Iterator[Served]:
    studio = Served(tmp_path / "studio")
    try:
        studio.start()
        yield studio
    finally:
        studio.stop()


def ask(served: Served, path: str, body: Any = None, kind: str = "application/json") -> Any:
    sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(served.address + path, sent, {"Content-Type": kind})
    return json.loads(urllib.request.urlopen(request, timeout=120).read())


def wait(served: Served, name: str, holds: Callable[[dict[str, Any]], bool], seconds: float = 180) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while not holds(talk := ask(served, f"/api/talks/{name}")):
        assert time.monotonic() < end, talk
        time.sleep(0.05)
    return talk


def test_a_power_cut_in_the_middle(served, tmp_path):
    files = write_files(tmp_path / "files", seconds=3.0, size=160)
    kind = f"multipart/form-data; boundary={EDGE}"
    wish = {
        role: ask(served, "/api/uploads", form({"role": role}, path.name, path.read_bytes()), kind)["id"]
        for role, path in zip(("source", "target", "voice"), files, strict=True)
    }
    name = ask(served, "/api/talks", wish | {"consent": "drawn people", "label": True})["id"]
    wait(served, name, lambda talk: bool(talk["progress"]) and talk["progress"]["part"] == "generate")
    served.kill_maker()
    served.kill()
    left = json.loads((served.home / "talks" / f"{name}.json").read_text())
    assert left["state"] == "running"
    served.start()
    talk = wait(served, name, lambda talk: talk["state"] not in ("queued", "running"))
    assert talk["state"] == "done" and talk["frames"]["frames"] == 75 and talk["attempts"] == 2
    assert len(ask(served, "/api/talks")) == 1
    saved = tmp_path / "saved.mp4"
    urllib.request.urlretrieve(served.address + talk["video"], saved)
    assert probe(saved).frames == 75
    found = verify(saved, served.home)
    assert found.state == "intact" and found.job == talk["lineage"]["job"]
    assert [path.name for path in (served.home / "studio" / "videos").iterdir()] == [Path(left["talk"]["output"]).name]
