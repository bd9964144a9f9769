"""The figures of a face as a picture: tiles, blotches, noise, sharpness, glints. Sums only: memory does not grow."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from swaptalk_models.metrics.blotches import blotches
from swaptalk_models.metrics.clipping import clipped_share, coloured_shares
from swaptalk_models.metrics.face_areas import face_areas
from swaptalk_models.metrics.noise import noise_level
from swaptalk_models.metrics.sharpness import detail
from swaptalk_models.metrics.tiles import BorderProfile, tile_ratio

PICTURE_FIGURES = ("tiles", "blotches", "sharpness", "sharpness_mouth", "added_noise", "clipped", "coloured")


@dataclass
class PictureFigures:
    """Looks at frame after frame of a made face beside its target."""

    size: int
    """Side of the aligned crops (px)."""
    frames: int = 0
    """Frames seen."""
    _sums: dict[str, tuple[float, int]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._ours, self._theirs = BorderProfile(self.size), BorderProfile(self.size)

    def look(
        self, made: np.ndarray, target: np.ndarray, made_landmarks: np.ndarray, target_landmarks: np.ndarray
    ) -> None:
        """One frame: crops (S, S, 3) uint8 RGB and landmarks (68, 2) in their pixels."""
        areas, target_areas = (face_areas(points, self.size) for points in (made_landmarks, target_landmarks))
        self._ours.add(made, areas)
        self._theirs.add(target, target_areas)
        self._add("blotches", blotches(made, target, areas, target_areas))
        coloured = coloured_shares(made, target, areas, target_areas)
        for side, image, where, share in zip(
            ("made", "target"), (made, target), (areas, target_areas), coloured, strict=True
        ):
            noise = noise_level(image, where)
            face, mouth = detail(image, where, noise)
            found = {
                "noise": noise,
                "face": face,
                "mouth": mouth,
                "clipped": clipped_share(image, where),
                "coloured": share,
            }
            for name, value in found.items():
                self._add(f"{name}, {side}", value)
        self.frames += 1

    def figures(self) -> dict[str, float]:
        """A value for each of `PICTURE_FIGURES`; NaN where no frame gave one."""
        ours, theirs = (
            {name: self._mean(f"{name}, {side}") for name in ("noise", "face", "mouth", "clipped", "coloured")}
            for side in ("made", "target")
        )
        return {
            "tiles": tile_ratio(self._ours, self._theirs),
            "blotches": self._mean("blotches"),
            "sharpness": _over(ours["face"], theirs["face"]),
            "sharpness_mouth": _over(ours["mouth"], theirs["mouth"]),
            "added_noise": ours["noise"] - theirs["noise"],
            "clipped": ours["clipped"] - theirs["clipped"],
            "coloured": ours["coloured"] - theirs["coloured"],
        }

    def _add(self, name: str, value: float) -> None:
        if np.isfinite(value):
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + value, count + 1

    def _mean(self, name: str) -> float:
        total, count = self._sums.get(name, (0.0, 0))
        return total / count if count else float("nan")


def _over(ours: float, theirs: float) -> float:
    return ours / theirs if theirs > 0 else float("nan")
