"""Cleaning up what no source stands behind any more. Only ever on request."""

from __future__ import annotations

import contextlib
from collections import Counter
from datetime import timedelta

from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger

CLEANED = ("raw_videos", "clips", "face_tracks", "face_crops", "mels", "vq_latents", "sync_offsets", "quality")


def remove_orphans(home: Home) -> dict[str, int]:
    """Remove the clips and rows whose source video has gone, and half-written files of killed runs. {stage: number of clips removed}.

    Rows that a training snapshot names stay readable at that snapshot's version. Source videos are never touched.
    UserError: another run is at work.
    """
    removed: Counter[str] = Counter()
    with contextlib.ExitStack() as held, Ledger(home.ledger) as ledger:
        for stage in CLEANED:
            held.enter_context(home.writing(stage))
        orphans = ledger.orphans()
        for stage in CLEANED:
            clips = [entry.clip for entry in orphans if entry.stage == stage]
            if not clips:
                continue
            if tables.has_table(home, stage):
                ledger.begin(stage, clips)  # a kill in the middle leaves them to be done again, not half there
                tables.delete_clips(home, stage, clips)
                tables.clean_versions(home, stage, timedelta(0))
            if stage == "clips":
                for clip in clips:
                    home.clip_video(clip).unlink(missing_ok=True)
                    home.clip_audio(clip).unlink(missing_ok=True)
            ledger.forget(stage, clips)
            removed[stage] = len(clips)
        for left in home.clips.glob(".*.part"):
            left.unlink(missing_ok=True)
    return dict(removed)
