"""Configuration of the evaluation. Light on purpose: read while Dagster's definitions load."""

from __future__ import annotations

from dataclasses import dataclass

from swaptalk_models.settings.section import require, require_at_least


@dataclass(frozen=True)
class EvaluationConfig:
    """How videos are measured. One set of values for every method, generated and true alike."""

    pairs: int = 8
    """Scenes a setting (self-driven, cross-driven); every method is tried on each."""
    chunk_seconds: float = 10.0
    """Longer clips of held-out people are cut into chunks of about this length (s); the paper's protocol."""
    methods: tuple[str, ...] = (
        "SwapTalk",
        "SwapTalk + detail",
        "Lip-sync alone",
        "Swap alone",
        "Copied reference",
        "Sync-then-swap, latent",
    )
    """What is compared, beside the ground truth: names of settings/methods.py, or `all`. A baseline that none needs is
    not trained."""
    crop_size: int = 256
    """Side of the aligned crop on which SSIM, PSNR, CPBD and LMD are taken (px). LMD and CPBD change with it."""
    identity_frames: int = 24
    """Frames a video, evenly spaced, that the identity judge looks at (dlib's embedding costs about 0.1 s a face)."""
    identity_neighbours: int = 8
    """Of these frames, how many it is shown the next frame of too, for the flicker from frame to frame."""
    cpbd_frames: int = 50
    """Frames a video, evenly spaced, that are measured as pictures: CPBD, tiles, blotches, sharpness, noise, glints."""
    fid_frames: int = 50
    """Frames a video, evenly spread, that Inception looks at (about 0.1 s a picture, two pictures a frame); our own
    judges see all."""
    syncnet: str = ""
    """File with the official SyncNet's weights; empty: our sync_judge measures lip-sync."""
    inception: str = ""
    """File with pytorch-fid's Inception weights; empty: a Frechet distance on the sync judge's features, and no FID."""
    lipreader: str = ""
    """TorchScript file of a lipreading network (see metrics/lipreader.py); empty: no LipScore."""
    second_identity: str = ""
    """Graph of a second judge of identity (faceres.json of @vladmandic/human, see metrics/faceres.py); empty: none."""
    second_landmarks: str = ""
    """`mediapipe`: MediaPipe's face mesh as a second judge of landmarks, if its packages are installed; empty: none."""
    reencode: bool = True
    """Every video, the ground truth too, is measured after one and the same last compression (evaluation/measure/encoding.py):
    the codec alone moves figures."""
    max_offset: int = 15
    """The sync judge slides sound against picture by up to this many frames each way (25 a second)."""
    batch_frames: int = 16
    """Frames held in memory at a time."""
    silent_seconds: float = 1.2
    """Leak test: each cross-driven scene is made once more with so much silence as its sound (s), by every method that
    listens; 0: not at all."""
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
        require_at_least(
            self, 1, "pairs", "chunk_seconds", "cpbd_frames", "max_offset", "bootstrap_samples", "frechet_samples"
        )
        require_at_least(self, 0, "identity_neighbours", "seed", "silent_seconds")
        require(self.crop_size >= 128, "crop_size must be at least 128 (CPBD works on 64 px blocks)")
        require(self.identity_frames >= 2, "identity_frames must be at least 2 (Consistency compares pairs)")
        require(
            self.second_landmarks in ("", "mediapipe"),
            f"second_landmarks must be mediapipe or empty, not {self.second_landmarks!r}",
        )
        require(self.fid_frames >= 2, "fid_frames must be at least 2 (a covariance)")
        require(self.batch_frames >= 5, "batch_frames must be at least 5 (one lip-sync window)")
        require(0 < self.same_sound < 1, "same_sound must be between 0 and 1")
        require(0 < self.confidence < 1, "confidence must be between 0 and 1")


@dataclass(frozen=True)
class ReleaseConfig:
    """The gate before a release: a new model must not be worse than the released one."""

    allow_worse: bool = False
    """Release a model that is measurably worse than the released one (the comparison is kept in its folder all the
    same)."""
    tolerance: float = 0.01
    """Share of the released model's figure that a metric may lose before it counts as worse (0 to 1)."""
    fewest_videos: int = 3
    """Metrics known for fewer videos of a setting are not compared."""
    fresh_days: float = 7.0
    """Data may wait so many days before the release in use counts as stale, which its check then warns of."""

    def __post_init__(self) -> None:
        require(0 <= self.tolerance < 1, "tolerance must be in [0, 1)")
        require(self.fewest_videos >= 2, "fewest_videos must be at least 2 (an interval)")
        require(self.fresh_days >= 0, "fresh_days must not be negative")
