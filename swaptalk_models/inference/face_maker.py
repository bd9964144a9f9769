"""What is made: the faces of a target's frames, from one source and one voice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Generic, NamedTuple

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from swaptalk_models.classical import lips
from swaptalk_models.classical.articulation import MOMENTS, Articulation, lips_apart
from swaptalk_models.classical.beard import trimmed
from swaptalk_models.classical.glasses import Glasses, wears_glasses
from swaptalk_models.classical.hair import bare_face
from swaptalk_models.classical.jaw import with_chin
from swaptalk_models.classical.light import Light, relight_to
from swaptalk_models.classical.mouth_inside import parted
from swaptalk_models.classical.occlusion import Occlusion
from swaptalk_models.classical.posing import STEADY
from swaptalk_models.classical.sound_opening import opening_by_sound
from swaptalk_models.classical.warp_swap import neutral_landmarks
from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face, invert_affine, smooth_landmarks
from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.data.faces.landmarks import interocular
from swaptalk_models.data.faces.looks import STEADY_LOOK
from swaptalk_models.data.faces.reference import reference_frame
from swaptalk_models.data.quality.measures import yaw_degrees
from swaptalk_models.data.sound.mel import FRAME_RATE, MEL_RATE, WINDOW_STEPS, centred_windows
from swaptalk_models.data.sound.usual_voice import in_speech, of_usual_voice
from swaptalk_models.inference.face_models import FaceModels, Faces
from swaptalk_models.inference.finish import Finish, Spoken
from swaptalk_models.inference.given import Given, Picture
from swaptalk_models.inference.stand_in import drawn_face
from swaptalk_models.inference.stopwatch import Stopwatch
from swaptalk_models.inference.target import target_frames
from swaptalk_models.metrics.crop_judges import crop_landmarks
from swaptalk_models.modules.audio_encoder import MEL_BANDS, MEL_SILENCE
from swaptalk_models.settings.methods import Stage

_STILLS_WITHIN = 250  # reference and open mouth are looked for in the first ten seconds
_LARGE = 384  # px: side of the crop in which a source is freed from hair
_FRONT = 20.0  # degrees sideways: teeth of a head that is turned further are no others' teeth
_WELL_OPEN = 0.97  # quantile of the target's openings that shows what is between its lips: the very widest may be a yawn or a slip of the detector

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
    """One frame of the target: its number, aligned crop (S, S, 3) uint8 and landmarks (68, 2) in its pixels."""

    number: int
    image: np.ndarray
    """(H, W, 3) uint8, the whole frame."""
    crop: np.ndarray
    landmarks: np.ndarray


class Made(NamedTuple):
    """Crops (n, S, S, 3) uint8 of some faces."""

    crops: np.ndarray
    """What is shown."""
    spoken: np.ndarray | None
    """The same with the lips that lip-sync made, where only their shape is wanted; None: what is shown has them."""
    by_sound: np.ndarray | None = None
    """(n,) how far the sound says that lips are open, of the eyes' distance; None: it has no say."""


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
        stand_in: bool = False,
    ) -> None:
        """
        Args:
            track: the target's face.
            stages: what is done to each face, in this order.
            detail: whether swapped faces get the source's own detail.
            clock: is told where the time goes.
            stand_in: whether, with detail, a drawn face says what the lips' shape is taken from (stand_in.py). It does, too, where lips that are
                made on the swapped face are not seen to move.
        """
        self._models, self._track, self._part = models, track, clock.part
        self._affines = crop_affines(track.landmarks, models.crops)
        self._steady = smooth_landmarks(apply_affine(track.landmarks, self._affines), STEADY)
        self._typical = np.median(self._steady, axis=0)
        self._count, self._mel, self._heard = given.count, given.mel, of_usual_voice(given.mel)
        adds_detail = detail and given.source is not None and "swap" in stages
        still, open_mouth = self._stills(given.target, adds_detail)
        self._reference = models.encode(still.crop[None], still.landmarks[None])
        self._source: Faces | None = None
        self._finish: Finish | None = None
        self._glasses: Glasses | None = None
        self._looks = crop_affines(track.landmarks, STEADY_LOOK)
        if given.source is not None:
            self._put_on(given.source, still, open_mouth)
        self._stages = tuple(stage for stage in stages if stage != "swap" or self._source is not None)
        first_of_all = tuple(takewhile(lambda stage: stage not in LIP_STAGES, self._stages))
        for stage in first_of_all:  # like every other frame
            self._reference = self._apply(stage, self._reference)
        speaks = self._finish is not None and len(first_of_all) < len(self._stages)
        self._lips_at = len(first_of_all)
        """Number of the stage that makes lips."""
        self._lips_apart = speaks and "swap" in first_of_all
        """Whether what was there before it is shown, and of the lips that it makes only the shape is taken."""
        self._speaker: Faces | None = None  # None: each swapped face itself
        self._typical_speaker = self._typical
        self._by_sound: np.ndarray | None = None
        self._articulation: Articulation | None = None
        self._drop: np.ndarray | None = None
        """(T,) how far the target's own lips are parted, of the eyes' distance: its jaw goes with them."""
        if speaks:
            self._drop = gaussian_filter1d(np.maximum(lips_apart(track.landmarks), 0), lips.STEADY)
            self._choose_speaker(still, stand_in)

    def make(self, batch: list[Shown]) -> Made:
        """Some frames' faces: one encoding, every stage in its order, one decoding; with detail a second one, of what was there before lips were made."""
        size = self._models.crops.size
        with self._part("crop"):
            crops = np.stack([crop_face(shown.image, self._affines[shown.number], size) for shown in batch])
            landmarks = self._steady[[shown.number for shown in batch]]
        # Frames of the output count: a target that goes back does not turn the sound round.
        places = np.array([shown.place for shown in batch])
        windows = centred_windows(self._heard, places)
        with self._part("encode"):
            faces = self._models.encode(crops, landmarks)
        faces = self._staged(self._stages[: self._lips_at], faces, windows)
        spoken = self._spoken(faces, windows) if self._lips_apart else None
        if spoken is None:
            faces = self._staged(self._stages[self._lips_at :], faces, windows)
        with self._part("decode"):
            return Made(self._models.decode(faces), spoken, None if self._by_sound is None else self._by_sound[places])

    def _staged(self, stages: tuple[Stage, ...], faces: Faces, windows: np.ndarray | None = None) -> Faces:
        for stage in stages:
            with self._part(stage):
                faces = self._apply(stage, faces, windows)
        return faces

    def _spoken(self, faces: Faces, windows: np.ndarray) -> np.ndarray:
        """Crops (n, S, S, 3) of which lips are read: the swapped faces, or the stand-in, after the stages that make lips."""
        if self._speaker is not None:
            with self._part("speak"):
                said = self._models.speak(self._models.repeated(self._speaker, len(windows)), self._speaker, windows)
        else:
            said = self._staged(self._stages[self._lips_at :], faces, windows)
        with self._part("decode"):
            return self._models.decode(said)

    def mouths(self, made: Made) -> Sequence[Spoken | None]:
        """The mouths of neighbouring frames as lip-sync has made them; None where nobody needs to know.

        A batch is steadied alone: an interrupted video goes on at the border of one.
        """
        if self._articulation is None:
            return [None] * len(made.crops)
        crops = made.crops if made.spoken is None else made.spoken
        with self._part("finish"):
            found = _steady_landmarks(crops, self._typical_speaker)
            shown = found if made.spoken is None else _steady_landmarks(made.crops, self._typical)
            by_sound = [None] * len(found) if made.by_sound is None else made.by_sound
            onto = found if self._speaker is None else shown  # another's lips have no place on this face
            wanted = [self._articulation.shaped(*mouth) for mouth in zip(onto, found, by_sound, strict=True)]
            return [Spoken(*mouth) for mouth in zip(crops, found, shown, wanted, strict=True)]

    def finished(self, crop: np.ndarray, number: int, spoken: Spoken | None = None) -> MadeFace:
        """A face that was made for a frame of the target, ready to be pasted. ``spoken``: of ``mouths``."""
        with self._part("finish"):
            if self._finish is None:
                return MadeFace(crop, self._affines[number], self._points(number))
            return MadeFace(*self._finish.on(crop, number, spoken))

    def glasses_before(self, frame: np.ndarray, number: int) -> Occlusion | None:
        """The target's glasses in its frame ``number`` (H, W, 3) uint8, which stay before a finished face; None: it wears none, or the source does."""
        if self._glasses is None:
            return None
        with self._part("occlusion"):
            return self._glasses.before(frame, self._looks[number])

    def settled(self, frame: np.ndarray, number: int, spoken: Spoken | None) -> np.ndarray:
        """A frame of the target with its finished face, (H, W, 3) uint8, whose jaw goes with the lips that were made."""
        if spoken is None or self._drop is None:
            return frame
        with self._part("finish"):
            mouth = spoken.shown.copy()
            mouth[lips.MOUTH] = spoken.wanted
            landmarks = self._track.landmarks[number].copy()
            landmarks[lips.MOUTH] = apply_affine(spoken.wanted, invert_affine(self._affines[number]))
            return with_chin(frame, landmarks, float(lips_apart(mouth[None])[0] - self._drop[number]))

    def _choose_speaker(self, still: Still, stand_in: bool) -> None:
        """Who says what the lips' shape is taken from, and how that one articulates: the target's reference with the source's face, or the stand-in."""
        if not (stand_in and self._lips_apart):
            crops, points = (np.repeat(one[None], MOMENTS + 1, axis=0) for one in (still.crop, still.landmarks))
            # Its own lips are as wide as they are.
            self._articulation = replace(self._listen(self._models.encode(crops, points)), width=None)
        if self._lips_apart and (self._articulation is None or not self._articulation.readable):
            drawn = drawn_face(self._models.crops)
            self._speaker, self._typical_speaker = (
                self._models.encode(drawn.crop[None], drawn.landmarks[None]),
                drawn.landmarks,
            )
            # Networks that learned from drawn people heard drawn voices, too: of real ones the sound itself says more.
            self._by_sound = opening_by_sound(self._heard, self._count)
            self._articulation = self._listen(self._speaker)

    def _listen(self, faces: Faces) -> Articulation:
        """How lips move that are made for this sound: a few moments of its speech, from the quietest to the loudest, and silence.

        ``faces``: MOMENTS + 1 times the same one; nobody looks at them where there is a stand-in.
        """
        level = uniform_filter1d(self._mel.mean(axis=1), WINDOW_STEPS)
        level = level[np.arange(max(1, len(level) * FRAME_RATE // MEL_RATE)) * MEL_RATE // FRAME_RATE]  # a frame each
        speech = np.flatnonzero(in_speech(level))
        speech = speech[np.argsort(level[speech], kind="stable")]
        moments = speech[np.linspace(0, len(speech) - 1, MOMENTS).round().astype(int)]
        silence = np.full((1, WINDOW_STEPS, MEL_BANDS), MEL_SILENCE, np.float32)
        heard = np.concatenate([silence, centred_windows(self._heard, moments)])
        if self._speaker is None:
            faces = self._staged(self._stages[: self._lips_at], faces, heard)
        found = crop_landmarks(self._spoken(faces, heard), self._typical_speaker)
        by_sound = None if self._by_sound is None else self._by_sound[np.minimum(moments, self._count - 1)]
        return Articulation.measure(found[0], found[1:], by_sound)

    def _points(self, number: int) -> np.ndarray:
        """Landmarks (68, 2) of a frame's face, in its crop's pixels."""
        return apply_affine(self._track.landmarks[number], self._affines[number])

    def _stills(self, target: Path, adds_detail: bool) -> tuple[Still, Still | None]:
        """Two frames of the target: the reference, and for detail the one that shows best what is between the lips."""
        track = self._track
        seen = np.flatnonzero(track.confidence > 0)
        seen = seen[seen < seen[0] + _STILLS_WITHIN]
        landmarks = np.stack([apply_affine(track.landmarks[i], self._affines[i]) for i in seen])
        places = [reference_frame(landmarks)]
        if adds_detail:
            places.append(self._wide_open(seen))
        numbers = [int(seen[place]) for place in places]
        frames = {number: frame for number, frame in target_frames(target, max(numbers) + 1) if number in numbers}
        size = self._models.crops.size
        stills = [
            Still(number, frames[number], crop_face(frames[number], self._affines[number], size), landmarks[place])
            for number, place in zip(numbers, places, strict=True)
        ]
        return stills[0], stills[1] if adds_detail else None

    def _wide_open(self, seen: np.ndarray) -> int:
        """Which of these frames of the target has its mouth well open, to the front."""
        points = self._track.landmarks[seen]
        front = np.abs(yaw_degrees(points)) < _FRONT
        # of the mouth's width in all of them: a mouth turned aside or rounded is narrow
        widths = parted(points) * np.linalg.norm(points[:, 60] - points[:, 64], axis=1) / interocular(points)
        order = np.argsort(np.where(front, widths, -1), kind="stable")
        return int(order[len(order) - 1 - int((1 - _WELL_OPEN) * front.sum())])

    def _put_on(self, source: Picture, target: Still, open_mouth: Still | None) -> None:
        """Take this source, in the target's light. ``open_mouth``: what is between lips may be looked up there; None: nothing of detail is made."""
        size = self._models.crops.size
        light = Light.measure(target.crop, target.landmarks)
        # Single locks of fair hair are seen in a picture large enough alone.
        large = replace(self._models.crops, size=max(size, _LARGE), smooth_frames=0)
        affine = crop_affines(source.landmarks[None], large)[0]
        points = apply_affine(source.landmarks, affine)
        lit = bare_face(relight_to(crop_face(source.image, affine, large.size), points, light), points)
        if open_mouth is not None:
            lit = trimmed(lit, points)
        scale = np.float32(size / large.size)
        lit, points = cv2.resize(lit, (size, size), interpolation=cv2.INTER_AREA), scale * (points + 0.5) - 0.5
        neutral = neutral_landmarks(self._track.landmarks[self._track.confidence > 0])
        self._source = self._models.encode_source(lit, points, neutral)
        if open_mouth is not None:
            crops, grid = self._models.crops, self._models.grid
            self._finish = Finish(source.image, source.landmarks, light, self._track, self._affines, crops, grid)
            self._finish.take_teeth(open_mouth.image, open_mouth.number)
            # Two pairs on one nose are one too many.
            self._glasses = None if wears_glasses(source.image, source.landmarks) else Glasses.of(self._track)

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


def _steady_landmarks(crops: np.ndarray, typical: np.ndarray) -> np.ndarray:
    return smooth_landmarks(crop_landmarks(crops, typical), lips.STEADY)
