"""Under which conditions a face was filmed: light, pose and size, of which figures may depend. No metrics: nothing is better.

Definition of the target's face, or of the generated one's without a target: median brightness over the aligned crop's middle
           (sampled frames); median absolute yaw; median distance between the eyes in the frame.
Units      levels of 255; degrees; px.
Source     yaw: data/quality/measures.py.
Excludes   frames without a face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swaptalk_models.data.faces.landmarks import interocular
from swaptalk_models.data.quality.measures import yaw_degrees


@dataclass(frozen=True)
class Condition:
    """One of them, and how its halves are called."""

    key: str
    label: str
    below: str
    above: str


CONDITIONS = (
    Condition("face_light", "light", "darker half", "brighter half"),
    Condition("face_turn", "pose", "more frontal half", "more turned half"),
    Condition("face_size", "face size", "smaller half", "larger half"),
)


def conditions(landmarks: np.ndarray, brightness: list[float]) -> dict[str, float]:
    """From landmarks (T, 68, 2) of frames with a face, and the brightness of some of their crops; NaN for none."""
    if not len(landmarks):
        return {condition.key: float("nan") for condition in CONDITIONS}
    return {
        "face_light": float(np.median(brightness)) if brightness else float("nan"),
        "face_turn": float(np.median(np.abs(yaw_degrees(landmarks)))),
        "face_size": float(np.median(interocular(landmarks))),
    }


def crop_brightness(crop: np.ndarray) -> float:
    """Mean level of the middle of an aligned crop (S, S, 3) uint8 RGB, where only face is."""
    quarter = len(crop) // 4
    return float(crop[quarter:-quarter, quarter:-quarter].mean())
