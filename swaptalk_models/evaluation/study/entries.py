"""What people may be shown: the videos of a home's evaluations, each under the name of who made it.

Who is compared are methods of one evaluation, or releases: our method by the models of each. Two of them meet on one scene: the same source, target
and voice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.files import MADE_FROM_FILE, METRICS_FILE, measured
from swaptalk_models.evaluation.measure.scene_videos import SceneVideo, load_videos
from swaptalk_models.metrics.table import BY_KEY
from swaptalk_models.modules.model_folder import RELEASE_FILE
from swaptalk_models.settings.methods import CROSS, GROUND_TRUTH, OURS, OURS_WITH_DETAIL


@dataclass(frozen=True)
class Entry:
    """One video."""

    contestant: str
    """Whose it is: a method, or a release."""
    scene: str
    """Setting, source, target and voice: entries of one scene can be held against each other."""
    video: SceneVideo
    figures: Mapping[str, float]
    """What our metrics say of it, by key."""


def method_entries(home: Home, methods: Sequence[str] = ()) -> list[Entry]:
    """The videos of the newest measured evaluation.

    Args:
        methods: those that are wanted; none: all.

    Raises:
        UserError: nothing was measured, or a method was not.
    """
    folder = _newest(home)
    rows = pq.read_table(folder / METRICS_FILE).to_pylist()
    known = list(dict.fromkeys(row["method"] for row in rows))
    for name in methods:
        if name not in known:
            raise UserError(f"--method {name!r}: the newest evaluation of {home.root} has {', '.join(known)}")
    entries = _entries(folder, rows)
    return [entry for entry in entries if not methods or entry.contestant in methods]


def release_entries(home: Home) -> list[Entry]:
    """Our method's videos by the models of every release that was measured, on the scenes that it was tried on.

    Raises:
        UserError: fewer than two releases were.
    """
    folders = {json.dumps(_models(folder), sort_keys=True): folder for folder in measured(home)}
    found: dict[str, list[Entry]] = {}
    for file in sorted(home.releases.glob(f"*/{RELEASE_FILE}")):
        models = json.loads(file.read_text())["models"]
        folder = next((one for key, one in folders.items() if models.items() <= json.loads(key).items()), None)
        if folder is None:
            continue
        rows = pq.read_table(folder / METRICS_FILE).to_pylist()
        found[f"release {file.parent.name[:8]}"] = _entries(folder, rows)
    if len(found) < 2:
        raise UserError(
            f"--releases: {len(found)} of the releases of {home.root} have an evaluation that is still there: two are needed"
        )
    # With the source's detail, as `swaptalk generate` makes it, where all of them were tried so.
    detailed = all(any(entry.contestant == OURS_WITH_DETAIL for entry in entries) for entries in found.values())
    method = OURS_WITH_DETAIL if detailed else OURS
    return [
        Entry(name, entry.scene, entry.video, entry.figures)
        for name, entries in found.items()
        for entry in entries
        if entry.contestant == method
    ]


def _newest(home: Home) -> Path:
    folders = measured(home)
    if not folders:
        raise UserError(f"nothing was measured in {home.root}: run `swaptalk run --home {home.root}` first")
    return folders[-1]


def _models(folder: Path) -> dict[str, str]:
    models: dict[str, str] = json.loads((folder.parent / MADE_FROM_FILE).read_text())["models"]
    return models


def _entries(folder: Path, rows: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """All that can be held against another: a real video speaks with its own voice, so that it only fits self-driven scenes."""
    figures = {(row["scene"], row["method"]): row for row in rows}
    return [
        Entry(video["method"], _scene(video), video, _figures(figures[video["scene"], video["method"]]))
        for video in load_videos(folder.parent)
        if not (video["method"] == GROUND_TRUTH and video["setting"] == CROSS)
    ]


def _scene(video: SceneVideo) -> str:
    return " ".join([video["setting"], *(Path(video[key]).stem for key in ("source", "target", "audio"))])


def _figures(row: Mapping[str, Any]) -> dict[str, float]:
    return {key: float(row[key]) for key in BY_KEY if isinstance(row.get(key), float | int)}
