"""The home folder: where everything that SwapTalk makes has its place."""

from __future__ import annotations

import dataclasses
import json
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.levelling import level
from swaptalk_models.data.store.locks import FileLocks, Locks
from swaptalk_models.data.store.state import PLACES, HomeState, is_file_name, read_state
from swaptalk_models.data.store.state_store import LEDGER_FILE, has_ledger, postgres_address, schema_of
from swaptalk_models.errors import UserError


@dataclass(frozen=True)
class Home:
    """Paths of the home. Light: nothing is opened or made but by ``create``, ``writing`` and ``update_state``."""

    root: Path

    def create(self) -> Home:
        """Make the folder. UserError when it cannot be, or when databases could not be found by its path."""
        if any(letter in str(self.root) for letter in "%?") or not str(self.root).isprintable():
            name = os.fsencode(self.root).decode(errors="backslashreplace")
            raise UserError(
                f"{name}: cannot be the home of the data: Dagster's databases are not found by paths with % or ? or "
                "bytes that are no letters: choose another"
            )
        try:
            self.locks.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{self.root}: cannot be the home of the data: {error.strerror}") from None
        return self

    @property
    def ledger(self) -> Path:
        """What ``Ledger`` opens; there is a file only where the state lies in the home."""
        return self.root / LEDGER_FILE

    @property
    def has_ledger(self) -> bool:
        """Whether anything was ever entered in the ledger, wherever it lies.

        Raises:
            UserError: it lies elsewhere than the environment says.
        """
        return has_ledger(self.root)

    @property
    def tables(self) -> Path:
        """Folder of the Lance tables; `lancedb.connect(home.tables)` opens it."""
        return self.root / "tables"

    def table(self, name: str) -> Path:
        return self.tables / f"{name}.lance"

    @property
    def catalog(self) -> Path:
        return self.root / "catalog" / "hdtf_catalog.parquet"

    @property
    def annotations(self) -> Path:
        """HDTF's annotation files, where nobody has named a folder that has them."""
        return self.root / "hdtf"

    @property
    def videos(self) -> Path:
        """Downloads. A user's own video is referenced where it lies, never copied, changed or deleted."""
        return self.root / "videos"

    @property
    def clips(self) -> Path:
        return self.root / "clips"

    def clip_video(self, clip: str) -> Path:
        return self.clips / f"{clip}.mp4"

    def clip_audio(self, clip: str) -> Path:
        return self.clips / f"{clip}.wav"

    @property
    def snapshots(self) -> Path:
        return self.root / "snapshots"

    def manifest(self, version: str) -> Path:
        """The manifest of one training snapshot."""
        return self.snapshots / version / "manifest.parquet"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def evaluation(self) -> Path:
        return self.root / "evaluation"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def phantom(self) -> Path:
        """The default corpus."""
        return self.root / "phantom"

    @property
    def pages(self) -> Path:
        """Small pictures for the pages of videos in the UI: VIDEO@VERSION.jpg."""
        return self.root / "pages"

    @property
    def spool(self) -> Path:
        """Rows on their way into a table; empty but while a stage is at work."""
        return self.root / "spool"

    @property
    def locks(self) -> Path:
        return self.root / "locks"

    @property
    def state_file(self) -> Path:
        return self.root / "state.json"

    def state(self) -> HomeState:
        """What the last run was; paths of what lies in the home are where it lies now. UserError: its file is damaged."""
        state = read_state(self.state_file)
        places: dict[str, Any] = {}
        for field in PLACES:
            kept: str | None = getattr(state, field)
            if kept and (field != "preset" or is_file_name(kept)):
                folder = {"report": self.evaluation, "release": self.releases}.get(field)
                places[field] = str(_moved(Path(kept), folder) if folder else self.root / kept)
        return dataclasses.replace(state, **places)

    def name(self, path: str) -> str:
        """A path as records of the home keep it: of what lies below it, from there on, so that a home may be moved or copied."""
        root = f"{self.root}{os.sep}"
        return path.removeprefix(root) if path.startswith(root) else path

    def update_state(self, **changes: Any) -> None:
        """Change these fields of the record; of two runs that do so at once, one waits.

        Raises:
            TypeError: a record has no such field.
        """
        with self.waiting("state"):
            changed = dataclasses.replace(self.state(), **changes)
            kept: dict[str, Any] = {name: self.name(value) for name in PLACES if (value := getattr(changed, name))}
            changed = dataclasses.replace(changed, **kept)
            with atomic_write(self.state_file) as aside:
                aside.write_text(json.dumps(changed.to_json(), indent=1))
                self.confirm()

    def writing(self, stage: str, reads: tuple[str, ...] = ()) -> AbstractContextManager[bool]:
        """Hold the home for a stage: nobody else writes ``stage``, nobody writes the stages that it ``reads``.

        Of a home on storage, what others have made is here within, and what was made within is there afterwards (`stored_files.py`).

        A process that dies holds nothing any more, so no lock is ever stale. Where the state lies in Postgres this is true over all
        hosts, and who was cut off from it and comes back can enter nothing (``confirm``).

        Yields:
            Whether the last writer of ``stage`` was killed or stopped by an error: it may have left something
            half-written.

        Raises:
            UserError: another run holds one of them.
        """
        return level(self.root, self.locks_in_use.writing(stage, reads))

    def held(self, *stages: str) -> AbstractContextManager[None]:
        """Hold the home for several stages, to write none: what a killed writer has left, the next one still learns of.

        Raises:
            UserError: another run holds one of them.
        """
        return level(self.root, self.locks_in_use.held(stages))

    def waiting(self, name: str) -> AbstractContextManager[None]:
        """Hold the home for something short; of two that do so at once, one waits."""
        return level(self.root, self.locks_in_use.waiting(name))

    def is_held(self, name: str) -> bool:
        """Whether a process that lives holds this for itself."""
        return self.locks_in_use.is_held(name)

    def confirm(self) -> None:
        """To be called before something appears outside of the ledger that only a stage's writer may change.

        Raises:
            UserError: what this process holds of the home has meanwhile been another's: it was cut off from the database.
        """
        self.locks_in_use.confirm()

    def fenced(self) -> AbstractContextManager[None]:
        """Within, nobody takes what this process holds of the home: for something short that only a stage's writer may change, and that
        others could not tell from their own.

        Raises:
            UserError: as ``confirm``.
        """
        return self.locks_in_use.fenced()

    @property
    def locks_in_use(self) -> Locks:
        """Where the state lies, there are the locks. UserError: it lies elsewhere than the environment says."""
        if postgres_address() is None:
            schema_of(self.root)  # a ledger that lies elsewhere is not to be passed over
            return FileLocks(self.root, self.locks)
        from swaptalk_models.data.store.postgres_home import postgres_home
        from swaptalk_models.data.store.postgres_locks import PostgresLocks

        home = postgres_home(self.root)
        assert home is not None
        return PostgresLocks(home)


def _moved(path: Path, folder: Path) -> Path:
    """Where something below this folder of the home lies, also where an earlier version has kept the place of then."""
    if path.is_absolute() and not path.is_relative_to(folder) and folder.name in path.parts[:-1]:
        start = len(path.parts) - 1 - path.parts[::-1].index(folder.name)
        own = folder.joinpath(*path.parts[start + 1 :])
        return own if own.exists() else path
    return folder.parent / path
