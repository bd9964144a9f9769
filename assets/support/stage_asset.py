"""How a data stage becomes an asset: partitioned by video, run over all its partitions at once."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from assets.support.data_versions import materialize_videos, provenance
from assets.support.facts import asset_facts
from assets.support.metadata import counts, reasons_table, run_name, unplotted
from assets.support.partitions import videos
from assets.support.resources import SwapTalk
from assets.support.video_page import Strips, video_pages
from swaptalk_models.data.store.ledger import OK, QUARANTINED, Entry, Ledger, StageReport

Told = Callable[[SwapTalk], dict[str, Any]]
"""Metadata of a stage over all videos."""
Work = Callable[[SwapTalk, list[str], str], StageReport]
"""(swaptalk, videos, run) -> counts: brings a stage up to date for these videos, and adds the counts to the run's."""
_PICTURES_UP_TO = 100  # partitions; in a larger run that has nothing to do none is drawn


def stage_asset(
    name: str,
    description: str,
    metadata: Told,
    pictures: Told | None = None,
    work: Work | None = None,
    pool: str | None = None,
    strips: Strips | None = None,
) -> dg.AssetsDefinition:
    """The asset of a data stage: what is new or stale of the run's videos is done, and each of them has its own event.

    Args:
        metadata: figures of all videos together, always told.
        pictures: of all videos together, told where there are not too many partitions, or something is new.
        work: by default that of the stage of this name, in swaptalk_models/data/stages.
        pool: whose slot it takes.
        strips: draws a small picture of each video, for its own page.
    """

    @dg.asset(
        name=name,
        partitions_def=videos,
        backfill_policy=dg.BackfillPolicy.single_run(),
        description=description,
        pool=pool,
        **asset_facts(name),
    )
    def asset(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult[Any]:
        made_from, keys, started = provenance(context), list(context.partition_keys), time.time()
        report = (work or _stage_work(name, context))(swaptalk, keys, run_name(context))
        told = metadata(swaptalk)
        if pictures and (len(keys) <= _PICTURES_UP_TO or report.computed):
            told |= pictures(swaptalk)
        elif pictures:
            told["pictures"] = "as told by the last run that has made something"
        return tell_videos(context, swaptalk, report, keys, made_from, told, started, strips)

    return asset


def _stage_work(name: str, context: dg.AssetExecutionContext) -> Work:
    selected = {key.to_user_string() for key in context.job_def.asset_layer.selected_asset_keys}
    return lambda swaptalk, keys, run: swaptalk.data_stage(name, keys, run, selected)


def tell_videos(
    context: dg.AssetExecutionContext,
    swaptalk: SwapTalk,
    report: StageReport,
    keys: Sequence[str],
    made_from: Mapping[str, str],
    told: Mapping[str, Any],
    started: float,
    strips: Strips | None = None,
    asset: dg.AssetKey | None = None,
) -> dg.MaterializeResult[Any]:
    """One event a video, which tells of this video alone, and one of all videos together. What was only found again has no numbers: it is no
    new point in a plot.

    A video's data version is a hash of what the stage holds of it, whenever and however it got there.

    Args:
        keys: videos of the run.
        made_from: tags by ``provenance``.
        told: of all videos together.
        started: when the stage began (s since the epoch).
        asset: whose events they are, by default the context's.
    """
    from swaptalk_models.data.store.fingerprint import hash_values

    with Ledger(swaptalk.home_folder().ledger) as ledger:
        every = ledger.entries(report.stage)
    of_video: dict[str, list[Entry]] = {}
    for entry in every.values():
        of_video.setdefault(entry.video, []).append(entry)
    versions = {video: _version(of_video.get(video, [])) for video in keys}
    drawn = strips(swaptalk, keys, versions, of_video, started) if strips else {}
    own = video_pages(swaptalk, report.stage, {video: of_video.get(video, []) for video in keys}, started)
    for video, version in versions.items():
        own[video] = {**drawn.get(video, {}), **own[video], "data version": version}
    whole = {**counts(report), **told}
    bad = [entry for video in keys for entry in of_video.get(video, []) if entry.status == QUARANTINED]
    if bad:
        whole["quarantine"] = reasons_table(bad)
        context.log.warning(f"{len(bad)} in quarantine, first {bad[0].clip}: {bad[0].reason}")
    context.log.info(
        f"{report.computed} computed, {report.cached} cached, {report.quarantined} in quarantine"
        f" in {report.seconds:.1f} s"
    )
    whole = whole if report.computed else unplotted(whole)
    whole_version = hash_values(sorted((video, _version(found)) for video, found in of_video.items()))[:16]
    return materialize_videos(context, made_from, versions, whole, own, whole_version, asset)


def _version(entries: Sequence[Entry]) -> str:
    from swaptalk_models.data.store.fingerprint import hash_values

    return hash_values([[entry.clip, entry.output] for entry in entries if entry.status == OK])[:16]
