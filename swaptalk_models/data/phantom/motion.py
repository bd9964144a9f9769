"""What moves: lips from the phonemes, and head, brows, lids and gaze from smooth chance."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtr

from swaptalk_models.data.phantom.speech import AUDIO_RATE, Phoneme, Speech

FPS = 25
"""Frames a second of the corpus; frame i shows the mouth of audio time i / FPS."""

COARTICULATION_S = 0.026
"""Sigma (s) of the Gaussian with which a phoneme's shape reaches over into its neighbours."""

MAX_YAW = np.radians(14.0)


@dataclass(frozen=True)
class Motion:
    """One value a frame, float32 (T,). Angles in radians, shifts in head units (about half a face height)."""

    opening: np.ndarray
    """Gap between the lips, 0 closed to 1 wide."""
    spread: np.ndarray
    """-1 rounded (as in `oo`), 0 neutral, 1 spread (as in `ee`)."""
    press: np.ndarray
    """Lips pressed together (m, b, p), 0 to 1."""
    tuck: np.ndarray
    """Lower lip under the upper teeth (f, v), 0 to 1."""
    tongue: np.ndarray
    """Tip of the tongue behind the teeth (l, th, t, d, n), 0 to 1."""
    blink: np.ndarray
    """0 open to 1 shut, both eyes."""
    brow: np.ndarray
    """Raised brows, -0.3 to 1."""
    gaze_x: np.ndarray
    gaze_y: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    shift_x: np.ndarray
    shift_y: np.ndarray
    zoom: np.ndarray
    """Scale of the head, about 1."""

    def __len__(self) -> int:
        return len(self.opening)

    def frame(self, index: int) -> dict[str, float]:
        return {field.name: float(getattr(self, field.name)[index]) for field in fields(self)}


# opening, spread, press, tuck, tongue, and how stubbornly a sound holds its shape against its neighbours (dominance).
_SILENCE = (0.0, 0.0, 0.15, 0.0, 0.0, 2.0)
_BILABIAL = (0.0, 0.0, 1.0, 0.0, 0.0, 4.0)
_LABIODENTAL = (0.06, 0.15, 0.0, 1.0, 0.0, 3.0)
_VISEMES: dict[str, tuple[tuple[float, ...], ...]] = {
    # open vowels
    "a": ((0.92, 0.25, 0, 0, 0, 1),),
    "A": ((1.0, -0.05, 0, 0, 0, 1),),
    "V": ((0.68, 0.05, 0, 0, 0, 1),),
    "0": ((0.78, -0.35, 0, 0, 0, 1),),
    "O": ((0.66, -0.8, 0, 0, 0, 1),),
    "o": ((0.60, -0.75, 0, 0, 0, 1),),
    # mid and close vowels
    "E": ((0.58, 0.5, 0, 0, 0, 1),),
    "e": ((0.50, 0.55, 0, 0, 0, 1),),
    "3": ((0.42, -0.2, 0, 0, 0, 1),),
    "@": ((0.38, 0.0, 0, 0, 0, 0.8),),
    "I": ((0.34, 0.5, 0, 0, 0, 1),),
    "i": ((0.24, 0.95, 0, 0, 0, 1),),
    "U": ((0.28, -0.85, 0, 0, 0, 1),),
    "u": ((0.20, -1.0, 0, 0, 0, 1.1),),
    # diphthongs move within their time
    "aI": ((1.0, 0.1, 0, 0, 0, 1), (0.40, 0.7, 0, 0, 0, 1)),
    "aU": ((1.0, 0.0, 0, 0, 0, 1), (0.34, -0.9, 0, 0, 0, 1)),
    "OI": ((0.66, -0.8, 0, 0, 0, 1), (0.36, 0.6, 0, 0, 0, 1)),
    "oU": ((0.62, -0.6, 0, 0, 0, 1), (0.24, -1.0, 0, 0, 0, 1)),
    "eI": ((0.58, 0.5, 0, 0, 0, 1), (0.30, 0.85, 0, 0, 0, 1)),
    # consonants
    "p": (_BILABIAL,),
    "b": (_BILABIAL,),
    "m": (_BILABIAL,),
    "f": (_LABIODENTAL,),
    "v": (_LABIODENTAL,),
    "w": ((0.12, -1.0, 0, 0, 0, 2.0),),
    "r": ((0.20, -0.5, 0, 0, 0.2, 0.8),),
    "S": ((0.20, -0.6, 0, 0, 0, 1.5),),
    "Z": ((0.20, -0.6, 0, 0, 0, 1.5),),
    "tS": ((0.18, -0.6, 0, 0, 0, 1.5),),
    "dZ": ((0.18, -0.6, 0, 0, 0, 1.5),),
    "s": ((0.12, 0.45, 0, 0, 0, 1.5),),
    "z": ((0.12, 0.45, 0, 0, 0, 1.5),),
    "T": ((0.22, 0.1, 0, 0, 1.0, 1.3),),
    "D": ((0.22, 0.1, 0, 0, 1.0, 1.3),),
    "l": ((0.34, 0.1, 0, 0, 1.0, 1.0),),
    "t": ((0.20, 0.15, 0, 0, 0.6, 0.9),),
    "d": ((0.20, 0.1, 0, 0, 0.6, 0.9),),
    "n": ((0.22, 0.1, 0, 0, 0.6, 0.9),),
    "k": ((0.30, 0.1, 0, 0, 0, 0.6),),
    "g": ((0.30, 0.1, 0, 0, 0, 0.6),),
    "N": ((0.28, 0.1, 0, 0, 0, 0.6),),
    "j": ((0.20, 0.7, 0, 0, 0, 0.8),),
    "h": ((0.40, 0.0, 0, 0, 0, 0.2),),
    "x": ((0.30, 0.0, 0, 0, 0, 0.6),),
    "_": (_SILENCE,),
}
_VOWELS = set("aAV0OoE3eI@iUu")


