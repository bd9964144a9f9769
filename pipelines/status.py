"""What a home holds, as `swaptalk status` says it. The JSON is a contract: see `collect`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assets.checks import held_out_metrics
from swaptalk_models.data.home import Home
from swaptalk_models.data.ledger import OK, QUARANTINED, Ledger, StageReport
from swaptalk_models.data.quality import SYNC_STAGE, marked
from swaptalk_models.errors import UserError
from swaptalk_models.training.spec import MODEL_INPUTS, current


def collect(home: Home) -> dict[str, Any]:
    """{"home", "preset", "videos", "clips", "frames", "quarantine", "marked", "stages", "models", "report", "release"},
    plain JSON values.

    A video or clip is ok when every data stage has it, quarantined when one refused it; `total` counts also what is
    still to come. Clips that the last snapshot's quality gates marked are ok, and listed under `marked`.

    Raises:
        UserError: there is no home there.
    """
    if not home.ledger.is_file():
        raise UserError(f"nothing in {home.root} yet: run `swaptalk run --home {home.root}` first")
    state = home.state()
    with Ledger(home.ledger) as ledger:
        sources, cut, crops, mels = (ledger.entries(stage) for stage in ("raw_videos", "clips", "face_crops", "mels"))
        bad = ledger.quarantine()
        marks = marked(ledger)
        last = ledger.last_run()
    refused = {entry.clip for entry in bad}
    usable = {clip for clip, entry in crops.items() if entry.status == OK and clip in mels and mels[clip].status == OK}
    usable_videos = {crops[clip].video for clip in usable}
    refused_videos = {entry.video for entry in bad} - usable_videos
    unread = {
        entry.clip for entry in sources.values() if entry.status == QUARANTINED
    }  # a video that gave no clip counts as one
    return {
        "home": str(home.root),
        "preset": state.get("preset"),
        "videos": {"total": len(sources), "ok": len(usable_videos), "quarantined": len(refused_videos)},
        "clips": {"total": len(cut.keys() | unread), "ok": len(usable), "quarantined": len(refused)},
        "frames": sum(crops[clip].rows for clip in usable),
        "quarantine": [{"clip": entry.clip, "stage": entry.stage, "reason": entry.reason} for entry in bad],
        "marked": [{"clip": e.clip, "gates": e.output["gates"], "reason": e.reason} for e in marks],
        # one an asset: offsets are measured within the sync judge's
        "stages": {name: _stage(report) for name, report in last.items() if name != SYNC_STAGE},
        "models": {name: found for name in MODEL_INPUTS if (found := _model(home.root, name)) is not None},
        "report": _existing(state.get("report")),
        "release": _existing(state.get("release")),
    }


def _stage(report: StageReport) -> dict[str, Any]:
    return {
        "computed": report.computed,
        "cached": report.cached,
        "quarantined": report.quarantined,
        "seconds": round(report.seconds, 2),
    }


def _model(home: Path, name: str) -> dict[str, Any] | None:
    """A model's newest version; metrics of its evaluation.json, if there is one, over those of its training."""
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
    }


def _existing(path: str | None) -> str | None:
    return path if path and Path(path).exists() else None
