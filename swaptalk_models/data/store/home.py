"""The home folder: where everything that SwapTalk makes has its place."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.state import HomeState, read_state
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
        return self.root / "ledger.sqlite"

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
        """What the last run was. UserError: its file is damaged."""
        return read_state(self.state_file)

    def update_state(self, **changes: Any) -> None:
        """Change these fields of the record; of two runs that do so at once, one waits.

        Raises:
            TypeError: a record has no such field.
        """
        with open(self.locks / "state.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            changed = dataclasses.replace(self.state(), **changes)
            with atomic_write(self.state_file) as aside:
                aside.write_text(json.dumps(changed.to_json(), indent=1))

    @contextlib.contextmanager
    def writing(self, stage: str, reads: tuple[str, ...] = ()) -> Iterator[bool]:
        """Hold the home for a stage: nobody else writes ``stage``, nobody writes the stages that it ``reads``.

        The operating system drops the locks of a process that dies, so none is ever stale.

        Yields:
            Whether the last writer of ``stage`` was killed or stopped by an error: it may have left something
            half-written.

        Raises:
            UserError: another run holds one of them.
        """
        with contextlib.ExitStack() as held:
            own = held.enter_context(self._locked(stage, fcntl.LOCK_EX))
            for name in reads:
                held.enter_context(self._locked(name, fcntl.LOCK_SH))
            own.seek(0)
            unclean = bool(own.read())
            own.truncate(0)
            # Tells the others who it is; what stays there tells the next that it did not end well.
            own.write(str(os.getpid()))
            own.flush()
            yield unclean
            own.truncate(0)

    @contextlib.contextmanager
    def _locked(self, name: str, kind: int) -> Iterator[IO[str]]:
        with open(self.locks / f"{name}.lock", "a+") as file:
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                pid = file.read().strip()
                who = f"another run (pid {pid})" if pid else "another run"
                raise UserError(f"{who} is at work on {name} in {self.root}: wait until it is done") from None
            yield file
