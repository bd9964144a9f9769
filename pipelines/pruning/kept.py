"""What has to stay, whatever the policy: what a kept release, the current models, the report or a tagged snapshot names, and what that was made from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.pruning.policy import Policy
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.files import MADE_FROM_FILE, METRICS_FILE
from swaptalk_models.graph.models import MODELS
from swaptalk_models.modules.model_folder import RELEASE_FILE, ModelFolder, current


@dataclass
class Kept:
    """Names of what stays."""

    releases: set[str] = field(default_factory=set)
    evaluations: set[str] = field(default_factory=set)
    models: set[tuple[str, str]] = field(default_factory=set)
    """(name, version)"""
    snapshots: set[str] = field(default_factory=set)


def kept(home: Home, policy: Policy) -> Kept:
    """All that stays of a home, by policy or because something that stays names it."""
    stays = Kept()
    stays.releases = _newest(releases(home), policy) | _pointed_at(home.releases)
    now = {name: version for name in MODELS if (version := _current(home, name)) is not None}
    wanted = [record(home.releases / name / RELEASE_FILE) for name in sorted(stays.releases)]
    stays.evaluations = _newest(evaluations(home), policy) | _of_models(home, [now, *(one["models"] for one in wanted)])
    if home.state().report:
        stays.evaluations.add(Path(home.state().report or "").parent.name)
    wanted += [record(home.evaluation / name / MADE_FROM_FILE) for name in sorted(stays.evaluations)]
    stays.models = _with_inputs(
        home,
        [pair for one in wanted for pair in one["models"].items()]
        + list(now.items())
        + [(name, version) for name in MODELS for version in _newest(trained(home, name), policy)],
    )
    stays.snapshots = _newest(snapshots(home), policy) | _pointed_at(home.snapshots) | tagged(home)
    stays.snapshots |= {one["snapshot"] for one in wanted if one.get("snapshot")}
    stays.snapshots |= {
        str(record(home.models / name / version / "result.json").get("snapshot", "")) for name, version in stays.models
    }
    return stays


def releases(home: Home) -> dict[str, float]:
    """{version: when it was made}"""
    return _made(home.releases.glob(f"*/{RELEASE_FILE}"))


def evaluations(home: Home) -> dict[str, float]:
    """{version: when its newest measurements were made}, of those that are whole."""
    found: dict[str, float] = {}
    for path in home.evaluation.glob(f"*/metrics_*/{METRICS_FILE}"):
        name = path.parent.parent.name
        found[name] = max(found.get(name, 0.0), path.stat().st_mtime)
    return found


def trained(home: Home, name: str) -> dict[str, float]:
    """{version: when it was trained}, of a model's versions that are whole."""
    return _made((home.models / name).glob("*/result.json"))


def snapshots(home: Home) -> dict[str, float]:
    """{version: when it was made}"""
    return _made(home.snapshots.glob("*/manifest.parquet"))


def tagged(home: Home) -> set[str]:
    """Snapshots of which somebody has tagged a table's version under a name of his own."""
    from swaptalk_models.data.snapshot import TABLES, load_snapshot
    from swaptalk_models.data.store.tables import SNAPSHOT_TAG, has_table, tags

    own = {
        name: {version for tag, version in tags(home, name).items() if not tag.startswith(SNAPSHOT_TAG)}
        for name in TABLES
        if has_table(home, name)
    }
    if not any(own.values()):
        return set()
    found = set()
    for version in snapshots(home):
        snapshot = load_snapshot(home, version)
        if snapshot.rows.num_rows and any(snapshot.table_version(name) in own.get(name, ()) for name in TABLES):
            found.add(version)
    return found


def record(path: Path) -> dict[str, Any]:
    """What a JSON file says; where it is not there, that it names nothing.

    Raises:
        UserError: it is damaged: what it names is not known, so nothing can be removed.
    """
    try:
        return {"models": {}} | json.loads(path.read_text())
    except FileNotFoundError:
        return {"models": {}}
    except ValueError as error:
        raise UserError(f"{path}: damaged ({error}): remove its folder by hand, then clean again") from None


def _made(files: Iterable[Path]) -> dict[str, float]:
    return {path.parent.name: path.stat().st_mtime for path in files}


def _newest(made: dict[str, float], policy: Policy) -> set[str]:
    order = sorted(made, key=lambda name: (made[name], name), reverse=True)
    return {name for place, name in enumerate(order) if not policy.is_old(place, made[name])}


def _pointed_at(folder: Path) -> set[str]:
    pointer = folder / "current"
    return {pointer.read_text().strip()} if pointer.is_file() else set()


def _current(home: Home, name: str) -> str | None:
    try:
        return current(home.root, name).version
    except UserError:
        return None


def _of_models(home: Home, wanted: list[dict[str, str]]) -> set[str]:
    """Evaluations of one of these sets of models."""
    found = set()
    for path in home.evaluation.glob(f"*/{MADE_FROM_FILE}"):
        of = record(path)["models"]
        if any(models and of and _agree(models, of) for models in wanted):
            found.add(path.parent.name)
    return found


def _agree(some: dict[str, str], others: dict[str, str]) -> bool:
    common = some.keys() & others.keys()
    return bool(common) and all(some[name] == others[name] for name in common)


def _with_inputs(home: Home, models: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """These models and all that they are built on."""
    found: set[tuple[str, str]] = set()
    left = list(models)
    while left:
        name, version = one = left.pop()
        if one not in found:
            found.add(one)
            folder = ModelFolder(home.models / name / version)
            left += list(record(folder.path / "result.json").get("inputs", {}).items())
    return found
