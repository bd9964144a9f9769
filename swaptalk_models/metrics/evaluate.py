"""All metrics of one video, of any method, at any resolution and length.

Frames stream by in batches: what grows with the length are a few hundred bytes a frame of landmarks and embeddings.
Both videos are read at 25 fps by timestamps and compared frame by frame over their overlap; both are cut by the
target's landmarks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from swaptalk_models.data.alignment import crop_face
from swaptalk_models.data.audio import read_audio
from swaptalk_models.data.mel import log_mel
from swaptalk_models.data.video import probe
from swaptalk_models.metrics import identity, lmd, mouth
from swaptalk_models.metrics.cpbd import cpbd
from swaptalk_models.metrics.fid import FeatureStatistics, frechet_distance
from swaptalk_models.metrics.judges import Judges, SyncJudge, identity_crop
from swaptalk_models.metrics.pairing import Pairing, pair_videos
from swaptalk_models.metrics.psnr import psnr
from swaptalk_models.metrics.settings import EvaluationConfig
from swaptalk_models.metrics.ssim import ssim_map
from swaptalk_models.metrics.sync import SyncScore, sync_score
from swaptalk_models.metrics.timeline import mel_likeness

METRICS = (
    "fid",
    "ssim",
    "psnr",
    "cpbd",
    "lmd",
    "lse_c",
    "lse_d",
    "av_offset",
    "id_similarity",
    "id_retrieve",
    "consistency",
)
WINDOW, MEL_WINDOW = 5, 16  # frames and mel steps that the sync judge sees at once
_TARGET_FRAMES = 8  # of the target, for the similarity to its person: enough for a mean


@dataclass
class VideoScores:
    """Everything measured on one video."""

    frames: int
    """Frames measured."""
    excluded: dict[str, int]
    """Frames not measured, by reason."""
    metrics: dict[str, float | None]
    """A value for each of `METRICS`; None where the inputs do not allow it."""
    judges: dict[str, str | None]
    """Name of the judge of identity, sync, fid and landmarks."""
    details: dict[str, object] = field(default_factory=dict)
    """Further numbers under further names, JSON-ready: see `score_video`."""
    similarity: list[tuple[float, float]] = field(default_factory=list)
    """Cosine to the source over time: (seconds, cosine)."""
    offset_curve: list[tuple[int, float]] = field(default_factory=list)
    """Mean distance of the sync judge at each offset: (frames, distance)."""
    features: FeatureStatistics | None = field(default=None, repr=False)
    """Features of the generated frames, to be pooled over a test set."""
    target_features: FeatureStatistics | None = field(default=None, repr=False)
    """Features of the target's frames."""

    def as_json(self) -> dict:
        """The contract's JSON: frames, excluded, metrics, judges; and `details`."""
        return {
            "frames": self.frames,
            "excluded": self.excluded,
            "metrics": self.metrics,
            "judges": self.judges,
            "details": self.details,
        }


def evaluate_video(
    generated: Path,
    target: Path | None,
    source: Path | None,
    audio: Path | None,
    gallery: Path | None,
    judges: Judges,
    config: EvaluationConfig | None = None,
) -> dict:
    """JSON-ready result of `swaptalk evaluate`; see `score_video` for what comes from what."""
    return score_video(generated, target, source, audio, gallery, judges, config).as_json()


def score_video(
    generated: Path,
    target: Path | None,
    source: Path | None,
    audio: Path | None,
    gallery: Path | None,
    judges: Judges,
    config: EvaluationConfig | None = None,
    setting: str | None = None,
) -> VideoScores:
    """All metrics that the inputs allow.

    `target` gives SSIM, PSNR, LMD and the Frechet distance; `source` a picture for id_similarity; `gallery` a folder of
    pictures, one a person, for id_retrieve; `audio` the driving sound, else the generated video's own. LMD is given for
    self-driven videos only: `setting` "self" or "cross" says which, else the sound is compared with the target's.
    `details` holds sampled_identity_frames, sampled_cpbd_frames, gallery_size, alignment, setting, ssim_mouth, lmd_sum,
    lmd_interocular, mouth_correlation, target_similarity, frame_to_frame, sync_windows, face_share.

    BadClip or UserError, naming the file: no video, no face, no picture, no sound in `audio`.
    """
    config = config or EvaluationConfig()
    pairing = pair_videos(generated, target, judges)
    mel = _driving_mel(generated, audio)
    pictures = _compare_frames(pairing, judges, config)
    metrics: dict[str, float | None] = dict.fromkeys(METRICS)
    details: dict[str, object] = {
        "alignment": pairing.alignment,
        "setting": setting or _setting(target, mel, config),
        "face_share": float(pairing.usable.mean()) if pairing.length else 0.0,
    }
    metrics["cpbd"], details["sampled_cpbd_frames"] = _mean(pictures.cpbd), len(pictures.cpbd)
    if target:
        metrics["ssim"], metrics["psnr"] = _mean(pictures.ssim), _mean(pictures.psnr)
        details["ssim_mouth"] = _mean(pictures.ssim_mouth)
        _add_mouth(pairing, config, metrics, details)
    if pictures.features and pictures.target_features:
        metrics["fid"] = frechet_distance(pictures.features, pictures.target_features)
    similarity = _add_identity(pairing, pictures, source, gallery, judges, metrics, details)
    score = _sync(pictures, mel, judges.sync, config)
    if score:
        metrics.update(lse_c=score.lse_c, lse_d=score.lse_d, av_offset=float(score.av_offset))
        details["sync_windows"] = score.windows
    curve = list(zip(range(-config.max_offset, config.max_offset + 1), score.curve.tolist())) if score else []
    return VideoScores(
        int(pairing.usable.sum()), pairing.excluded, {k: _finite(v) for k, v in metrics.items()}, judges.names(),
        {k: _finite(v) if isinstance(v, float) else v for k, v in details.items()},
        similarity, curve, pictures.features, pictures.target_features,
    )  # fmt: skip