def visemes(phoneme: str) -> list[tuple[float, ...]]:
    """Targets of a phoneme, in the order in which it passes through (two for a diphthong); unknown ones: neutral."""
    name = phoneme.lstrip("',%=")
    stress = 1.1 if phoneme.startswith("'") else 1.0 if phoneme.startswith(",") else 0.9
    for length in (2, 1):
        shapes = _VISEMES.get(name[:length])
        if shapes and name:
            break
    else:
        return [(0.25, 0.0, 0.0, 0.0, 0.0, 0.1)]
    if name[0] not in _VOWELS:
        return list(shapes)
    return [(min(1.0, shape[0] * stress), *shape[1:]) for shape in shapes]


def mouth_tracks(phonemes: list[Phoneme], frames: int) -> np.ndarray:
    """-> (5, frames) float32: opening, spread, press, tuck, tongue at time i / FPS.

    Every target pulls with a weight: its dominance times a Gaussian-blurred box over its own time (after Cohen and
    Massaro 1993), so the shapes flow into each other, a lip closure wins over the vowels beside it, and nothing lags.
    """
    rows = []
    for phoneme in phonemes:
        shapes = visemes(phoneme.name)
        step = (phoneme.end - phoneme.start) / len(shapes)
        rows += [(*shape, phoneme.start + i * step, phoneme.start + (i + 1) * step) for i, shape in enumerate(shapes)]
    table = np.array(rows)
    targets, dominance, start, end = table[:, :5], table[:, 5], table[:, 6], table[:, 7]
    time = np.arange(frames)[:, None] / FPS
    reach = ndtr((time - start) / COARTICULATION_S) - ndtr((time - end) / COARTICULATION_S)
    weight = dominance * reach + 1e-9
    return (weight @ targets / weight.sum(1, keepdims=True)).T.astype(np.float32)


def loudness(audio: np.ndarray, frames: int) -> np.ndarray:
    """RMS of the 40 ms around each frame's time, (frames,) float32."""
    power = np.concatenate([[0.0], np.cumsum(audio.astype(np.float64) ** 2)])
    middle = np.arange(frames) * AUDIO_RATE / FPS
    first = np.clip(middle - AUDIO_RATE / FPS / 2, 0, len(audio) - 1).astype(int)
    last = np.clip(middle + AUDIO_RATE / FPS / 2, 1, len(audio)).astype(int)
    return np.sqrt((power[last] - power[first]) / np.maximum(last - first, 1)).astype(np.float32)


