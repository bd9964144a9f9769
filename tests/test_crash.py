"""`kill -9` at random moments of a run, each followed by a plain rerun: as if nobody had disturbed it.

The quick test is part of the suite. The full one, on the real clips and through Dagster, takes minutes:

    SWAPTALK_KILLS=20 python -m pytest tests/test_crash.py -s
"""

import dataclasses
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import lance
import pyarrow as pa
import pytest

from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.data.stages.registry import CLIP_TABLES, DATA_STAGES
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger

ROOT = Path(__file__).parents[1]
# What a run that has finished is asked for next, so that there is always something to do, and rows to replace.
CHANGES = [
    "face_crops.margin=0.1",
    "clips.crf=20",
    "face_tracks.detect_every=4",
    "mels.fmin=60",
    "face_crops.margin=0.0",
    "clips.crf=16",
]
STAGES_ALONE = """
import sys
from pathlib import Path
from swaptalk_models.data.sources.catalog import write_catalog
from swaptalk_models.data.stages.registry import DATA_STAGES, run_data_stage
from swaptalk_models.data.store.home import Home
from swaptalk_models.settings.preset import load_preset
home, preset = Home(Path(sys.argv[2])).create(), load_preset("tiny", dict(pair.split("=") for pair in sys.argv[3:]))
write_catalog(home, preset, videos=sys.argv[1])
for stage in DATA_STAGES:
    run_data_stage(stage, home, preset, workers=2)
"""


class Runs:
    """Starts runs of one home, kills them, and lets the last one end."""

    def __init__(self, videos: Path, home: Path, through_dagster: bool):
        self.videos, self.home, self.through_dagster = videos, home, through_dagster
        self.settings: dict[str, str] = {}

    def start(self) -> subprocess.Popen:
        command = [sys.executable, "-c", STAGES_ALONE, self.videos, self.home, *map("=".join, self.settings.items())]
        if self.through_dagster:
            command = [sys.executable, "-m", "pipelines.cli.main", "run", "--videos", self.videos, "--home", self.home]
            command += ["--until", "training_snapshot", "--set", "sync_judge.train.steps=1"]
            command += [part for pair in self.settings.items() for part in ("--set", "=".join(pair))]
        environment = {key: value for key, value in os.environ.items() if key != "DAGSTER_HOME"}
        log = open(self.home.with_suffix(".log"), "a")  # noqa: SIM115 (the child's)
        return subprocess.Popen(list(map(str, command)), cwd=ROOT, env=environment, stdout=log, stderr=log)

    def finish(self) -> float:
        """Seconds that a plain run takes."""
        started = time.monotonic()
        assert self.start().wait(3600) == 0, self.home.with_suffix(".log").read_text()[-2000:]
        return time.monotonic() - started

    def kill(self, after: float) -> bool:
        """Whether it was still going on."""
        process = self.start()
        try:
            code = process.wait(after)
            assert code == 0, self.home.with_suffix(".log").read_text()[-2000:]
            return False
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return True


def rows(home: Home, table: str) -> list[dict]:
    key = ["clip"] if table == "mels" else ["clip", "frame"]
    return lance.dataset(str(home.table(table))).to_table().sort_by([(name, "ascending") for name in key]).to_pylist()


def entries(home: Home) -> list:
    with Ledger(home.ledger) as ledger:
        found = [entry for stage in DATA_STAGES for entry in ledger.entries(stage, orphaned=None).values()]
    return [dataclasses.replace(entry, seconds=0.0, updated_at=0.0) for entry in found]


def leftovers(home: Home) -> list[str]:
    """Temporary files, and data files that belong to no version of their table."""
    found = [
        path
        for path in home.root.rglob("*")
        if path.is_file() and (path.suffix in (".part", ".tmp") or ".tmp" in path.name)
    ]
    for table in CLIP_TABLES:
        dataset = lance.dataset(str(home.table(table)))
        versions = [lance.dataset(str(home.table(table)), version=version["version"]) for version in dataset.versions()]
        known = {file.path for v in versions for fragment in v.get_fragments() for file in fragment.data_files()}
        found += [path for path in (home.table(table) / "data").iterdir() if path.name not in known]
    return [str(path.relative_to(home.root)) for path in found]


def check_kills(videos: Path, folder: Path, kills: int, seed: int, through_dagster: bool = False) -> None:
    chance = random.Random(seed)
    runs = Runs(videos, folder / "killed", through_dagster)
    undisturbed = Runs(videos, folder / "undisturbed", through_dagster)
    longest = undisturbed.finish()
    killed = finished = 0
    while killed < kills:
        if runs.kill(chance.uniform(0.1, 1.0) * longest):
            killed += 1
        else:
            setting, _, value = CHANGES[finished % len(CHANGES)].partition("=")
            runs.settings[setting], finished = value, finished + 1
    print(
        f"\n{killed} runs killed, {finished} finished in between with another setting, {longest:.1f} s undisturbed",
        end=" ",
    )
    again = runs.finish()
    undisturbed.settings = runs.settings
    undisturbed.finish()
    print(f"last rerun {again:.1f} s", end=" ")
    one, two = Home(runs.home), Home(undisturbed.home)
    for table in CLIP_TABLES:
        assert rows(one, table) == rows(two, table) and len(rows(one, table)), table
    assert entries(one) == entries(two)
    files = {path.name: path.read_bytes() for path in two.clips.iterdir()}
    assert {path.name: path.read_bytes() for path in one.clips.iterdir()} == files
    assert leftovers(one) == []
    assert (
        pa.compute.count_distinct(lance.dataset(str(one.table("mels"))).to_table()["clip"]).as_py() == len(files) // 2
    )


@pytest.mark.slow
def test_three_kills(tmp_path: Path):
    write_corpus(tmp_path / "videos", 2, 2.0, size=160)
    check_kills(tmp_path / "videos", tmp_path, 3, seed=0)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.skipif("SWAPTALK_KILLS" not in os.environ, reason="takes minutes: SWAPTALK_KILLS=20")
def test_many_kills_on_real_clips(real_clips: Path, tmp_path: Path):
    check_kills(real_clips / "clips", tmp_path, int(os.environ["SWAPTALK_KILLS"]), seed=1, through_dagster=True)
