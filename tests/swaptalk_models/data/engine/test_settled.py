"""What lets a stage pass without a look at its items, and what does not."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pytest

from swaptalk_models.data.engine.items import Item, Result
from swaptalk_models.data.engine.runner import run_stage
from swaptalk_models.data.engine.settled import Standing
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Entry, Ledger
from swaptalk_models.errors import BadClip

CLIPS = ("a_0", "a_1", "b_0")


@dataclass(frozen=True)
class Params:
    factor: int = 1


def work(item: Item, home: Home, params: Params) -> Result:
    if item.clip == "b_0":
        raise BadClip(f"{item.clip}: no face")
    table = pa.table({"clip": [item.clip], "video": [item.video], "frame": pa.array([params.factor], pa.int32())})
    return Result({"rows": item.clip}, table)


def broken(item: Item, home: Home, params: Params) -> Result:
    raise ValueError("nobody has thought of this")


@pytest.fixture
def home(tmp_path: Path, state: str) -> Home:
    home = Home(tmp_path / "home").create()
    with Ledger(home.ledger) as ledger:
        ledger.commit([Entry("clips", "a_0", "a", "f", "i", "1", "p", OK)])
    return home


@dataclass
class Stage:
    """A stage whose calls are counted."""

    home: Home
    looked: int = 0

    def __call__(self, clips=CLIPS, videos=("a", "b"), factor=1, goes_by: Callable | None = lambda: 1, **more):
        def items() -> list[Item]:
            self.looked += 1
            return [Item(clip, clip[0], "content") for clip in clips]

        def standing(ledger: Ledger) -> Standing:
            return Standing(ledger, "mels", ("clips",), goes_by, lambda: self.home.table("mels").is_dir())

        how = {"work": work, "table": True, "reads": ("clips",), "standing": standing} | more
        return run_stage("mels", items, list(videos), home=self.home, params=Params(factor), **how)


def entry(home: Home, clip: str = "a_0") -> Entry:
    with Ledger(home.ledger) as ledger:
        return ledger.entries("mels")[clip]


def test_nobody_looks_at_the_items_of_a_stage_that_had_nothing_left_to_do(home: Home):
    stage = Stage(home)
    first = stage(run="one")
    second = stage(run="two")
    assert (first.computed, first.cached, first.quarantined) == (2, 0, 1)
    assert (second.computed, second.cached, second.quarantined) == (0, 2, 1) and stage.looked == 1
    with Ledger(home.ledger) as ledger:
        told = ledger.last_run()["mels"]
    assert (told.cached, told.quarantined) == (2, 1) and told.seconds > 0


def test_without_a_word_on_what_it_goes_by_a_stage_is_always_looked_at(home: Home):
    stage = Stage(home)
    for _ in range(2):
        stage(goes_by=None)
    assert stage.looked == 2


def test_what_else_it_goes_by_is_looked_at(home: Home):
    stage = Stage(home)
    stage()
    stage(clips=("a_0",), goes_by=lambda: "fewer")
    assert stage.looked == 2


def _redone(home: Home, ledger: Ledger) -> None:
    (found,) = ledger.entries("clips").values()
    ledger.commit([replace(found, output={"video": "another"})])


def _cleaned(home: Home, ledger: Ledger) -> None:
    tables.delete_clips(home, "mels", ["a_0"])
    ledger.forget("mels", ["a_0"])


@pytest.mark.parametrize(
    "change",
    [
        _redone,
        lambda home, ledger: ledger.forget("clips", ["a_0"]),
        _cleaned,
        lambda home, ledger: ledger.set_orphaned("mels", ["a_0"], True),
        lambda home, ledger: ledger.orphan_other_videos(["b"]),
        lambda home, ledger: ledger.begin("mels", ["a_0"]),
        lambda home, ledger: shutil.rmtree(home.table("mels")),
    ],
    ids=["read_again", "read_gone", "own_gone", "own_orphaned", "video_gone", "own_pending", "no_table"],
)
def test_a_change_of_its_entries_or_of_what_it_reads_is_looked_at(home: Home, change):
    stage = Stage(home)
    stage()
    with Ledger(home.ledger) as ledger:
        change(home, ledger)
    stage()
    assert stage.looked == 2
    assert entry(home).status == OK and tables.open_table(home, "mels").count_rows() == 2


def test_a_surprise_is_tried_again(home: Home):
    stage = Stage(home)
    stage(clips=("a_0",), work=broken)
    assert stage(clips=("a_0",)).computed == 1


def test_what_changes_while_the_stage_is_at_work_is_looked_at_next_time(home: Home):
    stage, said = Stage(home), iter([1, 1, 2, 1, 1, 1])
    stage(goes_by=lambda: next(said))
    stage(goes_by=lambda: next(said))
    assert stage.looked == 2
