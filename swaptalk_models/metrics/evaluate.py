"""All metrics of one video, of any method, at any resolution and length.

Frames stream by in batches, so memory does not depend on their number or size but for what is reckoned from them: at the peak some 10 KB a
frame of landmarks, embeddings and sound (a test holds it).
Both videos are read at 25 fps by timestamps and compared frame by frame over their overlap; both are cut by the
target's landmarks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.video import probe
from swaptalk_models.data.sound.mel import is_silent, log_mel, mel_likeness
from swaptalk_models.metrics.consistency import consistency, frame_to_frame, mean_to_source
from swaptalk_models.metrics.embedding import cosine
from swaptalk_models.metrics.fid import FeatureStatistics, StoredStatistics, frechet_distance
from swaptalk_models.metrics.frame_pass import Pictures, compare_frames
from swaptalk_models.metrics.id_retrieve import id_retrieve
from swaptalk_models.metrics.id_similarity import id_similarity
from swaptalk_models.metrics.judges import Judges, RawSyncJudge, SyncJudge
from swaptalk_models.metrics.lip_figures import lip_figures, open_in_silence, read_lips
from swaptalk_models.metrics.pairing import pair_videos
from swaptalk_models.metrics.sync import SyncScore, sync_score
from swaptalk_models.metrics.table import METRICS
from swaptalk_models.settings.evaluation import EvaluationConfig

MEL_WINDOW = 16  # mel steps that the sync judge hears at once
Figures = dict[str, float | None]


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
    details: dict[str, Any] = field(default_factory=dict)
    """Further numbers under further names, JSON-ready: see `score_video`."""
    similarity: list[tuple[float, float]] = field(default_factory=list)
    """Cosine to the source over time: (seconds, cosine)."""
    offset_curve: list[tuple[int, float]] = field(default_factory=list)
    """Mean distance of the sync judge at each offset: (frames, distance)."""
    features: FeatureStatistics | StoredStatistics | None = field(default=None, repr=False)
    """Features of the generated frames, to be pooled over a test set."""
    target_features: FeatureStatistics | StoredStatistics | None = field(default=None, repr=False)
    """Features of the target's frames."""

    def as_json(self) -> dict[str, Any]:
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
    silent: Path | None = None,
    own: Path | None = None,
) -> dict[str, Any]:
    """JSON-ready result of `swaptalk evaluate`; see `score_video` for what comes from what."""
    return score_video(generated, target, source, audio, gallery, judges, config, None, silent, own).as_json()


def score_video(
    generated: Path,
    target: Path | None,
    source: Path | None,
    audio: Path | None,
    gallery: Path | None,
    judges: Judges,
    config: EvaluationConfig | None = None,
    setting: str | None = None,
    silent: Path | None = None,
    own: Path | None = None,
) -> VideoScores:
    """All metrics that the inputs allow.

    `target` gives SSIM, PSNR, LMD and the Frechet distance; `source` a picture for id_similarity; `gallery` a folder of
    pictures, one a person, for id_retrieve; `audio` the driving sound, else the generated video's own. LMD is given for
    self-driven videos only: `setting` "self" or "cross" says which, else the sound is compared with the target's.
    `details` holds alignment, setting, face_share; how many frames, pairs, windows and pictures a figure rests on:
    sampled_identity_frames, sampled_neighbours, sampled_cpbd_frames, feature_frames, sync_windows, gallery_size; and the
    figures ssim_mouth, lmd_sum, lmd_interocular, mouth_correlation, target_similarity, mean_to_source, frame_to_frame, those
    of the face as a picture (`PICTURE_FIGURES`, on sampled_picture_frames), silent_opening_ratio, opening_range.
    For the leak test (`leak.py`): `silent`, the same target driven by silence, and `own`, driven by its own sound.

    BadClip or UserError, naming the file: no video, no face, no picture, no sound in `audio`.
    """
    config = config or EvaluationConfig()
    pairing = pair_videos(generated, target, judges)
    sound = _driving_sound(generated, audio)
    mel = None if sound is None else log_mel(sound)
    pictures = compare_frames(pairing, judges, config)
    metrics: Figures = dict.fromkeys(METRICS)
    details: dict[str, Any] = {
        "alignment": pairing.alignment,
        "setting": setting or _setting(target, mel, config),
        "face_share": float(pairing.usable.mean()) if pairing.length else 0.0,
    }
    metrics["cpbd"], details["sampled_cpbd_frames"] = _mean(pictures.cpbd), len(pictures.cpbd)
    if target:
        metrics["ssim"], metrics["psnr"] = _mean(pictures.ssim), _mean(pictures.psnr)
        details["ssim_mouth"] = _mean(pictures.ssim_mouth)
        assert pictures.figures is not None
        details |= pictures.figures.figures()
        details["sampled_picture_frames"] = pictures.figures.frames
    if target or mel is not None:
        found = lip_figures(pairing, read_lips(pairing, judges), mel, details["setting"], config.crop_size)
        metrics["lmd"] = found.pop("lmd", None)
        details |= found
    if silent is not None:
        details["open_in_silence"] = open_in_silence(silent, judges)
    if pictures.features and pictures.target_features:
        metrics["fid"] = frechet_distance(pictures.features, pictures.target_features)
        details["feature_frames"] = pictures.features.count
    similarity = _add_identity(pictures, source, gallery, judges, metrics, details)
    score = _sync(pictures, sound, mel, judges.sync, config)
    if score:
        metrics.update(lse_c=score.lse_c, lse_d=score.lse_d, av_offset=float(score.av_offset))
        details["sync_windows"] = score.windows
        if own is not None and (matched := _confidence(own, judges, config)) is not None:
            details["lse_c_fall"] = matched - score.lse_c
    curve = (
        list(zip(range(-config.max_offset, config.max_offset + 1), score.curve.tolist(), strict=True)) if score else []
    )
    return VideoScores(
        int(pairing.usable.sum()), pairing.excluded, {k: _finite(v) for k, v in metrics.items()}, judges.names(),
        {k: _finite(v) if isinstance(v, float) else v for k, v in details.items()},
        similarity, curve, pictures.features, pictures.target_features,
    )  # fmt: skip


