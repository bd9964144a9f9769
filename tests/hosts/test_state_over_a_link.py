"""A driver whose link to Postgres is cut for longer than the server waits: it notices, and has its locks again when the link is back."""

import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

psycopg2 = pytest.importorskip("psycopg2", reason="no psycopg2: pip install 'swaptalk[postgres]'")

from swaptalk_models.data.store.state_store import VARIABLE as STATE

from ..postgres_server import postgres_server, programs
from .network import NETWORK, SWITCH_ADDRESS, network, unavailable

ROOT = Path(__file__).parents[2]
DRIVER = """
import time
from pathlib import Path
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Entry, Ledger

home = Home(Path("/tmp/home")).create()
with home.writing("clips"):
    print("held", flush=True)
    while not Path("/tmp/go on").exists():
        time.sleep(0.1)
    with Ledger(home.ledger) as ledger:
        ledger.commit([Entry("clips", "c", "v", "f", "i", "1", "p", "ok")])
with home.writing("clips") as unclean:
    print("unclean" if unclean else "ended well", flush=True)
"""


def until(holds: Callable[[], object], seconds: float) -> None:
    last = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < last
        time.sleep(0.1)


@pytest.mark.slow
def test_a_driver_has_its_locks_again_when_its_link_is_back(tmp_path: Path):
    if why := unavailable():
        pytest.skip(why)
    if programs() is None:
        pytest.skip("no Postgres server to be started: apt-get install postgresql")
    log = tmp_path / "log"
    with network() as net, net.at_switch(), postgres_server(programs(), SWITCH_ADDRESS, NETWORK) as address:

        def locks() -> int:
            with contextlib.closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
                return cursor.fetchone()[0]

        host = net.plug("one")
        driver = host.start(
            sys.executable, "-c", DRIVER, env=os.environ | {"PYTHONPATH": str(ROOT), STATE: address}, log=log
        )
        until(lambda: "held" in log.read_text(), 60)
        host.cut_link()
        until(lambda: locks() == 0, 60)  # 25 s of silence, then the server lets go of who is silent
        time.sleep(10)  # and the driver has noticed, too
        host.mend_link()
        until(lambda: locks() == 1, 20)  # without a time limit of its own it would try for a quarter of an hour
        (host.tmp / "go on").touch()
        assert driver.wait(60) == 0, log.read_text()
    assert log.read_text().split("\n")[-2] == "ended well"
