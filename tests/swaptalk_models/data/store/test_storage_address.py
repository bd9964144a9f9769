"""Which storage a home lies on: the environment's word, and the home's own file."""

import pytest

from swaptalk_models.data.store.storage_address import (
    VARIABLE,
    Storage,
    home_folder_of,
    marker_file,
    named_storage,
    storage_of,
    write_marker,
)
from swaptalk_models.errors import UserError


@pytest.mark.parametrize(
    ("written", "bucket", "prefix"),
    [("s3://lab", "lab", ""), ("s3://lab/", "lab", ""), ("s3://lab.talks/a/b-1/", "lab.talks", "a/b-1/")],
)
def test_an_address_is_read(written, bucket, prefix, monkeypatch):
    monkeypatch.setenv(VARIABLE, written)
    storage = named_storage()
    assert (storage.bucket, storage.prefix) == (bucket, prefix)
    assert storage.table("mels") == f"{written.rstrip('/')}/tables/mels.lance"


@pytest.mark.parametrize(
    "written", ["lab/talks", "gs://lab/talks", "s3://", "s3://lab/a//b", "s3://k:secret@lab/a", "s3://lab/a?b"]
)
def test_what_is_none_is_refused(written, monkeypatch):
    monkeypatch.setenv(VARIABLE, written)
    with pytest.raises(UserError, match=f"{VARIABLE}: .* write s3://bucket/prefix"):
        named_storage()


def test_a_home_says_where_it_lies(tmp_path, monkeypatch):
    assert storage_of(tmp_path) is None and named_storage() is None
    write_marker(tmp_path, Storage("s3://lab/talks"))
    assert storage_of(tmp_path) == Storage("s3://lab/talks")
    assert home_folder_of(tmp_path / "models" / "vqgan" / "v" / "weights.safetensors") == tmp_path
    marker_file(tmp_path).write_text('{"storage": 3}')
    with pytest.raises(UserError, match="storage.json: damaged"):
        storage_of(tmp_path)
