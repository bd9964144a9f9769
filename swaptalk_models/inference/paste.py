"""Putting a generated face crop back into its frame."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from swaptalk_models.classical.occlusion import Occlusion
from swaptalk_models.data.faces.alignment import apply_affine, invert_affine, template_landmarks

# A wide rim and full colour matching make the softest seam, and give half of the source's identity away again (measured with the judge).
FEATHER, MATCH_COLOUR = 0.04, 0.5


def face_mask(size: int, landmarks: np.ndarray | None = None, feather: float = FEATHER) -> np.ndarray:
    """Soft mask float32 (size, size), 0 to 1, of the face in a crop; exactly 0 at the crop's rim.

    The hull of the landmarks (68, 2), in pixels of the crop, and of the forehead above them, faded out inwards over
    about `feather` of the crop's side. Without landmarks: the template's.
    """
    points = template_landmarks(size) if landmarks is None else np.asarray(landmarks, np.float32)
    eyes = float(np.linalg.norm(points[36:42].mean(axis=0) - points[42:48].mean(axis=0)))
    up = points[27] - points[30]
    up *= 0.45 * eyes / max(float(np.linalg.norm(up)), 1e-6)
    # The jaw moves with the mouth: a little room below it, so that a generated chin that hangs lower is not cut.
    down = -up * 0.25
    outline = np.concatenate([points[17:27] + up, points[:17], points[4:13] + down])
    mask: np.ndarray = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(outline).astype(np.int32)), 255)
    fade = max(1, round(feather * size))
    mask[:fade], mask[-fade:], mask[:, :fade], mask[:, -fade:] = 0, 0, 0, 0
    mask = cv2.erode(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * (fade // 2) + 1,) * 2))
    soft = cv2.GaussianBlur(mask, (0, 0), fade / 2).astype(np.float32) / 255
    soft[0], soft[-1], soft[:, 0], soft[:, -1] = 0, 0, 0, 0
    return soft


def paste_face(
    frame: np.ndarray,
    face: np.ndarray,
    affine: np.ndarray,
    landmarks_in_crop: np.ndarray | None = None,
    *,
    before: Sequence[Occlusion] = (),
    feather: float = FEATHER,
    match_colour: float = MATCH_COLOUR,
) -> np.ndarray:
    """`frame`, uint8 RGB (H, W, 3), with `face`, uint8 (S, S, 3), pasted through the inverse of `affine`; a new array.

    Only pixels under the feathered face mask change. `match_colour` (0 to 1) is how far the face's mean colour is
    brought to the frame's along the mask's rim, where a difference would show as an edge. What is `before` the face
    stays there.
    """
    size = face.shape[0]
    height, width = frame.shape[:2]
    back = invert_affine(affine)
    corners = apply_affine(np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32) - 0.5, back)
    x0, y0 = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, [width, height])
    x1, y1 = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, [width, height])
    pasted = frame.copy()
    if x1 <= x0 or y1 <= y0:  # the crop lies wholly outside of the frame
        return pasted
    back[:, 2] -= [x0, y0]
    extent = (int(x1 - x0), int(y1 - y0))
    shrink = float(np.sqrt(abs(np.linalg.det(back[:, :2]))))
    if shrink < 0.75:  # a large crop into a small frame: average first, as in crop_face
        face = cv2.GaussianBlur(face, (0, 0), 0.5 * (1 / shrink - 1) + 0.3)
    mask = cv2.warpAffine(face_mask(size, landmarks_in_crop, feather), back, extent, flags=cv2.INTER_LINEAR)
    rim = 4 * mask * (1 - mask)
    for one in before:
        from_look = invert_affine(one.affine)
        from_look[:, 2] -= [x0, y0]
        open_to_view = 1 - cv2.warpAffine(one.hidden, from_look, extent, flags=cv2.INTER_LINEAR)
        mask, rim = mask * open_to_view, rim * open_to_view  # what is before the face says nothing of its colour
    flags = cv2.INTER_CUBIC if shrink > 1 else cv2.INTER_LINEAR
    warped = cv2.warpAffine(face, back, extent, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    region = pasted[y0:y1, x0:x1]
    face_part = warped.astype(np.float32)
    if match_colour > 0:
        face_part += match_colour * _rim_shift(face_part, region, rim)
    blended = region + mask[..., None] * (face_part - region)
    region[:] = np.clip(np.rint(blended), 0, 255).astype(np.uint8)
    return pasted


def _rim_shift(face: np.ndarray, frame: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Colour to add to the face, (h, w, 3): what it lacks to the frame where there is weight (h, w), along the mask's rim, spread smoothly.

    Normalised convolution with a wide kernel, at low resolution: light may differ from one cheek to the other.
    """
    height, width = weight.shape
    small = (max(8, width // 8), max(8, height // 8))
    if weight.sum() < 1:
        return np.zeros(3, np.float32)
    lack = np.clip(frame - face, -60, 60) * weight[..., None]
    lack, weight = (cv2.resize(x, small, interpolation=cv2.INTER_AREA) for x in (lack, weight))
    sigma = 0.12 * max(small)
    lack, weight = cv2.GaussianBlur(lack, (0, 0), sigma), cv2.GaussianBlur(weight, (0, 0), sigma)
    shift = lack / (weight[..., None] + 1e-3)
    return cv2.resize(shift, (width, height), interpolation=cv2.INTER_LINEAR)
