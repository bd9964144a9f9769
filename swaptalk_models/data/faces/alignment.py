"""From landmarks to a steady, aligned face crop and back.

The template is a mean face placed so that the crop's middle line runs between eyes and mouth, just above the nostrils:
the upper half holds brows and eyes, the lower half nostrils, mouth and chin, as the paper's two codebooks divide it.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from swaptalk_models.settings.data import CropsConfig

# fmt: off
TEMPLATE = np.array([
    (0.1793, 0.3967), (0.1825, 0.4820), (0.1926, 0.5666), (0.2067, 0.6508), (0.2332, 0.7302), (0.2772, 0.8004),
    (0.3404, 0.8561), (0.4149, 0.8991), (0.5000, 0.9130), (0.5851, 0.8991), (0.6596, 0.8561), (0.7228, 0.8004),
    (0.7668, 0.7302), (0.7933, 0.6508), (0.8074, 0.5666), (0.8175, 0.4820), (0.8207, 0.3967), (0.2465, 0.3127),
    (0.2855, 0.2783), (0.3394, 0.2682), (0.3944, 0.2784), (0.4454, 0.3020), (0.5546, 0.3020), (0.6056, 0.2784),
    (0.6606, 0.2682), (0.7145, 0.2783), (0.7535, 0.3127), (0.5000, 0.3604), (0.5000, 0.4158), (0.5000, 0.4712),
    (0.5000, 0.5286), (0.4390, 0.5718), (0.4681, 0.5828), (0.5000, 0.5918), (0.5319, 0.5828), (0.5610, 0.5718),
    (0.3075, 0.3736), (0.3403, 0.3521), (0.3803, 0.3527), (0.4154, 0.3790), (0.3781, 0.3869), (0.3385, 0.3875),
    (0.5846, 0.3790), (0.6197, 0.3527), (0.6597, 0.3521), (0.6925, 0.3736), (0.6615, 0.3875), (0.6219, 0.3869),
    (0.3831, 0.6956), (0.4267, 0.6712), (0.4693, 0.6574), (0.5000, 0.6654), (0.5307, 0.6574), (0.5733, 0.6712),
    (0.6169, 0.6956), (0.5753, 0.7327), (0.5333, 0.7494), (0.5000, 0.7528), (0.4667, 0.7494), (0.4247, 0.7327),
    (0.4042, 0.6965), (0.4689, 0.6868), (0.5000, 0.6894), (0.5311, 0.6868), (0.5958, 0.6965), (0.5314, 0.7031),
    (0.5000, 0.7063), (0.4686, 0.7031),
], np.float32)
# fmt: on
"""(68, 2) iBUG landmarks in the unit square: the mirrored mean shape of 43 clips, 0.28 between the eyes' centres."""

# Eye corners, bridge and base of the nose, inner brows: neither speech nor blinks move them. The brows, which rise,
# count less.
_STABLE = np.array([36, 39, 42, 45, 27, 28, 29, 30, 31, 33, 35, 20, 21, 22, 23])
_WEIGHTS = np.array([2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 0.3, 0.3, 0.3, 0.3])


def template_landmarks(size: int, margin: float = 0.0) -> np.ndarray:
    """The template in pixels of a crop of side `size`, float32 (68, 2); `margin` is extra room around the face.

    As everywhere, whole coordinates are the centres of pixels: the crop reaches from -0.5 to size - 0.5.
    """
    return ((TEMPLATE - 0.5) / (1 + 2 * margin) + 0.5) * np.float32(size) - np.float32(0.5)


def smooth_landmarks(landmarks: np.ndarray, sigma_frames: float) -> np.ndarray:
    """Gaussian over time without lag. (T, 68, 2) to the same shape, float32; sigma 0 changes nothing.

    Cuts, where the face jumps by more than half its width, are not smoothed across.
    """
    landmarks = np.asarray(landmarks, np.float32)
    if sigma_frames <= 0 or len(landmarks) < 2:
        return landmarks.copy()
    centres = landmarks.mean(axis=1)
    widths = np.ptp(landmarks[..., 0], axis=1)
    return _smooth_pieces(landmarks, sigma_frames, _cuts(centres, widths)).astype(np.float32)


