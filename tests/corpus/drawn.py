"""What every made input shows and says: a drawn person between marks that tell which way is up and which frame it is."""

from functools import cache

import numpy as np

from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer

SIDE = 192  # px
FRAMES = 50
SECONDS = 2.0
BITS = 6
MARK = 24  # px: side of the marks in the corners
CORNERS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220), "white": (230, 230, 230)}
"""Upper left, upper right, lower left, lower right."""
BURSTS = (0.4, 1.0, 1.6)  # s
LEVEL = 0.3
_STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
_STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}


@cache
def _person(opening: float) -> np.ndarray:
    return _renderer().frame(_STILL | {"opening": opening})[0]


@cache
def _renderer() -> Renderer:
    return Renderer(make_person(4), SIDE)


def picture(number: int, size: tuple[int, int] = (SIDE, SIDE)) -> np.ndarray:
    """uint8 RGB (height, width, 3): frame ``number`` (0 to 63) of the person."""
    import cv2

    image = _person((number % 6) / 5).copy()
    (red, green, blue, white) = CORNERS.values()
    image[:MARK, :MARK], image[:MARK, -MARK:], image[-MARK:, :MARK], image[-MARK:, -MARK:] = red, green, blue, white
    width = (SIDE - 2 * MARK) // BITS
    for bit in range(BITS):
        left = MARK + bit * width
        image[-MARK:, left : left + width] = 235 if number >> bit & 1 else 20
    return image if size == (SIDE, SIDE) else cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def numbers(frames: np.ndarray) -> list[int]:
    """Which frame each of (n, H, W, 3) shows."""
    _, height, width, _ = frames.shape
    across = (MARK + (np.arange(BITS) + 0.5) * ((SIDE - 2 * MARK) // BITS)) / SIDE * width
    row = round((1 - MARK / 2 / SIDE) * height)
    bits = frames[:, row - 1 : row + 2, across.astype(int)].mean(axis=(1, 3)) > 128
    return (bits * (1 << np.arange(BITS))).sum(axis=1).tolist()


def corners(frame: np.ndarray) -> list[str]:
    """Names of the colours in the corners of (H, W, 3): upper left, upper right, lower left, lower right."""
    height, width, _ = frame.shape
    down, right = round(MARK / 2 / SIDE * height), round(MARK / 2 / SIDE * width)
    found = []
    for y in (down, height - 1 - down):
        for x in (right, width - 1 - right):
            seen = frame[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(axis=0)
            found.append(min(CORNERS, key=lambda name: np.abs(seen - CORNERS[name]).sum()))
    return found


def voice(rate: int = 48000, seconds: float = SECONDS) -> np.ndarray:
    """float32 (samples,): three bursts of a vowel-like sound."""
    t = np.arange(round(rate * seconds)) / rate
    sound = np.zeros(len(t), np.float32)
    for start in BURSTS:
        inside = (t >= start) & (t < start + 0.25)
        sound[inside] = LEVEL * (np.sin(2 * np.pi * 440 * t[inside]) + 0.5 * np.sin(2 * np.pi * 1320 * t[inside]))
    return sound


def onsets(audio: np.ndarray, rate: int) -> list[float]:
    """Starts of the bursts (s)."""
    loud = np.flatnonzero(np.abs(audio) > LEVEL / 3)
    return (loud[np.r_[True, np.diff(loud) > rate // 10]] / rate).tolist() if len(loud) else []


def level(audio: np.ndarray) -> float:
    """dB against the voice as it was drawn."""
    return float(10 * np.log10(np.mean(np.square(audio, dtype=np.float64)) / np.mean(voice() ** 2)))
