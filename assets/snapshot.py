"""`training_snapshot`: the line between what grows video by video and what is trained as a whole."""

import dagster as dg

from assets.support.facts import asset_facts
from assets.support.metadata import lineage, reasons_table, run_name, unplotted
from assets.support.resources import SwapTalk
from swaptalk_models.data.quality.gates import marked
from swaptalk_models.data.store.ledger import Ledger, StageReport


@dg.asset(
    **asset_facts("training_snapshot"),
    description="A row a clip that a training may use: its person and split, and the table versions that hold its rows. Split by person. "
    "Clips in quarantine are simply not in it, and by default none whose face a quality gate marks. "
    "Of those whose sound is marked, trainings see the face only.",
)
def training_snapshot(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    from swaptalk_models.data.person_split import SPLITS
    from swaptalk_models.data.snapshot import TABLES, make_snapshot

    home = swaptalk.home_folder()
    before = (home.snapshots / "current").read_text().strip() if (home.snapshots / "current").is_file() else ""
    snapshot = make_snapshot(home, swaptalk.load())
    changed = snapshot.version != before
    with Ledger(home.ledger) as ledger:
        ledger.record(StageReport("training_snapshot", int(changed), int(not changed)), run_name(context))
        marks = marked(ledger)
    metadata: dict = {
        "dagster/row_count": snapshot.rows.num_rows,
        "dagster/column_lineage": lineage(_FROM),
        "dagster/uri": str(snapshot.path),
        "version": snapshot.version,
        "frames": float(sum(snapshot.rows["frames"].to_pylist())),
    }
    metadata["marked"] = float(len(marks))
    metadata["mute"] = float(sum(not row["sound"] for row in snapshot.clips()))
    metadata["sound moved"] = float(sum(bool(row["sound_offset"]) for row in snapshot.clips()))
    twins = [f"{row['clip']} is {row['twin']}, by {row['twin_by']}" for row in snapshot.clips() if row["twin"]]
    metadata["recordings under two names"] = float(len(twins))
    if twins:
        metadata["twins"] = dg.MetadataValue.md("\n".join(f"- {said}" for said in twins[:50]))
        context.log.warning(
            f"{len(twins)} clips hold a recording that is there under another name; first: {twins[0]}. They share a split"
        )
    if marks:
        metadata["marks"] = reasons_table(marks)
        context.log.warning(f"{len(marks)} clips marked, first {marks[0].clip}: {marks[0].reason}")
    for split in SPLITS:
        rows = snapshot.clips(split)
        metadata[f"{split} clips"] = float(len(rows))
        metadata[f"{split} people"] = float(len({row["person"] for row in rows}))
    metadata |= {f"{name} version": float(snapshot.table_version(name)) for name in TABLES}
    metadata = metadata if changed else unplotted(metadata)
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(snapshot.version))


_FROM = {
    "video": [("hdtf_catalog", "video")],
    "person": [("hdtf_catalog", "person")],
    "split": [("hdtf_catalog", "person")],
    "frames": [("face_crops", "frame")],
    "sound": [("mels", "mel")],
    "twin": [("mels", "mel"), ("face_crops", "crop")],
    "twin_by": [("mels", "mel"), ("face_crops", "crop")],
    "face_tracks_hash": [("face_tracks", "landmarks")],
    "face_crops_hash": [("face_crops", "crop")],
    "mels_hash": [("mels", "mel")],
}


@dg.asset_check(
    asset=training_snapshot, blocking=True, description="Nobody is in two splits, and none of the splits is empty."
)
def training_snapshot_split(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    from swaptalk_models.data.person_split import SPLITS
    from swaptalk_models.data.snapshot import load_snapshot

    snapshot = load_snapshot(swaptalk.home_folder())
    people = {split: {row["person"] for row in snapshot.clips(split)} for split in SPLITS}
    disjoint = sum(map(len, people.values())) == len(set.union(*people.values()))
    return dg.AssetCheckResult(
        passed=disjoint and all(people.values()), metadata={k: float(len(v)) for k, v in people.items()}
    )
