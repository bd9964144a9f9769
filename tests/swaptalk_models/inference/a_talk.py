"""What tests of a generation share: sizes of the target that conftest.py draws, a spy, and a call."""

import numpy as np

from swaptalk_models.data.media.video import read_frames
from swaptalk_models.inference.generator import Generator

WIDTH, HEIGHT, FRAMES = 206, 192, 24
GONE = range(8, 14)  # frames without a face
SECONDS = 1.1  # of sound: 27.5 frames
STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}


def generate(networks, media, output, **changed):
    given = {"source": media / "source.png", "target": media / "target.mp4", "audio": media / "sound.wav"} | changed
    return Generator(networks).generate(**given, output=output, progress=False)


def frames_of(path) -> np.ndarray:
    return np.concatenate(list(read_frames(path)))


class Spied:
    """Networks that write down what they are asked for."""

    def __init__(self, networks, calls) -> None:
        self._networks, self._calls = networks, calls

    def __getattr__(self, name):
        value = getattr(self._networks, name)
        if name not in ("encode", "encode_source", "swap", "speak", "copy_lips", "decode"):
            return value

        def call(*arguments):
            result = value(*arguments)
            self._calls.append((name, arguments, result))
            return result

        return call
