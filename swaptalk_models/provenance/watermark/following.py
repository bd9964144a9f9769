"""The faces of a stretch of video, cut out upright while the frames go by: one pass, and little memory at any frame size."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from swaptalk_models.data.faces.alignment import crop_affines, invert_affine
from swaptalk_models.data.faces.detection import SURE, FaceBackend, box_overlap
from swaptalk_models.provenance.watermark.grid import ALIGNMENT, CELLS, LEFT, SIDE, TOP

FACES = 2
"""So many are followed at a time, the largest first."""
PATCH = 6 * CELLS
"""px: side of the patches that a stretch ends in; they show the grid's square and nothing else."""
_DETECT_EVERY = 8  # frames
_SAME = 0.3  # overlap of boxes from which two are of one face
_KEPT, _MARGIN = 192, 0.15  # px, share of the template: of the cuts that are kept until the alignment is known


@dataclass
class _Followed:
    """One face since the stretch began."""

    landmarks: np.ndarray
    """(68, 2), where it was seen last."""
    frames: list[int] = field(default_factory=list)
    cuts: list[np.ndarray] = field(default_factory=list)
    """Grey (192, 192) uint8, a frame."""
    affines: list[np.ndarray] = field(default_factory=list)
    """(2, 3), from the frame to the cut."""
    track: list[np.ndarray] = field(default_factory=list)
    """Landmarks (68, 2), a frame."""


@dataclass(frozen=True)
class FacePatches:
    """One face over T frames, aligned as the watermark's grid is."""

    patches: np.ndarray
    """Grey float32 (T, 144, 144), 0 to 255; where the face was not seen, the last patch before, or the first."""
    seen: int
    """Frames with the face."""


class Follower:
    """Takes frames one by one; gives the faces' patches at the end."""

    def __init__(self, backend: FaceBackend) -> None:
        self._backend = backend
        self._faces: list[_Followed] = []
        self.frames = 0

    def step(self, image: np.ndarray) -> None:
        """The next frame, uint8 RGB (H, W, 3)."""
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        found: dict[int, np.ndarray] = {}  # box by number of the face
        if self.frames % _DETECT_EVERY == 0:
            found = self._detect(image)
        for number, face in enumerate(self._faces):
            if self.frames % _DETECT_EVERY == 0:
                if number not in found:
                    continue
                # Boxes come in coarse steps: where the last landmarks agree with one, they are the steadier start.
                box = self._backend.box_around(face.landmarks)
                box = box if face.frames and box_overlap(box, found[number]) > 0.6 else found[number]
            elif face.frames and face.frames[-1] == self.frames - 1:
                box = self._backend.box_around(face.landmarks)
            else:
                continue
            self._take(face, self._backend.landmarks(grey, box), grey)
        self.frames += 1

    def _detect(self, image: np.ndarray) -> dict[int, np.ndarray]:
        """Boxes of the faces that are followed, new ones included, by their number."""
        boxes = sorted(
            (d.box for d in self._backend.detect(image) if d.score >= SURE), key=lambda box: -float(np.ptp(box[::2]))
        )
        found: dict[int, np.ndarray] = {}
        for box in boxes[:FACES]:
            known = [box_overlap(self._backend.box_around(face.landmarks), box) for face in self._faces]
            if known and max(known) > _SAME:
                found.setdefault(int(np.argmax(known)), box)
            elif len(self._faces) < FACES:
                landmarks = self._backend.landmarks(image, box)
                self._faces.append(_Followed(landmarks))
                found[len(self._faces) - 1] = self._backend.box_around(landmarks)
        for number, face in enumerate(self._faces):  # a face that the whole frame's search has missed
            box = self._backend.box_around(face.landmarks)
            if number not in found and face.frames and face.frames[-1] == self.frames - 1:
                near = [d.box for d in self._backend.detect(image, near=box) if box_overlap(d.box, box) > _SAME]
                if near:
                    found[number] = near[0]
        return found

    def _take(self, face: _Followed, landmarks: np.ndarray, grey: np.ndarray) -> None:
        affine = crop_affines(landmarks[None], ALIGNMENT)[0]  # of this frame alone: to be steadied at the end
        face.landmarks = landmarks
        face.frames.append(self.frames)
        face.track.append(landmarks)
        face.affines.append(_scaled(affine, _KEPT, -_MARGIN, -_MARGIN, 1 + 2 * _MARGIN))
        face.cuts.append(_cut(grey, face.affines[-1], _KEPT))

    def faces(self) -> list[FacePatches]:
        """Of every face that was followed, the one seen longest first."""
        patches = []
        for face in sorted(self._faces, key=lambda face: -len(face.frames)):
            if face.frames:
                patches.append(FacePatches(_aligned(face, self.frames), len(face.frames)))
        return patches


def _aligned(face: _Followed, count: int) -> np.ndarray:
    """Patches (count, 144, 144) through the affines as they are once they were steadied over time."""
    steady = crop_affines(np.stack(face.track), ALIGNMENT)
    patches: np.ndarray = np.empty((count, PATCH, PATCH), np.float32)
    ends = [*face.frames[1:], count]
    for place, (frame, cut) in enumerate(zip(face.frames, face.cuts, strict=True)):
        there = np.vstack([_scaled(steady[place], PATCH, LEFT, TOP, SIDE), [0, 0, 1]])
        back = np.vstack([invert_affine(face.affines[place]), [0, 0, 1]])
        patch = cv2.warpAffine(
            cut, (there @ back)[:2], (PATCH, PATCH), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        patches[frame if place else 0 : ends[place]] = patch
    return patches


def _scaled(affine: np.ndarray, size: int, left: float, top: float, side: float) -> np.ndarray:
    """An affine to the 64 px crop as one to ``size`` px of a square in it, given in shares of the crop: float64 (2, 3)."""
    step = size / (ALIGNMENT.size * side)
    scaled = np.asarray(affine, np.float64) * step
    scaled[:, 2] += [(0.5 / ALIGNMENT.size - start) / side * size - 0.5 for start in (left, top)]
    return scaled


def _cut(grey: np.ndarray, affine: np.ndarray, size: int) -> np.ndarray:
    """A grey picture (size, size) uint8 through an affine; large faces are averaged, not sampled."""
    scale = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    steps = int(np.clip(np.ceil(1 / max(scale, 1e-6) - 0.25), 1, 16))
    fine = affine * steps
    fine[:, 2] += (steps - 1) / 2
    cut = cv2.warpAffine(grey, fine, (size * steps,) * 2, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA) if steps > 1 else cut
