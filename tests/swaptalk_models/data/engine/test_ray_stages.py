"""Real stages on drawn people: as Ray tasks they make what they make here, to the bit."""

import dataclasses
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'swaptalk[ray]'")

import lance

from swaptalk_models.data.engine.ray_cluster import kept
from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.data.snapshot import make_snapshot
from swaptalk_models.data.sources.catalog import write_catalog
from swaptalk_models.data.stages.registry import CLIP_TABLES, DATA_STAGES, run_data_stage
from swaptalk_models.data.store.home import Home
from swaptalk_models.settings.preset import load_preset

from .ray_toys import blind, entries, leftovers


def rows(home: Home, table: str) -> list[dict]:
    key = ["clip"] if table == "mels" else ["clip", "frame"]
    return lance.dataset(str(home.table(table))).to_table().sort_by([(name, "ascending") for name in key]).to_pylist()


def test_the_whole_way_to_the_snapshot_is_the_same(tmp_path: Path, monkeypatch):
    import ray

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    write_corpus(tmp_path / "videos", 4, 1.0, size=160)
    (tmp_path / "videos" / "broken.mp4").write_bytes(b"no video")
    made = {}
    with kept():
        for compute in ("local", "ray"):
            home = made[compute] = Home(tmp_path / compute).create()
            preset = load_preset("tiny", {"compute": compute, "ray.object_store_mib": 200})
            write_catalog(home, preset, videos=str(tmp_path / "videos"))
            for stage, as_it_is in DATA_STAGES.items():
                work = partial(blind, as_it_is.work, str(tmp_path)) if compute == "ray" else as_it_is.work
                monkeypatch.setitem(DATA_STAGES, stage, dataclasses.replace(as_it_is, work=work))
                report = run_data_stage(stage, home, preset, workers=2)
                assert report.computed == 4, stage
            assert ray.is_initialized() == (compute == "ray")
    assert not ray.is_initialized(), "what was started for the run ends with it"
    local, ours = made["local"], made["ray"]
    assert entries(ours, *DATA_STAGES) == entries(local, *DATA_STAGES)
    for table in CLIP_TABLES:
        assert rows(ours, table) == rows(local, table) and rows(ours, table), table
    files = {path.name: path.read_bytes() for path in local.clips.iterdir()}
    assert len(files) == 8 and {path.name: path.read_bytes() for path in ours.clips.iterdir()} == files
    assert [*leftovers(ours)] == []
    preset = load_preset("tiny")
    assert make_snapshot(ours, preset).version == make_snapshot(local, preset).version
    for stage in DATA_STAGES:
        assert run_data_stage(stage, ours, preset, workers=2).computed == 0, "nothing is stale where it is done"
