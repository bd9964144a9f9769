"""A set of test videos: every method on every scene. What it is made from, where it lies, and what is in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

from swaptalk_models.data.snapshot import load_snapshot
from swaptalk_models.data.store.fingerprint import hash_values
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.stored_files import fetch
from swaptalk_models.evaluation.files import VIDEOS_FILE
from swaptalk_models.graph.code_versions import CODE_VERSIONS
from swaptalk_models.graph.models import RELEASED
from swaptalk_models.modules.model_folder import current
from swaptalk_models.settings.methods import chosen_methods, models_needed
from swaptalk_models.settings.preset import Preset


class SceneVideo(TypedDict):
    """One video to be measured, and what it was made from: an entry of test_videos.json. Paths are absolute; in the file they
    begin at the home, which may be moved."""

    scene: str
    setting: str
    method: str
    path: str
    target: str
    source: str
    """Source picture; also of methods that do not use it, so that all can be compared."""
    audio: str
    gallery: str
    """Folder with one picture of each held-out person."""


def origin(home: Home, preset: Preset) -> dict[str, Any]:
    """What a set of test videos is made from: {"models": {name: version}, "snapshot", "methods", "pairs", "chunk_seconds",
    "seed", "code"}.
    """
    config = preset.evaluation
    names = (*RELEASED, *sorted(models_needed(config.methods)))
    return {
        "models": {name: current(home.root, name).version for name in names},
        "snapshot": load_snapshot(home).version,
        "methods": list(chosen_methods(config.methods)),
        "pairs": config.pairs,
        "chunk_seconds": config.chunk_seconds,
        "seed": config.seed,
        "code": CODE_VERSIONS["test_videos"],
    }


def evaluation_folder(home: Home, preset: Preset) -> Path:
    """HOME/evaluation/VERSION: the version names models, snapshot and protocol."""
    return home.evaluation / hash_values(origin(home, preset))[:16]


_PATHS: tuple[Literal["path", "target", "source", "audio", "gallery"], ...] = (
    "path",
    "target",
    "source",
    "audio",
    "gallery",
)


def kept_videos(videos: Sequence[SceneVideo], home: Home) -> list[dict[str, Any]]:
    """As test_videos.json keeps them."""
    return [dict(video) | {key: home.name(str(video[key])) for key in _PATHS} for video in videos]


def load_videos(folder: Path) -> list[SceneVideo]:
    """What ``make_test_videos`` has made there, wherever the home lies now; files that are on its storage alone are fetched."""
    kept = json.loads((folder / VIDEOS_FILE).read_text())
    home, videos = folder.absolute().parents[1], []
    for video in kept:
        made_in = Path(video["gallery"]).parents[2]  # earlier versions kept where the home was then
        places = {key: str(home / Path(video[key]).relative_to(made_in)) for key in _PATHS}
        videos.append(cast("SceneVideo", video | places))
    fetch(home, {Path(video[key]) for video in videos for key in _PATHS if key != "gallery"})
    return videos
