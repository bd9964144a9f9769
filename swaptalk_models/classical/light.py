"""The light on a face as a smooth field, and a source's face in the light of a target.

A face's skin is, to first order, one colour under a light that changes smoothly over it: in logarithms, *image = albedo
+ light + detail*. What can be read off as albedo + light is a second-order polynomial over the face for each channel,
fitted to skin alone and robustly; it has the freedom that light of any distribution has on a convex matt body, nine
numbers a channel (Basri and Jacobs 2003), less what a frontal view does not show. Written in coordinates of the face
and not of the picture, the fields of two people can be subtracted (the quotient image of Shashua and Riklin-Raviv
2001).

Only the field is matched. What lies on it keeps its own size: a gain of 2.5 on camera noise is coloured noise, and on
the white of an eye a glint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from swaptalk_models.data.faces.alignment import TEMPLATE

STRENGTH = 0.75
"""How far the mean colour of the source's skin moves towards the target's, 0 to 1: part of the difference is albedo,
which is identity."""
SHADE_STRENGTH = 1.0
"""The same for what changes over the face: albedo does not, so that all of it is light."""

_FLOOR = 6.0  # grey levels added before the logarithm: below them there is noise, no light
_SAMPLES = 48  # the face is looked at on a grid of this many samples a side
_FACE = np.array(
    [[0.5, 0.56], [0.33, 0.37]], np.float32
)  # centre and half axes of the face in the template's unit square
# against slopes and curves that too little skin shows, shares of the skin's weight
_RIDGE = np.array([1e-4, 0.02, 0.02, 0.15, 0.15, 0.15], np.float32)
# residual (natural log) from which a sample is no skin in this light: a beard, a frame of glasses, a strand of hair
_TUKEY = 0.35
# natural logs: brightness by 3.7 at the most, each channel against the brightness by 1.6
_MOST_GAIN, _MOST_TINT = 1.3, 0.45
_BRIGHTEST_SKIN = 225.0  # grey levels: above it highlights have no room left
_GRAIN = 10.0  # grey levels: standard deviation of noise and grain; edges have more
_HAIR = 0.5  # share of the skin's level below which a value is hair or pupil rather than skin in the shade
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Light:
    """What a face's skin looks like all over it: albedo times light."""

    field_63: np.ndarray
    """(6, 3) float32, for R, G and B the natural log of the skin's value + 6, as coefficients of 1, u, v, uv, u² - 1/4
    and v² - 1/4; (u, v) are coordinates of the face, from -1 to 1 between its edges."""

    @classmethod
    def measure(cls, image: np.ndarray, landmarks: np.ndarray) -> Light:
        """From a picture (H, W, 3) uint8 RGB with landmarks (68, 2) in its pixels.

        Iteratively reweighted least squares with Tukey's biweight, started at the median of cheeks and nose, which
        beards, hair and glasses cover least: a sample that is far from the field in brightness or colour does not
        count.
        """
        basis_N6, log_N3, prior_N = _skin_samples(image, np.asarray(landmarks, np.float32))
        core = prior_N >= 1
        field = np.zeros((6, 3), np.float32)
        field[0] = np.median(log_N3[core if core.sum() >= 8 else slice(None)], axis=0)
        for tolerance in (2.0, 1.5, 1.2, 1.0, 1.0, 1.0):  # wide at first, since the first guess has no slope
            residual = log_N3 - basis_N6 @ field
            bright = residual @ _LUMA
            tint = np.abs(residual - bright[:, None]).max(axis=1)
            # Skin varies less in colour than in brightness; lips and beards differ in colour first.
            off = np.hypot(bright, 2 * tint) / (tolerance * _TUKEY)
            weight = prior_N * np.square(np.clip(1 - off**2, 0, None)) + 1e-6
            normal = (basis_N6 * weight[:, None]).T @ basis_N6 + np.diag(_RIDGE * weight.sum())
            right = (basis_N6 * weight[:, None]).T @ log_N3
            right[0] += _RIDGE[0] * weight.sum() * field[0]
            field = np.linalg.solve(normal, right).astype(np.float32)
        return cls(field)

    @classmethod
    def of_clip(cls, images: np.ndarray | Sequence[np.ndarray], landmarks: np.ndarray | Sequence[np.ndarray]) -> Light:
        """The median over some frames (8 are enough) of a clip: steady, and untouched by the one with a hand before the
        face."""
        return cls(np.median([cls.measure(*frame).field_63 for frame in zip(images, landmarks, strict=True)], axis=0))

    def skin(self, uv: np.ndarray) -> np.ndarray:
        """Value of the skin, 0 to 255, at coordinates of the face (..., 2): (..., 3) float32."""
        return np.exp(_basis(uv) @ self.field_63) - _FLOOR


