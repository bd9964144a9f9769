"""Old folders of a home: releases, evaluations, models, training snapshots, and what killed runs left unfinished of them.

A folder leaves its place whole, by one rename into HOME/trash, and is deleted there: a kill leaves it where it was or in the trash, which the next
cleaning empties.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from pipelines.pruning.kept import Kept, evaluations, releases, snapshots, trained
from pipelines.pruning.policy import DAY, Policy, Removal, size_of
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.stored_files import withdraw
from swaptalk_models.graph.models import MODELS

SNAPSHOT = "snapshot"
"""Kind of a training snapshot, whose tags go with its folder."""


def old_folders(home: Home, stays: Kept, policy: Policy) -> list[Removal]:
    """What is beyond the policy and named by nothing that stays: what is made of others first."""
    places = [
        ("release", home.releases, releases(home), stays.releases),
        ("evaluation", home.evaluation, evaluations(home), stays.evaluations),
    ]
    for name in MODELS:
        versions = {version for model, version in stays.models if model == name}
        places.append((name, home.models / name, trained(home, name), versions))
    places.append((SNAPSHOT, home.snapshots, snapshots(home), stays.snapshots))
    return [
        Removal(kind, path.name, size_of(path), made_at, path)
        for kind, folder, whole, keep in places
        for path, made_at in _old(folder, whole, keep, policy)
    ]


def _old(folder: Path, whole: dict[str, float], keep: set[str], policy: Policy) -> Iterator[tuple[Path, float]]:
    newest, youngest = max(whole.values(), default=0.0), time.time() - policy.days * DAY
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_dir() and not path.is_symlink() and path.name not in keep:
            made_at = whole.get(path.name) or _last_touched(path)
            # What was never finished is taken up again, unless something newer was finished since.
            if made_at < youngest and (path.name in whole or made_at < newest):
                yield path, made_at


def _last_touched(folder: Path) -> float:
    return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))


def remove_folder(home: Home, folder: Path) -> None:
    """Take it out of its place, and then apart."""
    trash = home.root / "trash"
    trash.mkdir(exist_ok=True)
    aside = trash / f"{folder.parent.name}_{folder.name}_{os.getpid()}"
    folder.rename(aside)
    shutil.rmtree(aside)
    withdraw(home.root, folder)


def empty_trash(home: Home) -> None:
    """Delete what a killed cleaning has left."""
    shutil.rmtree(home.root / "trash", ignore_errors=True)
