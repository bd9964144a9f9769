"""How trainings hear the voices of their clips.

Synthetic speech tells lips by its loudness: vowels are loud, closures are not. Real speech does not. Its loudness goes its own ways, and below some 800 Hz
it goes on through closures and pauses (voicing, nasals, the room); there an open mouth is told by how much more there is above than
below. A network that learned from synthetic voices alone learns what it needs of real ones when the first kind of clue is taken from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from swaptalk_models.data.sound.usual_voice import of_usual_voice

_UNIT_DB = 12.5  # of the log-mel
_DRIFT_SIGMA = 6.4  # steps (80 ms): a syllable's loudness
_LOW = np.arange(80) < 20  # below 790 Hz
_SHARE = 1 / (1 + np.exp((np.arange(80) - 20) / 3)).astype(np.float32)  # of the evening out, a band
_STEADY = 1.5  # steps
_LOUD = 0.8  # quantile of its own levels to which the low sound is brought


@dataclass(frozen=True)
class Voices:
    """What a training hears of each clip."""

    mels: Mapping[str, np.ndarray]
    """Clip -> log-mel (steps, 80) in [-4, 4] as it is stored."""
    usual: Mapping[str, np.ndarray]
    """The same of the usual voice (data/sound/usual_voice.py)."""
    loudness_drift: float = 0.0
    """Deviation (dB) of a random loudness that comes and goes over the syllables."""
    even_lows: float = 0.0
    """How far the loudness below some 800 Hz is evened out: 0 not at all, 1 wholly."""

    def of(self, clip: str, rng: np.random.Generator) -> np.ndarray:
        """A clip's sound for one sample: float32 (steps, 80) in [-4, 4], of the usual voice."""
        if not self.loudness_drift and not self.even_lows:
            return self.usual[clip]
        mel = evened_lows(self.mels[clip], self.even_lows)
        return of_usual_voice(np.clip(mel + drift(rng, len(mel), self.loudness_drift)[:, None], -4, 4))


def evened_lows(mel: np.ndarray, share: float) -> np.ndarray:
    """A log-mel (steps, 80) whose loudness below some 800 Hz is nearer to what it is at its loud moments, by ``share`` (0 to 1) of the way."""
    level = gaussian_filter1d(mel[:, _LOW].mean(axis=1), _STEADY)
    return mel + share * (np.quantile(level, _LOUD) - level)[:, None] * _SHARE


def drift(rng: np.random.Generator, steps: int, deviation: float) -> np.ndarray:
    """A loudness (steps,) float32 in units of the log-mel that comes and goes, of ``deviation`` dB."""
    reach = round(4 * _DRIFT_SIGMA)
    noise = gaussian_filter1d(rng.standard_normal(steps + 2 * reach), _DRIFT_SIGMA)[reach : reach + steps]
    usual = (2 * np.sqrt(np.pi) * _DRIFT_SIGMA) ** -0.5  # deviation of white noise after such a Gaussian
    return (noise * (deviation / _UNIT_DB / usual)).astype(np.float32)
