"""`face_tracks` and `face_crops`: where the face is in every frame, and the aligned crop of it."""

import dagster as dg

from assets.checks import gates_check
from assets.metadata import SINGLE_RUN, lineage, run_name, stage_result, table_metadata
from assets.partitions import videos
from assets.pictures import contact_sheet, quality_histograms, track_quality
from assets.resources import SwapTalk
from swaptalk_models.graph.code_versions import CODE_VERSIONS


@dg.asset(
    deps=["clips"],
    group_name="faces",
    partitions_def=videos,
    backfill_policy=SINGLE_RUN,
    kinds={"python", "lance"},
    code_version=CODE_VERSIONS["face_tracks"],
    description="A row a frame: box, 68 landmarks, confidence and how they were found.",
)
def face_tracks(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    from swaptalk_models.data.stages.run import run_data_stage

    keys = context.partition_keys
    report = run_data_stage(
        "face_tracks", swaptalk.home_folder(), swaptalk.load(), keys, workers=swaptalk.workers, run=run_name(context)
    )
    metadata = table_metadata(swaptalk, "face_tracks")
    pictures = track_quality(swaptalk, keys) | quality_histograms(swaptalk, "face_tracks", keys)
    return stage_result(context, swaptalk, report, metadata, pictures)


@dg.asset(
    deps=["clips", "face_tracks"],
    group_name="faces",
    partitions_def=videos,
    backfill_policy=SINGLE_RUN,
    kinds={"python", "lance"},
    code_version=CODE_VERSIONS["face_crops"],
    description="A row a frame: aligned crop, the affine that made it, landmarks inside it, region labels.",
)
def face_crops(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    from swaptalk_models.data.stages.run import run_data_stage

    keys = context.partition_keys
    report = run_data_stage(
        "face_crops", swaptalk.home_folder(), swaptalk.load(), keys, workers=swaptalk.workers, run=run_name(context)
    )
    metadata = table_metadata(swaptalk, "face_crops") | {"dagster/column_lineage": lineage(_CROPS_FROM)}
    pictures = contact_sheet(swaptalk, keys) | quality_histograms(swaptalk, "face_crops", keys)
    return stage_result(context, swaptalk, report, metadata, pictures)


_CROPS_FROM = {
    "affine": [("face_tracks", "landmarks")],
    "landmarks": [("face_tracks", "landmarks")],
    "labels": [("face_tracks", "landmarks")],
    "crop": [("face_tracks", "landmarks")],
    "confidence": [("face_tracks", "confidence")],
}


@dg.asset_check(
    asset=face_tracks, blocking=True, description="The table holds exactly the rows that the ledger knows, none twice."
)
def face_tracks_rows(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    return _rows_check(swaptalk, "face_tracks")


@dg.asset_check(asset=face_crops, blocking=True, description="As for the tracks; and every crop has its track.")
def face_crops_rows(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    return _rows_check(swaptalk, "face_crops", of="face_tracks")


def _rows_check(swaptalk: SwapTalk, name: str, of: str | None = None) -> dg.AssetCheckResult:
    from swaptalk_models.data.store.audit import wrong_rows

    wrong = wrong_rows(swaptalk.home_folder(), name, of)
    return dg.AssetCheckResult(
        passed=not wrong, metadata={"clips with wrong rows": float(len(wrong)), "first": "; ".join(wrong[:5])}
    )


face_tracks_gates = gates_check("face_tracks")
face_crops_gates = gates_check("face_crops")


@dg.asset_check(
    asset=face_tracks,
    description="A face was seen in at least 95 % of all frames, with a mean confidence of at least 0.5.",
)
def face_tracks_quality(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    from swaptalk_models.data.store.audit import confidence_summary

    mean, faceless = confidence_summary(swaptalk.home_folder())
    return dg.AssetCheckResult(
        passed=mean >= 0.5 and faceless <= 0.05,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"mean_confidence": mean, "faceless_share": faceless},
    )
