"""Names of the files and folders that one part of the evaluation writes and another reads.

    HOME/evaluation/VERSION/              a set of test videos; the version names models, snapshot and protocol
        SCENE_METHOD.mp4
        sources/, chunks/                 source pictures; pieces of long clips
        silent/                           of the leak test: the same, driven by silence
        encoded/                          all of them, and the targets, in one common encoding: what is measured
        made_from.json, test_videos.json  the second is written last: where it is, the set is whole
        metrics_VERSION/                  its measurements; the version names judges and settings
            summary.json, scores.json, comparison.json
            metrics.parquet               written last but for the comparison: where it is, all was measured
        report_VERSION.html, claims_VERSION.json
    HOME/evaluation/releases.html         all releases over time

What a release and a model's folder hold of it is an evaluation.json: see ``RELEASE_EVALUATION_FILE``, and
modules/model_folder.py for the model's.
"""

from __future__ import annotations

from pathlib import Path

from swaptalk_models.data.store.home import Home

MADE_FROM_FILE = "made_from.json"
"""What a set of test videos was made from: see ``scene_videos.origin``."""
VIDEOS_FILE = "test_videos.json"
"""One ``SceneVideo`` a video."""
SOURCES_FOLDER = "sources"
"""Folder with one picture of each held-out person: the gallery."""
CHUNKS_FOLDER = "chunks"
"""Folder with pieces of long clips, and with sounds that were moved into step."""

ENCODED_FOLDER = "encoded"
"""Folder with copies in one common encoding."""

METRICS_FILE = "metrics.parquet"
"""A row a video."""
SUMMARY_FILE = "summary.json"
"""A row a method and setting, with intervals."""
SCORES_FILE = "scores.json"
"""Details and curves of each video."""
COMPARISON_FILE = "comparison.json"
"""These models against the release before them: see ``compare/release.py``."""
PREVIEWS_FOLDER = "previews"
"""Folder with small copies of large videos, for the report."""
COMPRESSION_FILE = "compression.png"
"""The compression study, where there are several compressions."""

RELEASES_PAGE = "releases.html"
"""Of all releases; beside the sets of test videos, where `swaptalk dev` serves it."""
RELEASE_EVALUATION_FILE = "evaluation.json"
"""In a release's folder: what its models were found to do, for the next ones to be compared with."""

ABLATIONS_PAGE, ABLATIONS_FILE = "ablations.md", "ablations.parquet"
"""What an ablation study leaves in its folder."""


def sheet_name(setting: str) -> str:
    """Picture beside the videos: what every method made of a setting's first scene."""
    return f"sheet_{setting}.png"


def metrics_name(version: str) -> str:
    """Folder of one version's measurements."""
    return f"metrics_{version}"


def report_name(version: str) -> str:
    return f"report_{version}.html"


def claims_file(report: Path) -> Path:
    """The claims of a report as JSON: [{"text", "verdict", "rows", "commands"}]."""
    return report.with_name(report.name.replace("report_", "claims_")).with_suffix(".json")


def measured(home: Home, name: str = metrics_name("*")) -> list[Path]:
    """Folders ``name`` with measurements that are whole, of all sets of test videos, the oldest first."""
    tables = sorted(home.evaluation.glob(f"*/{name}/{METRICS_FILE}"), key=lambda path: path.stat().st_mtime)
    return [table.parent for table in tables]
