"""What a Ray worker does with a group, in a process of its own, without Ray's daemon."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'swaptalk[ray]'")

from swaptalk_models.data.store.state_store import VARIABLE as STATE
from swaptalk_models.data.store.storage_address import VARIABLE as STORAGE

ROOT = Path(__file__).parents[4]
GROUP = """
import sys
import pyarrow as pa
from swaptalk_models.data.engine.items import Item
from swaptalk_models.data.engine.parcels import SentGroup, SentItem, code_stamp
from swaptalk_models.data.engine.ray_work import do_group
from tests.swaptalk_models.data.engine import ray_toys as toys

rows = pa.table({"clip": ["v_00"], "video": ["v"], "frame": [0]}, schema=toys.SCHEMA)
item = SentItem(Item("v_00", "v", "content"), {}, {"face_crops": rows}, ())
group = SentGroup(toys.work, None, 60.0, sys.argv[1], code_stamp(), (item,))
for message in do_group(group):
    print([part for part in message])
"""


def test_what_the_hosts_environment_names_is_not_for_a_scratch_folder(tmp_path: Path):
    """Neither a ledger nor a table is made where a database or a store is named: nobody answers at these."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment |= {STATE: "postgresql://nobody@127.0.0.1:1/none", STORAGE: "s3://nowhere/at-all"}
    command = [sys.executable, "-W", "ignore", "-c", GROUP, str(tmp_path / "home")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Done(" in done.stdout and "reason=''" in done.stdout
