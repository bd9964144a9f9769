"""Which videos the data stages have not done as they are now. Light: asked every half a minute, of thousands."""

from __future__ import annotations

from collections.abc import Mapping

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import QUARANTINED, Ledger

_STEPS = (("clips", "face_tracks"), ("face_tracks", "face_crops"), ("clips", "mels"))
"""(stage, stage that does each of its good clips)"""
_STAGES = ("raw_videos", "clips", "face_tracks", "face_crops", "mels", "sync_offsets")


def snapshot_is_behind(home: Home) -> bool:
    """Whether data came, changed or went since the training snapshot was last made: a run was stopped in between. Not where none was ever made."""
    pointer = home.snapshots / "current"
    if not pointer.is_file() or not home.has_ledger:
        return False
    with Ledger(home.ledger) as ledger:
        return ledger.changed_at(_STAGES) > pointer.stat().st_mtime


def unprepared_videos(home: Home, files: Mapping[str, tuple[str, int, int]]) -> list[str]:
    """Those of {video: (path, size, mtime_ns)} that are unknown, that have another content since they were read, or that a stage was kept from."""
    with Ledger(home.ledger) as ledger:
        entries, read = ledger.entries("raw_videos"), ledger.known_files()
        behind = ledger.videos_behind("raw_videos", "clips", by="video").union(
            *(ledger.videos_behind(*step, by="clip") for step in _STEPS)
        )
    found = []
    for video, (path, size, mtime_ns) in files.items():
        entry = entries.get(video)
        # One that could not even be read was looked at all the same, unless it was written since.
        refused = entry is not None and entry.status == QUARANTINED and mtime_ns <= entry.updated_at * 1e9
        changed = read.get(path) != (size, mtime_ns) and not refused
        if entry is None or video in behind or changed:
            found.append(video)
    return found