@dataclass
class _Pictures:
    """What one pass over the frames leaves behind."""

    ssim: list[float] = field(default_factory=list)
    ssim_mouth: list[float] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    cpbd: list[float] = field(default_factory=list)
    samples: list[tuple[int, np.ndarray, np.ndarray]] = field(default_factory=list)
    """Frame number, identity crop and landmarks of the sampled frames."""
    target_samples: list[tuple[int, np.ndarray, np.ndarray]] = field(default_factory=list)
    features: FeatureStatistics | None = None
    target_features: FeatureStatistics | None = None
    windows: list[np.ndarray] = field(default_factory=list)
    """Embeddings of the 5-frame windows, batch by batch."""
    valid: list[bool] = field(default_factory=list)
    """Which windows saw usable frames only."""


def _compare_frames(pairing: Pairing, judges: Judges, config: EvaluationConfig) -> _Pictures:
    """The one pass over both videos."""
    result = _Pictures()
    size = config.crop_size
    ours, theirs = pairing.affines(size)
    usable = np.flatnonzero(pairing.usable)
    sampled, sharpness_sampled = set(_spread(usable, config.identity_frames)), set(_spread(usable, config.cpbd_frames))
    target_sampled = (
        set(_spread(usable, _TARGET_FRAMES)) if pairing.target and pairing.target != pairing.generated else set()
    )
    sync = _stream(judges.sync, "video_embeddings", pairing)
    our_features, their_features = (_stream(judges.features, "features", pairing, side) for side in (0, 1))
    for start, frames, targets in pairing.frames(config.batch_frames):
        for number, frame in enumerate(frames, start=start):
            if not pairing.usable[number]:
                continue
            crop = crop_face(frame, ours[number], size)
            if number in sharpness_sampled:
                result.cpbd.append(cpbd(crop))
            if number in sampled:
                result.samples.append((number, *identity_crop(frame, pairing.track.landmarks[number])))
            if targets is None:
                continue
            target_frame = targets[number - start]
            target_crop = crop_face(target_frame, theirs[number], size)
            similarity = ssim_map(crop, target_crop)
            result.ssim.append(float(similarity.mean(dtype=np.float64)))
            result.ssim_mouth.append(float(similarity[size // 2 :, size // 4 : -size // 4].mean(dtype=np.float64)))
            result.psnr.append(psnr(crop, target_crop))
            if number in target_sampled:
                result.target_samples.append(
                    (number, *identity_crop(target_frame, pairing.target_track.landmarks[number]))
                )
        if sync:
            rows, valid = sync.rows(start, frames)
            result.windows += [] if rows is None else [rows]
            result.valid += valid.tolist()
        if our_features:
            result.features = _add_statistics(result.features, our_features, start, frames)
        if their_features:
            result.target_features = _add_statistics(result.target_features, their_features, start, targets)
    return result


def _stream(judge: object | None, method: str, pairing: Pairing, side: int = 0) -> _JudgeStream | None:
    """A judge over the generated frames (side 0) or the target's (side 1); None without judge or target."""
    if judge is None or (side and pairing.target is None):
        return None
    return _JudgeStream(getattr(judge, method), judge.crop_size, pairing.affines(judge.crop_size)[side], pairing.usable)


class _JudgeStream:
    """Feeds aligned crops to a network batch by batch, as if it saw the video at once.

    A network gives a row a frame or a row a window of 5 frames; the frames that a window shares with the next batch are
    carried over.
    """

    def __init__(self, network: Callable[[np.ndarray], np.ndarray], size: int, affines: np.ndarray, usable: np.ndarray):
        self.network, self.size, self.affines, self.usable = network, size, affines, usable
        self.carried: list[np.ndarray] = []

    def rows(self, start: int, frames: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
        """Rows (n, D) for the frames from `start` on, and which saw usable frames only; None without a whole window."""
        crops = [crop_face(frame, affine, self.size) for frame, affine in zip(frames, self.affines[start:])]
        first, crops = start - len(self.carried), self.carried + crops
        if len(crops) < WINDOW:
            self.carried = crops
            return None, np.zeros(0, dtype=bool)
        rows = np.asarray(self.network(np.stack(crops)))
        span = len(crops) - len(rows) + 1
        self.carried = crops[len(crops) - span + 1 :]
        usable = self.usable[first : first + len(crops)]
        return rows, np.lib.stride_tricks.sliding_window_view(usable, span).all(axis=1)


def _add_statistics(
    known: FeatureStatistics | None, stream: _JudgeStream, start: int, frames: np.ndarray
) -> FeatureStatistics | None:
    rows, usable = stream.rows(start, frames)
    if rows is None or not usable.any():
        return known
    statistics = FeatureStatistics.of(rows[usable])
    return known.merge(statistics) if known else statistics


def _add_mouth(pairing: Pairing, config: EvaluationConfig, metrics: dict, details: dict) -> None:
    """LMD and mouth correlation, self-driven only: another sound has another mouth."""
    if details["setting"] == "cross":
        return
    ours, theirs = (points[pairing.usable] for points in pairing.crop_landmarks(config.crop_size))
    to_256 = 256 / config.crop_size
    distances = lmd.mouth_distances(ours, theirs) * to_256
    metrics["lmd"] = _mean(distances)
    details["lmd_sum"] = _mean(20 * distances)
    details["lmd_interocular"] = lmd.interocular_share(distances, theirs * to_256)
    details["mouth_correlation"] = mouth.opening_correlation(mouth.mouth_opening(ours), mouth.mouth_opening(theirs))


def _add_identity(
    pairing: Pairing,
    pictures: _Pictures,
    source: Path | None,
    gallery: Path | None,
    judges: Judges,
    metrics: dict,
    details: dict,
) -> list[tuple[float, float]]:
    """Identity metrics on the sampled frames; returns the similarity to the source over time."""
    details["sampled_identity_frames"] = len(pictures.samples)
    embeddings = _embed(judges, pictures.samples)
    metrics["consistency"] = identity.consistency(embeddings)
    details["frame_to_frame"] = identity.frame_to_frame(embeddings)
    if pictures.target_samples and len(embeddings):
        person = _embed(judges, pictures.target_samples).mean(axis=0)
        details["target_similarity"] = identity.id_similarity(embeddings, person)
    if source is None:
        return []
    reference = judges.embed_picture(source)
    metrics["id_similarity"] = identity.id_similarity(embeddings, reference)
    if gallery is not None:
        people, right = judges.gallery(gallery, source)
        metrics["id_retrieve"] = identity.id_retrieve(embeddings, people, right)
        details["gallery_size"] = len(people)
    times = [number / 25 for number, _, _ in pictures.samples]
    return list(zip(times, identity.cosine(embeddings, reference).tolist())) if times else []


def _embed(judges: Judges, samples: list[tuple[int, np.ndarray, np.ndarray]]) -> np.ndarray:
    if not samples:
        return np.zeros((0, 1), np.float32)
    return np.asarray(judges.identity([crop for _, crop, _ in samples], np.stack([points for _, _, points in samples])))


def _sync(
    pictures: _Pictures, mel: np.ndarray | None, judge: SyncJudge | None, config: EvaluationConfig
) -> SyncScore | None:
    """Sync of the generated video with the driving sound; None without judge, sound, or enough frames."""
    if judge is None or mel is None or len(mel) < MEL_WINDOW or not pictures.windows:
        return None
    windows = np.concatenate(pictures.windows)
    return sync_score(windows, np.asarray(judge.audio_embeddings(mel)), config.max_offset, np.array(pictures.valid))


def _driving_mel(generated: Path, audio: Path | None) -> np.ndarray | None:
    """Log-mel of the driving sound; None for a silent video. BadClip: `audio` was given and holds no sound."""
    if audio is None and not probe(generated).has_audio:
        return None
    return log_mel(read_audio(audio or generated))


def _setting(target: Path | None, mel: np.ndarray | None, config: EvaluationConfig) -> str | None:
    """ "self" or "cross", by comparing the driving sound with the target's own; None where one is silent."""
    if target is None or mel is None or not probe(target).has_audio:
        return None
    return "self" if mel_likeness(mel, log_mel(read_audio(target))) >= config.same_sound else "cross"


def _spread(numbers: np.ndarray, count: int) -> list[int]:
    """At most `count` of the numbers, evenly spread."""
    if len(numbers) <= count:
        return numbers.tolist()
    return numbers[np.round(np.linspace(0, len(numbers) - 1, count)).astype(int)].tolist()


def _mean(values: list[float] | np.ndarray) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
