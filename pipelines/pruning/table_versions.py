"""Versions of the Lance tables that no training snapshot needs any more. Lance itself removes them: its tags say which have to stay."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

from pipelines.pruning.kept import snapshots
from pipelines.pruning.policy import Removal
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.table_files import file_sizes


def unneeded_versions(home: Home, leaving: Collection[str]) -> list[Removal]:
    """One for each table that becomes smaller, with the bytes that only unneeded versions hold.

    Args:
        leaving: snapshots that are about to be removed.
    """
    found = []
    stay = {f"{tables.SNAPSHOT_TAG}{version}" for version in snapshots(home) if version not in leaving}
    for name in tables.names(home):
        keep = {
            version
            for tag, version in tables.tags(home, name).items()
            if tag in stay or not tag.startswith(tables.SNAPSHOT_TAG)
        }
        newest = tables.open_table(home, name)
        versions = {int(one["version"]) for one in newest.versions()}
        surplus = versions - keep - {int(newest.version)}
        if surplus:
            files = set().union(*(_data_files(home, name, version) for version in versions - surplus))
            data = {Path(file).name: size for file, size in file_sizes(home, name).items() if file.startswith("data/")}
            freed = sum(size for file, size in data.items() if file not in files)
            found.append(Removal("table versions", f"{len(surplus)} of {name}", freed))
    return found


def drop_versions(home: Home) -> None:
    """Take away the tags of snapshots that are not there any more, then all versions that are neither the newest nor tagged."""
    there = {f"{tables.SNAPSHOT_TAG}{version}" for version in snapshots(home)}
    for name in tables.names(home):
        gone = [tag for tag in tables.tags(home, name) if tag.startswith(tables.SNAPSHOT_TAG) and tag not in there]
        tables.delete_tags(home, name, gone)
        tables.clean_versions(home, name, timedelta(0))


def _data_files(home: Home, name: str, version: int) -> set[str]:
    fragments = tables.open_table(home, name, version).get_fragments()
    return {Path(file.path).name for fragment in fragments for file in fragment.data_files()}
