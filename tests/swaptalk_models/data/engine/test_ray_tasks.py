"""The same items as Ray tasks and in worker processes: same rows, same ledger, same care for what goes wrong."""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'swaptalk[ray]'")

from swaptalk_models.data.engine.items import Item, Needs
from swaptalk_models.data.engine.loans import Loans
from swaptalk_models.data.engine.parcels import SentGroup
from swaptalk_models.data.engine.ray_cluster import connected
from swaptalk_models.data.engine.ray_tasks import OnDevice, RayTasks, _Flow
from swaptalk_models.data.engine.ray_work import do_group
from swaptalk_models.data.engine.runner import run_stage
from swaptalk_models.data.engine.scratch import PREFIX
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import QUARANTINED, Ledger
from swaptalk_models.errors import UserError
from swaptalk_models.settings.compute import RayConfig

from . import ray_toys as toys
from .ray_toys import content, counts, entries, items, leftovers, run


@pytest.fixture(scope="module", autouse=True)
def ray() -> Iterator:
    """One Ray for all tests here, two workers, its scratch folders in one place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        with connected(toys.SMALL, 2) as package:
            yield package
    assert not package.is_initialized()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


@pytest.fixture
def other(tmp_path: Path) -> Home:
    return Home(tmp_path / "other").create()


def with_files(folder: Path, todo: list[Item], size: int = 5) -> list[Item]:
    """Each with a file of its own outside of the home."""
    folder.mkdir(exist_ok=True)
    for item in todo:
        (folder / f"{item.clip}.mp4").write_bytes(b"x" * size)
    return [replace(item, payload={"path": str(folder / f"{item.clip}.mp4")}) for item in todo]


def test_tasks_give_what_worker_processes_give(home: Home, other: Home, tmp_path: Path):
    todo = with_files(tmp_path / "talks", items(*[f"v_{i:02d}" for i in range(12)], v_03="bad", v_07="surprise"))
    assert counts(run(home, todo)) == counts(run(other, todo, ray=False)) == (10, 0, 2)
    assert content(home) == content(other)
    one, two = entries(home, "mels"), entries(other, "mels")
    assert [entry for entry in one if entry.clip != "v_07"] == [entry for entry in two if entry.clip != "v_07"]
    bad = {entry.clip: entry.reason for entry in one if entry.status == QUARANTINED}
    assert bad["v_03"] == f"{tmp_path}/talks/v_03.mp4: no face in b'xxxxx'", "told by the name that the user knows"
    assert bad["v_07"].startswith(f"{tmp_path}/talks/v_07.mp4: not done") and str(home.root) in bad["v_07"]
    assert PREFIX not in str(bad)
    assert [*leftovers(home)] == []


def test_files_and_spooled_rows_come_back_whole(home: Home, other: Home):
    def files(home: Home, clip: str) -> tuple[Path, ...]:
        return home.clip_video(clip), home.clip_audio(clip)

    todo = items("a_0", "b_0")
    for place, ray in ((home, True), (other, False)):
        assert counts(run(place, todo, ray, work=toys.big_files, table=False, files=files)) == (2, 0, 0)
    made = {path.name: path.read_bytes() for path in other.clips.iterdir()}
    assert len(made) == 4 and {path.name: path.read_bytes() for path in home.clips.iterdir()} == made
    for place, ray in ((home, True), (other, False)):
        assert counts(run(place, items("c_0"), ray, work=toys.spooled)) == (1, 0, 0)
    assert content(home) == content(other) and len(content(home)) == 1_000_000
    assert entries(home, "mels") == entries(other, "mels") and [*leftovers(home)] == []


def test_a_worker_killed_once_costs_nothing(home: Home, tmp_path: Path):
    todo = items("a_0", "b_0", "c_0", b_0=["killed once", str(tmp_path / "mark")])
    assert counts(run(home, todo)) == (3, 0, 0)
    assert (tmp_path / "mark").is_file() and len(content(home)) == 9


def test_a_clip_that_kills_its_worker_is_quarantined_alone(home: Home, other: Home):
    todo = items(*[f"{name}_0" for name in "abcdef"], b_0="deadly")
    assert counts(run(home, todo)) == counts(run(other, todo, ray=False)) == (5, 0, 1)
    assert entries(home, "mels") == entries(other, "mels") and len(content(home)) == 15


def test_clips_that_hang_are_quarantined_and_the_others_done(home: Home, other: Home, monkeypatch):
    from swaptalk_models.data.engine import ray_tasks

    monkeypatch.setattr(ray_tasks, "GRACE_S", 0.1)
    todo = items("a_0", "b_0", "c_0", "d_0", b_0="hangs", c_0="hangs hard")
    started = time.monotonic()
    assert counts(run(home, todo, work=partial(short_grace, toys.work), time_limit=0.5)) == (2, 0, 2)
    assert time.monotonic() - started < 300, "nobody waited for the one that hangs"
    with Ledger(home.ledger) as ledger:
        bad = ledger.entries("mels", None, QUARANTINED)
    assert all("not done after 0.5 s (limits.item_seconds)" in entry.reason for entry in bad.values())
    assert all(entry.output == {"time_limit": 0.5} for entry in bad.values())


def short_grace(work, item, home, params):
    """In the worker: a library that hangs is given up soon."""
    import faulthandler
    import os

    if item.inputs == "hangs hard":
        faulthandler.dump_traceback_later(0.7, exit=True, file=os.open(os.devnull, os.O_WRONLY))
    return work(item, home, params)


@pytest.mark.parametrize(
    ("kind", "said"), [("setting", "dlib's model is missing$"), ("full", r"\S+: the disk is full")]
)
def test_what_the_user_can_mend_stops_the_run_but_keeps_what_is_done(home: Home, kind: str, said: str):
    todo = items("a_0", "b_0", "c_0", c_0=kind)
    with pytest.raises(UserError, match=rf"^host \S+ of the Ray cluster: {said}"):
        run(home, todo, config=RayConfig(in_flight=1))
    assert counts(run(home, items("a_0", "b_0", "c_0"))) == (1, 2, 0) and [*leftovers(home)] == []


def test_a_host_with_another_version_is_told():
    sent = SentGroup(toys.work, None, None, "/home", "another", ())
    with pytest.raises(UserError, match=r"^host \S+ of the Ray cluster: it has another version of SwapTalk"):
        next(do_group(sent))


def test_work_in_flight_is_bounded_whatever_the_number_of_items(home: Home, tmp_path: Path, ray, monkeypatch):
    most = {}

    class Watched(_Flow):
        def _submit(self, jobs):
            handed_out = super()._submit(jobs)
            seen = most.setdefault(self.what.config, [0, 0])
            seen[:] = max(seen[0], self._items()), max(seen[1], self._bytes())
            flows.append(self)
            return handed_out

    flows: list[_Flow] = []
    monkeypatch.setattr("swaptalk_models.data.engine.ray_tasks._Flow", Watched)
    for count in (6, 60):
        todo = with_files(tmp_path / "talks", items(*[f"v_{i:02d}" for i in range(count)]), 1 << 20)
        place = Home(tmp_path / f"home_{count}").create()
        assert counts(run(place, todo, config=RayConfig(in_flight=3))) == (count, 0, 0)
        assert {entry.output["read"] for entry in entries(place, "mels")} == {1 << 20}
        assert most.pop(RayConfig(in_flight=3)) == [3, 3 << 20], "no more at ten times the items"
    narrow = RayConfig(inputs_mib=2)
    assert counts(run(home, todo, config=narrow)) == (60, 0, 0)
    assert most[narrow] == [2, 2 << 20], "so many bytes are lent, and no more"
    assert all(not flow.loans.bytes and not flow.running for flow in flows), "nothing is held any longer"


def test_short_items_go_in_groups_of_which_one_alone_is_blamed(home: Home, tmp_path: Path, monkeypatch):
    clips = [f"v_{i:02d}" for i in range(80)]
    todo = items(*clips, v_40="deadly", v_60=["killed once", str(tmp_path / "mark")])
    sizes = []

    class Watched(_Flow):
        def _submit(self, jobs):
            before = self._items()
            handed_out = super()._submit(jobs)
            sizes.append(self._items() - before)
            return handed_out

    monkeypatch.setattr("swaptalk_models.data.engine.ray_tasks._Flow", Watched)
    assert counts(run(home, todo)) == (79, 0, 1)
    assert content(home) == [(clip, frame) for clip in clips if clip != "v_40" for frame in range(toys.FRAMES)]
    with Ledger(home.ledger) as ledger:
        assert [*ledger.entries("mels", None, QUARANTINED)] == ["v_40"]
    assert max(sizes) > 4 and sizes[0] == 1, "no more than one until it is known how long one takes"
    assert sum(sizes) > 80, "what shared a group with the deadly one was done again"


def test_a_file_is_lent_once_to_all_who_read_it(tmp_path: Path):
    loans, path = Loans(), tmp_path / "talk.mp4"
    path.write_bytes(b"x" * (20 << 20))
    assert loans.lend(path) is loans.lend(path) and len(loans.lend(path)) == 5 and loans.bytes == 20 << 20
    for _ in range(3):
        assert loans.bytes
        loans.give_back(str(path))
    assert loans.bytes == 0
    with pytest.raises(OSError):
        loans.lend(tmp_path / "none.mp4")


def test_tasks_are_taken_only_as_there_is_room(home: Home):
    """Taking one says that its files are being replaced."""
    taken = []

    def tasks() -> Iterator:
        for item in items(*[f"v_{i:02d}" for i in range(20)]):
            taken.append(item.clip)
            yield toys.work, item, home, None, None

    done = 0
    for _ in RayTasks("mels", Needs(), lambda home, clip: (), RayConfig(in_flight=4), 2).outcomes(tasks(), 20):
        done += 1
        assert len(taken) - done <= 4
    assert done == 20


def test_actors_keep_their_work_and_are_replaced_when_they_die(home: Home, tmp_path: Path):
    """What the driver hands to the stage as its work is done nowhere: an actor has its own."""
    network = OnDevice("auto", lambda device: toys.Keeps() if device == "cpu" else None)
    executor = RayTasks("mels", Needs(), lambda home, clip: (), toys.SMALL, 2, network)
    todo = items(*[f"v_{i:02d}" for i in range(30)], v_10="deadly", v_20=["killed once", str(tmp_path / "mark")])
    report = run_stage("mels", lambda: todo, ["v"], home=home, params=None, work=None, table=True, executor=executor)
    assert counts(report) == (29, 0, 1)
    outputs = [entry.output for entry in entries(home, "mels") if entry.status != QUARANTINED]
    processes = {output["process"] for output in outputs}
    assert 2 < len(processes) <= 6, "two, and one for each that has died"
    assert max(output["done"] for output in outputs) > 4, "the same object does one item after the other"