def relight(
    source: np.ndarray,
    source_landmarks: np.ndarray,
    target: np.ndarray,
    target_landmarks: np.ndarray,
    strength: float = STRENGTH,
) -> np.ndarray:
    """The source picture in the target's light.

    Args:
        source, target: (H, W, 3) uint8 RGB, aligned crops or whole frames; sizes may differ.
        source_landmarks, target_landmarks: (68, 2) in pixels of their own picture.
        strength: see STRENGTH; 0 leaves the source as it is.

    Returns:
        (H, W, 3) uint8, as large as the source.
    """
    return relight_to(source, source_landmarks, Light.measure(target, target_landmarks), strength)


def relight_to(
    source: np.ndarray, source_landmarks: np.ndarray, light: Light, strength: float = STRENGTH
) -> np.ndarray:
    """As ``relight``, with a target's light that was measured before."""
    if strength <= 0:
        return source.copy()
    height, width = source.shape[:2]
    landmarks = np.asarray(source_landmarks, np.float32)
    own = Light.measure(source, landmarks)
    change = light.field_63 - own.field_63
    change[0] *= strength
    change[1:] *= SHADE_STRENGTH * min(1.0, strength / STRENGTH)

    # Fields are smooth: a coarse grid over the picture, enlarged, is exact to a hundredth of a grey level.
    step = max(1, min(height, width) // 32)
    rows, columns = -(-height // step), -(-width // step)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32) * step + (step - 1) / 2
    basis = _basis(_face_coordinates(landmarks)(np.stack([x, y], axis=-1)))
    log_skin, log_gain = basis @ own.field_63, basis @ change
    bright = (log_gain @ _LUMA)[..., None]
    log_gain = _bounded(bright, _MOST_GAIN) + _bounded(log_gain - bright, _MOST_TINT)
    skin = np.clip(np.exp(log_skin) - _FLOOR, 8, _BRIGHTEST_SKIN)
    gain = np.minimum(np.exp(log_gain), np.maximum(_BRIGHTEST_SKIN / skin, 1))
    skin, gain = (_enlarged(field, step, height, width) for field in (skin, gain))
    return _graded(source, skin, gain)


def skin_field(light: Light, landmarks: np.ndarray, height: int, width: int) -> np.ndarray:
    """What skin looks like all over a picture with landmarks (68, 2), (height, width, 3) float32, 0 to 255."""
    step = max(1, min(height, width) // 32)
    rows, columns = -(-height // step), -(-width // step)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32) * step + (step - 1) / 2
    uv = _face_coordinates(np.asarray(landmarks, np.float32))(np.stack([x, y], axis=-1))
    return _enlarged(np.clip(light.skin(uv), 0, 255).astype(np.float32), step, height, width)


def _graded(image: np.ndarray, skin: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """An image (H, W, 3) uint8 with its skin's level (H, W, 3) multiplied by a gain (H, W, 3).

    Around the skin's level values are multiplied; what is far darker, hair and pupils, is nearly black in any light and
    takes the root of the gain, or brows would turn grey. Above it, in highlights, eyes and teeth, a curve goes on with the gain
    of brightness alone (a highlight shows the lamp and not the skin: with the skin's own gains it would turn violet)
    and bends so that white comes out as white at the most, and darkens less than skin does. Detail, what an
    edge-preserving filter takes off, is multiplied by the curve's slope but never by more than 1.
    """
    value = image.astype(np.float32)
    base = _without_noise(value)
    span = 255 - skin
    above = np.maximum(base - skin, 0) / span
    bright = (gain @ _LUMA)[..., None]
    # y = top * k x / (1 + (k - 1) x): slope k at x = 0, 1/k at x = 1, monotone between
    top = np.minimum(255 - skin * gain, span * np.sqrt(bright))
    k = bright * span / np.maximum(top, 1)
    bend = 1 + (k - 1) * above
    below = np.minimum(base, skin)
    toe = np.minimum(below / (_HAIR * skin), 1)
    kept = gain * (toe + (1 - toe) / np.sqrt(bright))
    graded = kept * below + top * k * above / bend
    slope = np.where(above > 0, bright / (bend * bend), kept)
    return np.clip(np.rint(graded + np.minimum(slope, 1) * (value - base)), 0, 255).astype(np.uint8)


def _without_noise(image: np.ndarray) -> np.ndarray:
    """An image (H, W, 3) float32 without noise and skin's grain, but with its edges: guided filter (He, Sun and Tang
    2013), led by brightness, so that noise of colour, which no edge of brightness goes with, is taken off entirely.
    """
    radius = max(1, round(0.012 * min(image.shape[:2])))
    kernel = (2 * radius + 1, 2 * radius + 1)
    guide = image @ _LUMA
    mean_guide, mean = cv2.blur(guide, kernel), cv2.blur(image, kernel)
    variance = cv2.blur(guide * guide, kernel) - mean_guide * mean_guide
    covariance = cv2.blur(image * guide[..., None], kernel) - mean * mean_guide[..., None]
    slope = covariance / (variance + _GRAIN**2)[..., None]
    offset = mean - slope * mean_guide[..., None]
    return cv2.blur(slope, kernel) * guide[..., None] + cv2.blur(offset, kernel)


def _bounded(log_gain: np.ndarray, most: float) -> np.ndarray:
    """Itself where it is small, never beyond `most`, smooth between."""
    return most * np.tanh(log_gain / most)


def _enlarged(field: np.ndarray, step: int, height: int, width: int) -> np.ndarray:
    rows, columns = field.shape[:2]
    return cv2.resize(field, (columns * step, rows * step), interpolation=cv2.INTER_LINEAR)[:height, :width]


def _skin_samples(image: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, 6) basis, (N, 3) log values and (N,) weights of samples where skin is to be expected; weights of 1 and more
    are cheeks and nose."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    low = low - [0, 0.25 * (high[1] - low[1])]  # the forehead, above the brows
    height, width = image.shape[:2]
    # a copy of the face on the samples' grid; each sample is the mean of its cell
    scale = _SAMPLES / np.maximum(high - low, 1)
    affine = np.array([[scale[0], 0, -scale[0] * low[0] - 0.5], [0, scale[1], -scale[1] * low[1] - 0.5]], np.float32)
    blur = float(0.4 / min(scale))
    x0, y0 = np.clip(np.floor(low - 2 * blur).astype(int), 0, [width - 1, height - 1])
    x1, y1 = np.clip(np.ceil(high + 2 * blur).astype(int) + 1, [x0 + 1, y0 + 1], [width, height])
    part = image[y0:y1, x0:x1]
    part = cv2.GaussianBlur(part, (0, 0), blur) if blur > 0.3 else part
    to_part = affine.copy()
    to_part[:, 2] += affine[:, :2] @ np.array([x0, y0], np.float32)
    cells = cv2.warpAffine(part, to_part, (_SAMPLES, _SAMPLES), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    points = landmarks @ affine[:, :2].T + affine[:, 2]
    prior = _skin_prior(points)
    y, x = np.nonzero(prior)
    inside = (np.stack([x, y], axis=1) - affine[:, 2]) / scale
    # beyond the picture its edge is repeated
    seen = ((inside >= -0.5) & (inside <= [width - 0.5, height - 0.5])).all(axis=1)
    y, x, inside = (v[seen] for v in (y, x, inside))
    log = np.log(cells[y, x].astype(np.float32) + _FLOOR)
    return _basis(_face_coordinates(landmarks)(np.asarray(inside, np.float32))), log, prior[y, x]


def _skin_prior(points: np.ndarray) -> np.ndarray:
    """(48, 48) float32: how likely a sample is skin, from landmarks on its grid. Eyes, brows and lips are 0."""
    prior = np.zeros((_SAMPLES, _SAMPLES), np.float32)
    eyes = float(np.linalg.norm(points[36:42].mean(axis=0) - points[42:48].mean(axis=0)))
    up = points[27] - points[30]
    up *= 0.35 * eyes / max(float(np.linalg.norm(up)), 1e-6)
    inner_jaw = points[:17] + 0.15 * (points[30] - points[:17])
    _fill(prior, np.concatenate([inner_jaw, points[17:27] + up]), 0.3)  # forehead, chin and temples may wear hair
    for jaw, nostril, lids in (((1, 2, 3), 31, (40, 41)), ((15, 14, 13), 35, (46, 47))):
        rim = points[list(jaw)] + 0.25 * (points[30] - points[list(jaw)])
        below = 0.5 * (points[29] - points[28])
        _fill(prior, np.concatenate([rim, points[[nostril, 28]], points[list(lids)] + below]), 1.0)
    _fill(prior, points[[27, 31, 35]], 1.0)
    line = max(1, round(0.16 * eyes))
    for part in (points[17:22], points[22:27]):
        cv2.polylines(prior, [np.round(part).astype(np.int32)], False, 0.0, line)
    for part in (points[36:42], points[42:48], points[48:60], points[31:36]):
        hull = cv2.convexHull(np.round(part).astype(np.int32))
        cv2.fillConvexPoly(prior, hull, 0.0)
        cv2.polylines(prior, [hull], True, 0.0, max(1, round(0.1 * eyes)))
    return prior


def _fill(image: np.ndarray, points: np.ndarray, value: float) -> None:
    cv2.fillConvexPoly(image, cv2.convexHull(np.round(points).astype(np.int32)), value)


def _face_coordinates(landmarks: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The map from pixels (..., 2) to coordinates (u, v) of the face: the second-order polynomial that brings the
    landmarks, lips aside, onto the template's. Beyond the face it stays at the edge: a polynomial says nothing where it
    was not fitted.
    """
    still = np.r_[0:48]
    centre = landmarks[still].mean(axis=0)
    size = max(float(np.ptp(landmarks[still], axis=0).max()) / 2, 1e-3)
    goal = (TEMPLATE[still] - _FACE[0]) / _FACE[1]
    local = _plane((landmarks[still] - centre) / size)
    # Without the ridge 48 points bend the map after each face's own features.
    ridge = np.diag(np.array([0, 0, 0, 2, 2, 2], np.float32))
    fit = np.linalg.solve(local.T @ local + ridge, local.T @ goal)

    def coordinates(xy: np.ndarray) -> np.ndarray:
        local = (np.asarray(xy, np.float32) - centre) / size
        far = np.maximum(np.linalg.norm(local, axis=-1, keepdims=True), 1e-6)
        local = local * np.minimum(far, 1.3) / far
        uv = _plane(local) @ fit
        far = np.maximum(np.linalg.norm(uv, axis=-1, keepdims=True), 1e-6)
        return (uv * np.minimum(far, 1.1) / far).astype(np.float32)

    return coordinates


def _plane(xy: np.ndarray) -> np.ndarray:
    """1, x, y, xy, x², y² of (..., 2): (..., 6)."""
    x, y = xy[..., 0], xy[..., 1]
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)


def _basis(uv: np.ndarray) -> np.ndarray:
    """(..., 6): see ``Light.field_63``. The squares have mean 0 over the unit disk: the first number is the mean."""
    return _plane(uv) - np.array([0, 0, 0, 0, 0.25, 0.25], np.float32)
