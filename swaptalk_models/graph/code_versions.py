"""Code version of every asset. Raise one when its results change: what it made is then stale and is made again."""

from __future__ import annotations

from swaptalk_models.graph.models import MODELS

CODE_VERSIONS: dict[str, str] = {
    "phantom": "2",
    "hdtf_catalog": "2",
    "raw_videos": "3",
    "clips": "2",
    "face_tracks": "2",
    "face_crops": "3",
    "mels": "2",
    "training_snapshot": "2",
    "vq_latents": "1",
    "sync_offsets": "2",  # no asset: written beside the sync judge
    "test_videos": "13",
    "metrics": "8",
    "evaluation_report": "5",
    "model_release": "1",
} | {name: spec.code_version for name, spec in MODELS.items()}
