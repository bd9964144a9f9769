"""Cleaning a home by a policy: first the list of what goes, then its removal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.instance import instance_folder, open_instance
from pipelines.pruning.folders import SNAPSHOT, empty_trash, old_folders, remove_folder
from pipelines.pruning.kept import kept, releases
from pipelines.pruning.policy import Policy, Removal
from pipelines.pruning.runs import give_back_space, old_runs, remove_run
from pipelines.pruning.table_versions import drop_versions, unneeded_versions
from pipelines.recovery import DEAD, left_runs
from swaptalk_models.data.stages.registry import DATA_STAGES
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.stored_files import reclaim
from swaptalk_models.errors import UserError
from swaptalk_models.graph.lineage import LINEAGE

if TYPE_CHECKING:
    import dagster as dg

WRITERS = (*dict.fromkeys((*DATA_STAGES, *LINEAGE, "unheard_snapshot")),)
"""Whoever writes one of these may be about to name what is beyond the policy."""


@dataclass(frozen=True)
class Plan:
    """What a policy removes."""

    folders: list[Removal]
    versions: list[Removal]
    runs: list[Removal]

    @property
    def all(self) -> list[Removal]:
        return [*self.folders, *self.versions, *self.runs]


def plan(home: Home, policy: Policy) -> Plan:
    """What is beyond the policy. Nothing is changed.

    Raises:
        UserError: a study or a run is at work, or what a folder names cannot be read.
    """
    with _instance(home) as instance:
        _refuse_at_work(home, instance)
        return _plan(home, policy, instance)


def prune(home: Home, policy: Policy, told: Callable[[Removal], None] = lambda removal: None) -> Plan:
    """Remove what is beyond the policy; gives what that was.

    A kill in the middle leaves all that stays whole, and the next cleaning goes on.

    Args:
        told: called before each removal.

    Raises:
        UserError: as ``plan``; another run is at work.
    """
    with _instance(home) as instance, home.held(*WRITERS):
        _refuse_at_work(home, instance)
        empty_trash(home)
        found = _plan(home, policy, instance)
        for removal in found.folders:
            told(removal)
            assert removal.path is not None
            remove_folder(home, removal.path)
        empty_trash(home)
        for removal in found.versions:
            told(removal)
        drop_versions(home)
        reclaim(home.root)
        if instance is not None:
            for removal in found.runs:
                told(removal)
                remove_run(instance, home, str(removal.path))
            if found.runs:
                give_back_space(instance)
    return found


def _plan(home: Home, policy: Policy, instance: dg.DagsterInstance | None) -> Plan:
    folders = old_folders(home, kept(home, policy), policy)
    leaving = {removal.name for removal in folders if removal.kind == SNAPSHOT}
    runs = old_runs(instance, home, policy, _nth_newest_release(home, policy)) if instance is not None else []
    return Plan(folders, unneeded_versions(home, leaving), runs)


def _nth_newest_release(home: Home, policy: Policy) -> float | None:
    """When the oldest release was made that stays by its number; None: there is none."""
    made = sorted(releases(home).values(), reverse=True)[: policy.keep]
    return made[-1] if made else None


def _refuse_at_work(home: Home, instance: dg.DagsterInstance | None) -> None:
    if home.state().study:
        raise UserError(
            f"{home.root}: an ablation study is at work here, or was killed and has left models of its own current: "
            f"`swaptalk status --home {home.root}` says how to bring the home's own back"
        )
    for run in left_runs(instance) if instance is not None else []:
        if run.state != DEAD:
            raise UserError(f"run {run.run_id} is going on in {home.root}: wait until it is done")


@contextmanager
def _instance(home: Home) -> Iterator[dg.DagsterInstance | None]:
    """The home's Dagster instance; None where nothing was ever run through it."""
    if not instance_folder(home.root).is_dir():
        yield None
        return
    with open_instance(home.root) as instance:
        yield instance
