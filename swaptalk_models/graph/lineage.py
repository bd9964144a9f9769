"""The graph of assets by name: what is made from what. The report draws it; a test holds it to the Dagster definitions."""

LINEAGE: dict[str, tuple[str, tuple[str, ...]]] = {
    # asset: (group, upstream)
    "hdtf_catalog": ("catalog", ()),
    "raw_videos": ("clips", ("hdtf_catalog",)),
    "clips": ("clips", ("raw_videos",)),
    "face_tracks": ("faces", ("clips",)),
    "face_crops": ("faces", ("clips", "face_tracks")),
    "mels": ("audio", ("clips",)),
    "training_snapshot": ("training", ("face_tracks", "face_crops", "mels")),
    "identity_encoder": ("training", ("training_snapshot",)),
    "vqgan": ("latents", ("training_snapshot", "identity_encoder")),
    "vq_latents": ("latents", ("face_crops", "vqgan")),
    "lip_expert": ("training", ("training_snapshot", "vq_latents", "vqgan")),
    "swap_teacher": ("training", ("training_snapshot", "vqgan")),
    "face_swapper": ("training", ("training_snapshot", "vq_latents", "vqgan", "identity_encoder", "swap_teacher")),
    "lip_sync": ("training", ("training_snapshot", "vq_latents", "vqgan", "lip_expert")),
    "wav2lip": ("training", ("training_snapshot", "vq_latents", "vqgan", "lip_expert")),
    "sync_judge": ("evaluation", ("training_snapshot",)),
    "test_videos": ("evaluation", ("training_snapshot", "vqgan", "face_swapper", "lip_sync", "wav2lip")),
    "metrics": ("evaluation", ("test_videos", "sync_judge")),
    "evaluation_report": ("evaluation", ("test_videos", "metrics")),
    "model_release": ("release", ("vqgan", "face_swapper", "lip_sync", "metrics")),
}
