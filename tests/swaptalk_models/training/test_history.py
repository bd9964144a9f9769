"""training/history.py"""

import pyarrow.parquet as pq

from swaptalk_models.training.history import newest, read_history, write_history


def test_history_as_parquet(tmp_path):
    path = tmp_path / "history.parquet"
    assert read_history(path) == []
    rows = [{"step": 3, "a": 0.5}, {"step": 3, "held_out_a": 0.25}, {"step": 4, "a": 1.5}]
    write_history(rows, path)
    assert pq.read_table(path).to_pylist()[0] == {"step": 3, "a": 0.5, "held_out_a": None}
    assert read_history(path) == rows
    assert newest(rows) == {"step": 4, "a": 1.5, "held_out_a": 0.25}
