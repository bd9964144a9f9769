"""The studio as somebody uses it: `swaptalk studio` really runs, Chromium really looks. Drop, preview, make, kill, find again, play, download, verify."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from swaptalk_models.provenance.verification import verify

from ..studio_files import Served, draw, write_files

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
FRAME = 1 / 25
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SHOTS = os.environ.get("SWAPTALK_SHOTS")
"""Folder into which pictures of the pages go, where somebody wants to look at them."""
DROP = """([selector, files]) => {
  const given = new DataTransfer();
  for (const [name, kind, content] of files) {
    given.items.add(new File([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], name, { type: kind }));
  }
  document.querySelector(selector).dispatchEvent(new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true }));
}"""
TIMES = "() => ['video', 'target'].map((id) => document.getElementById(id).currentTime)"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed: apt-get install chromium"),
    pytest.mark.skipif(
        importlib.util.find_spec("playwright") is None, reason="playwright is not installed: pip install playwright"
    ),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    studio = Served(tmp_path_factory.mktemp("studio"))
    try:
        studio.start()
        yield studio
    finally:
        studio.stop()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Of a voice that is long enough to kill the server while it is made."""
    return write_files(tmp_path_factory.mktemp("files"), seconds=3.0)


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS, headless=True)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture
def context(chromium, served: Served) -> Iterator:
    with contextlib.closing(chromium.new_context(viewport=DESK, accept_downloads=True)) as made:
        made.set_default_timeout(90_000)
        made.grant_permissions(["microphone"], origin=served.address)
        yield made


def watched(page) -> list[str]:
    """What goes wrong on a page from now on: uncaught errors, and what the console calls one."""
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors


def shoot(page, name: str) -> None:
    """The page on a desk and on a phone, by day and by night."""
    if not SHOTS:
        return
    Path(SHOTS).mkdir(parents=True, exist_ok=True)
    for width, size in (("desk", DESK), ("phone", PHONE)):
        for scheme in ("light", "dark"):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            page.evaluate("() => scrollTo({ top: 0, behavior: 'instant' })")
            page.wait_for_timeout(300)
            page.screenshot(path=Path(SHOTS) / f"{name}_{width}_{scheme}.png", full_page=True)
    page.set_viewport_size(DESK)
    page.emulate_media(color_scheme="light")


def test_from_three_files_to_a_verified_video(context, served, files, tmp_path):
    face, head, voice = files
    page = context.new_page()
    errors = watched(page)
    page.goto(served.address)
    page.get_by_role("heading", name="A face, a video, a voice").wait_for()
    shoot(page, "empty")
    page.get_by_role("button", name="Make the video").click()
    page.get_by_text("A picture of the face is missing.").wait_for()
    wrong = [["notes.txt", "text/plain", base64.b64encode(b"no picture").decode()]]
    page.evaluate(DROP, ["[data-role=source]", wrong])
    page.get_by_text("notes.txt: not an image that can be read").wait_for()
    assert all("422" in error for error in errors), errors
    errors.clear()

    kinds = {face: "image/png", head: "video/mp4", voice: "audio/wav"}
    dropped = [[path.name, kind, base64.b64encode(path.read_bytes()).decode()] for path, kind in kinds.items()]
    page.evaluate(DROP, ["body", dropped])
    for name in ("anna.png", "ben.mp4", "carla.wav"):
        page.locator(".called", has_text=name).wait_for()
    page.locator("#preview-picture[src^='data:image/jpeg']").wait_for()
    page.get_by_text("One frame, where the voice is loudest").wait_for()
    seen = page.locator("#preview-picture").evaluate("(picture) => [picture.naturalWidth, picture.naturalHeight]")
    assert seen == [224, 224]
    page.get_by_role("button", name="Make the video").click()
    page.get_by_text("Say whose face and voice these are").wait_for()
    page.get_by_label("Whose face and voice are these").fill("Drawn people, who agree to everything")
    shoot(page, "given")
    page.get_by_role("button", name="Make the video").click()
    row = page.locator("#list > li")
    row.get_by_text("is being made").or_(row.get_by_text("begins")).first.wait_for()
    row.locator(".stages").wait_for()
    shoot(page, "making")
    assert errors == []

    served.kill()  # the server, in mid-job; and the window is closed
    page.close()
    (asked,) = [json.loads(path.read_text()) for path in (served.home / "talks").glob("[!.]*.json")]
    assert asked["state"] == "running" or SHOTS, "pictures take their time"
    served.start()
    page = context.new_page()
    errors = watched(page)
    page.goto(served.address)
    page.locator(".called", has_text="anna.png").wait_for()
    row = page.locator("#list > li")
    row.get_by_text("done", exact=True).wait_for(timeout=300_000)
    assert row.count() == 1 and "anna.png on ben.mp4, saying carla.wav" in row.inner_text()
    shoot(page, "done")

    row.get_by_role("link", name="Play").click()
    page.locator("#video").wait_for()
    page.wait_for_function("() => ['video', 'target'].every((id) => document.getElementById(id).readyState >= 3)")
    assert page.locator("#video").evaluate(
        "(video) => [video.videoWidth, video.videoHeight, Math.round(video.duration)]"
    ) == [224, 224, 3]
    page.locator("#video").evaluate("(video) => video.play()")
    apart = []
    for _ in range(8):
        page.wait_for_timeout(100)
        result, target = page.evaluate(TIMES)
        apart.append(abs(result - target))
    assert result > 0.3 and sorted(apart)[4] < 2 * FRAME, apart
    page.locator("#video").evaluate("(video) => { video.pause(); video.currentTime = 1; }")
    page.wait_for_function(f"() => Math.abs(document.getElementById('target').currentTime - 1) < {FRAME}")
    page.get_by_role("button", name="Check its marks").click()
    page.get_by_text("the manifest holds, nothing was changed since it was signed, by this home").wait_for()
    assert "Drawn people, who agree to everything" in page.locator("#facts").inner_text()
    shoot(page, "talk")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    kept = tmp_path / download.value.suggested_filename
    download.value.save_as(kept)
    found = verify(kept, served.home)
    assert found.state == "intact" and found.manifest.trusted
    assert found.record and found.record["consent"]["said"] == "Drawn people, who agree to everything"
    assert errors == []


