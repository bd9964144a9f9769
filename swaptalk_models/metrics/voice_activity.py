"""Which frames have speech in them, by a voice-activity network that comes in its package.

Source     Silero VAD 6 (Silero Team, MIT), the TorchScript file inside of the package silero-vad. The package itself is not
           imported: it would set the number of threads of the whole process.
Definition the network's probability of each 32 ms, brought to the middles of frames; speech begins where it reaches 0.5 and ends
           where it falls below 0.35.
Units      bool a frame, 25 a second.
Excludes   nothing: beyond the sound's end there is no speech.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from swaptalk_models.errors import UserError

_RATE, _CHUNK = 16000, 512
_BEGINS, _ENDS = 0.5, 0.35
_FPS = 25
_KEPT = 16  # sounds: those of one target come again and again
_known: OrderedDict[bytes, np.ndarray] = OrderedDict()


def speech_frames(sound: np.ndarray, frames: int) -> np.ndarray:
    """Which of the first `frames` frames have speech, bool (frames,), from samples (S,) float32 at 16 kHz.

    UserError: the package silero-vad is not installed.
    """
    if not len(sound) or not np.any(sound):
        return np.zeros(frames, dtype=bool)
    chances = _probabilities(np.ascontiguousarray(sound, np.float32))
    middles = (np.arange(frames) + 0.5) / _FPS
    chance = np.interp(middles, (np.arange(len(chances)) + 0.5) * _CHUNK / _RATE, chances)
    speaks, found = False, np.zeros(frames, dtype=bool)
    for number, value in enumerate(chance):
        speaks = value >= (_ENDS if speaks else _BEGINS)
        found[number] = speaks
    return found & (middles < len(sound) / _RATE)


def _probabilities(sound: np.ndarray) -> np.ndarray:
    key = hashlib.blake2b(sound.tobytes()).digest()
    if key not in _known:
        if len(_known) >= _KEPT:
            _known.popitem(last=False)
        _known[key] = _listen(sound)
    return _known[key]


@torch.inference_mode()
def _listen(sound: np.ndarray) -> np.ndarray:
    network = _network()
    network.reset_states()
    padded = np.zeros(-(-len(sound) // _CHUNK) * _CHUNK, np.float32)
    padded[: len(sound)] = sound
    return np.array([network(chunk, _RATE).item() for chunk in torch.from_numpy(padded.reshape(-1, _CHUNK))])


@lru_cache(maxsize=1)
def _network() -> Any:
    spec = importlib.util.find_spec("silero_vad")
    path = Path(spec.origin).parent / "data" / "silero_vad.jit" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise UserError("the voice-activity network is missing: install the package silero-vad (6 or later)")
    return torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]  # torch has no types here
