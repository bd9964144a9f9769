"""Items where a Ray worker is: unpacked into a scratch folder of the host, done there as in any worker, sent back."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from swaptalk_models.data.engine.deadline import may_end_this_process
from swaptalk_models.data.engine.disk_full import full_disk_is_a_user_error
from swaptalk_models.data.engine.items import Item, Result, Work
from swaptalk_models.data.engine.parcels import Done, Message, SentGroup, SentItem, code_stamp, gathered, pieces
from swaptalk_models.data.engine.scratch import scratch_folder
from swaptalk_models.data.engine.workers import attempt
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.spool import SpooledRows
from swaptalk_models.data.store.state_store import VARIABLE as STATE
from swaptalk_models.data.store.storage_address import VARIABLE as STORAGE
from swaptalk_models.errors import UserError

_prepared: list[int] = []  # the process that is


def do_group(sent: SentGroup) -> Iterator[Message]:
    """Of each item ``Done``, and the pieces of what was made.

    Raises:
        UserError: this host has another version of SwapTalk, or a full disk.
    """
    try:
        if sent.code != code_stamp():
            raise UserError("it has another version of SwapTalk than the driver: install the same")
        _prepare_process()
        for item in sent.items:
            yield from gathered(_done_here(sent, item))
    except UserError as error:
        raise UserError(f"host {socket.gethostname()} of the Ray cluster: {error}") from None


class ItemActor:
    """A worker that keeps its work, and what that holds between items: a network."""

    def __init__(self, work: Work):
        self._work = work

    def ready(self) -> None:
        """It has been started."""

    def do(self, sent: SentGroup) -> Iterator[Message]:
        """``do_group``."""
        yield from do_group(replace(sent, work=self._work))


def _done_here(sent: SentGroup, one: SentItem) -> Iterator[Done | bytes]:
    with scratch_folder() as folder:
        home = Home(folder / "home").create()
        with full_disk_is_a_user_error(home):
            item, places = _unpack(sent.root, one, home, folder)
            _, result, reason, seconds = attempt((sent.work, item, home, sent.params, sent.limit))
            yield from _packed(one, home, result, _as_said_at_home(reason, places), seconds)


def _prepare_process() -> None:
    if os.getpid() in _prepared:
        return
    import cv2

    may_end_this_process()
    cv2.setNumThreads(1)
    # A scratch folder's home is this host's alone, whatever its environment names: else each item would have a ledger of its own in the database.
    for variable in (STATE, STORAGE):
        os.environ.pop(variable, None)
    _prepared.append(os.getpid())


def _unpack(root: str, sent: SentItem, home: Home, folder: Path) -> tuple[Item, dict[str, str]]:
    """(the item, its payload naming files of this host; {place here: place at the driver})."""
    import ray

    places = {str(home.root): root}
    for number, (path, content) in enumerate(sent.files.items()):
        inside = Path(path).is_relative_to(root)
        here = home.root / Path(path).relative_to(root) if inside else folder / str(number) / Path(path).name
        here.parent.mkdir(parents=True, exist_ok=True)
        with open(here, "wb") as file:
            file.writelines([content] if isinstance(content, bytes) else (ray.get(piece) for piece in content))
        places[str(here)] = path
    for table, rows in sent.rows.items():
        held = ray.get(rows) if isinstance(rows, ray.ObjectRef) else rows
        if held.num_rows:
            tables.append_rows(home, table, held)
    for made in sent.makes:
        (home.root / made).parent.mkdir(parents=True, exist_ok=True)
    moved = {there: here for here, there in places.items()}
    payload = {
        key: moved.get(value, value) if isinstance(value, str) else value for key, value in sent.item.payload.items()
    }
    return replace(sent.item, payload=payload), places


def _as_said_at_home(reason: str, places: dict[str, str]) -> str:
    """Nobody knows the paths of a scratch folder that has gone."""
    for here in sorted(places, key=len, reverse=True):
        reason = reason.replace(here, places[here])
    return reason


def _packed(sent: SentItem, home: Home, result: Result | None, reason: str, seconds: float) -> Iterator[Done | bytes]:
    if result is None:
        yield Done(None, reason, seconds)
        return
    paths = [home.root / made for made in sent.makes]
    names = [*sent.makes]
    table, spooled = result.table, None
    if isinstance(result.table, SpooledRows):
        paths, names = [*paths, result.table.path], [*names, ""]
        table, spooled = None, (result.table.num_rows, result.table.hash)
    files = tuple((name, path.stat().st_size) for name, path in zip(names, paths, strict=True) if path.is_file())
    yield Done(result.output, "", seconds, table, spooled, files)
    for path in paths:
        if path.is_file():
            yield from pieces(path)
