"""What a home holds and where, as `swaptalk status` says it. The JSON is a contract: see `collect`.

Fast: read from the ledger and from the names of files; neither Dagster nor Lance nor PyArrow is imported.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from pathlib import Path
from typing import Any

from swaptalk_models.data.quality.gates import STAGE as QUALITY_STAGE
from swaptalk_models.data.quality.gates import SYNC_STAGE, marked
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, QUARANTINED, Ledger, StageReport
from swaptalk_models.data.store.storage_address import storage_of
from swaptalk_models.data.store.stored_files import present, stored_size
from swaptalk_models.data.store.table_files import file_sizes
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import MODELS, Figure, own_models
from swaptalk_models.modules.model_folder import current, held_out_metrics
from swaptalk_models.rehearsal.precheck import kept as kept_findings

JUDGEMENTS = (QUALITY_STAGE, SYNC_STAGE)
"""Kept in the ledger like stages, but no data of their own."""


def collect(home: Home) -> dict[str, Any]:
    """{"home", "preset", "failed", "precheck", "videos", "clips", "frames", "quarantine", "marked", "orphans", "stages", "data", "snapshots",
    "models", "report", "release"}, plain JSON values.

    A video or clip is ok when every data stage that has begun has it, quarantined when one refused it; `total` counts also what
    is still to come. Clips that the last snapshot's quality gates marked are ok, and listed under `marked`. `data` says where
    what every stage made lies, and how much it is; `failed` is why the last run failed, None where it did not; `precheck` is what was there before
    the last run, of people, speech, disk, memory and time; `orphans` counts what stays of videos that have gone.

    Raises:
        UserError: there is no home there.
    """
    if not home.has_ledger:
        raise UserError(f"nothing in {home.root} yet: run `swaptalk run --home {home.root}` first")
    state = home.state()
    with Ledger(home.ledger) as ledger:
        sources, cut = ledger.entries("raw_videos"), ledger.entries("clips")
        faces, mels = ledger.entries("face_crops") or ledger.entries("face_tracks"), ledger.entries("mels")
        bad, orphans, counts = ledger.quarantine(), ledger.orphans(), ledger.counts()
        marks = marked(ledger)
        last = ledger.last_run()
    refused = {entry.clip for entry in bad}
    # After `--until` a stage may not have begun anywhere: then nothing is missing of it.
    made = [found for found in (cut, faces, mels) if found]
    usable = {clip for clip in cut if all(clip in found and found[clip].status == OK for found in made)}
    usable_videos = {cut[clip].video for clip in usable} if made else {v for v, e in sources.items() if e.status == OK}
    refused_videos = {entry.video for entry in bad} - usable_videos
    unread = {
        entry.clip for entry in sources.values() if entry.status == QUARANTINED
    }  # a video that gave no clip counts as one
    return {
        "home": str(home.root),
        "preset": state.preset,
        "failed": dict(state.failed) if state.failed else None,
        "precheck": kept_findings(home.root),
        "videos": {"total": len(sources), "ok": len(usable_videos), "quarantined": len(refused_videos)},
        "clips": {"total": len(cut.keys() | unread), "ok": len(usable), "quarantined": len(refused)},
        "frames": sum(faces[clip].rows if faces else int(cut[clip].output.get("frames", 0)) for clip in usable),
        "quarantine": [{"clip": entry.clip, "stage": entry.stage, "reason": entry.reason} for entry in bad],
        "marked": [{"clip": e.clip, "gates": e.output["gates"], "reason": e.reason} for e in marks],
        "orphans": dict(Counter(e.stage for e in orphans if e.stage not in JUDGEMENTS)),
        # one an asset: offsets are measured within the sync judge's
        "stages": {name: _stage(report) for name, report in last.items() if name != SYNC_STAGE},
        "data": {
            name: _data(home, name, found)
            for (name, status), found in counts.items()
            if status == OK and name not in JUDGEMENTS
        },
        "snapshots": _snapshots(home),
        "models": {spec.name: found for spec in own_models() if (found := _model(home.root, spec.name)) is not None},
        "report": _existing(state.report),
        "release": _existing(state.release),
    }


def _stage(report: StageReport) -> dict[str, Any]:
    return {
        "computed": report.computed,
        "cached": report.cached,
        "quarantined": report.quarantined,
        "seconds": round(report.seconds, 2),
    }


def _data(home: Home, name: str, counts: tuple[int, int, int]) -> dict[str, Any]:
    """Clips and rows of a stage, the folder or the place on the storage that holds them, and its size there with all versions."""
    clips, _, rows = counts
    folder = {"raw_videos": home.videos, "clips": home.clips}.get(name, home.table(name))
    if storage := storage_of(home.root):
        tree = {"raw_videos": "videos", "clips": "clips"}.get(name)
        size = stored_size(home.root, tree) if tree else sum(file_sizes(home, name).values())
        place = f"{storage.address}/files/{tree}" if tree else storage.table(name)
        return {"path": place if size else None, "clips": clips, "rows": rows, "bytes": size}
    there = folder.is_dir()
    return {
        "path": str(folder) if there else None,
        "clips": clips,
        "rows": rows,
        "bytes": _size(folder) if there else 0,
    }


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # a run at work replaces files
                total += os.stat(os.path.join(parent, name)).st_size
    return total


def _snapshots(home: Home) -> dict[str, Any]:
    """The current training snapshot and all that there are, by version."""
    pointer = home.snapshots / "current"
    there = sorted(path.parent.name for path in home.snapshots.glob("*/manifest.parquet"))
    return {"current": pointer.read_text().strip() if pointer.is_file() else None, "versions": there}


def _model(home: Path, name: str) -> dict[str, Any] | None:
    """A model's newest version; metrics of its evaluation.json, if there is one, over those of its training; and what stands beside them: the
    trivial baselines, and what is wanted of a figure, as a sentence."""
    try:
        folder = current(home, name)
    except UserError:
        return None
    if not folder.done:
        return None
    return {
        "version": folder.version,
        "path": str(folder.path),
        "step": folder.result()["step"],
        "metrics": held_out_metrics(folder),
        "baselines": folder.result().get("baselines", {}),
        "wanted": {metric: wanted(target) for metric, target in MODELS[name].targets.items()},
        **({"kept": folder.result()["kept"]} if "kept" in folder.result() else {}),
    }


def wanted(target: Figure) -> str:
    """What is asked of a figure."""
    return f">= {target.threshold:g}" if target.at_least else f"within {target.threshold:g}"


def _existing(path: str | None) -> str | None:
    return path if path and present(Path(path)).exists() else None
