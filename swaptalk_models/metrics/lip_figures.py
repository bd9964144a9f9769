"""Every figure of the lips over time of one video: each calls the file that defines it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from swaptalk_models.data.faces.alignment import apply_affine
from swaptalk_models.data.faces.landmarks import mouth_opening
from swaptalk_models.data.sound.mel import is_silent, log_mel
from swaptalk_models.metrics import leak, lip_motion, lmd, mouth
from swaptalk_models.metrics.closeness import closeness
from swaptalk_models.metrics.further_inputs import FurtherInputs, Spoken
from swaptalk_models.metrics.judges import Judges
from swaptalk_models.metrics.landmark_jitter import landmark_jitter
from swaptalk_models.metrics.lip_dynamics import lip_dynamics
from swaptalk_models.metrics.loudness import levels, loudness_gap
from swaptalk_models.metrics.pairing import Pairing, pair_videos
from swaptalk_models.metrics.phonemes import kinds_of_frames, phoneme_errors
from swaptalk_models.metrics.voice_activity import speech_frames


@dataclass(frozen=True)
class Heard:
    """A sound, as figures of lips need it."""

    samples: np.ndarray
    """float32 (S,) at 16 kHz."""
    mel: np.ndarray = field(init=False)
    """Log-mel (steps, 80)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "mel", log_mel(self.samples))


@dataclass(frozen=True)
class Lips:
    """What the landmarks say of both mouths, frame by frame."""

    usable: np.ndarray
    """bool (T,)"""
    points: np.ndarray
    """Landmarks (T, 68, 2) of the generated video, in px of its frames."""
    target_points: np.ndarray | None
    """The same of the target."""

    @cached_property
    def opening(self) -> np.ndarray:
        """Of the generated video's mouth (T,), share of the eyes' distance; NaN where there is no face."""
        return np.where(self.usable, mouth_opening(self.points), np.nan)

    @cached_property
    def target_opening(self) -> np.ndarray | None:
        if self.target_points is None:
            return None
        return np.where(self.usable, mouth_opening(self.target_points), np.nan)


def read_lips(pairing: Pairing, judges: Judges) -> Lips:
    """Landmarks by which mouths are measured, see ``Judges.points``."""
    length, target = pairing.length, pairing.target
    theirs = judges.points(target)[:length] if target is not None else None
    return Lips(pairing.usable, judges.points(pairing.generated)[:length], theirs)


def lip_figures(
    pairing: Pairing,
    lips: Lips,
    sound: Heard | None,
    own_sound: Heard | None,
    setting: str | None,
    crop_size: int,
    further: FurtherInputs,
) -> dict[str, Any]:
    """Figures by key, those of the contract among them.

    Args:
        sound, own_sound: the driving sound, and the target's own; of a self-driven video the same.
        setting: "cross": another sound, so that the target's lips are no truth frame by frame.
    """
    cross = setting == "cross"
    found: dict[str, Any] = {"landmark_jitter": landmark_jitter(lips.points, lips.usable)}
    if lips.target_opening is not None:
        if cross:
            found["copied_lips"] = mouth.opening_correlation(lips.opening, lips.target_opening)
        else:
            found |= _against_truth(pairing, lips, crop_size)
    found |= _dynamics(lips)
    if sound is not None:
        found |= _with_sound(lips, sound, own_sound, cross)
    spoken, own_spoken = further.spoken, further.target_spoken if cross else further.spoken
    if spoken is not None and own_spoken is not None and lips.target_opening is not None:
        found |= _phonemes(lips, spoken, own_spoken)
    return found


def _against_truth(pairing: Pairing, lips: Lips, crop_size: int) -> dict[str, Any]:
    """LMD and mouth correlation: the target's lips are those that are wanted."""
    ours, theirs = pairing.affines(crop_size)
    assert theirs is not None and lips.target_points is not None
    made, truth = (
        apply_affine(points, affines)[lips.usable]
        for points, affines in ((lips.points, ours), (lips.target_points, theirs))
    )
    to_256 = 256 / crop_size
    distances = lmd.mouth_distances(made, truth) * to_256
    return {
        "lmd": float(distances.mean()) if len(distances) else None,
        "lmd_sum": float((20 * distances).mean()) if len(distances) else None,
        "lmd_interocular": lmd.interocular_share(distances, truth * to_256),
        "mouth_correlation": mouth.opening_correlation(mouth_opening(made), mouth_opening(truth)),
    }


def _dynamics(lips: Lips) -> dict[str, Any]:
    found = {"lip_dynamics": lip_dynamics(lips.points[lips.usable])}
    if lips.target_points is not None:
        real = lip_dynamics(lips.target_points[lips.usable])
        found["lip_dynamics_score"] = closeness(found["lip_dynamics"], real)
    return found


def _with_sound(lips: Lips, sound: Heard, own_sound: Heard | None, cross: bool) -> dict[str, Any]:
    frames = len(lips.usable)
    silent, loud = lip_motion.silent_and_loud(sound.mel, frames)
    speech = speech_frames(sound.samples, frames)
    found = {
        "silent_opening_ratio": lip_motion.silent_opening_ratio(lips.opening, silent, loud),
        "pause_range": leak.pause_range(lips.opening, ~speech),
        "loudness_gap": loudness_gap(lips.opening, levels(sound.samples, frames), speech),
    }
    if is_silent(sound.mel):
        found["open_in_silence"] = leak.open_share(lips.opening)
    if lips.target_opening is not None:
        if not cross:
            found["opening_range"] = lip_motion.opening_range(lips.opening, lips.target_opening, loud)
        if own_sound is not None:
            level, speaks = levels(own_sound.samples, frames), speech_frames(own_sound.samples, frames)
            found["loudness_score"] = closeness(found["loudness_gap"], loudness_gap(lips.target_opening, level, speaks))
    return found


def _phonemes(lips: Lips, spoken: Spoken, own_spoken: Spoken) -> dict[str, Any]:
    assert lips.target_opening is not None
    kinds, own_kinds = (kinds_of_frames(text, len(lips.usable)) for text in (spoken, own_spoken))
    errors = phoneme_errors(lips.opening, kinds, lips.target_opening, own_kinds)
    error = float(np.mean(np.abs(list(errors.values())))) if errors else None
    return {"phoneme_error": error, "phoneme_errors": errors}


def second_lip_figures(pairing: Pairing, judges: Judges, setting: str | None, crop_size: int) -> dict[str, Any]:
    """LMD and mouth correlation by the second judge of landmarks, where there is one: see `second_judges.py`."""
    if judges.second_landmarks is None or pairing.target is None or setting == "cross":
        return {}
    ours, theirs = (judges.second_points(path)[: pairing.length] for path in (pairing.generated, pairing.target))
    found = _against_truth(pairing, Lips(pairing.usable, ours, theirs), crop_size)
    return {f"second_{key}": found[key] for key in ("mouth_correlation", "lmd")}


def open_in_silence(silent_driven: Path, judges: Judges) -> float:
    """The share of open mouths, %, of a video that silence drives: see `leak.py`. BadClip: no video, or no face in it."""
    pairing = pair_videos(silent_driven, None, judges)
    return leak.open_share(read_lips(pairing, judges).opening)
