"""`swaptalk dev`: the UI over a home, from any folder."""

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
from pathlib import Path

import pytest
import yaml

from pipelines import instance
from pipelines.cli.dev import prepare_dev
from pipelines.cli.main import main

ROOT = Path(__file__).parents[2]
QUERY = """{ workspaceOrError { ... on Workspace { locationEntries {
    name locationOrLoadError { __typename ... on PythonError { message }
        ... on RepositoryLocation { repositories { pipelines { name } } } } } } } }"""


@pytest.fixture(autouse=True)
def no_dagster_home(monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


def test_a_home_anywhere(tmp_path):
    folder, arguments, environment = prepare_dev(tmp_path / "home", 3456)
    assert folder == tmp_path / "home" / "dagster" and yaml.safe_load((folder / "dagster.yaml").read_text())
    assert (environment["SWAPTALK_HOME"], environment["DAGSTER_HOME"]) == (str(tmp_path / "home"), str(folder))
    assert environment["DAGSTER_EVENT_BATCH_SIZE"] == "500"
    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(ROOT) and environment["PYTHONSAFEPATH"] == "1"
    assert (
        arguments[0] == sys.executable
        and arguments[3:6] == ["-m", "dagster", "dev"]
        and arguments[-2:] == ["-p", "3456"]
    )
    (location,) = yaml.safe_load(Path(arguments[arguments.index("-w") + 1]).read_text())["load_from"]
    assert location["python_module"] == {
        "module_name": "pipelines.definitions",
        "location_name": "swaptalk",
        "working_directory": str(ROOT),
    }


def test_the_checkouts_own_home_uses_the_checkouts_files(monkeypatch, tmp_path):
    monkeypatch.setattr(instance, "CHECKOUT", tmp_path)
    (tmp_path / "dagster.yaml").write_text("{}")
    folder, arguments, _ = prepare_dev(tmp_path / "data", 3000)
    assert folder == tmp_path and str(tmp_path / "workspace.yaml") in arguments


def test_both_files_name_the_same_location(tmp_path):
    ours = yaml.safe_load(instance.workspace_file(tmp_path).read_text())["load_from"][0]["python_module"]
    theirs = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    assert ours | {"working_directory": None} == theirs | {"working_directory": None}


@pytest.mark.parametrize("arguments", [["--port", "0"], ["--port", "high"]])
def test_bad_port(arguments, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["dev", "--home", str(tmp_path), *arguments])
    assert ended.value.code == 2 and "--port" in capsys.readouterr().err


def test_a_file_in_the_way_is_one_line(tmp_path, capsys):
    (tmp_path / "dagster").write_text("")
    with pytest.raises(SystemExit) as ended:
        main(["dev", "--home", str(tmp_path)])
    assert ended.value.code == 2 and "cannot hold a Dagster instance" in capsys.readouterr().err


@pytest.mark.slow
def test_serves_the_graph_from_a_folder_that_shadows_our_packages(tmp_path):
    """As the console script does it: the folder of the script is on the path of modules, the working directory is not."""
    shadows = tmp_path / "shadows"
    for name in ("assets", "pipelines", "swaptalk_models"):
        (shadows / name).mkdir(parents=True)
        (shadows / name / "__init__.py").write_text("open(__file__ + '.taken', 'w'); raise SystemExit('not these')")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    with socket.socket() as free:
        free.bind(("localhost", 0))
        reports = free.getsockname()[1]
    words = ["dev", "--home", str(tmp_path / "home"), "--port", str(port), "--report-port", str(reports)]
    code = f"from pipelines.cli.main import main; main({words!r})"
    path = {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=shadows,
            env=os.environ | path,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        (entry,) = answer(port, tmp_path / "log")["workspaceOrError"]["locationEntries"]
    finally:
        os.killpg(server.pid, signal.SIGINT)
        server.wait(180)
    location = entry["locationOrLoadError"]
    assert (entry["name"], location["__typename"]) == ("swaptalk", "RepositoryLocation"), location
    jobs = {job["name"] for repository in location["repositories"] for job in repository["pipelines"]}
    assert {"swaptalk", "prepare_data", "train", "evaluate"} <= jobs
    assert list(shadows.rglob("*.taken")) == []
    assert "Warning" not in (tmp_path / "log").read_text()
    assert (tmp_path / "log").read_text().startswith(f"home: {tmp_path / 'home'}   Dagster instance: ")
    assert not [path for path in shadows.iterdir() if path.name not in ("assets", "pipelines", "swaptalk_models")]


def answer(port: int, log: Path, seconds: float = 120) -> dict:
    """The workspace that the server at this port has loaded."""
    body = json.dumps({"query": QUERY}).encode()
    request = urllib.request.Request(f"http://localhost:{port}/graphql", body, {"Content-Type": "application/json"})
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            data = json.loads(urllib.request.urlopen(request, timeout=10).read())["data"]
            if all(entry["locationOrLoadError"] for entry in data["workspaceOrError"]["locationEntries"]):
                return data
        time.sleep(0.5)
    raise AssertionError(f"no answer: {log.read_text()[-2000:]}")
