"""`hdtf_catalog`: which videos and clips there are, before anything is decoded."""

import dagster as dg

from assets.support.facts import asset_facts
from assets.support.metadata import findings_table, run_name, unplotted
from assets.support.partitions import sync_partitions
from assets.support.resources import SwapTalk


@dg.asset(
    **asset_facts("hdtf_catalog"),
    description="A row a clip: video, group, person, address or path, span, crop window. From a folder of videos, HDTF's annotation "
    "files, or the phantom corpus. Registers the videos as partitions.",
)
def hdtf_catalog(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    from swaptalk_models.data.sources.catalog import write_catalog
    from swaptalk_models.rehearsal.precheck import check_room, keep, precheck

    home, asked = swaptalk.home_folder(), swaptalk.asked()
    # Of this run alone: whoever wants the data only needs less.
    check_room(home, asked, {key.to_user_string() for key in context.job_def.asset_layer.selected_asset_keys})
    catalog = write_catalog(home, swaptalk.load(), asked.videos, asked.hdtf, run=run_name(context))
    swaptalk.remember_asked()
    added, removed = sync_partitions(context.instance, catalog.videos)
    findings = precheck(home, asked)
    keep(home, findings)
    metadata = {
        "before a run": findings_table(findings),
        "dagster/row_count": catalog.table.num_rows,
        "dagster/uri": str(home.catalog),
        "source": catalog.source,
        "videos": float(len(catalog.videos)),
        "persons": float(len(set(catalog.table["person"].to_pylist()))),
        "videos added": float(len(added)),
        "videos removed": float(len(removed)),
        "disagreements": float(len(catalog.disagreements)),
    }
    if catalog.disagreements:
        metadata["what disagrees"] = dg.MetadataValue.md(
            "\n".join(f"- {sentence}" for sentence in catalog.disagreements)
        )
    if catalog.gone:
        context.log.warning(
            f"{len(catalog.gone)} videos have gone; their data stay as orphans: {', '.join(catalog.gone[:5])}"
        )
    metadata = metadata if catalog.changed else unplotted(metadata)
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(catalog.version))


@dg.asset_check(
    asset=hdtf_catalog,
    description="There is enough of what a run needs: people, their speech, disk, memory. Few people only warn.",
)
def hdtf_catalog_enough(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    from swaptalk_models.rehearsal.precheck import precheck, short

    findings = precheck(swaptalk.home_folder(), swaptalk.asked())
    lacking = short(findings)
    return dg.AssetCheckResult(
        passed=not lacking,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(lacking) or "enough of all",
        metadata={"before a run": findings_table(findings)},
    )
