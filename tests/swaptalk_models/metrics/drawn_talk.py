"""Short talks by a drawn person, and the faults that a made one may have. No real person is in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from swaptalk_models.data.media.audio import write_wav
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.motion import perform
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.data.phantom.speech import AUDIO_RATE, speak
from swaptalk_models.metrics.further_inputs import Spoken

FRAMES, SIDE, SPEAKS = 65, 192, 1.9
"""2.6 s, of which 1.9 have speech."""
_STILL = dict.fromkeys(("spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
_STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}
_STEPS = np.linspace(0, 1, 11)
Change = Callable[[np.ndarray, int], np.ndarray]
"""A frame (H, W, 3) float and its number, to the frame."""


@dataclass(frozen=True)
class Text:
    """What is said, and the mouth that says it."""

    sound: Path
    opening: np.ndarray
    """(FRAMES,), 0 to 1."""
    spoken: Spoken


def say(folder: Path, seed: int) -> Text:
    """Some sentence, the last instants of which are a pause."""
    voice = make_person(1).voice
    speech = speak(voice, FRAMES / 25, np.random.default_rng(seed), silent_from=SPEAKS)
    motion = perform(speech, FRAMES, np.random.default_rng(seed), 1.0, 1.0)
    sound = folder / f"text_{seed}.wav"
    write_wav(sound, resample_poly(speech.audio, 160, AUDIO_RATE // 100).astype(np.float32))
    return Text(sound, motion.opening, tuple((one.name, one.start, one.end) for one in speech.phonemes))


class Talker:
    """Draws one person quickly: the head is still, the mouth has eleven openings."""

    def __init__(self, person: int = 2) -> None:
        renderer = Renderer(make_person(person), size=SIDE)
        drawn = [renderer.frame(_STILL | {"opening": float(step)}) for step in _STEPS]
        self.frames = [image.astype(np.float32) for image, _ in drawn]
        self.landmarks = drawn[0][1]
        """(68, 2) of the shut mouth, px."""

    def write(self, path: Path, opening: np.ndarray, change: Change | None = None) -> Path:
        """A video without sound, whose mouth follows `opening`."""
        with VideoWriter(path, SIDE, SIDE, crf=10) as writer:
            for number, gap in enumerate(opening):
                frame = self.frames[int(np.abs(_STEPS - gap).argmin())]
                frame = change(frame, number) if change else frame
                writer.write(np.clip(frame, 0, 255).round().astype(np.uint8))
        return path
