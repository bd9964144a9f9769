"""A voice as a usual microphone in a usual room would have recorded it: what the networks that make or judge lips hear.

How loud a recording is, and how bright or dull, is the microphone's, the room's and the voice's, and says nothing of lips. It is the mean of the log-mel
over the frames in which somebody speaks, and it is taken off: cepstral mean normalisation (Atal 1974; Furui 1981), here on bands.
"""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.sound.mel import is_silent

USUAL = -1.3
"""Level that every band has on average in speech: the mean of bands and of recordings, drawn and real."""
_FLOOR, _CEILING = -4.0, 4.0  # of the log-mel
_SPEECH = 0.3  # of the way from a sound's quietest to its loudest: from there on somebody speaks


def in_speech(level: np.ndarray) -> np.ndarray:
    """Where a sound of loudness ``level`` (T,), in any unit that is a logarithm, is speech: bool (T,); where all is equally loud, everywhere."""
    low, high = np.quantile(level, [0.05, 0.95])
    return level >= low + _SPEECH * (high - low)


def of_usual_voice(mel: np.ndarray) -> np.ndarray:
    """A log-mel (steps, 80) in [-4, 4] of which every band has the mean USUAL in speech: the same shape, float32 in [-4, 4].

    What lies at the scale's floor stays there, and a silent sound stays as it is: silence is nobody's voice.
    """
    if is_silent(mel):
        return mel
    shift = USUAL - mel[in_speech(mel.mean(axis=1))].mean(axis=0)
    moved = mel + shift * np.clip(mel - _FLOOR, 0, 1)  # within 12.5 dB of the floor by less
    return np.clip(moved, _FLOOR, _CEILING).astype(np.float32)
