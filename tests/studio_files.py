"""Files of drawn people as somebody gives them to the studio, and a studio that really runs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import cv2
import numpy as np

from swaptalk_models.data.media.audio import write_wav
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer

ROOT = Path(__file__).parents[1]
STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}


def draw(person: int, size: int, **pose: float) -> np.ndarray:
    """A drawn person, (size, size, 3) uint8 RGB."""
    return Renderer(make_person(person), size=size).frame(STILL | pose)[0]


def write_files(folder: Path, seconds: float = 1.0, size: int = 224) -> tuple[Path, Path, Path]:
    """(anna.png, ben.mp4, carla.wav); the voice lasts so long (s)."""
    folder.mkdir(parents=True, exist_ok=True)
    face, head, voice = folder / "anna.png", folder / "ben.mp4", folder / "carla.wav"
    cv2.imwrite(str(face), draw(4, size)[..., ::-1])
    renderer = Renderer(make_person(7), size=size)
    with VideoWriter(head, size, size) as writer:
        for number in range(20):
            pose = {"opening": 0.4 + 0.4 * np.sin(number), "shift_x": 0.02 * np.sin(number / 5)}
            writer.write(renderer.frame(STILL | pose)[0])
    write_wav(voice, tone(seconds))
    return face, head, voice


def tone(seconds: float) -> np.ndarray:
    """Something like a voice, float32 (samples,) at 16 kHz."""
    t = np.arange(round(seconds * 16000)) / 16000
    return (0.3 * np.sin(2 * np.pi * 140 * t) * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * t))).astype(np.float32)


class Served:
    """`swaptalk studio` as a process of its own, which can be killed and started again at the same port."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder, self.words, self.port = folder, words, 0
        folder.mkdir(parents=True, exist_ok=True)
        self.process: subprocess.Popen[str] | None = None

    @property
    def home(self) -> Path:
        """The default home of that folder: there it runs on the weights that come with the package."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server says beside its address."""
        return self.folder / "log"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> str:
        """Its address, once it answers."""
        environment = {
            name: value for name, value in os.environ.items() if name not in ("SWAPTALK_HOME", "DAGSTER_HOME")
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli.main", "studio", "--port", str(self.port), *self.words],
            cwd=self.folder,
            env=environment | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
            stdout=subprocess.PIPE,
            stderr=self.log.open("a"),
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", said)
        assert found, said
        self.port = int(found[1])
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{self.address}/api/studio", timeout=5)
                return self.address
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the studio does not answer")

    def kill(self) -> None:
        """The server alone, without a word."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """The server, and the maker that it has started."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)
        self.kill_maker()

    def kill_maker(self) -> None:
        """Whoever makes this home's videos, without a word."""
        for line in subprocess.run(
            ["ps", "-eww", "-o", "pid,args"], capture_output=True, text=True, check=True
        ).stdout.splitlines():
            if f"pipelines.studio.maker {self.home}" in line:
                os.kill(int(line.split()[0]), signal.SIGKILL)
