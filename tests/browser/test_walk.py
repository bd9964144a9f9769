"""A newcomer's walk through the UI over a finished home: `swaptalk dev` really runs, Chromium really looks."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest
from PIL import Image

from swaptalk_models.data.store.home import Home

from ..toy_home import swaptalk

SCRIPT = Path(__file__).parents[2] / "docs" / "scripts" / "screenshots.py"
NEWEST = "{ runsOrError(limit: 1) { ... on Runs { results { id status } } } }"
FRAME = 1 / 25
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed: apt-get install chromium"),
    pytest.mark.skipif(
        importlib.util.find_spec("playwright") is None, reason="playwright is not installed: pip install playwright"
    ),
]


@pytest.fixture(scope="module")
def screenshots() -> ModuleType:
    """The script that makes the pictures of the docs: it knows how a home is served and looked at."""
    spec = importlib.util.spec_from_file_location("screenshots", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def home(toy_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A copy of the finished home, in which the last run has failed: it was asked for an empty folder of videos."""
    folder = tmp_path_factory.mktemp("walk")
    shutil.copytree(toy_home, folder / "home")
    (folder / "nothing here").mkdir()
    said = swaptalk(
        *("run", "--home", folder / "home", "--videos", folder / "nothing here", "--change"),
        *("--until", "hdtf_catalog"),
        check=2,
    )
    assert "no video in" in said
    return Home(folder / "home")


@pytest.fixture(scope="module")
def ui(home: Home, screenshots: ModuleType) -> Iterator[str]:
    with screenshots.served(home.root) as address:
        yield address


@pytest.fixture(scope="module")
def chromium(screenshots: ModuleType) -> Iterator:
    with screenshots.chromium() as browser:
        yield browser


@pytest.fixture
def page(chromium) -> Iterator:
    """A page of which each error counts: on the console, uncaught, or an answer that is none."""
    errors: list[str] = []
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(120_000)
    context.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("response", lambda got: errors.append(f"{got.status} {got.url}") if got.status >= 400 else None)
    with contextlib.closing(context):
        yield context.new_page()
        assert errors == []


def test_the_last_run_stands_on_the_timeline_and_in_its_job(page, ui):
    page.goto(ui)
    page.get_by_role("link", name="Overview").click()
    page.locator("a[href='/locations/swaptalk/jobs/swaptalk']").wait_for()
    page.goto(f"{ui}/locations/swaptalk/jobs/swaptalk/runs")
    page.get_by_text("Success", exact=True).first.wait_for()
    page.get_by_text("Failure", exact=True).first.wait_for()


def test_why_the_last_run_failed(page, ui):
    page.goto(f"{ui}/runs")
    page.get_by_role("tab", name="Failed").or_(page.get_by_role("link", name="Failed")).first.click()
    page.get_by_role("link", name="View", exact=True).first.click()
    page.get_by_text("Failure", exact=True).first.wait_for()
    page.get_by_text("View full message").last.click()
    page.get_by_role("dialog").get_by_text("UserError: no video in").wait_for()


def test_a_partition_has_a_page(page, ui):
    page.goto(f"{ui}/assets/mels?view=partitions")
    page.get_by_text("phantom_001", exact=True).first.click()
    page.get_by_text(re.compile(r"View all historical events \([1-9]")).wait_for()
    assert "partition=phantom_001" in page.url
    page.get_by_text("Materialized", exact=True).first.wait_for()


def test_the_report_opens_from_its_asset_and_two_videos_play_in_step(page, ui, home):
    page.goto(f"{ui}/assets/evaluation_report")
    link = page.get_by_role("link", name="http://127.0.0.1:")
    link.wait_for()
    assert urlsplit(link.get_attribute("href")).port == home.state().report_port
    with page.context.expect_page() as opened:
        link.click()
    report = opened.value
    report.get_by_role("heading", level=1).wait_for()
    assert report.url.startswith("http://127.0.0.1:") and report.url.endswith(".html")
    scene = report.locator(".case").filter(has=report.locator("video:nth-of-type(1)")).first
    scene.get_by_role("button", name="Play in step").click()
    times = "(scene) => [...scene.querySelectorAll('video')].map((video) => video.currentTime)"
    apart = []
    for _ in range(8):
        now = scene.evaluate(times)
        apart.append(max(now) - min(now))
        report.wait_for_timeout(60)
    assert len(now) >= 2 and min(now) > 0, now
    assert sorted(apart)[len(apart) // 2] <= 2 * FRAME, f"seconds apart while they play: {apart}"


def test_one_click_keeps_the_homes_own_preset_source_and_settings(page, ui, home, screenshots):
    before, rows = home.state(), pq.read_table(home.catalog).to_pylist()
    assert before.videos and before.overrides
    known = screenshots.ask(ui, NEWEST)["runsOrError"]["results"][0]["id"]
    page.goto(f"{ui}/assets/hdtf_catalog")
    button = page.get_by_role("button", name="Materialize").first
    button.wait_for()
    button.locator("xpath=following::button[1]").click()
    page.get_by_text("Open launchpad").click()
    launch = page.get_by_role("dialog").get_by_role("button", name="Materialize")
    page.get_by_text("No errors").wait_for()
    launch.click()
    run = wait_for_run(screenshots, ui, known)
    assert run["status"] == "SUCCESS"
    after = home.state()
    assert (after.preset, after.videos, after.hdtf) == (before.preset, before.videos, before.hdtf)
    assert after.overrides == before.overrides
    assert pq.read_table(home.catalog).to_pylist() == rows


def wait_for_run(screenshots: ModuleType, ui: str, known: str, seconds: float = 180) -> dict:
    """The first run after the known one, when it has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        (run,) = screenshots.ask(ui, NEWEST)["runsOrError"]["results"]
        if run["id"] != known and run["status"] in ("SUCCESS", "FAILURE", "CANCELED"):
            return run
        time.sleep(0.5)
    raise AssertionError(f"no run has ended: {json.dumps(run)}")


def test_the_pictures_of_the_docs_can_be_made_again(chromium, ui, home, screenshots, tmp_path):
    state = home.state()
    link = f"http://127.0.0.1:{state.report_port}/{'/'.join(Path(str(state.report)).parts[-2:])}"
    made = screenshots.take(chromium, ui, link, tmp_path)
    assert {path.name for path in made} == {path.name for path in screenshots.PICTURES.glob("*.png")}
    for path in made:
        assert Image.open(path).size in {(1280, 860), (390, 780)}
        assert len(Image.open(path).convert("RGB").resize((64, 64)).getcolors(4096)) > 8, f"{path.name} shows nothing"
