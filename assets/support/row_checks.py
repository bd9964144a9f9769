"""Whether the rows of each video are what the ledger says: a structural check, which blocks what follows."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg

from assets.support.partitions import videos
from assets.support.resources import SwapTalk
from swaptalk_models.data.store.home import Home

Faults = Callable[[Home, list[str] | None], dict[str, list[str]]]
"""(home, videos, None for all) -> {video: what is wrong with its rows, a sentence each}."""


def rows_check(
    table: str, of: str | None = None, more: Faults | None = None, name: str = "", also: str = ""
) -> dg.AssetChecksDefinition:
    """A check of each video: its rows are exactly those that the ledger knows, none twice.

    A run looks at its own videos only: one video's check does not read what is there of others. A run of all of them
    also looks for rows of videos that have gone.

    Dagster 1.13 has partitioned checks, but a check that returns one result for a range of partitions leaves all of
    them planned for ever. So it yields an evaluation for each; Dagster stores and blocks by these as by its own.

    Args:
        of: table whose rows it must match one to one.
        more: further faults.
        name: of the check, by default TABLE_rows.
        also: what ``more`` looks for, for the description.
    """
    name = name or f"{table}_rows"
    said = ["The table holds exactly the rows of the video that the ledger knows, none twice."]
    said += [f"Every row has its row in {of}."] if of else []
    said += [also] if also else []

    def check(context: dg.AssetCheckExecutionContext, swaptalk: SwapTalk) -> Iterator[Any]:
        from swaptalk_models.data.store.audit import wrong_rows_by_video

        every = context.instance.get_dynamic_partitions(videos.name)
        keys = _keys(context, every)
        home, asked = swaptalk.home_folder(), None if set(keys) == set(every) else keys
        wrong = wrong_rows_by_video(home, table, of, asked)
        for video, sentences in (more(home, asked) if more else {}).items():
            wrong.setdefault(video, []).extend(sentences)
        for video in keys:
            yield _evaluation(table, name, video, wrong.get(video, []))
        gone = [sentence for video in wrong.keys() - set(keys) for sentence in wrong[video]]
        if gone:
            raise dg.Failure(f"rows of videos that have gone: {'; '.join(gone[:5])}")
        yield dg.Output(None)

    how = {"name": name, "asset": table, "blocking": True, "partitions_def": videos, "description": " ".join(said)}
    with warnings.catch_warnings(action="ignore", category=dg.PreviewWarning):  # that checks of partitions are new
        return dg.asset_check(**how)(check)


def _keys(context: dg.AssetCheckExecutionContext, every: Sequence[str]) -> list[str]:
    """The run's partitions; a check that is run by itself may have none, and is then of all videos."""
    partitioned = context.has_partition_key or context.has_partition_key_range
    return list(context.partition_keys if partitioned else every)


def _evaluation(table: str, name: str, video: str, wrong: Sequence[str]) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(table),
        check_name=name,
        passed=not wrong,
        metadata={"clips with wrong rows": float(len(wrong)), "first": "; ".join(wrong[:5])} if wrong else {},
        description="; ".join(wrong[:3]) or None,
        blocking=True,
        partition=video,
    )
