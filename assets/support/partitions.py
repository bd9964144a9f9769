"""The one partition of the graph: a source video."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

videos = dg.DynamicPartitionsDefinition(name="videos")

# A run over a range of partitions says so with these two tags.
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def sync_partitions(instance: dg.DagsterInstance, keys: Iterable[str]) -> tuple[list[str], list[str]]:
    """Make the instance's partitions exactly ``keys``. Returns those (added, removed). Data of the removed ones is left alone."""
    wanted, there = list(dict.fromkeys(keys)), instance.get_dynamic_partitions(videos.name)
    known, keep = set(there), set(wanted)
    added = [key for key in wanted if key not in known]
    removed = [key for key in there if key not in keep]
    for start in range(0, len(added), 1000):  # sqlite takes a limited number of variables in one statement
        instance.add_dynamic_partitions(videos.name, added[start : start + 1000])
    for key in removed:
        instance.delete_dynamic_partition(videos.name, key)
    return added, removed


def all_partitions(instance: dg.DagsterInstance) -> dict[str, str]:
    """Tags that make one run cover every video; empty when there is none."""
    keys = instance.get_dynamic_partitions(videos.name)
    return {RANGE_START: keys[0], RANGE_END: keys[-1]} if keys else {}
