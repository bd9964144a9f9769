"""Draws the frames of one phantom.

The still layers, backdrop, body and head, are painted once; a frame repaints mouth and eyes, bends the layers to the
pose and lets the light glide over the head as it turns.
"""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.data.phantom.backdrop import paint_backdrop
from swaptalk_models.data.phantom.canvas import Canvas, over, smoothstep
from swaptalk_models.data.phantom.eyes import Eye
from swaptalk_models.data.phantom.facial_hair import paint_beard, paint_brows
from swaptalk_models.data.phantom.features import GAPE, JAW_SHARE, lip_gap
from swaptalk_models.data.phantom.glasses import paint_glasses
from swaptalk_models.data.phantom.hair import CUTS, paint_hair
from swaptalk_models.data.phantom.landmarks import head_landmarks
from swaptalk_models.data.phantom.light import develop, linear, normals
from swaptalk_models.data.phantom.mouth import Mouth
from swaptalk_models.data.phantom.people import Person
from swaptalk_models.data.phantom.sculpt import Relief, light_relief, turn_gain
from swaptalk_models.data.phantom.skin import paint_skin
from swaptalk_models.data.phantom.stage import paint_stage

OVERSAMPLE = 1.5
"""Side of the head's texture over side of the frame."""

_PIVOT_V = 0.85
"""Height (units) of the neck joint, about which the head rolls."""

_AXIS_DEPTH = 0.26
"""Depth (units) of the axis about which the head turns; nearer parts move with a turn and farther ones against it."""


