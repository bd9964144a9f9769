"""`raw_videos` and `clips`: from whatever people have to 25 fps mp4 and 16 kHz wav."""

from collections import Counter

import dagster as dg

from assets.metadata import SINGLE_RUN, run_name, stage_result
from assets.partitions import videos
from assets.resources import SwapTalk
from swaptalk_models.data.store.ledger import OK, Ledger
from swaptalk_models.graph.code_versions import CODE_VERSIONS


@dg.asset(
    deps=["hdtf_catalog"],
    group_name="clips",
    partitions_def=videos,
    backfill_policy=SINGLE_RUN,
    kinds={"python", "video"},
    code_version=CODE_VERSIONS["raw_videos"],
    description="The source video: the user's own file where it lies, never copied or changed, or a download. Opened and examined.",
)
def raw_videos(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    from swaptalk_models.data.stages.run import run_data_stage

    home = swaptalk.home_folder()
    keys = context.partition_keys
    report = run_data_stage("raw_videos", home, swaptalk.load(), keys, workers=swaptalk.workers, run=run_name(context))
    with Ledger(home.ledger) as ledger:
        found = [entry.output for entry in ledger.entries("raw_videos", keys, OK).values()]
        asked = Counter(status for status, _, _ in ledger.downloads().values())
    metadata = {
        "hours": sum(video["info"]["duration_s"] for video in found) / 3600,
        "frames": float(sum(video["info"]["frames"] for video in found)),
        "videos with damage": float(sum("damaged" in video for video in found)),
        **{f"downloads {status}": float(count) for status, count in sorted(asked.items())},
    }
    return stage_result(context, swaptalk, report, metadata)


@dg.asset(
    deps=["raw_videos"],
    group_name="clips",
    partitions_def=videos,
    backfill_policy=SINGLE_RUN,
    kinds={"python", "video"},
    code_version=CODE_VERSIONS["clips"],
    description="One 25 fps constant-rate mp4 and one 16 kHz mono wav a clip, of the same length.",
)
def clips(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    from swaptalk_models.data.stages.run import run_data_stage

    home = swaptalk.home_folder()
    keys = context.partition_keys
    report = run_data_stage("clips", home, swaptalk.load(), keys, workers=swaptalk.workers, run=run_name(context))
    with Ledger(home.ledger) as ledger:
        frames = sum(entry.output["frames"] for entry in ledger.entries("clips", keys, OK).values())
    return stage_result(context, swaptalk, report, {"frames": float(frames), "dagster/uri": str(home.clips)})
