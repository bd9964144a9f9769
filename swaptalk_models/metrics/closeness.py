"""How near a figure of a made video is to the real one's, where more is no better than less."""

from __future__ import annotations

import math


def closeness(value: float, truth: float) -> float:
    """1 - |value - truth| / |truth|, as THEval scores (Quignon et al., 2025): 1 is as the real one, 0 off by all of it, and below
    that without end. NaN where either is not known or the truth is 0.
    """
    if not math.isfinite(value) or not math.isfinite(truth) or truth == 0:
        return float("nan")
    return 1 - abs(value - truth) / abs(truth)
