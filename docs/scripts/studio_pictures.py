"""Makes the pictures of docs/guide/studio.md: python docs/scripts/studio_pictures.py

A studio is served on the weights that come with the package, three files of drawn people are given to it, and a video is made. Needs Chromium,
and playwright (`pip install -e '.[dev]'`).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from screenshots import DESK, PHONE, PICTURES, chromium, small

from swaptalk_models.data.media.audio import read_audio, write_wav
from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.media.timeline import frames_at_25
from swaptalk_models.data.phantom.corpus import write_corpus
from tests.studio_files import Served

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = PICTURES / "studio"
CONSENT = "Drawn people, who agree to everything"


def write_people(folder: Path) -> dict[str, Path]:
    """A picture, a video and a voice of three drawn people whom no weights have seen."""
    videos = write_corpus(folder / "corpus", people=3, seconds=2.5, seed=4244, size=512)
    given = {"source": folder / "anna.png", "target": folder / "ben.mp4", "voice": folder / "carla.wav"}
    given["source"].write_bytes(encode_png(next(iter(frames_at_25(videos[0])))[0]))
    videos[1].rename(given["target"])
    write_wav(given["voice"], read_audio(videos[2]))
    return given


def take(page: Page, address: str, given: dict[str, Path]) -> list[Path]:
    """All pictures into FOLDER."""
    made = []

    def shoot(name: str, size: dict[str, int], to: str = "body") -> None:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.locator(to).evaluate("(there) => there.scrollIntoView({ block: 'start', behavior: 'instant' })")
        page.wait_for_timeout(600)
        (FOLDER / f"{name}.png").write_bytes(small(page.screenshot()))
        made.append(FOLDER / f"{name}.png")

    FOLDER.mkdir(parents=True, exist_ok=True)
    page.goto(address)
    for role, path in given.items():
        page.locator(f"#file-{role}").set_input_files(path)
        page.locator(".called", has_text=path.name).wait_for()
    page.get_by_text("One frame, where the voice is loudest").wait_for()
    page.locator("#consent").fill(CONSENT)
    page.locator("#consent").blur()
    shoot("given", DESK | {"height": 1240})
    shoot("phone", PHONE, to=".second")
    page.set_viewport_size(DESK)  # type: ignore[arg-type]
    page.get_by_role("button", name="Make the video").click()
    page.locator("#list").get_by_role("link", name="Play").click()
    page.wait_for_function("() => ['video', 'target'].every((id) => document.getElementById(id).readyState >= 3)")
    page.evaluate("() => { document.getElementById('video').currentTime = 1; }")
    page.get_by_role("button", name="Check its marks").click()
    page.get_by_text("the manifest holds").wait_for()
    shoot("talk", DESK | {"height": 1120})
    return made


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="swaptalk-") as aside:
        given, studio = write_people(Path(aside) / "files"), Served(Path(aside) / "studio")
        try:
            with chromium() as browser:
                page = browser.new_page()
                page.set_default_timeout(180_000)
                for path in take(page, studio.start(), given):
                    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")
        finally:
            studio.stop()


if __name__ == "__main__":
    main()
