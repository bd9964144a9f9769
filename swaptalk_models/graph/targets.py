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

FURTHER: dict[str, tuple[str, str]] = {
    "seam_ratio": ("Step in brightness where the halves meet, over the real one's: 1 adds no seam.", ""),
    "offset_error_frames": ("Mean distance of a clip's best offset from the true one (frames).", ""),
    "source_similarity": ("Cosine of swapped faces to their source, dlib judge.", "the target as it was"),
    "target_similarity": ("Cosine of swapped faces to the target that should have vanished, dlib judge: less is better.", ""),
    "rim_ratio": ("Steepest step in brightness across the jaw's line after pasting, over the target's own: 1 adds no edge, more does, less is blur.", ""),
    "landmark_distance": ("Distance of a swap's landmarks to the target's, in percent of the eyes' distance: pose and expression kept.", ""),
    "background_difference": ("Absolute difference to the target outside of the face, after pasting (levels of 255): less is better.", ""),
    "flicker": ("Change of a swapped face from frame to frame that the target's does not have (levels of 255): less is better.", ""),
    "code_error": ("Squared error of the lower half in latent space, 0 by birth outside of lip_sync.region: less is better.", "a copied reference"),
    "silent_opening": ("Mouth opening, as a share of the eyes' distance, when the module hears silence: closed lips are near 0.", ""),
    "jitter": ("How much the mouth's opening jumps to and fro from frame to frame (mean second difference, share of the eyes' distance).", ""),
    "pixel_error": ("Absolute error of the lower half in pixels: less is better.", "a copied reference"),
    "mouth_correlation": ("Mouth opening against the real one's.", ""),
    "swap_alone_id_retrieve": ("id_retrieve of the swap alone, before the lips are made to speak.", ""),
    "swap_alone_target_similarity": ("target_similarity of the swap alone.", ""),
}
"""Figures without a target, or of a model that has none: (what it is, what its trivial baseline is)."""