def _add_identity(
    pictures: Pictures,
    source: Path | None,
    gallery: Path | None,
    judges: Judges,
    metrics: Figures,
    details: dict[str, Any],
) -> list[tuple[float, float]]:
    """Identity metrics on the sampled frames; returns the similarity to the source over time."""
    numbers = list(pictures.faces)
    found = dict(zip(numbers, _embed(judges, [pictures.faces[number] for number in numbers]), strict=True))
    embeddings = np.stack([found[number] for number in pictures.sampled]) if numbers else np.zeros((0, 1), np.float32)
    details["sampled_identity_frames"] = len(embeddings)
    details["sampled_neighbours"] = len(pictures.neighbours)
    metrics["consistency"] = consistency(embeddings)
    if pictures.neighbours:
        pairs = [np.stack([found[number + step] for number in pictures.neighbours]) for step in (0, 1)]
        details["frame_to_frame"] = frame_to_frame(*pairs)
    if pictures.target_faces and len(embeddings):
        person = _embed(judges, pictures.target_faces).mean(axis=0)
        details["target_similarity"] = id_similarity(embeddings, person)
    if source is None:
        return []
    reference = judges.embed_picture(source)
    metrics["id_similarity"] = id_similarity(embeddings, reference)
    details["mean_to_source"] = mean_to_source(embeddings, reference)
    if gallery is not None:
        people, right = judges.gallery(gallery, source)
        metrics["id_retrieve"] = id_retrieve(embeddings, people, right)
        details["gallery_size"] = len(people)
    times = [number / 25 for number in pictures.sampled]
    return list(zip(times, cosine(embeddings, reference).tolist(), strict=True)) if times else []


def _embed(judges: Judges, faces: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    if not faces:
        return np.zeros((0, 1), np.float32)
    return np.asarray(judges.identity([crop for crop, _ in faces], np.stack([points for _, points in faces])))


def _sync(
    pictures: Pictures,
    sound: np.ndarray | None,
    mel: np.ndarray | None,
    judge: SyncJudge | RawSyncJudge | None,
    config: EvaluationConfig,
) -> SyncScore | None:
    """Sync of the generated video with the driving sound; None without judge, sound, or enough frames, and in silence."""
    if judge is None or sound is None or mel is None or len(mel) < MEL_WINDOW or not pictures.windows:
        return None
    if is_silent(mel):
        return None
    # The official SyncNet has features of its own; ours shares the project's mel.
    heard = judge.sound_embeddings(sound) if hasattr(judge, "sound_embeddings") else judge.audio_embeddings(mel)
    return sync_score(np.concatenate(pictures.windows), np.asarray(heard), config.max_offset, np.array(pictures.valid))


def _confidence(video: Path, judges: Judges, config: EvaluationConfig) -> float | None:
    """LSE-C of a video with its own sound, and as little as possible beside it."""
    sound = _driving_sound(video, None)
    pairing = pair_videos(video, None, judges)
    pictures = compare_frames(pairing, judges, replace(config, identity_frames=2, identity_neighbours=0, cpbd_frames=1))
    score = _sync(pictures, sound, None if sound is None else log_mel(sound), judges.sync, config)
    return score.lse_c if score else None


def _driving_sound(generated: Path, audio: Path | None) -> np.ndarray | None:
    """The driving sound, float32 (samples,) at 16 kHz; None for a silent video. BadClip: `audio` was given and holds no sound."""
    if audio is None and not probe(generated).has_audio:
        return None
    sound = read_audio(audio or generated)
    return sound if len(sound) > 1 else None


def _setting(target: Path | None, mel: np.ndarray | None, config: EvaluationConfig) -> str | None:
    """ "self" or "cross", by comparing the driving sound with the target's own; None where one is silent."""
    if target is None or mel is None or not probe(target).has_audio:
        return None
    return "self" if mel_likeness(mel, log_mel(read_audio(target))) >= config.same_sound else "cross"


def _mean(values: list[float] | np.ndarray) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
