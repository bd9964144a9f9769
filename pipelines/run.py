"""`swaptalk run`: the main job through Dagster, in this process, in the instance that the UI shows.

Two Dagster runs under one tag: the catalog first, because it decides which partitions there are; then all the rest
over their whole range.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from pipelines.failures import NO_STAGE, Failure, first_failure, forget_failure, remember_failure
from pipelines.instance import held_open, open_instance
from pipelines.origin import NOT_AGAIN, runs_are_the_uis
from pipelines.recovery import CLI_TAG, free_dead, held_alive
from pipelines.run_settings import Settings, settled
from swaptalk_models.data.engine.ray_cluster import kept, require_ray
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.object_store import ObjectStore
from swaptalk_models.data.store.storage_address import storage_of
from swaptalk_models.data.store.storage_home import open_home
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import own_models
from swaptalk_models.rehearsal.precheck import Finding, check_room, precheck, refuse_a_full_disk
from swaptalk_models.settings.compute import RAY
from swaptalk_models.settings.preset import load_preset

if TYPE_CHECKING:
    import dagster as dg

CATALOG = "hdtf_catalog"
JOB = "swaptalk"


class StageFailed(Exception):
    """A stage failed, and not by the user's fault; ``str(error)`` says which and why, ``details`` where."""

    def __init__(self, message: str, details: str = ""):
        super().__init__(message)
        self.details = details


def run_graph(settings: Settings, remember: bool = True, known: Callable[[list[Finding]], None] | None = None) -> None:
    """Materialise the graph, or what ``settings.until`` needs of it.

    Args:
        remember: whether these become the home's ``last_settings``, and a failure its last one.
        known: called as soon as the catalog says what there is, with the findings of ``precheck``.

    Raises:
        UserError: the input's or the configuration's fault, in whichever stage it came out.
        StageFailed: anything else.
        KeyboardInterrupt: Ctrl-C; what is finished is kept.
    """
    home = open_home(settings.home, begin=True)
    if storage := storage_of(home.root):
        ObjectStore(storage).check()
    settings = settled(settings)
    if load_preset(settings.preset, settings.overrides).compute == RAY:  # a mistake in it shows at once
        require_ray()
    with quiet_dagster(), kept():
        from pipelines.definitions import defs

        selected = _selection(defs, settings.until)
        check_room(home, settings.asked, selected)
        home.create()
        with open_instance(settings.home) as instance:
            runs_are_the_uis(instance, JOB)
            free_dead(instance)  # what a kill left behind would keep the slot that this run waits for
            tags = {"swaptalk/run": uuid.uuid4().hex, CLI_TAG: "run"} | NOT_AGAIN
            config = settings.run_config(remember)
            execute = partial(_execute, defs, instance, home, config, told=remember)
            execute({CATALOG}, tags)
            findings = precheck(home, settings.asked, selected)
            if known:
                known(findings)
            refuse_a_full_disk(home, findings)  # once more: HDTF's length is known only now
            rest = selected - {CATALOG}
            if rest:
                from assets.support.partitions import all_partitions

                execute(rest, tags | all_partitions(instance))
            if remember:
                forget_failure(home, selected)
            if remember and rest.issuperset(spec.name for spec in own_models()):
                home.update_state(study=None)  # if one was killed: the models are the home's own again


def _selection(defs: dg.Definitions, until: str) -> set[str]:
    """Names of the assets to materialise."""
    import dagster as dg

    graph = defs.resolve_asset_graph()
    names = {key.to_user_string() for key in graph.get_all_asset_keys()}
    if not until:
        return names
    if until not in names:
        raise UserError(f"no asset is called {until!r}: there are {', '.join(_in_order(graph))}")
    return {key.to_user_string() for key in dg.AssetSelection.assets(until).upstream().resolve(graph)}


def _in_order(graph: dg.AssetGraph) -> list[str]:
    return [key.to_user_string() for keys in graph.toposorted_asset_keys_by_level for key in sorted(keys)]


def _execute(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    home: Home,
    run_config: dict[str, Any],
    assets: set[str],
    tags: dict[str, str],
    told: bool,
) -> None:
    import dagster as dg

    run_id = str(uuid.uuid4())
    try:
        with held_alive(instance, run_id), held_open(instance, run_id):
            result = defs.resolve_job_def(JOB).execute_in_process(
                run_config=run_config | {"loggers": {"terminal": {}}},
                instance=instance,
                asset_selection=[dg.AssetKey(name) for name in sorted(assets)],
                tags=tags,
                run_id=run_id,
                raise_on_error=False,
            )
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        free_dead(instance)
        raise KeyboardInterrupt from None
    if not result.success:
        failure = first_failure(instance, run_id) or Failure(NO_STAGE, "it failed before its first stage", ours=True)
        if told:
            remember_failure(home, failure)
        _raise(failure)


def _raise(failure: Failure) -> NoReturn:
    if failure.interrupted:
        raise KeyboardInterrupt
    if failure.ours:
        raise StageFailed(f"{failure.stage} failed: {failure.reason}", failure.details)
    raise UserError(failure.reason)


@contextmanager
def quiet_dagster() -> Iterator[None]:
    """Keep Dagster's notices about its own API, and its logs, off the terminal; the instance has them all."""
    import logging
    import warnings

    logger = logging.getLogger("dagster")
    level = logger.level
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* is currently in (beta|preview)")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
