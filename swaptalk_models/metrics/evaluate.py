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
from swaptalk_models.metrics.conditions import conditions
from swaptalk_models.metrics.fid import FeatureStatistics, StoredStatistics, frechet_distance
from swaptalk_models.metrics.frame_pass import Pictures, compare_frames
from swaptalk_models.metrics.further_inputs import FurtherInputs
from swaptalk_models.metrics.identity_figures import identity_figures
from swaptalk_models.metrics.judges import Judges, RawSyncJudge, SyncJudge
from swaptalk_models.metrics.lip_figures import Heard, lip_figures, open_in_silence, read_lips, second_lip_figures
from swaptalk_models.metrics.pairing import pair_videos
from swaptalk_models.metrics.sync import SyncScore, sync_score
from swaptalk_models.metrics.table import METRICS
from swaptalk_models.settings.evaluation import EvaluationConfig

MEL_WINDOW = 16  # mel steps that the sync judge hears at once


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
    further: FurtherInputs | None = None,
) -> dict[str, Any]:
    """JSON-ready result of `swaptalk evaluate`; see `score_video` for what comes from what."""
    return score_video(generated, target, source, audio, gallery, judges, config, None, further).as_json()


def score_video(
    generated: Path,
    target: Path | None,
    source: Path | None,
    audio: Path | None,
    gallery: Path | None,
    judges: Judges,
    config: EvaluationConfig | None = None,
    setting: str | None = None,
    further: FurtherInputs | None = None,
) -> VideoScores:
    """All metrics that the inputs allow.

    `target` gives SSIM, PSNR, LMD and the Frechet distance; `source` a picture for id_similarity; `gallery` a folder of
    pictures, one a person, for id_retrieve; `audio` the driving sound, else the generated video's own. LMD is given for
    self-driven videos only: `setting` "self" or "cross" says which, else the sound is compared with the target's.
    `details` holds alignment, setting, face_share; how many frames, pairs, windows and pictures a figure rests on:
    sampled_identity_frames, sampled_neighbours, sampled_cpbd_frames, sampled_picture_frames, feature_frames, sync_windows,
    gallery_size; the figures of table.py that are not the contract's, and what is said in their files to stand beside them
    (lmd_sum, lmd_interocular, phoneme_errors, identity_by_minute, similarity_by_minute); conditions.py's light, pose and size.
    `further`: see there.

    BadClip or UserError, naming the file: no video, no face, no picture, no sound in `audio`.
    """
    config, further = config or EvaluationConfig(), further or FurtherInputs()
    pairing = pair_videos(generated, target, judges)
    samples = _driving_sound(generated, audio)
    sound = None if samples is None else Heard(samples)
    setting = setting or _setting(target, sound, config)
    pictures = compare_frames(pairing, judges, config, lips=setting != "cross")
    found: dict[str, Any] = {
        "alignment": pairing.alignment,
        "setting": setting,
        "face_share": float(pairing.usable.mean()) if pairing.length else 0.0,
    }
    found |= pictures.all_figures()
    own_sound = _own_sound(target, sound, setting, further)
    lips = read_lips(pairing, judges)
    found |= lip_figures(pairing, lips, sound, own_sound, setting, config.crop_size, further)
    found |= second_lip_figures(pairing, judges, setting, config.crop_size)
    found |= conditions((pairing.target_track or pairing.track).landmarks[pairing.usable], pictures.brightness)
    if further.silent is not None:
        found["open_in_silence"] = open_in_silence(further.silent, judges)
    if pictures.features and pictures.target_features:
        found["fid"] = frechet_distance(pictures.features, pictures.target_features)
        found["feature_frames"] = pictures.features.count
    identity = identity_figures(pictures, pairing.length, source, gallery, judges)
    found |= identity.figures
    score = _sync(pictures, sound, judges.sync, config)
    if score:
        found |= {"lse_c": score.lse_c, "lse_d": score.lse_d, "av_offset": float(score.av_offset)}
        found["sync_windows"] = score.windows
        if further.own is not None and (matched := _confidence(further.own, judges, config)) is not None:
            found["lse_c_fall"] = matched - score.lse_c
    curve = (
        list(zip(range(-config.max_offset, config.max_offset + 1), score.curve.tolist(), strict=True)) if score else []
    )
    return VideoScores(
        int(pairing.usable.sum()),
        pairing.excluded,
        {key: _finite(found.get(key)) for key in METRICS},
        judges.names(),
        {key: _finite(v) if isinstance(v, float) else v for key, v in found.items() if key not in METRICS},
        identity.similarity,
        curve,
        pictures.features,
        pictures.target_features,
    )


def _sync(
    pictures: Pictures, sound: Heard | None, judge: SyncJudge | RawSyncJudge | None, config: EvaluationConfig
) -> SyncScore | None:
    """Sync of the generated video with the driving sound; None without judge, sound, or enough frames, and in silence."""
    if judge is None or sound is None or len(sound.mel) < MEL_WINDOW or not pictures.windows or is_silent(sound.mel):
        return None
    # The official SyncNet has features of its own; ours shares the project's mel.
    if hasattr(judge, "sound_embeddings"):
        heard = judge.sound_embeddings(sound.samples)
    else:
        heard = judge.audio_embeddings(sound.mel)
    return sync_score(np.concatenate(pictures.windows), np.asarray(heard), config.max_offset, np.array(pictures.valid))


def _confidence(video: Path, judges: Judges, config: EvaluationConfig) -> float | None:
    """LSE-C of a video with its own sound, and as little as possible beside it."""
    samples = _driving_sound(video, None)
    little = replace(config, identity_frames=2, identity_neighbours=0, cpbd_frames=1)
    pictures = compare_frames(pair_videos(video, None, judges), judges, little)
    score = _sync(pictures, None if samples is None else Heard(samples), judges.sync, config)
    return score.lse_c if score else None


def _driving_sound(generated: Path, audio: Path | None) -> np.ndarray | None:
    """The driving sound, float32 (samples,) at 16 kHz; None for a silent video. BadClip: `audio` was given and holds no sound."""
    if audio is None and not probe(generated).has_audio:
        return None
    sound = read_audio(audio or generated)
    return sound if len(sound) > 1 else None


def _own_sound(target: Path | None, sound: Heard | None, setting: str | None, further: FurtherInputs) -> Heard | None:
    """The target's own; None where it is not known."""
    if setting != "cross":
        return sound
    path = further.target_audio or (target if target is not None and probe(target).has_audio else None)
    return Heard(read_audio(path)) if path is not None else None


def _setting(target: Path | None, sound: Heard | None, config: EvaluationConfig) -> str | None:
    """ "self" or "cross", by comparing the driving sound with the target's own; None where one is silent."""
    if target is None or sound is None or not probe(target).has_audio:
        return None
    return "self" if mel_likeness(sound.mel, log_mel(read_audio(target))) >= config.same_sound else "cross"


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