def _drift(rng: np.random.Generator, frames: int, slowest: float, fastest: float) -> np.ndarray:
    """A smooth wander of three incommensurate sines (Hz), about within [-1, 1]."""
    time = np.arange(frames) / FPS
    frequency = rng.uniform(slowest, fastest, 3)
    phase = rng.uniform(0, 2 * np.pi, 3)
    return (np.sin(2 * np.pi * frequency * time[:, None] + phase) * (0.55, 0.3, 0.15)).sum(1)


def _blinks(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Both lids: a blink about every two to five seconds, the first within 1.6 s; shut in two frames, open in four.

    How often differs from take to take; now and then two blinks follow each other.
    """
    often = rng.uniform(1.6, 3.2)
    shape = np.array([0.35, 0.9, 1.0, 0.75, 0.4, 0.12])
    track = np.zeros(frames + len(shape))
    at = int(rng.uniform(0.3, 1.6) * FPS)
    while at < frames:
        track[at : at + len(shape)] = np.maximum(track[at : at + len(shape)], shape)
        at += int((0.4 if rng.random() < 0.1 else rng.uniform(0.8, 1.6) * often) * FPS)
    return track[:frames]


def _saccades(rng: np.random.Generator, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Small looks away from the camera and back, held for 0.4 to 1.2 s."""
    x, y = np.zeros(frames), np.zeros(frames)
    at = 0
    while at < frames:
        until = at + int(rng.uniform(0.4, 1.2) * FPS)
        if rng.random() < 0.4:
            x[at:until], y[at:until] = rng.uniform(-1.4, 1.4), rng.uniform(-0.8, 0.8)
        at = until
    return gaussian_filter1d(x, 0.7), gaussian_filter1d(y, 0.7)


def perform(
    speech: Speech, frames: int, rng: np.random.Generator, liveliness: float = 1.0, articulation: float = 1.0
) -> Motion:
    """The performance to `speech`, `frames` long.

    `liveliness` scales head and brow movement (0 to about 1.2), `articulation` how wide the mouth opens (0 to 1).
    """
    opening, spread, press, tuck, tongue = mouth_tracks(speech.phonemes, frames)
    stress = gaussian_filter1d(loudness(speech.audio, frames), 3)
    stress = stress / max(float(stress.max()), 1e-6) - 0.5
    # How a person holds the head, and about which axis it moves most, differ from take to take.
    rest_yaw, rest_pitch, rest_roll = rng.uniform(-1, 1, 3) * np.radians((4.5, 1.5, 3.0))
    turns, nods, tilts = liveliness * rng.uniform(0.6, 1.25, 3)
    yaw = rest_yaw + np.radians(7.5) * turns * _drift(rng, frames, 0.10, 0.45)
    pitch = rest_pitch + np.radians(3.8) * nods * _drift(rng, frames, 0.12, 0.5) + np.radians(3.0) * nods * stress
    roll = rest_roll + np.radians(3.2) * tilts * _drift(rng, frames, 0.08, 0.35)
    gaze_x, gaze_y = _saccades(rng, frames)
    tracks = {
        "opening": articulation * opening,
        "spread": spread,
        "press": press,
        "tuck": tuck,
        "tongue": tongue,
        "blink": _blinks(rng, frames),
        "brow": np.clip(0.35 * _drift(rng, frames, 0.2, 0.7) + 0.9 * liveliness * stress, -0.3, 1.0),
        "gaze_x": gaze_x,
        "gaze_y": gaze_y,
        "yaw": np.clip(yaw, -MAX_YAW, MAX_YAW),
        "pitch": pitch,
        "roll": roll,
        "shift_x": 0.06 * liveliness * _drift(rng, frames, 0.08, 0.3),
        "shift_y": 0.035 * liveliness * _drift(rng, frames, 0.1, 0.35),
        "zoom": 1 + 0.02 * liveliness * _drift(rng, frames, 0.08, 0.25),
    }
    return Motion(**{name: np.asarray(track, np.float32) for name, track in tracks.items()})
