"""A training's checkpoints on the home's storage while it runs, so that another host could go on with it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.levelling import push
from swaptalk_models.data.store.storage_address import storage_of
from swaptalk_models.errors import UserError

EVERY_SECONDS = 60.0
_RARER = 10.0  # times what the last one took: a slow way to the storage is not kept busy


@contextmanager
def published_meanwhile(home: Home, warn: Callable[[str], None], every: float = EVERY_SECONDS) -> Iterator[None]:
    """Within, what the training has written is published now and then; of a home without a storage nothing is done.

    Args:
        warn: hears of it when it could not be; the training goes on.
        every: seconds.
    """
    if storage_of(home.root) is None:
        yield
        return
    ended = threading.Event()
    publisher = threading.Thread(target=_publish, args=(home, warn, every, ended), name="checkpoints", daemon=True)
    publisher.start()
    try:
        yield
    finally:
        ended.set()
        publisher.join()


def _publish(home: Home, warn: Callable[[str], None], every: float, ended: threading.Event) -> None:
    took = 0.0
    while not ended.wait(max(every, _RARER * took)):
        started = time.monotonic()
        try:
            push(home.root)
        except UserError as error:
            warn(f"checkpoints are not on the storage: {error}")
        took = time.monotonic() - started
