"""Cleaning up what no source stands behind any more. Only ever on request."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import timedelta

from swaptalk_models.data.engine.runner import remove_partial_files
from swaptalk_models.data.stages.registry import DATA_STAGES
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.data.store.stored_files import reclaim, withdraw


def remove_orphans(home: Home) -> dict[str, int]:
    """Remove the clips and rows whose source video has gone, and half-written files of killed runs.

    Rows that a training snapshot names stay readable at that snapshot's version. Source videos are never touched.

    Returns:
        {stage: number of clips removed}, of every stage that the ledger knows, whoever runs it.

    Raises:
        UserError: another run is at work.
    """
    removed: dict[str, int] = {}
    with contextlib.ExitStack() as held, Ledger(home.ledger) as ledger:
        stages = list(dict.fromkeys([*DATA_STAGES, *(entry.stage for entry in ledger.orphans())]))
        held.enter_context(home.held(*stages))
        orphans = ledger.orphans()  # as it is now that nobody can change it
        for stage in stages:
            if clips := [entry.clip for entry in orphans if entry.stage == stage]:
                _remove(home, ledger, stage, clips)
                removed[stage] = len(clips)
            remove_partial_files(home, stage)
        reclaim(home.root)
        gone = {entry.video for entry in orphans}
        for picture in home.pages.glob("*@*.jpg"):
            if picture.name.partition("@")[0] in gone:
                picture.unlink(missing_ok=True)
    return removed


def _remove(home: Home, ledger: Ledger, stage: str, clips: Sequence[str]) -> None:
    if tables.has_table(home, stage):
        ledger.begin(stage, clips)  # a kill in the middle leaves them to be done again, not half there
        tables.delete_clips(home, stage, clips)
        tables.clean_versions(home, stage, timedelta(0))
    if stage in DATA_STAGES:
        for path in (path for clip in clips for path in DATA_STAGES[stage].files(home, clip)):
            path.unlink(missing_ok=True)
            withdraw(home.root, path)
    ledger.forget(stage, clips)
