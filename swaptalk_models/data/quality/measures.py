"""What the quality gates go by: one number a clip for each, measured where the picture or the sound is at hand anyway.

The stages keep these numbers in the ledger, beside their hashes; the limits are applied later, in `gates`. So another
limit recomputes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from swaptalk_models.data.faces.alignment import TEMPLATE
from swaptalk_models.data.faces.face_track import DETECTED, TRACKED, FaceTrack

_FEWEST_LOOKS = 3  # of one a second (MEASURE_EVERY): one may fall on a blink or a blurred frame

# A head to fit: the template's points that speech does not move much, and how far each lies behind the tip of the nose
# (in the template's unit; after the six-point head of OpenCV's pose examples).
_HEAD = np.array([27, 30, 33, 36, 39, 42, 45, 48, 54])
_DEPTH = np.array([0.085, 0.0, 0.045, 0.1155, 0.1, 0.1, 0.1155, 0.107, 0.107])
_LEVEL_SAMPLES = 320  # 20 ms at 16 kHz
_FLOOR = 1e-6  # -120 dB


def yaw_degrees(landmarks: np.ndarray) -> np.ndarray:
    """How far the head is turned sideways: landmarks (T, 68, 2) to degrees (T,), positive towards the picture's left.

    Closed form: least-squares fit of a scaled orthographic view of a generic head (DeMenthon and Davis, IJCV 1995,
    first step). The pitch that comes with it depends more on the shape of a nose than on the head, so it is not used.
    """
    head = np.concatenate([TEMPLATE[_HEAD], _DEPTH[:, None]], axis=1)
    seen = np.asarray(landmarks, np.float64)[:, _HEAD]
    rows = np.linalg.pinv(head - head.mean(axis=0)) @ (seen - seen.mean(axis=1, keepdims=True))  # (T, 3, 2)
    across, down = rows[..., 0], rows[..., 1]
    across = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    down = down / np.maximum(np.linalg.norm(down, axis=1, keepdims=True), 1e-9)
    away = np.cross(across, down)
    away = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    # R = Rz Ry(yaw) Rx: neither tilt nor pitch is in this element
    return np.degrees(np.arcsin(np.clip(-away[:, 0], -1, 1)))


def track_measures(track: FaceTrack) -> dict[str, float]:
    """yaw (degrees), doubt (share of the face's width) and lost (share of frames); see `QualityConfig`."""
    seen = np.isin(track.status, (DETECTED, TRACKED))
    found = {"yaw": float(np.quantile(np.abs(yaw_degrees(track.landmarks[seen])), 0.8)), "lost": float(1 - seen.mean())}
    looks = len(track.doubt)
    return _rounded(found | ({"doubt": float(np.median(track.doubt))} if looks >= _FEWEST_LOOKS else {}))


def crop_measures(affines: np.ndarray, blurs: Sequence[float]) -> dict[str, float]:
    """magnification (of affines (T, 2, 3)) and blur (of some of the crops); see `QualityConfig`."""
    scales = np.sqrt(np.abs(np.linalg.det(np.asarray(affines, np.float64)[:, :, :2])))
    return _rounded({"magnification": float(np.median(scales)), "blur": float(np.median(blurs))})


def blur(crop: np.ndarray) -> float:
    """Perceptual blur of a uint8 picture (H, W, 3), 0 (sharp) to 1 (or of one colour): what blurring it once more no
    longer takes away.

    Crete et al., "The blur effect", SPIE 2007. The second blur's length follows the picture's size.
    """
    from skimage.measure import blur_effect

    length = 5 if len(crop) < 100 else 7 if len(crop) < 192 else 11
    if not crop.std() > 0.5:
        return 1.0
    return float(blur_effect(crop, h_size=length, channel_axis=2))  # type: ignore[no-untyped-call]  # scikit-image has no types


def sound_measures(audio: np.ndarray) -> dict[str, float]:
    """Level (dB re full scale, of the loudest twentieth) and clipped (share of samples) of sound (samples,) at 16 kHz.

    Clipping is looked for below full scale too, for a lossy codec rounds the corners off. Sound that was clipped first
    and turned down afterwards is not seen.
    """
    usable = len(audio) // _LEVEL_SAMPLES * _LEVEL_SAMPLES
    if not usable:
        return _rounded({"level": 20 * np.log10(_FLOOR), "clipped": 0.0})
    pieces = audio[:usable].reshape(-1, _LEVEL_SAMPLES).astype(np.float64)
    loudness = np.quantile(np.sqrt((pieces**2).mean(axis=1)), 0.95)
    return _rounded({"level": 20 * np.log10(max(loudness, _FLOOR)), "clipped": float((np.abs(audio) >= 0.95).mean())})


def _rounded(measures: dict[str, float]) -> dict[str, float]:
    """Digits that the last bits of a sum do not reach: the numbers are part of the data's version. Finite ones only."""
    return {name: round(float(value), 4) for name, value in measures.items() if np.isfinite(value)}
