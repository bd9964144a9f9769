"""reporting/study_page.py: a study of videos that are colours, and its page in a browser"""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from swaptalk_models.data.media.audio import read_audio, write_wav
from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.media.video import probe, read_frames
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.study.entries import Entry
from swaptalk_models.evaluation.study.record import KEY_FILE, VIDEOS_FOLDER, read_key
from swaptalk_models.reporting import study_page
from swaptalk_models.reporting.study_page import StudyPlan, make_study
from swaptalk_models.reporting.study_videos import shown_video

METHODS = ("SwapTalk", "Swap-Sync")


@pytest.fixture(scope="module")
def entries(tmp_path_factory) -> list[Entry]:
    root = tmp_path_factory.mktemp("videos")
    found = []
    write_wav(root / "voice.wav", 0.5 * np.sin(np.arange(25 * 640, dtype=np.float32)))
    (root / "source.png").write_bytes(encode_png(np.full((64, 64, 3), 200, np.uint8)))
    for name, level in (("target", 120), *zip(METHODS, (60, 180), strict=True)):
        with VideoWriter(root / f"{name}.mp4", 96, 96) as writer:
            for frame in range(25):
                picture = np.full((96, 96, 3), level, np.uint8)
                picture[:, 48:] = 2 * frame
                writer.write(picture)
    for scene in range(2):
        for method in METHODS:
            files = {"path": f"{method}.mp4", "target": "target.mp4", "audio": "voice.wav", "source": "source.png"}
            video = {key: str(root / name) for key, name in files.items()} | {"setting": "self", "method": method}
            found.append(Entry(method, f"self {scene}", video, {"lse_c": 1.0}))
    return found


@pytest.fixture(scope="module")
def page(entries, tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("home")).create()
    plan = StudyPlan("identity", pairs=2, checks=2, seconds=1)
    made = make_study(home, entries, plan)
    assert not made.cached and make_study(home, entries, plan).cached
    return made.value


def test_the_page_names_nobody(page):
    text = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="study">(.*?)</script>', text, re.DOTALL)[1])
    assert not any(word in text for word in (*METHODS, "lse_c", "swaptalk-job", str(page.parent)))
    assert len(data["items"]) == 4 and {len(item) for item in data["items"]} == {4}, "checks look like all others"
    assert all(uri.startswith("data:video/mp4;base64,") for uri in data["videos"].values())
    assert all(item["picture"].startswith("data:image/jpeg") for item in data["items"])
    assert not re.search(r'(src|href)="(?!data:)', text), "nothing is fetched"
    study = read_key(page.parent / KEY_FILE)
    assert {video.contestant for video in study.videos.values()} == set(METHODS)
    assert sum(bool(item.answer) for item in study.items) == 2
    assert not (page.parent / VIDEOS_FOLDER).exists(), "they are in the page"


def test_videos_may_lie_beside_the_page(entries, tmp_path):
    page = make_study(Home(tmp_path).create(), entries, StudyPlan(pairs=1, checks=1, seconds=1, embed=False)).value
    data = json.loads(re.search(r'id="study">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)[1])
    assert all((page.parent / uri).is_file() for uri in data["videos"].values()) and page.stat().st_size < 30_000
    assert all(item["picture"] == "" for item in data["items"])


def test_a_page_is_bounded(entries, tmp_path, monkeypatch):
    monkeypatch.setattr(study_page, "MOST_EMBEDDED", 1000)
    with pytest.raises(UserError, match="fewer --pairs or --seconds, or put them beside it with --beside"):
        make_study(Home(tmp_path).create(), entries, StudyPlan(pairs=1, seconds=1))
    assert not list(tmp_path.rglob("study.html")) and not list(tmp_path.rglob("key.json"))


def test_all_videos_are_of_one_make(entries, tmp_path):
    video = entries[0].video
    whole, broken = (
        shown_video(video["target"], video["audio"], tmp_path / f"{name}.mp4", 0.4, broken=name == "broken")
        for name in ("whole", "broken")
    )
    infos = [probe(path) for path in (whole, broken)]
    assert {(info.width, info.height, info.frames, info.has_audio) for info in infos} == {(96, 96, 10, True)}
    moving, still = (np.concatenate(list(read_frames(path))).astype(int) for path in (whole, broken))
    assert np.abs(moving[0] - moving[-1]).mean() > 5 > np.abs(still[0] - still[-1]).mean()
    assert np.abs(read_audio(whole)).max() > 0.3


@pytest.mark.parametrize("wrong", [{"question": "taste"}, {"pairs": 0}, {"checks": -1}, {"seconds": 0.1}, {"seed": -1}])
def test_a_plan_that_cannot_be(wrong):
    with pytest.raises(UserError):
        StudyPlan(**wrong)


PROBE = """
<script>
addEventListener("error", (event) => { document.body.dataset.error = event.message; });
const press = (key) => dispatchEvent(new KeyboardEvent("keydown", { key }));
const rest = (ms) => new Promise((done) => setTimeout(done, ms));
(async () => {
  URL.createObjectURL = (blob) => { blob.text().then((text) => { document.body.dataset.saved = text.trim().split("\\n").length; }); return ""; };
  HTMLAnchorElement.prototype.click = () => {}; // a download keeps the browser open
  document.getElementById("begin").click();
  while (left.readyState < 2 || right.readyState < 2) await rest(20);
  document.body.dataset.ready = [left, right].filter((video) => video.readyState >= 2).length;
  const small = [...document.querySelectorAll("#trial button")].filter((one) => one.offsetHeight < 44 || one.tabIndex < 0);
  document.body.dataset.small = small.length;
  const wide = document.documentElement.scrollWidth - innerWidth;
  document.body.dataset.overflow = wide > 0 ? `${wide}` : "none";
  press("ArrowLeft"); press("Backspace"); press("ArrowRight"); press("ArrowDown");
  await rest(100);
  document.querySelector("[data-choice=left]").click(); document.querySelector("[data-choice=right]").click();
  await rest(100);
  document.body.dataset.choices = state.votes.map((vote) => vote.choice).join();
  document.body.dataset.ended = !document.getElementById("end").hidden;
  document.body.dataset.lines = lines().trim().split("\\n").map((line) => Object.keys(JSON.parse(line)).join("+"))[0];
  document.getElementById("save").click();
  await rest(100);
})();
</script>
"""


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
@pytest.mark.parametrize("width", [390, 1200])
def test_in_a_browser(page, tmp_path, width):
    """On a phone and on a desk, from a file: videos play, keys and buttons vote, one can go back, answers can be saved."""
    path = tmp_path / "study.html"
    path.write_text(page.read_text(encoding="utf-8") + PROBE, encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    flags += f" --autoplay-policy=no-user-gesture-required --window-size={width},900"
    flags += " --disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=3000 --dump-dom"
    result = subprocess.run(
        ["chromium", *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", path.as_uri()],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "CONSOLE" not in result.stderr and "data-error" not in result.stdout
    for found in ('ready="2"', 'small="0"', 'overflow="none"', 'choices="right,same,left,right"', 'ended="true"'):
        assert f"data-{found}" in result.stdout, found
    assert 'data-lines="study+rater+item+left+right+choice+seconds+at"' in result.stdout
    assert 'data-saved="4"' in result.stdout
