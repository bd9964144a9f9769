"""The one pass over the frames of both videos, and what it leaves behind: a few hundred bytes a frame, and some sampled crops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from swaptalk_models.data.faces.alignment import apply_affine, crop_face
from swaptalk_models.metrics.conditions import crop_brightness
from swaptalk_models.metrics.cpbd import cpbd
from swaptalk_models.metrics.drift import frames_to_sample
from swaptalk_models.metrics.fid import FeatureStatistics
from swaptalk_models.metrics.flicker import Flicker
from swaptalk_models.metrics.judges import IdentityJudge, Judges, identity_crop
from swaptalk_models.metrics.lip_reading import LipReading
from swaptalk_models.metrics.pairing import Pairing
from swaptalk_models.metrics.picture_figures import PictureFigures
from swaptalk_models.metrics.psnr import psnr
from swaptalk_models.metrics.ssim import ssim_map
from swaptalk_models.metrics.streams import SampledStream, WindowStream, add_statistics, spread
from swaptalk_models.settings.evaluation import EvaluationConfig

_TARGET_FRAMES = 8  # of the target, for the similarity to its person: enough for a mean


@dataclass
class Pictures:
    """What one pass over the frames leaves behind."""

    ssim: list[float] = field(default_factory=list)
    ssim_mouth: list[float] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    cpbd: list[float] = field(default_factory=list)
    figures: PictureFigures | None = None
    """Tiles, blotches and the like, on the frames that CPBD looks at; None without a target."""
    flicker: Flicker = field(default_factory=Flicker)
    """Of the generated face, over all frames."""
    brightness: list[float] = field(default_factory=list)
    """Of the target's face, else of the generated one, on the frames that CPBD looks at."""
    reading: LipReading | None = None
    """What a lipreader sees; None without one, or where the target's lips are no truth."""
    faces: dict[int, np.ndarray] = field(default_factory=dict)
    """Identity (D,) of the sampled frames and of their sampled neighbours, by frame number."""
    second_faces: dict[int, np.ndarray] = field(default_factory=dict)
    """The same by the second judge of identity, where there is one."""
    target_faces: list[np.ndarray] = field(default_factory=list)
    """Identity (D,) of some frames of the target."""
    sampled: list[int] = field(default_factory=list)
    """Frames, evenly spread, that the identity judge looks at."""
    neighbours: list[int] = field(default_factory=list)
    """Those of them whose next frame it looks at too."""
    features: FeatureStatistics | None = None
    target_features: FeatureStatistics | None = None
    windows: list[np.ndarray] = field(default_factory=list)
    """Embeddings of the 5-frame windows, batch by batch."""
    valid: list[bool] = field(default_factory=list)
    """Which windows saw usable frames only."""

    def all_figures(self) -> dict[str, Any]:
        """Those that need nothing but the frames, by key, with the numbers of frames behind them."""
        found: dict[str, Any] = {
            "cpbd": _mean(self.cpbd),
            "sampled_cpbd_frames": len(self.cpbd),
        } | self.flicker.figures()
        if self.figures is not None:
            found |= {"ssim": _mean(self.ssim), "psnr": _mean(self.psnr), "ssim_mouth": _mean(self.ssim_mouth)}
            found |= self.figures.figures() | {"sampled_picture_frames": self.figures.frames}
        if self.reading is not None:
            found["lip_score"] = self.reading.score()
        return found


def compare_frames(pairing: Pairing, judges: Judges, config: EvaluationConfig, lips: bool = False) -> Pictures:
    """Decode, crop and compare; what looks at the frames alone and at once is done here, the rest is kept for later.

    `lips`: whether the target's lips are those that are wanted, frame by frame.
    """
    wanted = frames_to_sample(config.identity_frames, pairing.length)
    result = Pictures(sampled=spread(np.flatnonzero(pairing.usable), wanted))
    if lips and judges.lipreader is not None and pairing.target_track is not None:
        tracks = pairing.track.landmarks, pairing.target_track.landmarks
        result.reading = LipReading(judges.lipreader, *tracks, pairing.usable)
    followed = [number for number in result.sampled if number + 1 < pairing.length and pairing.usable[number + 1]]
    result.neighbours = spread(np.array(followed, dtype=int), config.identity_neighbours)
    comparison, streams = _Comparison(result, pairing, judges, config), _Streams(pairing, judges, config)
    for start, frames, targets in pairing.frames(config.batch_frames):
        for number, frame in enumerate(frames, start=start):
            if result.reading is not None and targets is not None:
                result.reading.look(number, frame, targets[number - start])
            if pairing.usable[number]:
                comparison.look(number, frame, None if targets is None else targets[number - start])
        streams.feed(result, start, frames, targets)
    return result


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


