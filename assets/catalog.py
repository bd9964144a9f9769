"""`hdtf_catalog`: which videos and clips there are, before anything is decoded."""

import dagster as dg

from assets.support.metadata import arrow_schema, run_name
from assets.support.partitions import sync_partitions
from assets.support.resources import SwapTalk
from swaptalk_models.graph.code_versions import CODE_VERSIONS
from swaptalk_models.graph.lineage import group, upstream


@dg.asset(
    deps=list(upstream("hdtf_catalog")),
    group_name=group("hdtf_catalog"),
    kinds={"python", "parquet"},
    code_version=CODE_VERSIONS["hdtf_catalog"],
    description="A row a clip: video, group, person, address or path, span, crop window. From a folder of videos, HDTF's annotation "
    "files, or the phantom corpus. Registers the videos as partitions.",
)
def hdtf_catalog(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    from swaptalk_models.data.sources.catalog import write_catalog

    home, asked = swaptalk.home_folder(), swaptalk.asked()
    catalog = write_catalog(home, swaptalk.load(), asked.videos, asked.hdtf, run=run_name(context))
    swaptalk.remember_asked()
    added, removed = sync_partitions(context.instance, catalog.videos)
    metadata = {
        "dagster/row_count": catalog.table.num_rows,
        "dagster/column_schema": arrow_schema(catalog.table.schema),
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
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(catalog.version))
