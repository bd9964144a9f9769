"""What is made: the faces of a target's frames, from one source and one voice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Generic, NamedTuple

import numpy as np

from swaptalk_models.classical import lips
from swaptalk_models.classical.hair import bare_face
from swaptalk_models.classical.light import Light, relight_to
from swaptalk_models.classical.posing import STEADY
from swaptalk_models.classical.warp_swap import neutral_landmarks
from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face, smooth_landmarks
from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.data.faces.reference import reference_frame
from swaptalk_models.data.sound.mel import centred_windows
from swaptalk_models.inference.face_models import FaceModels, Faces
from swaptalk_models.inference.finish import Finish
from swaptalk_models.inference.given import Given, Picture
from swaptalk_models.inference.stopwatch import Stopwatch
from swaptalk_models.inference.target import target_frames
from swaptalk_models.metrics.crop_judges import crop_landmarks
from swaptalk_models.settings.methods import Stage

_REFERENCE_WITHIN = 250  # the reference is looked for in the first ten seconds

LIP_STAGES = ("speak", "swap_and_speak", "copy_lips")


class Shown(NamedTuple):
    """One frame on its way through a generation."""

    place: int
    """Number in the output."""
    number: int
    """Number in the target."""
    image: np.ndarray
    """(H, W, 3) uint8 RGB."""


class MadeFace(NamedTuple):
    """A face as ``paste_face`` takes it."""

    crop: np.ndarray
    """(S, S, 3) uint8 RGB."""
    affine: np.ndarray
    """(2, 3), from frame to crop pixels."""
    landmarks: np.ndarray
    """(68, 2) in the crop's pixels."""


@dataclass(frozen=True)
class Still:
    """One aligned face: crop (S, S, 3) uint8 and landmarks (68, 2) in its pixels."""

    crop: np.ndarray
    landmarks: np.ndarray


class FaceMaker(Generic[Faces]):
    """Makes the faces of one target. What serves all frames, source and reference, is encoded once."""

    def __init__(
        self,
        models: FaceModels[Faces],
        given: Given,
        track: FaceTrack,
        stages: tuple[Stage, ...],
        detail: bool,
        clock: Stopwatch,
    ) -> None:
        """
        Args:
            track: the target's face.
            stages: what is done to each face, in this order.
            detail: whether swapped faces get the source's own detail.
            clock: is told where the time goes.
        """
        self._models, self._track, self._part = models, track, clock.part
        self._affines = crop_affines(track.landmarks, models.crops)
        self._steady = smooth_landmarks(apply_affine(track.landmarks, self._affines), STEADY)
        self._typical = np.median(self._steady, axis=0)
        self._mel = given.mel
        still = self._reference_still(given.target)
        self._reference = models.encode(still.crop[None], still.landmarks[None])
        self._source: Faces | None = None
        self._finish: Finish | None = None
        if given.source is not None:
            self._put_on(given.source, still, detail and "swap" in stages)
        self._stages = tuple(stage for stage in stages if stage != "swap" or self._source is not None)
        for stage in takewhile(lambda stage: stage not in LIP_STAGES, self._stages):  # like every other frame
            self._reference = self._apply(stage, self._reference)

    def make(self, batch: list[Shown]) -> np.ndarray:
        """The crops (n, S, S, 3) of some frames' faces: one encoding, every stage in its order, one decoding."""
        size = self._models.crops.size
        with self._part("crop"):
            crops = np.stack([crop_face(shown.image, self._affines[shown.number], size) for shown in batch])
            landmarks = self._steady[[shown.number for shown in batch]]
        # Frames of the output count: a target that goes back does not turn the sound round.
        windows = centred_windows(self._mel, np.array([shown.place for shown in batch]))
        with self._part("encode"):
            faces = self._models.encode(crops, landmarks)
        for stage in self._stages:
            with self._part(stage):
                faces = self._apply(stage, faces, windows)
        with self._part("decode"):
            return self._models.decode(faces)

    def mouths(self, crops: np.ndarray) -> Sequence[np.ndarray | None]:
        """Where the lips of made crops (n, S, S, 3) are, neighbouring frames: (20, 2) of each, in its pixels; None where nobody needs to know.

        A batch is steadied alone: an interrupted video goes on at the border of one.
        """
        if self._finish is None or not set(LIP_STAGES) & set(self._stages):
            return [None] * len(crops)
        with self._part("finish"):
            found = crop_landmarks(crops, self._typical)
            return list(smooth_landmarks(found, lips.STEADY)[:, lips.MOUTH])

    def finished(self, crop: np.ndarray, number: int, mouth: np.ndarray | None = None) -> MadeFace:
        """A face that was made for a frame of the target, ready to be pasted. ``mouth``: of ``mouths``."""
        with self._part("finish"):
            if self._finish is None:
                return MadeFace(crop, self._affines[number], self._points(number))
            return MadeFace(*self._finish.on(crop, number, mouth))

    def _points(self, number: int) -> np.ndarray:
        """Landmarks (68, 2) of a frame's face, in its crop's pixels."""
        return apply_affine(self._track.landmarks[number], self._affines[number])

    def _reference_still(self, target: Path) -> Still:
        """The reference frame of the target."""
        track = self._track
        seen = np.flatnonzero(track.confidence[:_REFERENCE_WITHIN] > 0)
        seen = seen if len(seen) else np.flatnonzero(track.confidence > 0)
        landmarks = np.stack([apply_affine(track.landmarks[i], self._affines[i]) for i in seen])
        best = reference_frame(landmarks)
        wanted = int(seen[best])
        frame = next(frame for number, frame in target_frames(target, wanted + 1) if number == wanted)
        return Still(crop_face(frame, self._affines[wanted], self._models.crops.size), landmarks[best])

    def _put_on(self, source: Picture, target: Still, detail: bool) -> None:
        """Take this source, in the target's light."""
        affine = crop_affines(source.landmarks[None], self._models.crops)[0]
        points = apply_affine(source.landmarks, affine)
        crop, light = (
            crop_face(source.image, affine, self._models.crops.size),
            Light.measure(target.crop, target.landmarks),
        )
        lit = bare_face(relight_to(crop, points, light), points)
        neutral = neutral_landmarks(self._track.landmarks[self._track.confidence > 0])
        self._source = self._models.encode_source(lit, points, neutral)
        if detail:
            crops, grid = self._models.crops, self._models.grid
            self._finish = Finish(source.image, source.landmarks, light, self._track, self._affines, crops, grid)

    def _apply(self, stage: Stage, faces: Faces, windows: np.ndarray | None = None) -> Faces:
        if stage == "swap":
            assert self._source is not None
            return self._models.swap(self._source, faces)
        if stage == "restore":
            return self._models.restore(faces)
        if stage == "swap_and_speak":
            assert self._source is not None and windows is not None
            return self._models.swap_and_speak(self._source, faces, windows)
        if stage == "copy_lips":
            return self._models.copy_lips(faces, self._reference)
        assert windows is not None
        return self._models.speak(faces, self._reference, windows)
