"""Makes the pictures of docs/guide/workshop.md: python docs/scripts/screenshots.py HOME

HOME is one in which `make demo` has run. A copy of it is served by `swaptalk dev` and looked at with Chromium, on a desk and on a phone. Needs
Chromium, and playwright (`pip install -e '.[dev]'`). Only a home of drawn people is taken.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from assets.support.own_packages import own_environment
from assets.support.report_address import report_url
from pipelines.run import run_graph
from pipelines.run_settings import Settings
from swaptalk_models.data.snapshot import is_drawn
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURES = Path(__file__).parents[1] / "pictures"
DESK, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 780}
COLOURS = 256
CHROMIUM = "/usr/bin/chromium"
_FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
_GRAPH = "{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } } }"


@contextlib.contextmanager
def served(home: Path, seconds: float = 600) -> Iterator[str]:
    """`swaptalk dev` over the home. Gives the UI's address, once the graph is loaded."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "pipelines.cli.main", "dev", "--home", str(home), "--port", str(port)]
    environment = {key: value for key, value in own_environment().items() if key != "DAGSTER_HOME"}
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen(words, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            address, end = f"http://localhost:{port}", time.monotonic() + seconds
            while not _loaded(address):
                if server.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise RuntimeError(f"swaptalk dev does not answer: {log.read()[-2000:]}")
                time.sleep(0.5)
            yield address
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGINT)
            server.wait(180)


def ask(address: str, query: str, **variables: object) -> dict:
    """What the UI's own GraphQL answers."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{address}/graphql", body, {"Content-Type": "application/json"})
    return json.loads(urllib.request.urlopen(request, timeout=30).read())["data"]


def _loaded(address: str) -> bool:
    with contextlib.suppress(OSError):
        found = ask(address, _GRAPH)["workspaceOrError"]["locationEntries"]
        return [(entry["locationOrLoadError"] or {}).get("__typename") for entry in found] == ["RepositoryLocation"]
    return False


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Headless."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS.split(), headless=True)
        try:
            yield browser
        finally:
            browser.close()


def timeline(page: Page, ui: str) -> None:
    page.goto(f"{ui}/overview/activity/timeline")
    page.locator("a[href='/locations/swaptalk/jobs/swaptalk']").wait_for()


def model(page: Page, ui: str) -> None:
    page.goto(f"{ui}/assets/lip_sync")
    page.get_by_text("Latest check results").wait_for()
    page.get_by_text("snapshot", exact=True).first.wait_for()


def partition(page: Page, ui: str) -> None:
    page.goto(f"{ui}/assets/face_crops?view=partitions")
    page.get_by_text("_000", exact=False).first.click()
    page.get_by_text(re.compile(r"View all historical events \([1-9]")).wait_for()


def report(page: Page, link: str) -> None:
    page.goto(link)
    page.wait_for_function("() => [...document.querySelectorAll('.case')].every((c) => c.dataset.ready > 0)")


def best_scene(page: Page, link: str) -> None:
    report(page, link)
    page.locator("section:has(.case) h2").first.evaluate("(heading) => heading.scrollIntoView({behavior: 'instant'})")


def small(png: bytes) -> bytes:
    """The same picture in few colours."""
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def take(browser: Browser, ui: str, link: str, folder: Path) -> list[Path]:
    """All pictures into the folder; ``link``: address of the report."""
    shots: dict[str, tuple[dict[str, int], Callable[[Page, str], None], str]] = {
        "timeline": (DESK, timeline, ui),
        "model": (DESK, model, ui),
        "partition": (DESK, partition, ui),
        "report": (DESK, report, link),
        "report_phone": (PHONE, best_scene, link),
    }
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, (size, visit, where) in shots.items():
        with contextlib.closing(browser.new_page(viewport=size)) as page:  # type: ignore[arg-type, type-var]
            page.set_default_timeout(120_000)
            visit(page, where)
            page.wait_for_timeout(1500)  # what fades in
            (folder / f"{name}.png").write_bytes(small(page.screenshot()))
        made.append(folder / f"{name}.png")
    return made


def main(given: Path) -> None:
    if not is_drawn(Home(given)):
        raise UserError(f"{given} was made of people's own videos: pictures are taken of drawn people only")
    with tempfile.TemporaryDirectory(prefix="swaptalk-") as aside:
        home = Home(Path(aside) / "demo")
        shutil.copytree(given, home.root)
        run_graph(Settings(home.root))  # finds everything done; links and paths are those of the copy
        with served(home.root) as ui, chromium() as browser:
            for path in take(browser, ui, report_url(home, Path(str(home.state().report))), PICTURES):
                print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
