"""The one partition of the graph: a source video."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

videos = dg.DynamicPartitionsDefinition(name="videos")

# A run over a range of partitions says so with these two tags.
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def sync_partitions(instance: dg.DagsterInstance, keys: Iterable[str]) -> tuple[list[str], list[str]]:
    """Make the instance's partitions ``keys``. Returns those (added, removed). Data of the removed ones is left alone.

    Where a run that is yet to end begins or ends its range, a key stays until the next time: without it the run could not know what it is about.
    """
    wanted, there = list(dict.fromkeys(keys)), instance.get_dynamic_partitions(videos.name)
    known, keep = set(there), set(wanted)
    added = [key for key in wanted if key not in known]
    removed = [key for key in there if key not in keep | _ends_of_ranges(instance)]
    for start in range(0, len(added), 1000):  # sqlite takes a limited number of variables in one statement
        instance.add_dynamic_partitions(videos.name, added[start : start + 1000])
    for key in removed:
        instance.delete_dynamic_partition(videos.name, key)
    return added, removed


def _ends_of_ranges(instance: dg.DagsterInstance) -> set[str]:
    """First and last partition of every run that is yet to end."""
    ended = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
    going = [status for status in dg.DagsterRunStatus if status not in ended]
    runs = instance.get_runs(dg.RunsFilter(statuses=going))
    return {run.tags[tag] for run in runs for tag in (RANGE_START, RANGE_END) if tag in run.tags}


def all_partitions(instance: dg.DagsterInstance) -> dict[str, str]:
    """Tags that make one run cover every video; empty when there is none."""
    keys = instance.get_dynamic_partitions(videos.name)
    return {RANGE_START: keys[0], RANGE_END: keys[-1]} if keys else {}
