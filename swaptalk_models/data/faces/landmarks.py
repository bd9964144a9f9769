"""Measures of the 68 iBUG landmarks that data, trainings and metrics share."""

from __future__ import annotations

import numpy as np


def interocular(landmarks: np.ndarray) -> np.ndarray:
    """Distance between the centres of the eyes: (T, 68, 2) gives (T,)."""
    return np.linalg.norm(landmarks[:, 36:42].mean(axis=1) - landmarks[:, 42:48].mean(axis=1), axis=1)


def mouth_opening(landmarks: np.ndarray) -> np.ndarray:
    """Opening of each frame as a share of the inter-ocular distance: (T, 68, 2) gives (T,)."""
    return np.linalg.norm(landmarks[:, 62] - landmarks[:, 66], axis=1) / interocular(landmarks)


def eye_opening(landmarks: np.ndarray) -> np.ndarray:
    """Opening of both eyes, the mean of their heights over their widths (the eye aspect ratio): (T, 68, 2) gives (T,)."""
    eyes = np.stack([landmarks[:, 36:42], landmarks[:, 42:48]])
    height = np.linalg.norm(eyes[:, :, [1, 2]] - eyes[:, :, [5, 4]], axis=-1).mean(axis=-1)
    width = np.linalg.norm(eyes[:, :, 3] - eyes[:, :, 0], axis=-1)
    ratio: np.ndarray = (height / np.maximum(width, 1e-6)).mean(axis=0)
    return ratio
