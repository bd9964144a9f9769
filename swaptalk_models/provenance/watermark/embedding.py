"""Writing the watermark: some levels of brightness more or less, on the face alone."""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, invert_affine
from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.inference.paste import face_mask
from swaptalk_models.provenance.watermark.grid import ALIGNMENT, CELLS, LEFT, SIDE, TOP, carrier, pattern
from swaptalk_models.provenance.watermark.payload import encode

_STRENGTH = ((160.0, 320.0), (3.5, 2.0))
"""Levels (of 255) by the side of the face's template in the frame (px): small cells survive less of a codec."""
_TEXTURE = 8  # px a cell, of the texture that is warped onto the face
_NOISE = 257  # px: side of the tile of noise that rounds


class Watermark:
    """Puts 32 bits on one face."""

    def __init__(self, bits: str, track: FaceTrack) -> None:
        """
        Args:
            bits: eight hexadecimal digits.
            track: the face, in the frames of the target.
        """
        self.bits = bits
        self._affines = crop_affines(track.landmarks, ALIGNMENT)
        self._landmarks = track.landmarks
        # One cell wide zeros around the pattern: beyond its rim there is nothing.
        grid = np.pad(pattern(encode(bits)), 1)
        self._texture = cv2.resize(grid, None, fx=_TEXTURE, fy=_TEXTURE, interpolation=cv2.INTER_NEAREST)
        # from the texture's pixels to those of the 64 px crop; whole coordinates are centres of pixels
        step = SIDE * ALIGNMENT.size / (CELLS * _TEXTURE)
        shift = [(start - SIDE / CELLS) * ALIGNMENT.size - 0.5 + 0.5 * step for start in (LEFT, TOP)]
        self._place = np.array([[step, 0, shift[0]], [0, step, shift[1]], [0, 0, 1]])
        # Levels are whole numbers: noise decides which way a fraction goes, so that no edge shows.
        self._noise = np.random.default_rng(0).random((_NOISE, _NOISE), np.float32)

    def on(self, frame: np.ndarray, number: int, shown: int) -> np.ndarray:
        """A frame (H, W, 3) uint8 RGB with the mark; a new array.

        Args:
            number: of the frame in the video that is written, at 25 a second.
            shown: number of the target's frame that it comes from: there the face is where the track says.
        """
        affine = self._affines[shown]
        back = np.vstack([invert_affine(affine), [0, 0, 1]]).astype(np.float64)
        size = ALIGNMENT.size
        corners = apply_affine(np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32), back[:2])
        height, width = frame.shape[:2]
        x0, y0 = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, [width, height])
        x1, y1 = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, [width, height])
        marked = frame.copy()
        if x1 - x0 < 2 or y1 - y0 < 2:  # outside of the frame
            return marked
        back[:2, 2] -= [x0, y0]
        extent = (int(x1 - x0), int(y1 - y0))
        mask = face_mask(size, apply_affine(self._landmarks[shown], affine))
        strength = float(np.interp(size * np.sqrt(np.linalg.det(back[:2, :2])), *_STRENGTH)) * carrier(number)
        signs = cv2.warpAffine(self._texture, (back @ self._place)[:2], extent, flags=cv2.INTER_LINEAR)
        change = signs * cv2.warpAffine(mask, back[:2], extent, flags=cv2.INTER_LINEAR)
        levels = np.floor(strength * change + self._noise_for(number, extent))
        region = marked[y0:y1, x0:x1]
        region[:] = np.clip(region + levels.astype(np.int16)[..., None], 0, 255).astype(np.uint8)
        return marked

    def _noise_for(self, number: int, extent: tuple[int, int]) -> np.ndarray:
        """Noise (rows, columns), 0 to 1, another in each frame; 0.5 where there is nothing to round makes nothing."""
        columns, rows = extent
        start = (number * 101) % _NOISE
        tile = np.roll(self._noise, start, axis=(0, 1))
        return np.tile(tile, (-(-rows // _NOISE), -(-columns // _NOISE)))[:rows, :columns]
