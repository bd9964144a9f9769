"""A disk that is full in the middle of a stage, on a small tmpfs of its own."""

import os
import subprocess
from pathlib import Path

import pytest

from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.data.sources.catalog import write_catalog
from swaptalk_models.data.stages.registry import CLIP_TABLES, DATA_STAGES, run_data_stage
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.audit import wrong_rows
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Ledger
from swaptalk_models.errors import UserError
from swaptalk_models.settings.preset import load_preset

PRESET = load_preset("tiny")


@pytest.fixture
def small_disk(tmp_path: Path):
    """A folder on a disk of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", folder], check=True)


def run(home: Home, workers: int = 1) -> None:
    for stage in DATA_STAGES:
        run_data_stage(stage, home, PRESET, workers=workers)


def leave_free(disk: Path, amount: int) -> Path:
    """Fill the disk but for ``amount`` bytes."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    free = os.statvfs(disk)
    ballast.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - amount)))
    return ballast


def unknown_damage(home: Home) -> list[str]:
    """Wrong rows of clips that the next run would not do again by itself."""
    with Ledger(home.ledger) as ledger:
        begun = {(name, clip) for name in CLIP_TABLES for clip in ledger.pending(name)}
    wrong = [(name, said) for name in CLIP_TABLES if tables.has_table(home, name) for said in wrong_rows(home, name)]
    return [f"{name} {said}" for name, said in wrong if (name, said.partition(":")[0]) not in begun]


@pytest.mark.slow
def test_full_disk_stops_a_stage_harms_nothing_and_the_rerun_finishes(small_disk: Path, tmp_path: Path):
    videos = write_corpus(tmp_path / "videos", 2, 1.0, size=128)
    home, sound = Home(small_disk / "home").create(), Home(tmp_path / "sound").create()
    for place in (home, sound):
        write_catalog(place, PRESET, videos=str(videos[0].parent))
    run(sound)
    stopped = []
    for kib in range(0, 2048, 96):  # a little further each time
        ballast = leave_free(small_disk, kib << 10)
        try:
            run(home)
        except UserError as error:
            assert str(error).startswith(f"{home.root}: ") and "full" in str(error), error
            stopped.append(kib)
        ballast.unlink()
        assert not unknown_damage(home)
    assert len(stopped) >= 5, "the disk was never full"
    run(home)
    with Ledger(home.ledger) as one, Ledger(sound.ledger) as two:
        for stage in DATA_STAGES:
            found, wanted = one.entries(stage, status=OK), two.entries(stage, status=OK)
            assert {clip: entry.output for clip, entry in found.items()} == {
                clip: entry.output for clip, entry in wanted.items()
            }
    assert not [path for path in home.root.rglob("*.part")]