class _Comparison:
    """What is measured on one frame and its target."""

    def __init__(self, result: Pictures, pairing: Pairing, judges: Judges, config: EvaluationConfig) -> None:
        self.result, self.pairing, self.judges, self.size = result, pairing, judges, config.crop_size
        self.ours, self.theirs = pairing.affines(self.size)
        usable = np.flatnonzero(pairing.usable)
        self.sharpness = set(spread(usable, config.cpbd_frames))
        if pairing.target is not None:
            result.figures = PictureFigures(self.size)
        self.faces = {*result.sampled, *(number + 1 for number in result.neighbours)}
        another = pairing.target is not None and pairing.target != pairing.generated
        self.target_faces = set(spread(usable, _TARGET_FRAMES)) if another else set()

    def look(self, number: int, frame: np.ndarray, target: np.ndarray | None) -> None:
        result, size = self.result, self.size
        crop = crop_face(frame, self.ours[number], size)
        points = apply_affine(self.pairing.track.landmarks[number], self.ours[number])
        result.flicker.look(number, crop, points)
        if number in self.sharpness:
            result.cpbd.append(cpbd(crop))
            if target is None:
                result.brightness.append(crop_brightness(crop))
        if number in self.faces:
            seen = identity_crop(frame, self.pairing.track.landmarks[number])
            result.faces[number] = _identity(self.judges.identity, seen)
            if self.judges.second_identity is not None:
                result.second_faces[number] = _identity(self.judges.second_identity, seen)
        if target is None or self.theirs is None:
            return
        target_crop = crop_face(target, self.theirs[number], size)
        if number in self.sharpness:
            assert self.pairing.target_track is not None and result.figures is not None
            target_points = apply_affine(self.pairing.target_track.landmarks[number], self.theirs[number])
            result.figures.look(crop, target_crop, points, target_points)
            result.brightness.append(crop_brightness(target_crop))
        similarity = ssim_map(crop, target_crop)
        result.ssim.append(float(similarity.mean(dtype=np.float64)))
        result.ssim_mouth.append(float(similarity[size // 2 :, size // 4 : -size // 4].mean(dtype=np.float64)))
        result.psnr.append(psnr(crop, target_crop))
        if number in self.target_faces and self.pairing.target_track:
            seen = identity_crop(target, self.pairing.target_track.landmarks[number])
            result.target_faces.append(_identity(self.judges.identity, seen))


def _identity(judge: IdentityJudge, face: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Embedding (D,) of a crop with its landmarks, at once: crops of many minutes would take much room."""
    crop, landmarks = face
    return np.asarray(judge([crop], landmarks[None]))[0]


class _Streams:
    """The judges that see every frame, or every window: sync, and the features of both sides."""

    def __init__(self, pairing: Pairing, judges: Judges, config: EvaluationConfig) -> None:
        sync = judges.sync
        self.sync = None
        if sync is not None:
            # A judge with a crop of its own makes it from the landmarks; ours see the aligned crop that all metrics see.
            own = getattr(sync, "affines", None)
            affines = own(pairing.track.landmarks) if own else pairing.affines(sync.crop_size)[0]
            self.sync = WindowStream(sync.video_embeddings, sync.crop_size, affines, pairing.usable)
        self.ours = self._features(pairing, judges, config, 0)
        self.theirs = self._features(pairing, judges, config, 1) if pairing.target else None

    @staticmethod
    def _features(
        pairing: Pairing, judges: Judges, config: EvaluationConfig, side: int
    ) -> WindowStream | SampledStream | None:
        judge = judges.features
        if judge is None or pairing.target is None:
            return None
        affines = pairing.affines(judge.crop_size)[side]
        assert affines is not None
        if getattr(judge, "single_frames", False):
            return SampledStream(judge.features, judge.crop_size, affines, pairing.usable, config.fid_frames)
        return WindowStream(judge.features, judge.crop_size, affines, pairing.usable)

    def feed(self, result: Pictures, start: int, frames: np.ndarray, targets: np.ndarray | None) -> None:
        if self.sync:
            rows, valid = self.sync.rows(start, frames)
            result.windows += [] if rows is None else [rows]
            result.valid += valid.tolist()
        if self.ours:
            result.features = add_statistics(result.features, self.ours, start, frames)
        if self.theirs and targets is not None:
            result.target_features = add_statistics(result.target_features, self.theirs, start, targets)
