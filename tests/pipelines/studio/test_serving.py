"""`swaptalk studio`, and the studio beside `swaptalk dev`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from pipelines.cli.dev import serve_studio
from pipelines.cli.main import main
from pipelines.report_server import port_is_free
from pipelines.studio import serve
from swaptalk_models.errors import UserError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def answer(address: str) -> dict:
    for _ in range(150):
        try:
            return json.loads(urllib.request.urlopen(f"{address}/api/studio", timeout=5).read())
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no answer from {address}")


@pytest.mark.slow
def test_it_stands_beside_the_ui_and_ends_with_it(tmp_path, port):
    starter = f"""
import sys
from pathlib import Path
from pipelines.cli.dev import serve_studio
print(serve_studio(Path({str(tmp_path / "home")!r}), {port}, 3999, "http://127.0.0.1:3001"), flush=True)
sys.stdin.read()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", starter], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert parent.stdout.readline().strip() == f"http://127.0.0.1:{port}"
        about = answer(f"http://127.0.0.1:{port}")
        assert about["dagster"] == "http://localhost:3999"
        assert about["release"] is None and "no release in" in about["problem"], "a home that is named, and has none"
    finally:
        parent.communicate("")
    for _ in range(150):
        if port_is_free(port):
            break
        time.sleep(0.1)
    assert port_is_free(port)


@pytest.mark.parametrize(
    ("taken", "ui", "reports", "chosen"), [([], 3000, 3001, 3002), ([], 3002, 3003, 3004), ([3002], 3000, 3001, 3003)]
)
def test_its_port_beside_the_ui(tmp_path, monkeypatch, taken, ui, reports, chosen):
    monkeypatch.setattr("pipelines.report_server.port_is_free", lambda port: port not in taken)
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda words, **_: started.append(words))
    assert serve_studio(tmp_path, None, ui, f"http://127.0.0.1:{reports}") == f"http://127.0.0.1:{chosen}"
    assert str(chosen) in started[0] and f"http://localhost:{ui}" in started[0]
    with pytest.raises(UserError, match="--studio-port"):
        monkeypatch.setattr("pipelines.report_server.port_is_free", lambda port: False)
        serve_studio(tmp_path, 4444, ui, f"http://127.0.0.1:{reports}")


def run(monkeypatch, capsys, *words: str) -> tuple[int, str, list]:
    """(exit code, what was said, settings of what would have been served)"""
    served = []
    monkeypatch.setattr(serve, "serve", lambda settings, listening: (served.append(settings), listening.close()))
    with pytest.raises(SystemExit) as ended:
        main(["studio", *words])
    said = capsys.readouterr()
    return ended.value.code, said.out + said.err, served


def test_this_machine_alone_without_a_token(tmp_path, monkeypatch, capsys):
    code, said, (settings,) = run(
        monkeypatch, capsys, "--home", str(tmp_path / "home"), "--port", "0", "--most-mb", "7"
    )
    assert code == 0 and settings.secret is None and settings.limits.most_bytes == 7_000_000
    assert "studio: http://127.0.0.1:" in said and "token" not in said


@pytest.mark.parametrize("words", [("--host", "0.0.0.0"), ("--token",)])
def test_beyond_it_only_with_one(tmp_path, monkeypatch, capsys, words):
    monkeypatch.delenv("SWAPTALK_STUDIO_TOKEN", raising=False)
    home = tmp_path / "home"
    code, said, (settings,) = run(monkeypatch, capsys, "--home", str(home), "--port", "0", *words)
    token = (home / "studio" / "token").read_text().strip()
    assert code == 0 and settings.secret.is_token(token)
    assert f"/enter?key={settings.secret.key}" in said and token not in said


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("--port", "99999"), "--port"),
        (("--host", "no.such.host.invalid"), "cannot listen there"),
        (("--release", "nowhere"), "--release"),
    ],
)
def test_what_cannot_be_served_is_one_line(tmp_path, monkeypatch, capsys, words, fault):
    code, said, served = run(monkeypatch, capsys, "--home", str(tmp_path / "home"), "--port", "0", *words)
    assert code == 2 and fault in said and "Traceback" not in said and served == []


def test_a_port_that_is_taken(tmp_path, monkeypatch, capsys, port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        code, said, _ = run(monkeypatch, capsys, "--home", str(tmp_path / "home"), "--port", str(port))
    assert code == 2 and "choose another --port" in said and os.linesep.join(said.splitlines()[1:]) == ""


@pytest.mark.slow
def test_ctrl_c_ends_it_at_once_and_says_no_more_than_that(tmp_path):
    from ...studio_files import Served

    studio = Served(tmp_path, "--release", str(tmp_path / "none"))
    (tmp_path / "none").mkdir()
    with urllib.request.urlopen(f"{studio.start()}/api/events", timeout=10) as listening:
        assert listening.readline() == b"retry: 1000\n"
        begun = time.monotonic()
        studio.process.send_signal(signal.SIGINT)
        assert studio.process.wait(20) == 130
    assert time.monotonic() - begun < 10
    assert "Traceback" not in studio.log.read_text()