def test_another_like_it_with_another_face_is_cancelled_and_tried_again(context, served, files, tmp_path):
    pair = np.concatenate([cv2.imread(str(files[0])), cv2.flip(draw(9, 224)[..., ::-1], 1)], axis=1)
    cv2.imwrite(str(tmp_path / "pair.png"), pair)
    page = context.new_page()
    errors = watched(page)
    page.goto(served.address)
    page.get_by_role("link", name="Play").click()
    page.get_by_role("link", name="Make another like it").click()
    page.locator(".called", has_text="carla.wav").wait_for()
    page.locator("#file-source").set_input_files(tmp_path / "pair.png")
    first = page.get_by_role("radiogroup", name="Whose face is wanted?").get_by_role("radio", name="Face 1")
    first.wait_for(state="attached")
    page.get_by_alt_text("One frame: the face of pair.png on ben.mp4").wait_for()
    first.focus()
    with page.expect_request(lambda asked: asked.url.endswith("/api/preview")) as looked:
        page.keyboard.press("ArrowRight")
    assert looked.value.post_data_json["source_face"] == 2
    shoot(page, "faces")
    assert page.get_by_label("Whose face and voice are these").input_value() == "Drawn people, who agree to everything"
    page.get_by_role("button", name="Make the video").click()
    row = page.locator("#list > li", has_text="pair.png")
    row.get_by_role("button", name="Cancel").click()
    row.get_by_text("cancelled", exact=True).wait_for()
    row.get_by_role("button", name="Try again").click()
    row.get_by_role("button", name="Cancel").click()
    row.get_by_text("cancelled", exact=True).wait_for()
    page.on("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button", name="Remove").click()
    row.wait_for(state="detached")
    assert page.locator("#list > li").count() == 1 and errors == []


def test_a_voice_is_recorded(context, served):
    page = context.new_page()
    page.goto(served.address)
    errors = watched(page)
    page.get_by_role("button", name="Record it").click()
    page.get_by_role("button", name="Stop").wait_for()
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="Stop").click()
    page.locator(".called", has_text="recorded ").wait_for()
    assert page.locator(".listen").evaluate("(sound) => sound.src").endswith("/sound")
    assert errors == []


def test_keys_alone_and_the_width_of_a_phone(context, served):
    page = context.new_page()
    errors = watched(page)
    for size in (DESK, PHONE):
        page.set_viewport_size(size)
        for path in ("/", "/api"):
            page.goto(f"{served.address}{path}")
            wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{path} is {wide} px too wide at {size['width']} px"
            if (path, size) == ("/api", DESK):
                shoot(page, "api")
    page.goto(served.address)
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "To the content"
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("() => document.activeElement.id"))
    assert {"file-source", "file-target", "file-voice", "record", "consent", "label", "detail", "go"} <= reached
    nameless = page.evaluate(
        "() => [...document.querySelectorAll('button, a, input, textarea, video[controls], audio[controls]')]"
        ".filter((one) => one.offsetParent && !(one.ariaLabel || one.textContent.trim() || (one.labels && one.labels.length))).map((one) => one.outerHTML)"
    )
    assert nameless == [] and errors == []
