"""Doing items, here or in worker processes: one may be bad, hang, crash or eat all memory, and the others go on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from swaptalk_models.data.engine.deadline import GRACE_S, OutOfTime, deadline, may_end_this_process
from swaptalk_models.data.engine.disk_full import raise_if_disk_full
from swaptalk_models.data.engine.items import Item, Result, Work
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import BadClip, UserError

# glibc gives large blocks back to the system when they are freed, but raises the size that counts as large to that of
# whatever was freed last: frames then lie among small things that stay, and memory grows with the video. Naming the
# size, its first one, stops that.
WORKER_ENVIRONMENT = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1") | {
    "MALLOC_MMAP_THRESHOLD_": str(128 * 1024)
}
_DATA = "swaptalk_models.data"
PRELOAD = [
    "__main__",
    "dlib",
    f"{_DATA}.faces.alignment",
    f"{_DATA}.faces.hdtf_window",
    f"{_DATA}.faces.regions",
    f"{_DATA}.faces.tracking",
    f"{_DATA}.media.audio",
    f"{_DATA}.media.cutting",
    f"{_DATA}.media.mp4_audit",
    f"{_DATA}.media.png",
    f"{_DATA}.media.probing",
    f"{_DATA}.media.shots",
    f"{_DATA}.media.video",
    f"{_DATA}.quality.measures",
    f"{_DATA}.sound.mel",
]
"""What the data stages' work imports where it runs (a test holds the two together), loaded once, by the server from
which the workers fork. Nothing that starts threads or a GPU."""

SURPRISE = "not done, for a reason that nobody has foreseen"
"""Stands in the reason of an item whose work ended with other than a BadClip."""

Task = tuple[Work, Item, Home, Any, "float | None"]
"""(work, item, home, params, time limit)."""
Outcome = tuple[Item, "Result | None", str, float]
"""(item, result or None, reason, seconds)."""


def attempt(args: Task) -> Outcome:
    """Do one item in this process."""
    work, item, home, params, limit = args
    started = time.perf_counter()
    try:
        with deadline(limit):
            result, reason = work(item, home, params), ""
    except OutOfTime:
        assert limit is not None
        return item, None, too_long(item, limit), max(limit, time.perf_counter() - started)
    except BadClip as error:
        raise_if_disk_full(home, error)  # FFmpeg's "no space left" looks like damaged data
        result, reason = None, " ".join(str(error).split())
    except UserError:
        raise  # a setting, or the machine: it would be the same for every item
    except Exception as error:
        raise_if_disk_full(home, error)
        if type(error).__module__.startswith("torch"):
            raise  # the device's trouble, not the item's
        result, reason = None, _surprise(item, error)
    return item, result, reason, time.perf_counter() - started


def _surprise(item: Item, error: Exception) -> str:
    """What nobody has foreseen is this item's reason and stops no other; it tells where to look."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(str(error).split())[:300]
    name = item.payload.get("path") or item.clip
    return f"{name}: {SURPRISE} ({type(error).__name__}: {said}, in {Path(where.filename).name}:{where.lineno})"


def too_long(item: Item, limit: float) -> str:
    """The reason of an item that was not done in its time (s)."""
    return f"{item.clip}: not done after {limit:g} s (limits.item_seconds): too long a clip, or a decoder that hangs"


def crashed(item: Item) -> str:
    """The reason of an item that kills its worker."""
    return f"{item.clip}: reading it crashes the decoder or takes more memory than there is"


def attempt_in_pool(tasks: Iterator[Task], workers: int) -> Iterator[Outcome]:
    """Outcomes as they come, from worker processes. A clip that kills its worker is tried once more alone, then
    quarantined."""
    suspects: list[Task] = []
    running: dict[Future[Outcome], Task] = {}
    exhausted = False
    while not exhausted or suspects:
        alone = bool(suspects)
        source = iter([suspects.pop()]) if alone else tasks
        started = time.monotonic()
        with _pool(1 if alone else workers) as pool:
            try:
                while True:
                    while len(running) < 2 * workers and (args := next(source, None)) is not None:
                        running[pool.submit(attempt, args)] = args
                    if not running:
                        exhausted = exhausted or not alone
                        break
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        yield future.result()
                        del running[future]
            except BrokenProcessPool:
                if alone:
                    item, limit = next(iter(running.values()))[1::3]
                    seconds = time.monotonic() - started
                    if limit is not None and seconds >= limit + GRACE_S:
                        yield item, None, too_long(item, limit), seconds
                    else:
                        yield item, None, crashed(item), 0.0
                else:
                    suspects = [args for future, args in running.items() if not _has_result(future)]
                    for future in [f for f in running if _has_result(f)]:
                        yield future.result()
                running.clear()


def _has_result(future: Future[Outcome]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Worker processes with one thread each. On an error or Ctrl-C they are stopped at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    pinned = {name: os.environ.get(name) for name in WORKER_ENVIRONMENT}
    os.environ.update(WORKER_ENVIRONMENT)  # for the server from which the workers fork; this process keeps its own
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    try:
        pool.submit(int).result()
    finally:
        for name, value in pinned.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    try:
        yield pool
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    may_end_this_process()
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    """No worker outlives a killed run."""
    parent.join()
    os._exit(1)
