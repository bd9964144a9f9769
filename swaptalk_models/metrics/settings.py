"""Configuration of the evaluation. Light on purpose: read while Dagster's definitions load."""

from __future__ import annotations

from dataclasses import dataclass


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class EvaluationConfig:
    """How videos are measured. One set of values for every method, generated and true alike."""

    pairs: int = 8
    """Scenes a setting (self-driven, cross-driven); every method is tried on each."""
    chunk_seconds: float = 10.0
    """Longer clips of held-out people are cut into chunks of about this length (s); the paper's protocol."""
    methods: tuple[str, ...] = ("SwapTalk", "Lip-sync alone", "Swap alone", "Copied reference", "Sync-then-swap, latent")
    """What is compared, beside the ground truth: names of evaluation/methods.py, or `all`. A baseline that none needs is not trained."""
    crop_size: int = 256
    """Side of the aligned crop on which SSIM, PSNR, CPBD and LMD are taken (px). LMD and CPBD change with it."""
    identity_frames: int = 24
    """Frames a video, evenly spaced, that the identity judge looks at (dlib's embedding costs about 0.1 s a face)."""
    cpbd_frames: int = 50
    """Frames a video, evenly spaced, whose sharpness is measured."""
    max_offset: int = 15
    """The sync judge slides sound against picture by up to this many frames each way (25 a second)."""
    batch_frames: int = 16
    """Frames held in memory at a time."""
    same_sound: float = 0.7
    """Two sounds whose log-mels correlate at least this much count as one (self-driven); below it, LMD is not given."""
    bootstrap_samples: int = 1000
    """Resamples behind each confidence interval."""
    frechet_samples: int = 20
    """Resamples behind the interval of a pooled Frechet distance, each of which takes two eigendecompositions."""
    confidence: float = 0.95
    """Coverage of the confidence intervals (0 to 1)."""
    seed: int = 0
    """Seed of the drawn scenes and of the resampling."""

    def __post_init__(self) -> None:
        _require(self.pairs >= 1, "evaluation.pairs must be at least 1")
        _require(self.chunk_seconds >= 1, "evaluation.chunk_seconds must be at least 1")
        _require(self.crop_size >= 128, "evaluation.crop_size must be at least 128 (CPBD works on 64 px blocks)")
        _require(
            self.identity_frames >= 2, "evaluation.identity_frames must be at least 2 (Consistency compares pairs)"
        )
        _require(self.cpbd_frames >= 1, "evaluation.cpbd_frames must be at least 1")
        _require(self.max_offset >= 1, "evaluation.max_offset must be at least 1")
        _require(self.batch_frames >= 5, "evaluation.batch_frames must be at least 5 (one lip-sync window)")
        _require(0 < self.same_sound < 1, "evaluation.same_sound must be between 0 and 1")
        _require(self.bootstrap_samples >= 1, "evaluation.bootstrap_samples must be at least 1")
        _require(self.frechet_samples >= 1, "evaluation.frechet_samples must be at least 1")
        _require(0 < self.confidence < 1, "evaluation.confidence must be between 0 and 1")
