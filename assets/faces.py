"""`face_tracks` and `face_crops`: where the face is in every frame, and the aligned crop of it."""

import dagster as dg

from assets.support.gate_checks import gates_check
from assets.support.metadata import lineage, table_metadata
from assets.support.pictures import contact_sheet, quality_histograms, track_quality
from assets.support.resources import SwapTalk
from assets.support.row_checks import rows_check
from assets.support.stage_asset import stage_asset
from assets.support.video_page import face_strips

_CROPS_FROM = {
    "affine": [("face_tracks", "landmarks")],
    "landmarks": [("face_tracks", "landmarks")],
    "labels": [("face_tracks", "landmarks")],
    "crop": [("face_tracks", "landmarks")],
    "confidence": [("face_tracks", "confidence")],
}

face_tracks = stage_asset(
    "face_tracks",
    "A row a frame: box, 68 landmarks, confidence and how they were found.",
    metadata=lambda swaptalk: table_metadata(swaptalk, "face_tracks"),
    pictures=lambda swaptalk: track_quality(swaptalk) | quality_histograms(swaptalk, "face_tracks"),
)

face_crops = stage_asset(
    "face_crops",
    "A row a frame: aligned crop, the affine that made it, landmarks inside it, region labels.",
    metadata=lambda swaptalk: table_metadata(swaptalk, "face_crops") | {"dagster/column_lineage": lineage(_CROPS_FROM)},
    pictures=lambda swaptalk: contact_sheet(swaptalk) | quality_histograms(swaptalk, "face_crops"),
    strips=face_strips,
)

face_tracks_rows = rows_check("face_tracks")
face_crops_rows = rows_check("face_crops", of="face_tracks")
face_tracks_gates = gates_check("face_tracks")
face_crops_gates = gates_check("face_crops")


@dg.asset_check(
    asset=face_tracks,
    description="A face was seen in at least 95 % of all frames, with a mean confidence of at least 0.5.",
)
def face_tracks_quality(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    from swaptalk_models.data.stages.face_tracks import confidence_summary

    mean, faceless = confidence_summary(swaptalk.home_folder())
    return dg.AssetCheckResult(
        passed=mean >= 0.5 and faceless <= 0.05,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"mean_confidence": mean, "faceless_share": faceless},
    )
