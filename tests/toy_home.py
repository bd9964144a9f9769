"""The whole chain at toy size, as a stranger runs it: folders of videos, good and bad, and the commands. Made once a session (`conftest.py`)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np

from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.video import read_frames
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.data.store.home import Home

MODELS = ("identity_encoder", "vqgan", "lip_expert", "sync_judge", "face_swapper", "lip_sync")
METHODS = "[all]"  # the paper's whole table, at toy size
SECONDS, SIZE = 1.4, 160  # px; whoever is in them says a few syllables
TOY = {f"{name}.train.steps": 3 for name in MODELS} | {
    "restorer.train.steps": 3,  # has a budget of its own in `tiny`; the other two have lip_sync's
    "swap_teacher.pairs": 12,
    "swap_teacher.held_out_pairs": 4,
    "evaluation.pairs": 1,
    "evaluation.identity_frames": 2,
    "evaluation.cpbd_frames": 2,
    "evaluation.methods": METHODS,
}


def swaptalk(*arguments, check: int = 0) -> str:
    """Run the command in a process of its own, as users do; returns what it printed."""
    words = [str(word) for word in arguments]
    environment = {key: value for key, value in os.environ.items() if key != "DAGSTER_HOME"}
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli.main", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == check, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout if check == 0 else done.stderr


def toy_settings(**changed) -> list[str]:
    return [word for name, value in (TOY | changed).items() for word in ("--set", f"{name}={value}")]


def write_video(path: Path, frames, audio=None, fps: int = 25) -> None:
    with VideoWriter(path, frames[0].shape[1], frames[0].shape[0], fps=fps, audio=audio) as writer:
        for frame in frames:
            writer.write(frame)


def write_videos(folder: Path) -> Path:
    """Five good phantoms, and one of each kind of trouble."""
    good = write_corpus(folder, people=6, seconds=SECONDS, size=SIZE)
    frames = np.concatenate(list(read_frames(good[5])))
    sound = read_audio(good[5])
    good[5].unlink()
    (folder / "no video.mp4").write_text("I am a text file, whatever my name says.")
    (folder / "cut off.mp4").write_bytes(good[0].read_bytes()[:20000])
    write_video(folder / "silent.mp4", frames)
    write_video(folder / "nobody.mp4", [np.full((SIZE, SIZE, 3), 90, np.uint8)] * 30, sound)
    write_video(folder / "three frames.mp4", frames[:3], sound[: 3 * 640])
    write_video(folder / "Ämy, täl king.mp4", frames, sound[: len(frames) * 16000 // 30], fps=30)
    # Two heads: the larger, more central one is the speaker.
    above = ((SIZE // 2, 0), (0, 0), (0, 0))
    pair = [np.concatenate([frame, np.pad(frame[::2, ::2], above)], axis=1) for frame in frames]
    write_video(folder / "two heads.mp4", pair, sound)
    return folder


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def make_home(home: Path, videos: Path) -> Path:
    """The whole graph over them. Links to its reports lead to a port that nobody else has."""
    Home(home).create().update_state(report_port=free_port())
    before = {path: path.read_bytes() for path in videos.glob("*.mp4")}
    swaptalk("run", "--preset", "tiny", "--videos", videos, "--home", home, *toy_settings())
    assert {path: path.read_bytes() for path in videos.glob("*.mp4")} == before, "the user's files were touched"
    return home