class Renderer:
    """`frame(motion)` -> (image uint8 (size, size, 3) RGB, landmarks float32 (68, 2) in pixels).

    `size`: a multiple of 4, at least 128.
    """

    def __init__(self, person: Person, size: int = 256):
        assert size >= 128 and size % 4 == 0
        self.person, self.size = person, size
        self._screen = Canvas(size)
        self._canvas = Canvas(round(size * OVERSAMPLE / 2) * 2)
        relief = light_relief(person, self._canvas)
        self._head, alpha = self._paint_head(relief)
        self._rgba = np.dstack([develop(self._head), _coverage(alpha)])
        stage = paint_stage(person, self._screen)
        self._stage = np.dstack([develop(stage[..., :3]), _coverage(stage[..., 3])])
        self._backdrop = develop(paint_backdrop(person, self._screen))
        self._mouth = Mouth(person, self._canvas, relief.light)
        self._eyes = [Eye(person, self._canvas, side, relief.light) for side in (-1, 1)]
        self._glasses = paint_glasses(person, self._canvas)
        # The pose is solved on a grid of every fourth pixel and enlarged: depth is smooth.
        self._grid = Canvas(size // 4)
        depth = np.where(relief.reach < 1, relief.depth, 0).astype(np.float32)
        self._depth = cv2.resize(self._canvas.blur(depth, 0.035), (size // 4,) * 2, interpolation=cv2.INTER_AREA)
        self._turn = turn_gain(person, self._grid)
        self._pixels = np.arange(size, dtype=np.float32)
        p = person
        self._jaw_window = self._canvas.window(-1.0, 1.0, p.nose_y + 0.02, p.chin_length + GAPE * JAW_SHARE + 0.12)

    def _paint_head(self, relief: Relief) -> tuple[np.ndarray, np.ndarray]:
        p, canvas = self.person, self._canvas
        skin = paint_skin(p, canvas, relief)
        face = canvas.cover((1 - relief.reach) * 0.8, 0.008)
        ears = self._paint_ears(skin, face)
        paint_beard(p, canvas, skin, relief)
        paint_brows(p, canvas, skin, relief)
        hair, hair_alpha = paint_hair(p, canvas, relief)
        body = 1 - (1 - face) * (1 - ears)
        # Hair throws a soft shadow on the forehead.
        shadow = canvas.blur(hair_alpha, 0.05) * (1 - hair_alpha) * 0.60
        over(skin, skin * (0.42, 0.30, 0.28), shadow.astype(np.float32))
        alpha = 1 - (1 - body) * (1 - hair_alpha)
        share = hair_alpha / np.maximum(alpha, 1e-3)
        outside = CUTS[p.hair].dense > 0 and CUTS[p.hair].ends > -1
        share = np.where(alpha < 2e-3, float(outside) * (canvas.v < CUTS[p.hair].ends), share)
        over(skin, hair, np.clip(share, 0, 1).astype(np.float32))
        return skin, alpha.astype(np.float32)

    def _paint_ears(self, skin: np.ndarray, face: np.ndarray) -> np.ndarray:
        p, u, v = self.person, self._canvas.u, self._canvas.v
        alpha = np.zeros_like(face)
        for side in (-1, 1):
            x = side * (p.face_width + 0.015)
            r = np.sqrt(((u - x - side * 0.10 * (0.05 - v)) / 0.085) ** 2 + ((v - 0.06) / 0.20) ** 2)
            ear = self._canvas.cover((1 - r) * 0.085, 0.004)
            # A bowl with a raised rim, turned outwards.
            bowl = 0.05 * np.exp(-0.5 * ((r - 0.80) / 0.16) ** 2) - 0.03 * np.exp(-0.5 * (r / 0.35) ** 2)
            normal = normals((bowl + 0.35 * side * -u).astype(np.float32), self._canvas.unit)
            hollow = 1 - 0.55 * np.exp(-0.5 * (r / 0.42) ** 2)
            lit = p.light.on(normal, hollow, hollow)
            colour = (linear(p.skin) * (1.0, 0.80, 0.76) * lit).astype(np.float32)
            over(skin, colour, ear * (1 - face))
            alpha = np.maximum(alpha, ear)
        return alpha

    def frame(self, motion: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
        texture = self._rgba.copy()
        self._drop_jaw(texture, JAW_SHARE * lip_gap(motion))
        window = texture[self._mouth.window]
        pixels = _linear(window)
        self._mouth.paint(pixels, motion)
        window[..., :3] = _screen(pixels)
        look = (0.030 * motion["gaze_x"] - 0.11 * motion["yaw"], 0.020 * motion["gaze_y"] - 0.08 * motion["pitch"])
        for eye in self._eyes:
            window = texture[eye.window]
            pixels = _linear(window)
            eye.paint(pixels, motion["blink"], look)
            window[..., :3] = _screen(pixels)
        if self._glasses:
            colour, alpha, place = self._glasses
            pixels = _linear(texture[place])
            over(pixels, colour, alpha)
            texture[place][..., :3] = _screen(pixels)
        return self._compose(texture, motion), self.landmarks(motion)

    def _jaw_weight(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Share of the chin's drop that a point of the still face takes part in."""
        p = self.person
        return smoothstep(v, p.mouth_y - 0.10, p.mouth_y + 0.16) * (
            1 - 0.75 * smoothstep(np.abs(u), 0.25, p.face_width)
        )

    def _drop_jaw(self, texture: np.ndarray, drop: float) -> None:
        """Stretches the lower face down by `drop` units at the chin; in place."""
        if drop < 1e-3:
            return
        rows, columns = self._jaw_window
        u, v = self._canvas.u[:, columns][:, ::6], self._canvas.v[rows][::6]
        source = v - drop * self._jaw_weight(u, v)
        for _ in range(2):
            source = v - drop * self._jaw_weight(u, source)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        shift = (source - v) * self._canvas.unit
        shift = cv2.resize(shift.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        map_x = np.broadcast_to(np.arange(columns.start, columns.stop, dtype=np.float32), (height, width))
        map_y = shift + np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
        texture[rows, columns] = cv2.remap(self._rgba, np.ascontiguousarray(map_x), map_y, cv2.INTER_LINEAR)

    def _similarity(self, motion: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """(A (2, 2), b (2,)) of the map head plane -> screen, in units: roll and zoom about the neck, then shift."""
        c, s = np.cos(motion["roll"]) * motion["zoom"], np.sin(motion["roll"]) * motion["zoom"]
        a = np.array([[c, -s], [s, c]])
        pivot = np.array([0.0, _PIVOT_V])
        return a, pivot - a @ pivot + (motion["shift_x"], motion["shift_y"])

    def _brow_weight(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        p = self.person
        rows = (v - np.float32(p.eye_y - p.brow_height - 0.03)) * np.float32(1 / 0.085)
        columns = (u * np.float32(1 / 0.45)) ** 2
        return np.exp(-0.5 * (rows * rows + columns * columns))

    def _compose(self, texture: np.ndarray, motion: dict[str, float]) -> np.ndarray:
        grid, side = self._grid, self.size
        a, b = self._similarity(motion)
        inverse = np.linalg.inv(a)
        x = inverse[0, 0] * (grid.u - b[0]) + inverse[0, 1] * (grid.v - b[1])
        y = inverse[1, 0] * (grid.u - b[0]) + inverse[1, 1] * (grid.v - b[1])
        sin_yaw, cos_yaw, sin_pitch, cos_pitch = (f(motion[k]) for k in ("yaw", "pitch") for f in (np.sin, np.cos))
        u, v = x, y = x.astype(np.float32), y.astype(np.float32)
        lift = 0.045 * motion["brow"] * self._brow_weight(x, y)
        for _ in range(3):
            z = cv2.remap(
                self._depth,
                grid.pixel(u).astype(np.float32),
                grid.pixel(v).astype(np.float32),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            z = z - _AXIS_DEPTH
            u = ((x - z * sin_yaw) / cos_yaw).astype(np.float32)
            v = ((y - z * sin_pitch) / cos_pitch + lift).astype(np.float32)
        # Enlarging displacements and not positions keeps the border straight.
        scale = self._canvas.unit
        du = cv2.resize(u - grid.u, (side, side)) * scale + self._canvas.pixel(self._screen.u).astype(np.float32)
        dv = cv2.resize(v - grid.v, (side, side)) * scale + self._canvas.pixel(self._screen.v).astype(np.float32)
        head = cv2.remap(texture, du, dv, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        # Neck and back hair follow the head less and less down to the shoulders, and lie behind the axis.
        follow = 1 - smoothstep(grid.v, 0.55, 1.5)
        back = -0.20
        bx = follow * (x - back * sin_yaw - grid.u)
        by = follow * (y - back * sin_pitch - grid.v)
        unit = self._screen.unit
        map_x = cv2.resize(bx.astype(np.float32), (side, side)) * unit + self._pixels[None, :]
        map_y = cv2.resize(by.astype(np.float32), (side, side)) * unit + self._pixels[:, None]
        stage = cv2.remap(self._stage, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        scene = _blend(stage[..., :3], self._backdrop, stage[..., 3])
        colour = np.ascontiguousarray(head[..., :3])
        if abs(motion["yaw"]) > 1e-3:
            # Screen values are roots of light, so the exponent halves; the slope holds for small turns.
            turn = float(np.clip(motion["yaw"], -0.25, 0.25))
            gain = cv2.resize(np.exp(0.5 * turn * self._turn), (side, side))
            colour = cv2.multiply(colour, cv2.merge([gain, gain, gain]), dtype=cv2.CV_8U)
        return _blend(colour, scene, head[..., 3])

    def landmarks(self, motion: dict[str, float]) -> np.ndarray:
        """(68, 2) float32 pixels of the frame."""
        points = head_landmarks(self.person, motion)
        u, v = points[:, 0], points[:, 1].copy()
        v[:17] += JAW_SHARE * lip_gap(motion) * self._jaw_weight(u[:17], v[:17])
        grid = self._grid
        z = (
            cv2.remap(
                self._depth,
                grid.pixel(u).astype(np.float32)[None],
                grid.pixel(v).astype(np.float32)[None],
                cv2.INTER_LINEAR,
            )[0]
            - _AXIS_DEPTH
        )
        x = u * np.cos(motion["yaw"]) + z * np.sin(motion["yaw"])
        y = v - 0.045 * motion["brow"] * self._brow_weight(u, v)
        y = y * np.cos(motion["pitch"]) + z * np.sin(motion["pitch"])
        a, b = self._similarity(motion)
        return self._screen.pixel(np.stack([x, y], 1) @ a.T + b).astype(np.float32)


_LINEAR = linear(np.arange(256, dtype=np.float32) / 255)


def _coverage(alpha: np.ndarray) -> np.ndarray:
    return np.clip(alpha * 255 + 0.5, 0, 255).astype(np.uint8)


def _blend(front: np.ndarray, behind: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """uint8 images (H, W, 3) by uint8 `alpha` (H, W) of the front one."""
    share = alpha.astype(np.float32) * np.float32(1 / 255)
    return cv2.blendLinear(np.ascontiguousarray(front), behind, share, 1 - share)


def _linear(pixels: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3 or 4) screen values -> float32 (h, w, 3) light, as far as the camera kept it."""
    return _LINEAR[pixels[..., :3]]


def _screen(light: np.ndarray) -> np.ndarray:
    """Light that has passed the shoulder already, 0..1 -> uint8 screen values."""
    return (np.sqrt(np.clip(light, 0, 1)) * 255 + 0.5).astype(np.uint8)
