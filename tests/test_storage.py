"""The data chain of a home on storage: after `kill -9` as if nobody had disturbed it, and on a host that has nothing yet."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.data.stages.registry import CLIP_TABLES, DATA_STAGES
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.storage_address import VARIABLE
from swaptalk_models.data.store.storage_home import open_home
from swaptalk_models.data.store.stored_files import fetch
from swaptalk_models.data.store.table_files import file_sizes

from .test_crash import ROOT, entries

# A stage's commit that is not to be survived: after its table or its files, before its ledger.
CHAIN = """
import os, signal, sys
from pathlib import Path
from swaptalk_models.data.sources.catalog import write_catalog
from swaptalk_models.data.stages.registry import DATA_STAGES, run_data_stage
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.data.store.storage_home import open_home
from swaptalk_models.settings.preset import load_preset

videos, folder, fatal, *settings = sys.argv[1:]
home, preset = open_home(Path(folder), begin=True).create(), load_preset("tiny", dict(pair.split("=") for pair in settings))
commit = Ledger.commit
def killed(self, entries):
    entries = list(entries)
    if any(entry.stage == fatal for entry in entries):
        os.kill(os.getpid(), signal.SIGKILL)
    commit(self, entries)
Ledger.commit = killed
write_catalog(home, preset, videos=videos)
for stage in DATA_STAGES:
    print(stage, run_data_stage(stage, home, preset, workers=1).computed)
"""


def chain(videos: Path, folder: Path, fatal: str = "", *settings: str, ends: int = 0) -> dict[str, int]:
    """{stage: clips that it computed}"""
    command = [sys.executable, "-c", CHAIN, str(videos), str(folder), fatal, *settings]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == ends, done.stderr[-2000:]
    return {name: int(count) for name, count in map(str.split, done.stdout.splitlines())}


def contents(home: Home) -> tuple[list, dict[str, list[dict]], dict[str, bytes]]:
    found = {name: tables.open_table(home, name).to_table().to_pylist() for name in CLIP_TABLES}
    ordered = {name: sorted(rows, key=lambda row: (row["clip"], row.get("frame", 0))) for name, rows in found.items()}
    clips = [
        path
        for entry in entries(home)
        if entry.stage == "clips"
        for path in DATA_STAGES["clips"].files(home, entry.clip)
    ]
    fetch(home.root, clips)
    return entries(home), ordered, {path.name: path.read_bytes() for path in clips}


def orphans(home: Home) -> list[str]:
    """Data files that belong to no version of their table."""
    left = []
    for name in CLIP_TABLES:
        newest = tables.open_table(home, name)
        versions = [tables.open_table(home, name, one["version"]) for one in newest.versions()]
        known = {
            f"data/{file.path}" for v in versions for fragment in v.get_fragments() for file in fragment.data_files()
        }
        left += [file for file in file_sizes(home, name) if file.startswith("data/") and file not in known]
    return left


@pytest.mark.slow
def test_killed_between_table_and_ledger_then_gone_on_with_by_another_host(tmp_path, monkeypatch, s3, postgres_address):
    videos = tmp_path / "videos"
    write_corpus(videos, 2, 1.0, size=160)
    undisturbed = open_home(tmp_path / "undisturbed")
    assert all(count == 2 for count in chain(videos, undisturbed.root).values())
    whole = contents(undisturbed)

    monkeypatch.setenv(VARIABLE, s3)
    monkeypatch.setenv("SWAPTALK_STATE", postgres_address)
    for fatal in ("clips", "face_crops"):
        chain(videos, tmp_path / "one", fatal, ends=-9)
    chain(videos, tmp_path / "two")  # another host: it has nothing but the addresses
    two = open_home(tmp_path / "two")
    assert not (two.root / "tables").exists() and len(os.listdir(two.clips)) == 4
    assert contents(two) == whole and orphans(two) == []

    three = chain(videos, tmp_path / "three")
    assert set(three.values()) == {0} and not (tmp_path / "three" / "clips").exists(), "nothing to do, nothing fetched"
    assert chain(videos, tmp_path / "three", "", "mels.fmin=60") == three | {"mels": 2}
    assert {path.suffix for path in (tmp_path / "three" / "clips").iterdir()} == {".wav"}
