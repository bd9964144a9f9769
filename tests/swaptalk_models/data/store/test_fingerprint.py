import dataclasses
from pathlib import Path

import pyarrow as pa
import pytest

from swaptalk_models.data.store.fingerprint import hash_file, hash_params, hash_table, hash_values
from swaptalk_models.errors import BadClip
from swaptalk_models.settings.data import CropsConfig, FacesConfig


def test_order_of_keys_does_not_matter_but_values_do():
    assert hash_values({"a": 1, "b": [1.5, None]}) == hash_values({"b": [1.5, None], "a": 1})
    assert hash_values({"a": 1}) != hash_values({"a": 2})
    assert hash_values("1") != hash_values(1)


def test_every_parameter_counts_but_where_it_runs():
    assert hash_params(CropsConfig()) != hash_params(CropsConfig(margin=0.1))
    assert hash_params(FacesConfig()) != hash_params(dataclasses.replace(FacesConfig(), max_gap=3))
    assert hash_params(FacesConfig()) == hash_params(dataclasses.replace(FacesConfig(), device="cuda"))


def test_table_hash_is_of_the_values():
    whole = pa.table({"a": [1, 2, 3, 4], "b": ["x", "y", "z", ""]})
    cut = pa.concat_tables([whole.slice(0, 1), whole.slice(1)])
    assert hash_table(whole) == hash_table(cut) == hash_table(whole.replace_schema_metadata({"k": "v"}))
    assert hash_table(whole) != hash_table(whole.slice(1))
    assert hash_table(whole) != hash_table(whole.rename_columns(["a", "c"]))


def test_file_hash(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"one")
    assert hash_file(tmp_path / "a") == hash_file(tmp_path / "b")
    with pytest.raises(BadClip, match="No such file"):
        hash_file(tmp_path / "c")
