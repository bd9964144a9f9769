"""What each model has to reach on held-out people, and what the figure means."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A held-out figure to reach."""

    threshold: float
    meaning: str
    baseline_name: str = ""
    """What the trivial baseline in the model's result is."""
    at_least: bool = True
    """Whether the figure must be at least the threshold, or at most in absolute value."""


TARGETS: dict[str, dict[str, Target]] = {
    "vqgan": {
        "psnr_db": Target(24, "Reconstruction of held-out faces (dB).", "a bicubic thumbnail of as many values"),
        "upper_use": Target(0.25, "Share of the upper codebook that held-out faces use."),
        "lower_use": Target(0.25, "Share of the lower codebook that held-out faces use."),
    },
    "identity_encoder": {
        "auc": Target(0.95, "Same person or not, from two frames under random light and pose.", "8 x 8 thumbnails"),
    },
    "lip_expert": {
        "accuracy": Target(
            0.85, "Windows in step told from windows 5 or more frames off.", "mouth opening against loudness"
        ),
    },
    "sync_judge": {
        "accuracy": Target(
            0.85, "Windows in step told from windows 5 or more frames off.", "mouth opening against loudness"
        ),
    },
    "face_swapper": {
        "id_retrieve": Target(80, "Swapped faces whose nearest identity is their source (%).", "the target as it was"),
        "source_similarity": Target(0, "Cosine of swapped faces to their source, dlib judge.", "the target as it was"),
    },
    "lip_sync": {
        "mouth_correlation": Target(
            0.6, "Mouth opening of self-driven videos against the real one's.", "a copied reference"
        ),
        "av_offset": Target(1, "Offset between lips and sound that the judge finds (frames, median).", at_least=False),
    },
}
