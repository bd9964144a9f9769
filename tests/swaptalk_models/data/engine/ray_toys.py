"""Work that needs no video, and runs of it: what the tests of Ray tasks share. Light: every Ray worker imports it."""

import dataclasses
import errno
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa

from swaptalk_models.data.engine.items import Item, Needs, Result, Work
from swaptalk_models.data.engine.ray_tasks import RayTasks
from swaptalk_models.data.engine.runner import run_stage
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger, StageReport
from swaptalk_models.data.store.spool import spool_rows
from swaptalk_models.errors import BadClip, UserError
from swaptalk_models.settings.compute import RayConfig

SMALL = RayConfig(object_store_mib=200)
SCHEMA = pa.schema([("clip", pa.string()), ("video", pa.string()), ("frame", pa.int32())])
FRAMES = 3


def needs_file(home: Home, item: Item) -> tuple[Path, ...]:
    return (Path(item.payload["path"]),) if "path" in item.payload else ()


def work(item: Item, home: Home, params: None) -> Result:
    """What its inputs say: ``kind`` and, where it needs one, a file in which it leaves word."""
    kind, mark = item.inputs if isinstance(item.inputs, list) else (item.inputs, "")
    first = not mark or _left_word(mark)
    if kind == "bad":
        raise BadClip(f"{item.payload['path']}: no face in\n {Path(item.payload['path']).read_bytes()!r}")
    if kind == "surprise":
        raise ZeroDivisionError(home.root)
    if kind == "setting":
        raise UserError("dlib's model is missing")
    if kind == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    if kind == "deadly" or (kind == "killed once" and first):
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "hangs":
        while True:
            time.sleep(0.01)
    if kind == "hangs hard":  # a library that never comes back: no signal is handled
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        time.sleep(600)
    if kind == "slow":
        time.sleep(0.3)
    if kind == "waits" and first:
        time.sleep(600)
    read = Path(item.payload["path"]).stat().st_size if "path" in item.payload else 0
    table = pa.table(
        {"clip": [item.clip] * FRAMES, "video": [item.video] * FRAMES, "frame": range(FRAMES)}, schema=SCHEMA
    )
    return Result({"rows": item.clip, "read": read}, table)


def blind(work: Work, place: str, item: Item, home: Home, params: object) -> Result:
    """The same work, which must know nothing of what lies in ``place``, where the driver has its files."""
    known = [str(home.root), *map(str, item.payload.values())]
    assert not [path for path in known if path.startswith(place)], known
    return work(item, home, params)


def _left_word(mark: str) -> bool:
    """Whether nobody was here before; says who is."""
    try:
        with open(mark, "x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True


def big_files(item: Item, home: Home, params: None) -> Result:
    """Two files, one of several pieces and one that is empty."""
    home.clips.mkdir(exist_ok=True)
    home.clip_video(item.clip).write_bytes(item.clip.encode() * (20 << 17))
    home.clip_audio(item.clip).touch()
    return Result({"video": item.clip})


def spooled(item: Item, home: Home, params: None) -> Result:
    """Rows by way of a spool, of more than one piece."""
    with spool_rows(home, "mels", item.clip, SCHEMA) as spool:
        for _ in range(2):
            columns = [[item.clip] * 500_000, [item.video] * 500_000, range(spool.num_rows, spool.num_rows + 500_000)]
            spool.write(
                pa.RecordBatch.from_arrays(
                    [pa.array(c, t) for c, t in zip(columns, SCHEMA.types, strict=True)], schema=SCHEMA
                )
            )
        rows = spool.close()
    return Result({"rows": rows.hash}, rows)


def items(*clips: str, **inputs: object) -> list[Item]:
    return [Item(clip, clip.split("_")[0], inputs.get(clip, "content")) for clip in clips]


def run(home: Home, todo: list[Item], ray: bool = True, config: RayConfig = SMALL, **more: object) -> StageReport:
    """A stage of these items, as Ray tasks or in worker processes."""
    files = more.pop("files", lambda home, clip: ())
    executor = RayTasks("mels", Needs(needs_file), files, config, 2) if ray else None
    how = {"work": work, "table": True, "workers": 2, "executor": executor, "params": None} | more
    return run_stage("mels", lambda: todo, sorted({item.video for item in todo}), home=home, **how)


def counts(report: StageReport) -> tuple[int, int, int]:
    return report.computed, report.cached, report.quarantined


def content(home: Home) -> list[tuple[str, int]]:
    rows = tables.open_table(home, "mels").to_table().to_pylist()
    return sorted((row["clip"], row["frame"]) for row in rows)


def entries(home: Home, *stages: str) -> list:
    """All that the ledger says of them, but for when and how long."""
    plain = partial(dataclasses.replace, seconds=0.0, updated_at=0.0)
    with Ledger(home.ledger) as ledger:
        return [plain(entry) for stage in stages for entry in ledger.entries(stage, orphaned=None).values()]


def leftovers(home: Home) -> Iterator[Path]:
    return home.root.rglob("*.part")


class Keeps:
    """Work that holds something between items, as a network: how many it has done here is in the result."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self, item: Item, home: Home, params: None) -> Result:
        self.done += 1
        made = work(item, home, params)
        return Result(made.output | {"done": self.done, "process": os.getpid()}, made.table)