def crop_affines(landmarks: np.ndarray, config: CropsConfig) -> np.ndarray:
    """Similarity transforms from frame to crop pixels, (T, 68, 2) to float32 (T, 2, 3), steady over time.

    A closed-form weighted least-squares fit of the stable points (Umeyama 1991, in the complex plane) for each frame;
    then centre, angle and log scale are smoothed with the zero-lag Gaussian of `crops.smooth_frames`, cut by cut.
    """
    points = np.asarray(landmarks, np.float64)[:, _STABLE]
    frame = points[..., 0] + 1j * points[..., 1]
    goal_xy = template_landmarks(config.size, config.margin)[_STABLE].astype(np.float64)
    goal = goal_xy[:, 0] + 1j * goal_xy[:, 1]
    weights = _WEIGHTS / _WEIGHTS.sum()
    frame_mean, goal_mean = frame @ weights, goal @ weights
    frame_0, goal_0 = frame - frame_mean[:, None], goal - goal_mean
    # crop = turn * frame + shift, with complex numbers as points
    turn = (np.conj(frame_0) * goal_0) @ weights / np.maximum((np.abs(frame_0) ** 2) @ weights, 1e-9)
    middle = (config.size - 1) / 2 * (1 + 1j)
    # The crop's middle in the frame is what is smoothed: the shift would swing with every change of the angle.
    centre = frame_mean + (middle - goal_mean) / turn
    pose = np.stack([centre.real, centre.imag, np.log(np.abs(turn)), np.unwrap(np.angle(turn))], axis=1)
    if config.smooth_frames > 0 and len(pose) > 1:
        pose = _smooth_pieces(pose, config.smooth_frames, _cuts(pose[:, :2], config.size * np.exp(-pose[:, 2])))
    turn = np.exp(pose[:, 2] + 1j * pose[:, 3])
    shift = middle - turn * (pose[:, 0] + 1j * pose[:, 1])
    rows = [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]]
    return np.moveaxis(np.array(rows), 2, 0).astype(np.float32)


def _cuts(centres: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Frames at which the face has jumped by more than half its width or changed its size by a third."""
    jump = np.linalg.norm(np.diff(centres, axis=0), axis=1) / np.maximum(widths[1:], 1)
    growth = np.abs(np.diff(np.log(np.maximum(widths, 1))))
    return np.flatnonzero((jump > 0.5) | (growth > 0.33)) + 1


def _smooth_pieces(values: np.ndarray, sigma: float, cuts: np.ndarray) -> np.ndarray:
    pieces = np.split(values, cuts)
    return np.concatenate([gaussian_filter1d(piece, sigma, axis=0, mode="nearest", truncate=3) for piece in pieces])


def apply_affine(points: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Points (..., N, 2) through affines (..., 2, 3), float32. Leading axes broadcast."""
    affine = np.asarray(affine, np.float32)
    return np.asarray(points, np.float32) @ np.swapaxes(affine[..., :2], -1, -2) + affine[..., None, :, 2]


def invert_affine(affine: np.ndarray) -> np.ndarray:
    """The inverse of affines (..., 2, 3), float32."""
    affine = np.asarray(affine, np.float64)
    linear = np.linalg.inv(affine[..., :2])
    return np.concatenate([linear, -linear @ affine[..., 2:]], axis=-1).astype(np.float32)


def crop_face(image: np.ndarray, affine: np.ndarray, size: int) -> np.ndarray:
    """The aligned crop, uint8 (size, size, 3), of a uint8 RGB image. Beyond the image its edge is repeated.

    Shrinking is done in two steps, a warp at the image's own scale and an area average: one bilinear warp from a 250 px
    face to 64 px would read a part of the pixels only, and alias.
    """
    scale = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    steps = int(np.clip(np.ceil(1 / max(scale, 1e-6) - 0.25), 1, 16))
    # Pixel centres: crop pixel 0 is the mean of the fine pixels 0 .. steps - 1, whose middle is (steps - 1) / 2.
    fine = np.array(affine, np.float64) * steps
    fine[:, 2] += (steps - 1) / 2
    side = size * steps
    crop = cv2.warpAffine(image, fine, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA) if steps > 1 else crop
