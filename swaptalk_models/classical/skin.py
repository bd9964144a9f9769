"""The source's skin brought to the target's light, before both are encoded: in the swapper's training as at inference."""

from __future__ import annotations

import numpy as np

from swaptalk_models.classical.warp_swap import SwapColour

STRENGTH = 0.75
"""0 keeps the source's colours, 1 takes the target's; the swap teacher's default. No setting: a swapper expects what it was trained with."""


def match_skin(source: np.ndarray, source_landmarks: np.ndarray, target: np.ndarray, target_landmarks: np.ndarray) -> np.ndarray:
    """The source crop with its median skin colour moved towards the target crop's, a gain for each channel.

    Args:
        source, target: (S, S, 3) uint8 RGB.
        source_landmarks, target_landmarks: (68, 2) in their pixels.
    """
    colour = SwapColour.measure(source, source_landmarks, [target], target_landmarks[None])
    gain = np.clip(colour.target_skin / np.maximum(colour.source_skin, 1), 0.4, 2.5) ** STRENGTH
    return np.clip(np.rint(source * gain), 0, 255).astype(np.uint8)
