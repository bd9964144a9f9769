"""Code version of every stage. Raise one when its results change: what it made before is then stale and is made again."""

CODE_VERSIONS = {
    "phantom": "1",
    "hdtf_catalog": "2",
    "raw_videos": "3",
    "clips": "2",
    "face_tracks": "2",
    "face_crops": "3",
    "mels": "2",
    "training_snapshot": "2",
    "vq_latents": "1",
    "vqgan": "2",
    "identity_encoder": "1",
    "lip_expert": "1",
    "swap_teacher": "3",
    "face_swapper": "4",
    "lip_sync": "3",
    "wav2lip": "1",
    "sync_judge": "1",
    "sync_offsets": "2",  # no asset: written beside the sync judge
    "test_videos": "6",
    "metrics": "4",
    "evaluation_report": "3",
    "model_release": "1",
}
