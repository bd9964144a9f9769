"""Measures of the 68 iBUG landmarks that data, trainings and metrics share."""

from __future__ import annotations

import numpy as np


def interocular(landmarks: np.ndarray) -> np.ndarray:
    """Distance between the centres of the eyes: (T, 68, 2) gives (T,)."""
    return np.linalg.norm(landmarks[:, 36:42].mean(axis=1) - landmarks[:, 42:48].mean(axis=1), axis=1)


def mouth_opening(landmarks: np.ndarray) -> np.ndarray:
    """Opening of each frame as a share of the inter-ocular distance: (T, 68, 2) gives (T,)."""
    return np.linalg.norm(landmarks[:, 62] - landmarks[:, 66], axis=1) / interocular(landmarks)


def eye_openness(eye: np.ndarray) -> float:
    """Height over width of the six points (6, 2) of one eye: the eye aspect ratio (Soukupová and Čech 2016), about 0.3 of an open one."""
    height = np.linalg.norm(eye[1] - eye[5]) + np.linalg.norm(eye[2] - eye[4])
    return float(height / (2 * max(float(np.linalg.norm(eye[3] - eye[0])), 1e-6)))
