"""A studio that is really served, on a free port of this process. Children and maker are replaced where a test is not about them."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from pipelines.studio import keeper, uploads
from pipelines.studio.app import make_app
from pipelines.studio.serve import listen
from pipelines.studio.studio import Studio, StudioSettings
from pipelines.studio.uploads import UploadLimits

FACE = {"number": 1, "picture": "picture.png", "box": [0.2, 0.2, 0.8, 0.8]}
SEEN = {
    "source": {"kind": "picture", "width": 9, "height": 9, "faces": [FACE], "notes": []},
    "target": {
        "kind": "video",
        "width": 9,
        "height": 9,
        "seconds": 1.0,
        "faces": [FACE, FACE | {"number": 2}],
        "notes": [],
    },
    "voice": {"kind": "sound", "seconds": 1.0, "peaks": [0.5], "notes": []},
}
EDGE = "swaptalkedge"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Asks as a program would; each request on a connection of its own."""

    studio: Studio
    port: int

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body, sent = json.dumps(body).encode(), {"Content-Type": "application/json"} | sent
        connection = self.connect()
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        found = Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        connection.close()
        return found

    def upload(self, role: str, name: str, content: bytes, **headers: str) -> Answer:
        return self.ask(
            "POST", "/api/uploads", form({"role": role}, name, content),
            Content_Type=f"multipart/form-data; boundary={EDGE}", **headers,
        )  # fmt: skip


def form(fields: dict[str, str], name: str, content: bytes) -> bytes:
    """What a browser sends."""
    parts = [
        f'--{EDGE}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    parts.append(
        f'--{EDGE}\r\nContent-Disposition: form-data; name="file"; filename="{escaped}"\r\n\r\n'.encode() + content
    )
    return b"".join(parts) + f"\r\n--{EDGE}--\r\n".encode()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "release.json").write_text('{"snapshot": "snap"}')
    return tmp_path / "home"


@pytest.fixture
def unmade(monkeypatch) -> list[Path]:
    """Nobody makes anything; gives the homes for which a maker would have been started."""
    started: list[Path] = []
    monkeypatch.setattr(keeper, "start_maker", lambda place: started.append(place.home))
    return started


@pytest.fixture
def unseen(monkeypatch) -> list[dict[str, Any]]:
    """No child looks at anything; gives what one would have been asked."""
    asked: list[dict[str, Any]] = []

    def look(role: str, given: dict[str, Any], *_: Any) -> dict[str, Any]:
        asked.append(given | {"role": role})
        for part in ("shown.jpg", "face-1.jpg", "sound.wav"):
            (Path(given["folder"]) / part).write_bytes(b"seen")
        return SEEN[role]

    monkeypatch.setattr(uploads, "in_a_child", look)
    monkeypatch.setattr(Studio, "warm", lambda self: None)
    return asked


@pytest.fixture
def serve(home: Path, unmade: list[Path]) -> Iterator[Any]:
    """(settings) -> a client of a studio with them."""
    running = []

    def begin(**changes: Any) -> Client:
        limits = UploadLimits(most_bytes=100_000)
        settings = StudioSettings(**({"home": home, "release": home.parent / "release", "limits": limits} | changes))
        studio, listening = Studio(settings), listen("127.0.0.1", 0)
        config = uvicorn.Config(make_app(studio), log_level="critical", timeout_graceful_shutdown=1, ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        running.append((server, thread, listening))
        return Client(studio, listening.getsockname()[1])

    yield begin
    for server, thread, listening in running:
        server.should_exit = True
        thread.join(20)
        listening.close()


@pytest.fixture
def client(serve: Any, unseen: list[dict[str, Any]]) -> Client:
    return serve()


@pytest.fixture
def given(client: Client) -> dict[str, str]:
    """Ids of three uploads."""
    files = {"source": "anna.png", "target": "ben.mp4", "voice": "carla.wav"}
    return {role: client.upload(role, name, name.encode()).json["id"] for role, name in files.items()}
