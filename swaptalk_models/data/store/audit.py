"""Whether the tables hold what the ledger says."""

from __future__ import annotations

from collections.abc import Collection

from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Ledger


def wrong_rows(home: Home, name: str, of: str | None = None) -> list[str]:
    """One sentence for each clip of the table whose rows are wrong, see `wrong_rows_by_video`. Empty: all is well."""
    return [sentence for found in wrong_rows_by_video(home, name, of).values() for sentence in found]


def wrong_rows_by_video(
    home: Home, name: str, of: str | None = None, videos: Collection[str] | None = None
) -> dict[str, list[str]]:
    """{video: a sentence for each of its clips whose rows are not those the ledger knows}: missing, surplus or double.

    Args:
        of: a table that must have a row for every row of this one.
        videos: nothing is read of others; None: all, also those that have gone.
    """
    with Ledger(home.ledger) as ledger:
        entries = ledger.entries(name, videos, OK, orphaned=None)
    expected = {entry.clip: entry.rows for entry in entries.values()}
    found, double = tables.row_counts(home, name, videos)
    wrong = [
        (clip, f"{clip}: {found.get(clip, 0)} rows instead of {expected.get(clip, 0)}")
        for clip in sorted(expected.keys() | found.keys())
        if found.get(clip, 0) != expected.get(clip, 0)
    ]
    wrong += [(clip, f"{clip}: frames that are there twice") for clip in double]
    if of is not None:
        upstream, _ = tables.row_counts(home, of, videos)
        wrong += [
            (clip, f"{clip}: {found.get(clip, 0)} rows for {upstream.get(clip, 0)} in {of}")
            for clip, entry in entries.items()
            if not entry.orphaned and found.get(clip) != upstream.get(clip)
        ]
    video_of = {entry.clip: entry.video for entry in entries.values()}
    video_of |= tables.videos_of_clips(home, name, [clip for clip, _ in wrong if clip not in video_of])
    by_video: dict[str, list[str]] = {}
    for clip, sentence in wrong:
        by_video.setdefault(video_of[clip], []).append(sentence)
    return by_video
