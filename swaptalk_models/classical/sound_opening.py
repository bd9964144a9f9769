"""How far a mouth is open, by its sound alone.

Open vowels have a high first formant: much of their sound lies above some 600 Hz and little below. Close vowels, nasals and voiced closures have it the other way
round (Fant 1960; Stevens 1998). So an opening is told by how much more there is above than below, and hardly by loudness, which is the speaker's mood and
distance as well. On seventeen real recordings the correlation with the lips' true opening was 0.37 (0.33 with lips that close in pauses, as real ones
do not always; loudness: 0.17; a linear regression on mel windows, learned from the
sixteen others: 0.38); bands and weight were chosen on these. Nothing else is learned here, and nothing is known of lips that round or close where no sound tells.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_closing, gaussian_filter1d

from swaptalk_models.classical.articulation import USUAL
from swaptalk_models.data.sound.mel import FRAME_RATE, MEL_RATE
from swaptalk_models.data.sound.usual_voice import in_speech

_BELOW = slice(4, 12)  # 240 to 500 Hz
_ABOVE = (slice(16, 32), slice(40, 60))  # 670 to 1230 Hz and 1.7 to 3.4 kHz
_LESS = 0.6
_STEADY = 3.2  # steps: a frame
_PAUSE = 8  # frames: 300 ms
_FADE = 1.5  # frames


def opening_by_sound(mel: np.ndarray, frames: int) -> np.ndarray:
    """Openings (frames,) float32 of the eyes' distance, from a log-mel (steps, 80) in [-4, 4], 80 steps a second: from the 5th to the 95th percentile of speech as far as
    people's (``articulation.USUAL``), 0 in silence.
    """
    above = sum(mel[:, band].mean(axis=1) for band in _ABOVE) / len(_ABOVE)
    tilt = gaussian_filter1d(above - _LESS * mel[:, _BELOW].mean(axis=1), _STEADY)
    level = gaussian_filter1d(mel.mean(axis=1), _STEADY)
    middles = np.clip((np.arange(frames) + 0.5) * MEL_RATE / FRAME_RATE, 0, len(mel) - 1)
    tilt, level = (np.interp(middles, np.arange(len(mel)), values) for values in (tilt, level))
    speech = in_speech(level)
    low, high = np.quantile(tilt[speech], [0.05, 0.95])
    if high - low < 1e-3:
        return np.zeros(frames, np.float32)
    opening = USUAL * np.clip((tilt - low) / (high - low), 0, 1.2)
    talks = binary_closing(np.pad(speech, _PAUSE), np.ones(_PAUSE))[_PAUSE:-_PAUSE]  # what is shorter is a consonant's
    return (opening * gaussian_filter1d(talks.astype(np.float64), _FADE)).astype(np.float32)
