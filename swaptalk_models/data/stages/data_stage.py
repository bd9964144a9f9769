"""What a data stage is: a step that is done video by video and clip by clip, its results in a table or in files."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from swaptalk_models.data.engine.executor import Executor
from swaptalk_models.data.engine.items import Item, Needs, Result, Work
from swaptalk_models.data.engine.runner import run_stage
from swaptalk_models.data.engine.settled import Standing
from swaptalk_models.data.sources.catalog import catalog_hash
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.fingerprint import hash_params, hash_table
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Entry, Ledger, StageReport
from swaptalk_models.data.store.stored_files import StoredNames
from swaptalk_models.graph.code_versions import CODE_VERSIONS
from swaptalk_models.settings.preset import Preset


def _no_params(preset: Preset) -> None:
    return None


def _no_files(home: Home, clip: str) -> tuple[Path, ...]:
    return ()


@dataclass(frozen=True)
class DataStage:
    """One data stage; each has a file of its own beside this one.

    Its inputs are hashes of what the stages before it have *made*. So what did not come out differently recomputes
    nothing: the sound does not care how the picture is compressed, and a stricter limit does not touch the clips that
    pass it anyway.
    """

    name: str
    """Of its asset, its entries in the ledger, its code version, and its table or folder."""
    items: Callable[[Home, Preset, list[str]], list[Item]]
    """Every clip of these videos that it should have, and what its result depends on. Runs where there is nothing to
    do, too: imports nothing heavy."""
    work: Work
    """What it does to one item. Imports what is heavy where it runs, and `engine.workers.PRELOAD` names that."""
    reads: tuple[str, ...] = ()
    """Stages whose data it reads: nobody may write them meanwhile."""
    params: Callable[[Preset], Any] = _no_params
    """Its section of a preset."""
    schema: pa.Schema | None = None
    """Of its rows in the Lance table of its name; None: it makes no rows."""
    files: Callable[[Home, str], tuple[Path, ...]] = _no_files
    """The files that it makes of a clip: one that is missing is made again, those of a clip that is cleaned away go."""
    needs: Needs = field(default_factory=Needs)
    """What its work reads of one item: sent along to whoever does it without a home."""
    given: str | None = ""
    """What ``items`` goes by beside the preset, the catalog and the ledger's entries of ``reads``, as a version; None: by what changes unseen,
    as files of others do."""

    def run(
        self,
        home: Home,
        preset: Preset,
        videos: Sequence[str],
        *,
        workers: int = 1,
        executor: Executor | None = None,
        run: str | None = "",
        time_limit: float | None = None,
        held: AbstractContextManager[bool] | None = None,
        whole: bool = True,
        since: float = math.inf,
    ) -> StageReport:
        """Bring it up to date for these videos: see `engine.runner.run_stage`.

        Args:
            whole: False: these are some of the videos that the run is about, the others follow.
        """
        videos = list(dict.fromkeys(videos))
        return run_stage(
            self.name,
            lambda: self.items(home, preset, videos),
            videos,
            home=home,
            params=self.params(preset),
            work=self.work,
            table=self.schema is not None,
            reads=self.reads,
            there=self._there(StoredNames(home.root)),
            needs=self.needs,
            makes=self.files,
            workers=workers,
            executor=executor,
            run=run,
            time_limit=time_limit,
            standing=(lambda ledger: self.standing(home, ledger, preset, videos, time_limit)) if whole else None,
            held=held,
            since=since,
        )

    def standing(
        self, home: Home, ledger: Ledger, preset: Preset, videos: Sequence[str], time_limit: float | None = None
    ) -> Standing:
        """How it stands for these videos; arguments as of ``run``."""

        def goes_by() -> Any:
            own = [CODE_VERSIONS[self.name], hash_params(self.params(preset)), time_limit, list(videos)]
            return [*own, self.given, asdict(preset), catalog_hash(home)]

        def is_there() -> bool:
            if self.schema is not None and not tables.has_table(home, self.name):
                return False
            there = self._there(StoredNames(home.root))
            return there is None or all(there(home, Item(clip, "", None)) for clip in ledger.clips(self.name))

        return Standing(ledger, self.name, self.reads, None if self.given is None else goes_by, is_there)

    def _there(self, stored: StoredNames) -> Callable[[Home, Item], bool] | None:
        if self.files is _no_files:
            return None

        def there(home: Home, item: Item) -> bool:
            return all(path.is_file() or path in stored for path in self.files(home, item.clip))

        return there


def finished(home: Home, stage: str, videos: Sequence[str]) -> dict[str, Entry]:
    """{clip: entry} of what a stage has made of these videos: what the stages downstream go by."""
    with Ledger(home.ledger) as ledger:
        return ledger.entries(stage, videos, OK)


def key_columns(item: Item, count: int) -> list[pa.Array]:
    """The first two columns of every table: the rows' clip and video."""
    return [pa.array([item.clip] * count), pa.array([item.video] * count)]


def rows_result(item: Item, schema: pa.Schema, columns: list[pa.Array], **facts: Any) -> Result:
    """The rows of one clip, from all columns but its keys; ``facts`` go to the ledger beside the rows' hash."""
    table = pa.Table.from_arrays([*key_columns(item, len(columns[0])), *columns], schema=schema)
    return Result({"rows": hash_table(table), **facts}, table)
