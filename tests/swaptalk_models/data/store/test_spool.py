from pathlib import Path

import pyarrow as pa
import pytest

from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.spool import spool_rows


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def rows(clip: str, count: int = 2) -> pa.Table:
    return pa.table({"clip": [clip] * count, "video": ["v"] * count, "frame": pa.array(range(count), pa.int32())})


def test_spooled_rows_come_out_as_they_went_in(home: Home):
    table = rows("a", 70)
    with spool_rows(home, "mels", "a", table.schema) as spool:
        for batch in table.to_batches(max_chunksize=32):
            spool.write(batch)
        spooled = spool.close()
    tables.append_rows(home, "mels", rows("b"), spooled)
    assert tables.read_clip(home, "mels", "a").equals(table) and spooled.num_rows == 70
    assert tables.open_table(home, "mels").version == 1, "all of a group in one version"


def test_spool_is_gone_after_an_error(home: Home):
    with pytest.raises(ZeroDivisionError), spool_rows(home, "mels", "a", rows("a").schema) as spool:
        spool.write(rows("a").to_batches()[0])
        raise ZeroDivisionError
    assert list(home.spool.iterdir()) == []
