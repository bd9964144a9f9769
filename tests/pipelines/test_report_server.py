"""Reports over http on the loopback address, for as long as the UI lives."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from assets.support.report_address import report_url
from pipelines.cli.dev import serve_reports
from pipelines.report_server import port_is_free
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home").create()
    (home.evaluation / "abc").mkdir(parents=True)
    (home.evaluation / "abc" / "report_1.html").write_text("<p>0.83</p></html>")
    (home.evaluation / "releases.html").write_text("<p>r1</p></html>")
    (home.root / "secret.txt").write_text("not below evaluation")
    return home


def read(url: str) -> str:
    for _ in range(100):
        try:
            return urllib.request.urlopen(url, timeout=5).read().decode()
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no answer from {url}")


def test_the_link_of_the_asset_opens_and_nothing_else(home, port):
    starter = f"""
import sys, time
from pathlib import Path
from pipelines.cli.dev import serve_reports
print(serve_reports(Path({str(home.root)!r}), {port}, 3000), flush=True)
sys.stdin.read()
"""
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", starter], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    )
    try:
        assert parent.stdout.readline().strip() == f"http://127.0.0.1:{port}"
        link = report_url(home, home.evaluation / "abc" / "report_1.html")
        assert link.startswith(f"http://127.0.0.1:{port}/")
        assert "0.83" in read(link)
        listed = read(f"http://127.0.0.1:{port}/")
        assert "report_1" in listed and 'href="/releases.html"' in listed
        assert "r1" in read(f"http://127.0.0.1:{port}/releases.html")
        for outside in ("../secret.txt", "%2e%2e/secret.txt", "abc/"):
            with pytest.raises(urllib.error.HTTPError):
                read(f"http://127.0.0.1:{port}/{outside}")
    finally:
        parent.communicate("")
    for _ in range(100):  # it ends with the UI
        if port_is_free(port):
            break
        time.sleep(0.1)
    assert port_is_free(port)


def test_a_port_that_is_taken_is_one_sentence(home, port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(UserError, match="--report-port"):
            serve_reports(home.root, port, 3000)


def test_links_made_before_the_first_ui_are_of_its_usual_port(home):
    assert report_url(home, home.evaluation / "abc" / "report_1.html") == "http://127.0.0.1:3001/abc/report_1.html"


@pytest.mark.parametrize(("taken", "ui_port", "chosen"), [([], 4000, 3001), ([3001], 4000, 4001), ([], 3001, 3002)])
def test_the_first_ui_serves_them_there_where_it_can(home, monkeypatch, taken, ui_port, chosen):
    monkeypatch.setattr("pipelines.report_server.port_is_free", lambda port: port not in taken)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: None)
    assert serve_reports(home.root, None, ui_port) == f"http://127.0.0.1:{chosen}"
    assert home.state().report_port == chosen
