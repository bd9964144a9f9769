"""How a data stage becomes an asset: partitioned by video, run over all its partitions at once, its work in swaptalk_models/data/stages."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from assets.support.metadata import run_name, stage_result
from assets.support.partitions import videos
from assets.support.resources import SwapTalk
from swaptalk_models.graph.code_versions import CODE_VERSIONS
from swaptalk_models.graph.lineage import group, upstream

Told = Callable[[SwapTalk, list[str]], dict[str, Any]]
"""Metadata of a stage over these videos."""


def stage_asset(
    name: str,
    description: str,
    kinds: set[str],
    metadata: Told,
    pictures: Told | None = None,
) -> dg.AssetsDefinition:
    """The asset of one of the data stages.

    Args:
        metadata: figures, always told.
        pictures: told where there are not too many partitions, or something is new.
    """

    @dg.asset(name=name, kinds=kinds, description=description, **partitioned(name))
    def asset(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
        from swaptalk_models.data.stages.registry import run_data_stage

        keys = list(context.partition_keys)
        report = run_data_stage(
            name, swaptalk.home_folder(), swaptalk.load(), keys, workers=swaptalk.workers, run=run_name(context)
        )
        drawn = pictures(swaptalk, keys) if pictures else {}
        return stage_result(context, swaptalk, report, metadata(swaptalk, keys), drawn)

    return asset


def partitioned(name: str) -> dict[str, Any]:
    """What all data stages' assets have in common."""
    return {
        "deps": list(upstream(name)),
        "group_name": group(name),
        "partitions_def": videos,
        "backfill_policy": dg.BackfillPolicy.single_run(),
        "code_version": CODE_VERSIONS[name],
    }


def rows_check(name: str, of: str | None = None) -> dg.AssetChecksDefinition:
    """The table of this stage is what the ledger says it is.

    Args:
        of: stage whose rows it must match one to one.
    """
    said = f" Every row has its row in {of}." if of else ""

    @dg.asset_check(
        name=f"{name}_rows",
        asset=name,
        blocking=True,
        description=f"The table holds exactly the rows that the ledger knows, none twice.{said}",
    )
    def check(swaptalk: SwapTalk) -> dg.AssetCheckResult:
        from swaptalk_models.data.store.audit import wrong_rows

        return wrong_rows_result(wrong_rows(swaptalk.home_folder(), name, of))

    return check


def wrong_rows_result(wrong: Sequence[str], more: Mapping[str, float] | None = None, passed: bool = True) -> dg.AssetCheckResult:
    """Fails where there are wrong rows, or where ``passed`` is false."""
    metadata = {"clips with wrong rows": float(len(wrong)), "first": "; ".join(wrong[:5]), **(more or {})}
    return dg.AssetCheckResult(passed=passed and not wrong, metadata=metadata)
