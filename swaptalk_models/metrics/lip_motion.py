"""Lips that close in silence, and open as far as real ones in speech.

Definitions
    silent_opening_ratio  mean mouth opening while the driving sound is silent over that while it is loud.
    opening_range         spread of the opening during speech, from the 10th to the 90th percentile, over the real
                          mouth's. Self-driven only.
Silence    the level of a frame is the mean of its log-mel over bands, 12.5 dB a unit. Between the sound's own quiet
           (5th percentile) and loud (95th), the lowest quarter is silence and the upper half speech; a frame counts as
           silent once two frames before and after it are, too, since lips open before they are heard and close after. A
           sound that spans less than 20 dB has no silence.
Units      ratios. silent_opening_ratio 0 and up, lower is better, but not without end: landmarks of closed lips are
           still some 0.02 apart, and who pauses in a speech breathes in. Seven real clips of HDTF have 0.5 to 0.8 and,
           one of them, 1.7: read it beside the ground truth. opening_range 0 and up, 1: as wide as real mouths, below:
           mumbling.
Judge      the landmark detector named in the result.
Source     ours. Correlation (`mouth.py`) is blind to both: it subtracts means and divides by spreads.
Excludes   frames without a face; sounds with fewer than 5 silent or 10 loud frames: not known then, nor for a mouth
           that does not move.
"""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.sound.mel import FRAME_RATE, MEL_RATE

_QUIET, _LOUD = 5, 95  # percentiles of the level
_SILENCE, _SPEECH = 0.25, 0.5  # of the way between them
_LEAST_SPAN = 1.6  # units of the log-mel: 20 dB
_AROUND = 2  # frames
_FEWEST_SILENT, _FEWEST_LOUD = 5, 10


def silent_and_loud(mel: np.ndarray, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of the first `frames` frames (25/s) are silent and which loud, bool (frames,), by a log-mel (steps, 80).

    Frames beyond the sound's end are neither.
    """
    steps = MEL_RATE / FRAME_RATE
    starts = np.rint(np.arange(frames) * steps).astype(int)
    heard = starts < len(mel)
    if not heard.any():
        return heard, heard.copy()
    stops = np.minimum(np.rint((np.arange(frames) + 1) * steps).astype(int), len(mel))
    sums = np.concatenate([[0.0], np.cumsum(mel.mean(axis=1, dtype=np.float64))])
    level = np.full(frames, np.nan)
    level[heard] = (sums[stops[heard]] - sums[starts[heard]]) / (stops[heard] - starts[heard])
    quiet, loud = np.percentile(level[heard], [_QUIET, _LOUD])
    low = heard & (level <= quiet + _SILENCE * (loud - quiet)) & (loud - quiet >= _LEAST_SPAN)
    padded = np.pad(low, _AROUND, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1)
    return np.asarray(around.all(axis=1)), heard & (level >= quiet + _SPEECH * (loud - quiet))


def silent_opening_ratio(opening: np.ndarray, silent: np.ndarray, loud: np.ndarray) -> float:
    """From a mouth's opening (T,), NaN where unknown, and `silent_and_loud`; NaN if there is too little of either."""
    closed, open_ = (opening[where & np.isfinite(opening)] for where in (silent, loud))
    if len(closed) < _FEWEST_SILENT or len(open_) < _FEWEST_LOUD or open_.mean() <= 0:
        return float("nan")
    return float(closed.mean() / open_.mean())


def opening_range(opening: np.ndarray, truth: np.ndarray, loud: np.ndarray) -> float:
    """From both mouths' opening (T,), NaN where unknown, and the loud frames (T,); NaN if there are too few."""
    known = loud & np.isfinite(opening) & np.isfinite(truth)
    if known.sum() < _FEWEST_LOUD:
        return float("nan")
    ours, theirs = (np.subtract(*np.percentile(values[known], [90, 10])) for values in (opening, truth))
    return float(ours / theirs) if theirs > 0 else float("nan")
