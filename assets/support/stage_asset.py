"""How a data stage becomes an asset: partitioned by video, run over all its partitions at once."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

from assets.support.data_versions import materialize_videos, provenance
from assets.support.metadata import counts, reasons_table, run_name
from assets.support.partitions import videos
from assets.support.resources import SwapTalk
from swaptalk_models.data.store.ledger import OK, QUARANTINED, Entry, Ledger, StageReport
from swaptalk_models.graph.code_versions import CODE_VERSIONS
from swaptalk_models.graph.lineage import group, upstream

Told = Callable[[SwapTalk, list[str]], dict[str, Any]]
"""Metadata of a stage over these videos."""
Work = Callable[[SwapTalk, list[str], str], StageReport]
"""(swaptalk, videos, run) -> counts: brings a stage up to date for these videos, and adds the counts to the run's."""
_PICTURES_UP_TO = 100  # partitions; Dagster stores the metadata once for each of them
_REASONS_SHOWN = 50


def stage_asset(
    name: str,
    description: str,
    kinds: set[str],
    metadata: Told,
    pictures: Told | None = None,
    work: Work | None = None,
    pool: str | None = None,
) -> dg.AssetsDefinition:
    """The asset of a data stage: what is new or stale of the run's videos is done, and each of them has its own event.

    Args:
        metadata: figures, always told.
        pictures: told where there are not too many partitions, or something is new.
        work: by default that of the stage of this name, in swaptalk_models/data/stages.
        pool: whose slot it takes.
    """

    @dg.asset(
        name=name,
        deps=list(upstream(name)),
        group_name=group(name),
        partitions_def=videos,
        backfill_policy=dg.BackfillPolicy.single_run(),
        code_version=CODE_VERSIONS[name],
        description=description,
        kinds=kinds,
        pool=pool,
    )
    def asset(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult[Any]:
        made_from, keys = provenance(context), list(context.partition_keys)
        report = (work or _stage_work(name))(swaptalk, keys, run_name(context))
        told = metadata(swaptalk, keys)
        if pictures and (len(keys) <= _PICTURES_UP_TO or report.computed):
            told |= pictures(swaptalk, keys)
        return _result(context, swaptalk, report, made_from, told)

    return asset


def _stage_work(name: str) -> Work:
    def work(swaptalk: SwapTalk, keys: list[str], run: str) -> StageReport:
        from swaptalk_models.data.stages.registry import run_data_stage

        return run_data_stage(name, swaptalk.home_folder(), swaptalk.load(), keys, workers=swaptalk.workers, run=run)

    return work


def _result(
    context: dg.AssetExecutionContext,
    swaptalk: SwapTalk,
    report: StageReport,
    made_from: Mapping[str, str],
    told: Mapping[str, Any],
) -> dg.MaterializeResult[Any]:
    """One event a video: the counts of the whole run, and the video's own clips, rows, and reasons of quarantine.

    A video's data version is a hash of what the stage holds of it, whenever and however it got there.
    """
    from swaptalk_models.data.store.fingerprint import hash_values

    with Ledger(swaptalk.home_folder().ledger) as ledger:
        entries = ledger.entries(report.stage, context.partition_keys)
    good: dict[str, list[Entry]] = {video: [] for video in context.partition_keys}
    for entry in entries.values():
        if entry.status == OK:
            good[entry.video].append(entry)
    own: dict[str, dict[str, Any]] = {
        video: {"clips": float(len(found)), "rows": float(sum(entry.rows for entry in found))}
        for video, found in good.items()
    }
    metadata = {**counts(report), **told}
    bad = [entry for entry in entries.values() if entry.status == QUARANTINED]
    if bad:
        metadata["quarantine"] = reasons_table(bad)
        for video in list(dict.fromkeys(entry.video for entry in bad))[:_REASONS_SHOWN]:
            own[video]["why quarantined"] = "; ".join(entry.reason for entry in bad if entry.video == video)
        context.log.warning(f"{len(bad)} in quarantine, first {bad[0].clip}: {bad[0].reason}")
    context.log.info(
        f"{report.computed} computed, {report.cached} cached, {report.quarantined} in quarantine"
        f" in {report.seconds:.1f} s"
    )
    versions = {
        video: hash_values([[entry.clip, entry.output] for entry in found])[:16] for video, found in good.items()
    }
    return materialize_videos(context, made_from, versions, metadata, own)
