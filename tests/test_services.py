"""The services of deploy/compose.yaml as processes of this machine, by the very commands: they start over one home with its state in Postgres, and the
UI's server finds the definitions at the code server. Ray has tests of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SERVICES = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
PROGRAMS = {"python": [sys.executable], "dagster": [sys.executable, "-m", "dagster"]} | {
    "dagster-webserver": [sys.executable, "-m", "dagster_webserver"],
    "dagster-daemon": [sys.executable, "-m", "dagster._daemon"],
}
GRAPHQL = "{repositoriesOrError{...on RepositoryConnection{nodes{location{name} assetNodes{id}}}}}"


def command(service: str, ports: dict[str, int], workspace: Path) -> list[str]:
    """As compose starts it, with ports and paths of here."""
    places = {"/opt/swaptalk/deploy/workspace.yaml": str(workspace), "/opt/swaptalk": str(ROOT), "0.0.0.0": "127.0.0.1"}
    words = [
        f"--port={ports[service]}" if str(word).startswith("--port=") else str(word)
        for word in SERVICES[service]["command"]
    ]
    for there, here in places.items():
        words = [word.replace(there, here) for word in words]
    return [*PROGRAMS[words[0]], *words[1:]]


@contextlib.contextmanager
def running(words: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen]:
    with log.open("w") as out:
        process = subprocess.Popen(words, env=environment, stdout=out, stderr=out, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # nothing of it is kept
        process.wait(60)


def answer(address: str, words: str, process: subprocess.Popen, log: Path) -> dict:
    body = json.dumps({"query": words}).encode()
    end = time.monotonic() + 400
    while True:
        assert process.poll() is None and time.monotonic() < end, log.read_text()[-3000:]
        with contextlib.suppress(OSError):
            request = urllib.request.Request(f"{address}/graphql", body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=120) as said:
                found = json.load(said)["data"]["repositoriesOrError"]
            if found.get("nodes"):
                return found
        time.sleep(1)


@pytest.mark.slow
def test_code_server_and_ui_meet_over_a_home_in_postgres(postgres: str, tmp_path: Path):
    with contextlib.ExitStack() as stack:
        free = {name: stack.enter_context(socket.socket()) for name in ("code", "web")}
        for one in free.values():
            one.bind(("127.0.0.1", 0))
        ports = {name: one.getsockname()[1] for name, one in free.items()}
    workspace = yaml.safe_load((ROOT / "deploy" / "workspace.yaml").read_text())
    workspace["load_from"][0]["grpc_server"] |= {"host": "127.0.0.1", "port": ports["code"]}
    (tmp_path / "workspace.yaml").write_text(yaml.safe_dump(workspace))
    home = tmp_path / "home"
    environment = os.environ | {"SWAPTALK_STATE": postgres, "SWAPTALK_HOME": str(home), "PYTHONPATH": str(ROOT)}
    environment |= {"DAGSTER_HOME": str(home / "dagster")}  # as the image has it
    words = {name: command(name, ports, tmp_path / "workspace.yaml") for name in ("prepare", "code", "web", "daemon")}
    subprocess.run(words["prepare"], env=environment, check=True, timeout=300)
    assert (
        yaml.safe_load((home / "dagster" / "dagster.yaml").read_text())["storage"]["custom"]["class"] == "HomeStorage"
    )
    with contextlib.ExitStack() as stack:
        logs = {name: tmp_path / f"{name}.log" for name in words}
        started = {
            name: stack.enter_context(running(words[name], environment, logs[name]))
            for name in ("code", "web", "daemon")
        }
        found = answer(f"http://127.0.0.1:{ports['web']}", GRAPHQL, started["web"], logs["web"])
        assert found["nodes"][0]["location"]["name"] == "swaptalk" and len(found["nodes"][0]["assetNodes"]) > 10
        assert all(process.poll() is None for process in started.values()), "all of them go on"
        assert "password" not in "".join(log.read_text().lower() for log in logs.values() if log.is_file())
