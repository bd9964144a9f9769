"""Two videos side by side: which frames are compared, in which crop, and which are left out and why."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from swaptalk_models.data.faces.alignment import apply_affine, crop_affines
from swaptalk_models.data.faces.face_track import INTERPOLATED, MISSING, FaceTrack
from swaptalk_models.data.media.timeline import frames_at_25
from swaptalk_models.data.media.video import frames_at_once, probe
from swaptalk_models.metrics.judges import Judges
from swaptalk_models.settings.data import CropsConfig

# Points that speech does not move: brows, nose and eyes.
_STEADY = slice(17, 48)
_SAME_PLACE = 0.1
"""Faces count as being in the same place when these points are nearer than this share of the crop's side (median)."""
_SAME_SHAPE = 0.02
"""Largest relative difference of the aspect ratios of two videos that show one scene."""


@dataclass(frozen=True)
class Pairing:
    """A generated video, the target it is compared with (or none), frame by frame at 25 fps."""

    generated: Path
    target: Path | None
    track: FaceTrack
    """Faces of the generated video, cut to `length` frames."""
    target_track: FaceTrack | None
    """Faces of the target, cut to `length` frames."""
    usable: np.ndarray
    """bool (length,): frames with a face in both videos."""
    excluded: dict[str, int]
    """Frames that are not measured, by reason."""
    scale: tuple[float, float] | None
    """Target px per generated px (x, y) when the target's landmarks define both crops; None: each has its own."""

    @property
    def length(self) -> int:
        """Frames in the overlap of both videos."""
        return len(self.usable)

    @property
    def alignment(self) -> str:
        """Whose landmarks define the crop of the generated frames: "target" or "own"."""
        return "target" if self.scale else "own"

    def affines(self, size: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Frame to crop transforms (length, 2, 3) of the generated video and of the target, crops of side `size`."""
        config = CropsConfig(size=size)
        if self.target_track is None:
            return crop_affines(self.track.landmarks, config), None
        theirs = crop_affines(self.target_track.landmarks, config)
        if self.scale:
            return _rescaled(theirs, self.scale), theirs
        return crop_affines(self.track.landmarks, config), theirs

    def crop_landmarks(self, judges: Judges, size: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Landmarks (length, 68, 2) of both videos, see ``Judges.points``, in px of their crops of side `size`."""
        ours, theirs = self.affines(size)
        points = apply_affine(judges.points(self.generated)[: self.length], ours)
        if self.target is None or theirs is None:
            return points, None
        return points, apply_affine(judges.points(self.target)[: self.length], theirs)

    def frames(self, batch: int) -> Iterator[tuple[int, np.ndarray, np.ndarray | None]]:
        """Batches in step: first frame's number, generated frames (n, H, W, 3), target frames alike or None."""
        start = 0
        if self.target is None or self.target == self.generated:
            for ours in frames_at_25(self.generated, batch):
                yield start, ours, ours if self.target else None
                start += len(ours)
            return
        # Batches of large frames are smaller: the two need not be alike.
        each = (itertools.chain.from_iterable(frames_at_25(path, batch)) for path in (self.generated, self.target))
        both = zip(*each, strict=False)  # to the end of the shorter
        at_once = min(frames_at_once(probe(path), batch) for path in (self.generated, self.target))
        while pairs := list(itertools.islice(both, at_once)):
            ours, theirs = (np.stack(frames) for frames in zip(*pairs, strict=True))
            yield start, ours, theirs
            start += len(ours)


def pair_videos(generated: Path, target: Path | None, judges: Judges) -> Pairing:
    """Track both videos and decide what is compared. BadClip: a file that is no video, or a video without any face."""
    track = judges.track(generated)
    target_track = judges.track(target) if target else None
    length = min(len(track.status), len(target_track.status)) if target_track else len(track.status)
    excluded: Counter[str] = Counter()
    usable = np.ones(length, dtype=bool)
    excluded["beyond the end of the target video"] = len(track.status) - length
    if target_track:
        excluded["beyond the end of the generated video"] = len(target_track.status) - length
    for owner, faces in (("generated", track), ("target", target_track)):
        if faces is None:
            continue
        for status, reason in (
            (MISSING, f"no face in the {owner} frame"),
            (INTERPOLATED, f"face only interpolated in the {owner} frame"),
        ):
            bad = usable & (faces.status[:length] == status)
            excluded[reason] = int(bad.sum())
            usable &= ~bad
    track = _cut(track, length)
    target_track = _cut(target_track, length) if target_track else None
    scale = _shared_scale(generated, target, track, target_track, usable) if target and target_track else None
    return Pairing(generated, target, track, target_track, usable, {k: v for k, v in excluded.items() if v}, scale)


def _shared_scale(
    generated: Path, target: Path, track: FaceTrack, target_track: FaceTrack, usable: np.ndarray
) -> tuple[float, float] | None:
    """Target px per generated px if both show the face at the same place of a picture of the same shape, else None."""
    ours, theirs = probe(generated), probe(target)
    scale = theirs.width / ours.width, theirs.height / ours.height
    if abs(scale[0] / scale[1] - 1) > _SAME_SHAPE or not usable.any():
        return None
    affines = crop_affines(target_track.landmarks, CropsConfig(size=256))
    here = apply_affine(track.landmarks, _rescaled(affines, scale))[usable, _STEADY]
    there = apply_affine(target_track.landmarks, affines)[usable, _STEADY]
    return scale if np.median(np.linalg.norm(here - there, axis=-1)) < _SAME_PLACE * 256 else None


def _rescaled(affines: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    """Affines (T, 2, 3) of a video, for the same video at 1 / scale of its size. Pixel centres are at whole numbers."""
    factors = np.array(scale, np.float32)
    linear = affines[..., :2] * factors
    shift = affines[..., 2] + affines[..., :2] @ ((factors - 1) / 2)
    return np.concatenate([linear, shift[..., None]], axis=-1).astype(np.float32)


def _cut(track: FaceTrack, length: int) -> FaceTrack:
    return FaceTrack(track.box[:length], track.landmarks[:length], track.confidence[:length], track.status[:length])
