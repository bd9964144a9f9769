"""Frechet distance between the features of generated and of real frames.

Source     Heusel et al., "GANs trained by a two time-scale update rule", NeurIPS 2017.
Definition |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2)) of two Gaussians fitted to features.
Name       this number is an FID only on Inception-v3 pool3 features (`inception.py`). On any other features (our sync judge's)
           it is a Frechet distance *under that judge's name* and must not be set beside published FIDs; the result's
           `judges.fid` says which it is.
Units      squared feature units, 0 and up, lower is better. Biased upwards for few frames; frames of one video are
           correlated: pool the statistics of a whole test set (`FeatureStatistics.merge`) for a table. The number of frames behind it is in
           the result's details (`feature_frames`); Inception looks at `EvaluationConfig.fid_frames` of each video, other judges at all.
Excludes   frames without a face. Both sides get the same crop.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass
class FeatureStatistics:
    """Running mean and scatter of features: bounded memory, mergeable over videos."""

    count: int
    """Frames seen."""
    mean: np.ndarray
    """(D,) float64."""
    root: np.ndarray
    """(R, D) float64, R at most 2 D: root' root is the sum of outer products of the deviations from the mean."""

    @classmethod
    def of(cls, features: np.ndarray) -> FeatureStatistics:
        """Statistics of features (N, D), N at least 1."""
        assert features.ndim == 2 and len(features)
        features = features.astype(np.float64)
        mean = features.mean(axis=0)
        return cls(len(features), mean, _short(features - mean))

    def merge(self, other: FeatureStatistics) -> FeatureStatistics:
        """Statistics of both sets together (Chan et al.'s update)."""
        count = self.count + other.count
        delta = other.mean - self.mean
        between = np.sqrt(self.count * other.count / count) * delta
        return FeatureStatistics(
            count,
            self.mean + delta * (other.count / count),
            _short(np.concatenate([self.root, other.root, between[None]])),
        )

    def store(self, path: Path) -> StoredStatistics:
        """Put them into a file, exactly."""
        np.save(path, np.concatenate([self.mean[None], self.root]))
        return StoredStatistics(path, self.count)

    def load(self) -> FeatureStatistics:
        """Themselves: as of those that are stored."""
        return self

    @property
    def covariance(self) -> np.ndarray:
        """Unbiased covariance (D, D); zeros for one frame."""
        return self.root.T @ self.root / max(self.count - 1, 1)


@dataclass(frozen=True)
class StoredStatistics:
    """Statistics of one video that wait in a file to be pooled: those of many videos are never held at once."""

    path: Path
    """An .npy of (1 + R, D) float64: mean and root."""
    count: int
    """Frames seen."""

    def load(self) -> FeatureStatistics:
        """The statistics, as they were."""
        mean, root = np.split(np.load(self.path), [1])
        return FeatureStatistics(self.count, mean[0], root)


def frechet_distance(first: FeatureStatistics, second: FeatureStatistics) -> float:
    """Frechet distance of the two fitted Gaussians.

    With S1 = A'A / (n - 1) and S2 = B'B / (m - 1), tr((S1 S2)^(1/2)) is the sum of the singular values of A B' over the root of
    (n - 1)(m - 1): exact however few frames there are, where a general matrix square root of singular covariances is not,
    and quick, because A and B have a row a frame and no square matrix of the features' 2048 is made.
    """
    assert first.mean.shape == second.mean.shape
    degrees = max(first.count - 1, 1), max(second.count - 1, 1)
    roots = [_short(statistics.root, rows=statistics.root.shape[1]) for statistics in (first, second)]
    cross = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum() / np.sqrt(degrees[0] * degrees[1])
    spread = np.square(first.root).sum() / degrees[0] + np.square(second.root).sum() / degrees[1]
    gap = first.mean - second.mean
    return float(max(gap @ gap + spread - 2 * cross, 0.0))


def _short(root: np.ndarray, rows: int | None = None) -> np.ndarray:
    """A root of the same scatter with at most D rows, once there are more than `rows` (2 D)."""
    if len(root) <= (rows or 2 * root.shape[1]):
        return root
    short = np.linalg.qr(root, mode="r")
    assert isinstance(short, np.ndarray)
    return short
