"""Whether the tables hold what the ledger says."""

from __future__ import annotations

from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Ledger


def wrong_rows(home: Home, name: str, of: str | None = None) -> list[str]:
    """One sentence for each clip whose rows are not those the ledger knows: missing, surplus or double. Empty: all is
    well.

    ``of``: a table that must have a row for every row of this one.
    """
    with Ledger(home.ledger) as ledger:
        expected = {entry.clip: entry.rows for entry in ledger.entries(name, status=OK, orphaned=None).values()}
    found, double = tables.row_counts(home, name)
    wrong = [
        f"{clip}: {found.get(clip, 0)} rows instead of {expected.get(clip, 0)}"
        for clip in sorted(expected.keys() | found.keys())
        if found.get(clip, 0) != expected.get(clip, 0)
    ]
    wrong += [f"{clip}: frames that are there twice" for clip in double]
    if of is not None:
        upstream, _ = tables.row_counts(home, of)
        with Ledger(home.ledger) as ledger:
            live = ledger.entries(name, status=OK)
        wrong += [
            f"{clip}: {found.get(clip, 0)} rows for {upstream.get(clip, 0)} in {of}"
            for clip in live
            if found.get(clip) != upstream.get(clip)
        ]
    return wrong
