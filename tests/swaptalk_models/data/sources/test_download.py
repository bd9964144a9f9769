"""Downloads, against a server on this machine that also fails."""

import contextlib
import dataclasses
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import numpy as np
import pytest

from swaptalk_models.data.media.video import probe
from swaptalk_models.data.sources import download
from swaptalk_models.data.sources.annotation_files import HDTF_CHECKSUMS, fetch_annotations
from swaptalk_models.data.sources.annotations import FILES, hdtf_catalog
from swaptalk_models.data.sources.catalog import write_catalog
from swaptalk_models.data.sources.download import (
    DeadVideo,
    DownloadStatus,
    download_video,
    download_videos,
    worth_asking,
)
from swaptalk_models.data.stages.registry import run_data_stage
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.errors import BadClip, UserError
from swaptalk_models.settings.download import DownloadConfig
from swaptalk_models.settings.preset import Preset

from ..media.test_cutting import write_source

CONFIG = DownloadConfig(pause_s=0, retries=0, timeout_s=1.0)


def video_bytes(folder, frames=50):
    with av.open(str(folder / "served.mp4"), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        noise = np.random.default_rng(0)
        for _ in range(frames):
            image = noise.integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return (folder / "served.mp4").read_bytes()


NAMES = ("good.mp4", "good2.mp4", "cut.mp4", "slow.mp4", "trickle.mp4")


class Handler(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range")))
        server.cookies.add(self.headers.get("Cookie"))
        name = self.path.rsplit("/", 1)[-1]
        if name not in server.files:
            return self.send_error(int(name.split(".")[0]) if name[:3].isdigit() else 404)
        kind, data = server.files[name]
        start = 0
        if (wanted := self.headers.get("Range", "")).startswith("bytes="):
            start = int(wanted[6:].split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if not body:
            return
        probing = server.asked.count((self.path, self.headers.get("Range"))) == 1 and not start
        if name.startswith("cut") and not server.mended and not probing:
            self.wfile.write(data[start : len(data) // 2])
            self.wfile.flush()
            return self.connection.close()
        if name.startswith("slow") and not probing:
            self.wfile.write(data[:100])
            self.wfile.flush()
            time.sleep(1.5)
        if name.startswith("trickle") and not probing:
            for at in range(start, len(data), 1000):
                time.sleep(0.05)
                try:
                    self.wfile.write(data[at : at + 1000])
                except OSError:
                    return None
            return None
        with contextlib.suppress(OSError):
            self.wfile.write(data[start:])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    data = video_bytes(tmp_path)
    server.video, server.asked, server.cookies, server.mended = data, [], set(), False
    server.files = {name: ("video/mp4", data) for name in NAMES}
    server.files["page.html"] = ("text/html", b"<html><body>No film here</body></html>")
    server.files["fake.mp4"] = ("video/mp4", b"this is no video at all\n" * 40)
    server.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_direct_link(server, tmp_path):
    path = download_video(f"{server.address}/good.mp4", tmp_path / "out" / "a", CONFIG)
    assert path == tmp_path / "out" / "a.mp4" and path.read_bytes() == server.video
    assert [each.name for each in path.parent.iterdir()] == ["a.mp4"]
    asked = len(server.asked)
    assert download_video(f"{server.address}/good.mp4", tmp_path / "out" / "a", CONFIG) == path
    assert len(server.asked) == asked  # what is there is not fetched again


def test_removed_video_is_dead(server, tmp_path):
    with pytest.raises(DeadVideo, match="404"):
        download_video(f"{server.address}/gone.mp4", tmp_path / "a", CONFIG)
    with pytest.raises(DeadVideo, match="no address"):
        download_video("", tmp_path / "a", CONFIG)


def test_page_without_a_video(server, tmp_path):
    with pytest.raises(DeadVideo):
        download_video(f"{server.address}/page.html", tmp_path / "a", CONFIG)


def test_server_fault_is_worth_another_try(server, tmp_path):
    with pytest.raises(BadClip, match="503") as caught:
        download_video(f"{server.address}/503.mp4", tmp_path / "a", CONFIG)
    assert not isinstance(caught.value, DeadVideo) and "\n" not in str(caught.value)


def test_wrong_type_is_not_kept_nor_fetched_every_day(server, tmp_path):
    with pytest.raises(DeadVideo, match="no video"):
        download_video(f"{server.address}/fake.mp4", tmp_path / "out" / "a", CONFIG)
    assert not list((tmp_path / "out").glob("*.mp4")) and not list((tmp_path / "out").rglob("*.mp4"))


def test_cut_connection_goes_on_where_it_stopped(server, tmp_path):
    with pytest.raises(BadClip, match="connection broke") as caught:
        download_video(f"{server.address}/cut.mp4", tmp_path / "out" / "a", CONFIG)
    assert not isinstance(caught.value, DeadVideo) and not (tmp_path / "out" / "a.mp4").exists()
    server.mended = True
    server.asked.clear()
    path = download_video(f"{server.address}/cut.mp4", tmp_path / "out" / "a", CONFIG)
    assert path.read_bytes() == server.video
    resumed = [int(wanted[6:].strip("-")) for _, wanted in server.asked if wanted]
    assert resumed and 0 < resumed[-1] <= len(server.video) // 2


def test_silent_server(server, tmp_path):
    started = time.monotonic()
    with pytest.raises(BadClip) as caught:
        download_video(
            f"{server.address}/slow.mp4", tmp_path / "a", DownloadConfig(pause_s=0, retries=0, timeout_s=0.3)
        )
    assert time.monotonic() - started < 5 and not isinstance(caught.value, DeadVideo)


def test_offline(tmp_path):
    with pytest.raises(BadClip, match="online"):
        download_video("http://127.0.0.1:9/a.mp4", tmp_path / "a", CONFIG)


def test_cookies_file_must_exist(tmp_path):
    with pytest.raises(UserError, match="cookies"):
        download_video("http://127.0.0.1:9/a.mp4", tmp_path / "a", DownloadConfig(cookies=str(tmp_path / "none")))


def test_cookies_are_sent_and_their_file_is_left_as_it_is(server, tmp_path):
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tsesame\n")
    before = cookies.read_bytes()
    download_video(f"{server.address}/good.mp4", tmp_path / "a", dataclasses.replace(CONFIG, cookies=str(cookies)))
    assert server.cookies == {"session=sesame"} and cookies.read_bytes() == before


def test_one_failure_stops_nothing(server, tmp_path):
    names = {"good.mp4": "ok", "gone.mp4": "dead", "503.mp4": "failed", "good2.mp4": "ok"}
    found = list(download_videos([(f"{server.address}/{name}", tmp_path / f"v{name[:-4]}") for name in names], CONFIG))
    assert {each.address.rsplit("/", 1)[-1]: each.status for each in found} == names
    assert all(bool(each.reason) == (each.status != "ok") for each in found)
    assert [probe(each.path).frames for each in found if each.path] == [50, 50]


def test_too_slow_a_server_is_left_and_gone_on_with_later(server, tmp_path):
    started = time.monotonic()
    with pytest.raises(BadClip, match="not done after 0.01 minutes") as caught:
        download_video(
            f"{server.address}/trickle.mp4", tmp_path / "a", DownloadConfig(pause_s=0, retries=0, limit_minutes=0.01)
        )
    assert time.monotonic() - started < 5 and not isinstance(caught.value, DeadVideo)
    assert (tmp_path / ".a.download").is_dir() and not (tmp_path / "a.mp4").exists()


def test_closing_stops_what_is_under_way(server, tmp_path):
    names = ("good.mp4", "trickle.mp4", "good2.mp4")
    wanted = [(f"{server.address}/{name}", tmp_path / name[:-4]) for name in names]
    answers = download_videos(wanted, CONFIG)
    assert next(answers).address.endswith("good.mp4")
    started = time.monotonic()
    answers.close()
    assert time.monotonic() - started < 3 and not (tmp_path / "trickle.mp4").exists()


def test_pauses_between_attempts_double_up_to_the_longest_and_can_be_stopped():
    stop, waited = threading.Event(), []
    patience = download._Patience(DownloadConfig(back_off_s=5), stop)
    patience.stop.wait = waited.append
    assert [patience.back_off(n) for n in range(4)] == [0.0] * 4 and waited == [1, 2, 4, 5]
    stop.set()
    with pytest.raises(BadClip, match="stopped"):
        patience.back_off(0)


def test_dead_videos_are_left_alone_for_a_while(tmp_path):
    (tmp_path / "a.mp4").touch()

    def status(kind, days, path=None):
        return DownloadStatus("http://x", kind, "", path, time.time() - 86400 * days)

    assert worth_asking(None, CONFIG) and worth_asking(status("failed", 0), CONFIG)
    assert not worth_asking(status("dead", 29), CONFIG) and worth_asking(status("dead", 31), CONFIG)
    assert not worth_asking(status("ok", 99, tmp_path / "a.mp4"), CONFIG)
    assert worth_asking(status("ok", 0, tmp_path / "deleted.mp4"), CONFIG)


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        ("ERROR: [youtube] abc: Private video. Sign in if you've been granted access", BadClip, "login"),
        ("ERROR: [youtube] abc: Video unavailable. This video has been removed by the uploader", DeadVideo, "removed"),
        ("ERROR: [youtube] abc: This video is no longer available: account terminated", DeadVideo, "not there"),
        ("ERROR: [youtube] abc: Sign in to confirm you're not a bot", BadClip, "cookies"),
        ("ERROR: Unable to download: Failed to resolve 'x' ([Errno -2] Name or service not known)", BadClip, "online"),
        ("ERROR: [generic] HTTP Error 500: Internal", BadClip, "500"),
        ("ERROR: [youtube] abc: HTTP Error 429: Too Many Requests", BadClip, download.BUSY),
    ],
)  # fmt: skip
def test_reasons(message, kind, text):
    error = download._reason("http://x", message)
    assert type(error) is kind and text in str(error)


def test_separate_picture_and_sound_are_joined_without_ffmpeg(server, tmp_path):
    sound = tmp_path / "sound.m4a"
    with av.open(str(sound), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 32000), np.float32), "fltp", "mono")
        piece.sample_rate = 16000
        container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    joined = download._joined("http://x", [tmp_path / "served.mp4", sound], tmp_path / "joined")
    info = probe(joined)
    assert joined.suffix == ".mp4" and info.has_audio and info.frames == 50


def test_annotations_are_checked(server, tmp_path):
    content = {name: f"{name}\n".encode() for name in ("RD_video_url.txt", "RD_resolution.txt")}
    server.files |= {name: ("text/plain", data) for name, data in content.items()}
    checksums = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    paths = fetch_annotations(tmp_path / "hdtf", server.address, checksums)
    assert [path.read_bytes() for path in paths] == list(content.values())
    server.asked.clear()
    fetch_annotations(tmp_path / "hdtf", server.address, checksums)
    assert server.asked == []
    paths[1].write_bytes(b"the user's own")
    with pytest.raises(UserError, match="RD_resolution.txt: not the file we know.*remove it"):
        fetch_annotations(tmp_path / "hdtf", server.address, checksums)
    assert paths[1].read_bytes() == b"the user's own"
    server.files["RD_resolution.txt"] = ("text/plain", b"changed")
    paths[1].unlink()
    with pytest.raises(UserError, match="RD_resolution.txt: not the file we know"):
        fetch_annotations(tmp_path / "hdtf", server.address, checksums)
    assert [path.name for path in (tmp_path / "hdtf").iterdir()] == ["RD_video_url.txt"]
    with pytest.raises(UserError, match="404|Not Found"):
        fetch_annotations(tmp_path / "other", server.address, {"missing.txt": "0"})
    with pytest.raises(UserError, match="offline"):
        fetch_annotations(tmp_path / "other", "http://127.0.0.1:9", checksums)


def test_settings_name_what_is_wrong():
    with pytest.raises(ValueError, match="^parallel"):
        DownloadConfig(parallel=0)


@pytest.mark.real
def test_checksums_are_those_of_the_published_files(real_clips):
    folder = real_clips / "annotations"
    assert set(HDTF_CHECKSUMS) == set(FILES)
    assert {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES} == HDTF_CHECKSUMS
    assert hdtf_catalog(folder)[0].num_rows == 437


def test_hdtf_from_its_addresses_to_clips(server, tmp_path):
    """What can be had is cut, what cannot has its reason in the ledger; a second run asks again for what may have come back."""
    names = {"Ann": "talk.mp4", "Bob": "gone.mp4", "Cy": "cut.mp4", "Di": "fake.mp4", "Ed": "503.mp4"}
    server.files["talk.mp4"] = ("video/mp4", write_source(tmp_path / "talk.mp4", frames=75).read_bytes())
    folder, home = tmp_path / "hdtf", Home(tmp_path / "home").create()
    folder.mkdir()
    lines = {
        "RD_video_url.txt": [f"{name} {server.address}/{file}" for name, file in names.items()],
        "RD_annotion_time.txt": [f"{name}.mp4 00:00-00:01 00:01-00:03" for name in names],
        "RD_crop_wh.txt": [f"{name}_{k}.mp4 16 64 0 64" for name in names for k in (0, 1)],
        "RD_crop_ratio.txt": [f"{name}_{k}.mp4 1.2" for name in names for k in (0, 1)],
        "RD_resolution.txt": [f"{name}.mp4 96" for name in names],
    }
    for name in FILES:
        (folder / name).write_text("\n".join(lines.get(name, [])))
    preset = Preset("test", download=dataclasses.replace(CONFIG, timeout_s=20))

    def run():
        server.asked.clear()
        write_catalog(home, preset, hdtf=str(folder))
        for stage in ("raw_videos", "clips"):
            run_data_stage(stage, home, preset)
        with Ledger(home.ledger) as ledger:
            return {e.clip: e.reason for e in ledger.quarantine()}, ledger.entries("clips"), ledger.downloads()

    reasons, clips, downloads = run()
    assert {clip: (e.status, e.output["frames"], e.output["width"]) for clip, e in clips.items()} == {
        "RD_Ann_000": ("ok", 25, 64), "RD_Ann_001": ("ok", 50, 64)}  # fmt: skip
    for video, part in {"RD_Bob": "404", "RD_Cy": "connection broke", "RD_Di": "no video", "RD_Ed": "503"}.items():
        assert part in reasons[video]
    statuses = {address.rsplit("/", 1)[-1]: status for address, (status, _, _) in downloads.items()}
    assert statuses == {
        "talk.mp4": "ok",
        "gone.mp4": "dead",
        "cut.mp4": "failed",
        "fake.mp4": "dead",
        "503.mp4": "failed",
    }
    server.mended = True
    assert {"RD_Bob", "RD_Di", "RD_Ed"} <= set(run()[0]) and (home.videos / "RD_Cy.mp4").is_file()
    assert not {"/gone.mp4", "/fake.mp4", "/talk.mp4"} & {path for path, _ in server.asked}
