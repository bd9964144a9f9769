"""Frechet distance between the features of generated and of real frames.

Source     Heusel et al., "GANs trained by a two time-scale update rule", NeurIPS 2017.
Definition |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2)) of two Gaussians fitted to features.
Name       this number is an FID only on Inception-v3 pool3 features. On any other features (our sync judge's) it is a
           Frechet distance *under that judge's name* and must not be set beside published FIDs; the result's
           `judges.fid` says which it is.
Units      squared feature units, 0 and up, lower is better. Biased upwards for few frames; frames of one video are
           correlated: pool the statistics of a whole test set (`FeatureStatistics.merge`) for a table, and report the
           number of frames.
Excludes   frames without a face. Both sides get the same crop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class FeatureStatistics:
    """Running mean and scatter of features: constant memory, mergeable over videos."""

    count: int
    """Frames seen."""
    mean: np.ndarray
    """(D,) float64."""
    scatter: np.ndarray
    """(D, D) float64: sum of outer products of the deviations from the mean."""

    @classmethod
    def of(cls, features: np.ndarray) -> FeatureStatistics:
        """Statistics of features (N, D), N at least 1."""
        assert features.ndim == 2 and len(features)
        features = features.astype(np.float64)
        mean = features.mean(axis=0)
        centred = features - mean
        return cls(len(features), mean, centred.T @ centred)

    def merge(self, other: FeatureStatistics) -> FeatureStatistics:
        """Statistics of both sets together (Chan et al.'s update)."""
        count = self.count + other.count
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.count / count)
        scatter = self.scatter + other.scatter + np.outer(delta, delta) * (self.count * other.count / count)
        return FeatureStatistics(count, mean, scatter)

    @property
    def covariance(self) -> np.ndarray:
        """Unbiased covariance (D, D); zeros for one frame."""
        return self.scatter / max(self.count - 1, 1)


def frechet_distance(first: FeatureStatistics, second: FeatureStatistics) -> float:
    """Frechet distance of the two fitted Gaussians.

    tr((S1 S2)^(1/2)) is taken from the eigenvalues of the symmetric S1^(1/2) S2 S1^(1/2), which are real and not
    negative however few frames there are; a general matrix square root of singular covariances is neither.
    """
    assert first.mean.shape == second.mean.shape
    values, vectors = np.linalg.eigh(first.covariance)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    middle = root @ second.covariance @ root
    cross = np.sqrt(np.clip(np.linalg.eigvalsh((middle + middle.T) / 2), 0, None)).sum()
    gap = first.mean - second.mean
    distance = gap @ gap + np.trace(first.covariance) + np.trace(second.covariance) - 2 * cross
    return float(max(distance, 0.0))
