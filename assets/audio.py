"""`mels`: the sound as the lips see it."""

import dagster as dg

from assets.checks import gates_check
from assets.metadata import SINGLE_RUN, run_name, stage_result, table_metadata
from assets.partitions import videos
from assets.pictures import quality_histograms, sound
from assets.resources import SwapTalk
from swaptalk_models.graph.code_versions import CODE_VERSIONS


@dg.asset(
    deps=["clips"],
    group_name="audio",
    partitions_def=videos,
    backfill_policy=SINGLE_RUN,
    kinds={"python", "lance"},
    code_version=CODE_VERSIONS["mels"],
    description="A row a clip: log-mel (steps, 80) in [-4, 4], 80 steps/s, as long as the clip's frames.",
)
def mels(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    from swaptalk_models.data.stages.run import run_data_stage

    keys = context.partition_keys
    report = run_data_stage(
        "mels", swaptalk.home_folder(), swaptalk.load(), keys, workers=swaptalk.workers, run=run_name(context)
    )
    pictures = sound(swaptalk, keys) | quality_histograms(swaptalk, "mels", keys)
    return stage_result(context, swaptalk, report, table_metadata(swaptalk, "mels"), pictures)


@dg.asset_check(
    asset=mels, blocking=True, description="The table holds exactly the rows that the ledger knows, none twice."
)
def mels_rows(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    from swaptalk_models.data.store.audit import wrong_rows

    wrong = wrong_rows(swaptalk.home_folder(), "mels")
    return dg.AssetCheckResult(
        passed=not wrong, metadata={"clips with wrong rows": float(len(wrong)), "first": "; ".join(wrong[:5])}
    )


mels_gates = gates_check("mels")
