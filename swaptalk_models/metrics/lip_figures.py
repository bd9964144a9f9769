"""Every figure of the lips over time of one video: each calls the file that defines it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from swaptalk_models.data.faces.landmarks import mouth_opening
from swaptalk_models.data.sound.mel import is_silent
from swaptalk_models.metrics import leak, lip_motion, lmd, mouth
from swaptalk_models.metrics.judges import Judges
from swaptalk_models.metrics.pairing import Pairing, pair_videos


@dataclass(frozen=True)
class Lips:
    """What the landmarks say of both mouths, frame by frame."""

    usable: np.ndarray
    """bool (T,)"""
    points: np.ndarray
    """Landmarks (T, 68, 2) of the generated video, in px of its frames."""
    target_points: np.ndarray | None
    """The same of the target."""

    @property
    def opening(self) -> np.ndarray:
        """Of the generated video's mouth (T,), share of the eyes' distance; NaN where there is no face."""
        return np.where(self.usable, mouth_opening(self.points), np.nan)

    @property
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
    pairing: Pairing, lips: Lips, mel: np.ndarray | None, setting: str | None, crop_size: int
) -> dict[str, Any]:
    """Figures by key, those of the contract among them. `setting` "cross": another sound, so the target's lips are no truth."""
    found: dict[str, Any] = {}
    opening, theirs = lips.opening, lips.target_opening
    if theirs is not None and setting == "cross":
        found["copied_lips"] = mouth.opening_correlation(opening, theirs)
    elif theirs is not None:
        found |= _against_truth(pairing, lips, crop_size)
    if mel is None:
        return found
    silent, loud = lip_motion.silent_and_loud(mel, pairing.length)
    if is_silent(mel):
        found["open_in_silence"] = leak.open_share(opening)
    if theirs is not None and setting != "cross":
        found["opening_range"] = lip_motion.opening_range(opening, theirs, loud)
    found["silent_opening_ratio"] = lip_motion.silent_opening_ratio(opening, silent, loud)
    found["pause_range"] = leak.pause_range(opening, silent)
    return found


def _against_truth(pairing: Pairing, lips: Lips, crop_size: int) -> dict[str, Any]:
    """LMD and mouth correlation: the target's lips are those that are wanted."""
    from swaptalk_models.data.faces.alignment import apply_affine

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


def open_in_silence(silent_driven: Path, judges: Judges) -> float:
    """The share of open mouths, %, of a video that silence drives: see `leak.py`. BadClip: no video, or no face in it."""
    pairing = pair_videos(silent_driven, None, judges)
    return leak.open_share(read_lips(pairing, judges).opening)
