"""Loudness gap: whether a mouth is open where the voice is loud, without any network.

Source     the lip-sync part of THEval (Quignon et al., "THEval: evaluation framework for talking head video generation",
           arXiv 2511.04520), written anew from its definition; its landmarks are MediaPipe's, ours the result's judge.
Definition over the frames of speech (`voice_activity.py`), the mouth's opening and the sound's level (root mean square of the
           40 ms of a frame), each brought to 0..1 by its own least and largest value there; the mean of their absolute
           difference. `loudness_score` is 1 - |gap - real gap| / |real gap|, the target's own lips and sound being the real ones.
Units      loudness_gap 0 to 1; read it beside the ground truth: lips of people, too, have 0.2 to 0.4, and less is no better.
           loudness_score up to 1, higher is better.
Judge      the landmark detector named in the result.
Excludes   frames without a face; fewer than 25 frames of speech, or less than a tenth of all; a mouth that does not move at all.
"""

from __future__ import annotations

import numpy as np

_SAMPLES = 640  # of 16 kHz, a frame
_FEWEST, _LEAST_SHARE = 25, 0.1


def levels(sound: np.ndarray, frames: int) -> np.ndarray:
    """Root mean square of each frame's 40 ms (frames,), from samples (S,) at 16 kHz; 0 beyond the sound's end."""
    padded = np.zeros(frames * _SAMPLES, np.float64)
    padded[: min(len(sound), len(padded))] = sound[: len(padded)]
    return np.sqrt(np.square(padded.reshape(frames, _SAMPLES)).mean(axis=1))


def loudness_gap(opening: np.ndarray, level: np.ndarray, speech: np.ndarray) -> float:
    """From an opening (T,), NaN where unknown, a level (T,) and which frames are speech (T,)."""
    known = speech & np.isfinite(opening)
    if known.sum() < max(_FEWEST, _LEAST_SHARE * len(opening)):
        return float("nan")
    ours, theirs = (values[known] - values[known].min() for values in (opening, level))
    if not ours.max() or not theirs.max():
        return float("nan")
    return float(np.abs(ours / ours.max() - theirs / theirs.max()).mean())
