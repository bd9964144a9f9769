"""Retraining for months, in compressed time: thirty days in which videos arrive, change, vanish and come back.

The daemon is Dagster's own: the iterations of its sensors, its scheduler, its queue, its retries and its monitoring, over the home's real instance,
with a clock that the test turns. Only its processes are left out: a code server and a process a run cost 5 to 10 s each, thirty times. Runs are
executed here, by the launcher that Dagster has for that, and so are the trainings, which are real and of a few steps. Whatever has to be killed is a
process of its own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import json
import logging
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import dagster as dg
import numpy as np
import pytest
import sqlalchemy
from dagster._core.launcher import LaunchRunContext
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import InProcessTestWorkspaceLoadTarget, create_test_daemon_workspace_context
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._daemon.sensor import execute_sensor_iteration
from dagster._grpc.types import ExecuteRunArgs
from dagster._scheduler.scheduler import launch_scheduled_runs

from assets.support import model_asset
from assets.support.resources import SwapTalk
from pipelines.cli.main import main
from pipelines.instance import open_instance
from pipelines.run import quiet_dagster, run_graph
from pipelines.run_settings import Settings
from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.data.snapshot import load_snapshot
from swaptalk_models.data.stages.registry import CLIP_TABLES, DATA_STAGES
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.data.store.release_log import CHOSEN, REFUSED, RELEASED, in_use, read_log
from swaptalk_models.evaluation.compare import release as gate
from swaptalk_models.evaluation.compare import release_history
from swaptalk_models.evaluation.measure import make_videos, scoring
from swaptalk_models.graph.models import own_models
from swaptalk_models.metrics import dlib_judge, steady_landmarks
from swaptalk_models.modules.model_folder import current
from swaptalk_models.training import run as training
from swaptalk_models.training import swap_teacher
from swaptalk_models.training.spec import TrainSpec

pytestmark = pytest.mark.slow

ROOT, LOCATION = Path(__file__).parents[2], "swaptalk"
PEOPLE = 7
TRAININGS = ("identity_encoder", "vqgan", "lip_expert", "sync_judge", "face_swapper", "lip_sync")
TOY = {f"{name}.train.steps": 1 for name in TRAININGS} | {f"{name}.train.batch": 4 for name in TRAININGS}
TOY |= {
    "init": "none",
    "identity_encoder.channels": [8, 8, 8, 8],
    "vqgan.channels": [8, 16],
    "face_swapper.width": 32,
    "face_swapper.depth": 1,
    "face_swapper.decoded_samples": 1,
    "lip_sync.width": 16,
    "lip_sync.warp_width": 16,
    "swap_teacher.pairs": 6,
    "swap_teacher.held_out_pairs": 2,
    "evaluation.pairs": 2,
    "evaluation.identity_frames": 2,
    "evaluation.cpbd_frames": 2,
    "evaluation.methods": ["SwapTalk"],
    "model_release.fewest_videos": 2,
    "model_release.tolerance": 0.3,
}


def colours(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Stands for a face's identity: the same for the same picture."""
    return cv2.resize(dlib_judge.face_chip(image, landmarks), (8, 16)).mean(axis=2).ravel().astype(np.float32)


class Launcher(SyncInMemoryRunLauncher):
    """Runs in this process, but for the next one where somebody is to kill it."""

    doomed: Callable[[LaunchRunContext], None] | None = None

    def launch_run(self, context: LaunchRunContext) -> None:
        doomed, self.doomed = self.doomed, None
        (doomed or super().launch_run)(context)


class Here(Executor):
    """A pool whose workers are this process."""

    def __init__(self, *_: Any, **more: Any):
        pass

    def submit(self, work: Callable[..., Any], /, *args: Any, **more: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(work(*args, **more))
        return done


class Daemon:
    """Dagster's daemon over a home, and the clock that it goes by."""

    def __init__(self, home: Home, instance: dg.DagsterInstance, workspace: Any):
        self.home, self.instance, self.workspace = home, instance, workspace
        self.now = datetime.datetime.now(datetime.UTC).replace(hour=12, minute=0, second=0, microsecond=0)
        self.log, self.queue, self.retries = (
            logging.getLogger("daemon"),
            QueuedRunCoordinatorDaemon(1),
            EventLogConsumerDaemon(),
        )
        self.launcher = instance.run_launcher
        repository = workspace.create_request_context().get_code_location(LOCATION).get_repository("__repository__")
        with self.time():
            instance.start_sensor(repository.get_sensor("new_videos"))
        self.schedule = repository.get_schedule("retrain")
        self.nights(on=True)
        self.work()

    @contextlib.contextmanager
    def time(self) -> Iterator[None]:
        with (
            mock.patch("dagster._time._mockable_get_current_datetime", return_value=self.now),
            mock.patch("dagster._time._mockable_get_current_timestamp", return_value=self.now.timestamp()),
        ):
            yield

    def work(self) -> None:
        """One iteration of each of its parts."""
        self.now += datetime.timedelta(seconds=40)
        with self.time():
            list(execute_sensor_iteration(self.workspace, self.log, None, None))
            list(launch_scheduled_runs(self.workspace, self.log, self.now, {}))
            list(self.queue.run_iteration(self.workspace))
            list(self.retries.run_iteration(self.workspace))
            list(execute_run_monitoring_iteration(self.workspace, self.log))

    def day(self, looks: int = 0) -> None:
        """A few looks at the folder, and the night."""
        for _ in range(looks):
            self.work()
        self.now = (self.now + datetime.timedelta(days=1)).replace(hour=2, minute=0, second=0)
        self.work()
        self.now = self.now.replace(hour=12)

    def nights(self, on: bool) -> None:
        """Switch the schedule on or off."""
        with self.time():
            if on:
                self.instance.start_schedule(self.schedule)
            else:
                self.instance.stop_schedule(
                    self.schedule.get_remote_origin_id(), self.schedule.selector_id, self.schedule
                )

    def runs(self, job: str) -> list[dg.DagsterRun]:
        """The newest first."""
        return list(self.instance.get_runs(dg.RunsFilter(job_name=job)))

    def said(self, name: str) -> str:
        """Why a sensor or schedule asked for nothing the last time."""
        state = next(state for state in self.instance.all_instigator_state() if state.instigator_name == name)
        (tick,) = self.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
        return tick.skip_reason or ""


@pytest.fixture(scope="module")
def pool(tmp_path_factory) -> list[Path]:
    """Everybody who will ever be seen."""
    return write_corpus(tmp_path_factory.mktemp("pool"), PEOPLE, 1.2, size=160)


@pytest.fixture
def trainings(monkeypatch) -> list[str]:
    """Snapshots on which worse models are trained; trainings in this process instead of one of their own each."""
    spoilt: list[str] = []

    def work(context: Any, spec: TrainSpec, pipes: Any, ray: Any) -> None:
        training.train(spec, report=lambda line: None)

    measured = gate.measurements

    def measurements(home: Home, preset: Any) -> dict[str, Any]:
        """Networks of one step make no face that could be measured."""
        found, worse = measured(home, preset), current(home.root, "vqgan").result()["snapshot"] in spoilt
        for video in found["videos"]:  # all alike: of two videos that differ, no interval would call a loss certain
            video["ssim"] = 0.3 if worse else 0.8
        return found

    for module in (gate, release_history):
        monkeypatch.setattr(module, "measurements", measurements)
    monkeypatch.setattr(model_asset, "_run_worker", work)
    for module in (scoring, swap_teacher):  # a process of their own for four videos and eight pairs
        monkeypatch.setattr(module, "ProcessPoolExecutor", Here)
    for drawing in ("draw_curves", "draw_families"):  # of one step, and half a second each
        monkeypatch.setattr(training, drawing, lambda history, where, title: None)
    monkeypatch.setattr(SwapTalk, "workers", 1)
    monkeypatch.setattr(make_videos, "_processes", lambda targets: 1)
    monkeypatch.setattr(dlib_judge, "_embed", colours)  # the recogniser takes a tenth of a second a face
    monkeypatch.setattr(steady_landmarks, "JITTER", steady_landmarks.JITTER[:1])  # one look at a face, not seven
    return spoilt


@pytest.fixture
def no_waiting_for_the_disk() -> Iterator[None]:
    """Dagster's databases are not flushed: a process that is killed loses nothing by that, and it is a quarter of these days."""

    def relaxed(connection: Any, record: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", relaxed)
    yield
    sqlalchemy.event.remove(sqlalchemy.Engine, "connect", relaxed)


@pytest.fixture
def lab(tmp_path, monkeypatch, pool, trainings, no_waiting_for_the_disk) -> Iterator[Daemon]:
    """Five people's videos, a home made of them by hand, and the daemon over it."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.delenv("SWAPTALK_WATCH", raising=False)
    home, folder = Home(tmp_path / "home").create(), tmp_path / "videos"
    folder.mkdir()
    for video in pool[:5]:
        shutil.copy2(video, folder)
    monkeypatch.setenv("SWAPTALK_HOME", str(home.root))
    run_graph(Settings(home.root, "tiny", str(folder), overrides=TOY))
    target = LoadableTargetOrigin(executable_path=sys.executable, module_name="pipelines.definitions")
    location = InProcessTestWorkspaceLoadTarget(InProcessCodeLocationOrigin(target, location_name=LOCATION))
    with quiet_dagster(), open_instance(home.root) as instance:
        instance._run_launcher = Launcher()
        instance._run_launcher.register_instance(instance)
        with create_test_daemon_workspace_context(location, instance) as workspace:
            yield Daemon(home, instance, workspace)


def swaptalk(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


def kill_when(process: subprocess.Popen[bytes], home: Home, stage: str) -> None:
    """SIGKILL once a process is at work on a stage."""
    lock = home.locks / f"{stage}.lock"
    while not (lock.is_file() and lock.read_text()):
        assert process.poll() is None, "it ended too early"
        time.sleep(0.02)
    process.kill()
    process.wait()


def run_by_hand_killed(home: Home, stage: str) -> None:
    command = [sys.executable, "-m", "pipelines.cli.main", "run", "--home", str(home.root)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kill_when(process, home, stage)


def power_cut(home: Home, stage: str, address: Path) -> Callable[[LaunchRunContext], None]:
    """A run in a process of its own that dies together with the code server which started it."""

    def launch(context: LaunchRunContext) -> None:
        run = context.dagster_run
        assert run.job_code_origin is not None
        with open_instance(home.root) as instance, socket.socket(socket.AF_UNIX) as server:
            server.bind(str(address))
            server.listen()
            where = json.dumps({"host": "localhost", "socket": str(address)})
            instance.add_run_tags(run.run_id, {".dagster/grpc_info": where})
            arguments = ExecuteRunArgs(run.job_code_origin, run.run_id, instance.get_ref(), None).get_command_args()
            command = [sys.executable, "-m", "dagster", *arguments[arguments.index("api") :]]
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            kill_when(process, home, stage)

    return launch


def rows_of(home: Home, table: str) -> list[dict[str, Any]]:
    found = tables.open_table(home, table).to_table().to_pylist()
    return sorted(found, key=lambda row: (row["clip"], row.get("frame", 0)))


def entries_of(home: Home) -> list[Any]:
    stages = (*DATA_STAGES, "vq_latents", "quality", "sync_offsets")
    with Ledger(home.ledger) as ledger:
        found = [entry for stage in stages for entry in ledger.entries(stage, orphaned=None).values()]
    return [dataclasses.replace(entry, seconds=0.0, updated_at=0.0) for entry in found]


def metrics_of(home: Home) -> dict[str, Any]:
    """Of the newest report."""
    report = Path(home.state().report or "")
    assert report.read_text().rstrip().endswith("</html>")
    (summary,) = report.parent.glob("metrics_*/summary.json")
    return json.loads(summary.read_text())


@dataclasses.dataclass
class Month:
    """What the days share."""

    lab: Daemon
    pool: list[Path]
    """Everybody who will ever be seen; five of them stand in the watched folder at the beginning."""
    worse: list[str]
    """Snapshots on which worse models are trained."""
    folder: Path
    """The watched one."""
    away: Path
    """Where a video lies that was taken out of it."""

    @property
    def home(self) -> Home:
        return self.lab.home


@pytest.fixture
def month(lab, pool, trainings, tmp_path) -> Month:
    return Month(lab, pool, trainings, tmp_path / "videos", tmp_path / "away.mp4")


def test_thirty_days(month, tmp_path, monkeypatch, capsys):
    first = in_use(month.home)
    assert first is not None and month.home.state().failed is None
    day_2_to_3_a_video_that_is_cut_off(month)
    day_4_to_5_a_killed_run_and_a_worse_model(month, first, capsys)
    day_6_to_11_what_changes_nothing(month)
    day_12_to_15_the_disk_is_full(month, monkeypatch, capsys)
    day_16_to_18_a_power_cut_and_a_new_release(month, first, tmp_path)
    second = in_use(month.home)
    day_19_to_21_another_release_is_chosen(month, first, second)
    day_22_to_24_what_is_old_is_removed(month, second, capsys)
    day_25_to_30_nothing(month, second)
    it_is_as_if_made_at_once(month, tmp_path / "fresh", monkeypatch)


def day_2_to_3_a_video_that_is_cut_off(month: Month) -> None:
    lab, home, five = month.lab, month.home, newest_snapshot(month.home)
    lab.day(looks=1)  # 2: nothing
    assert lab.said("new_videos") == "no new video" and lab.said("retrain").endswith("and released")
    (month.folder / month.pool[5].name).write_bytes(month.pool[5].read_bytes()[:20_000])
    lab.day(looks=2)  # 3
    assert lab.runs("prepare_data") and newest_snapshot(home) == five and lab.runs("train") == []


def day_4_to_5_a_killed_run_and_a_worse_model(month: Month, first: str, capsys) -> None:
    lab, home = month.lab, month.home
    shutil.copy2(month.pool[5], month.folder)
    run_by_hand_killed(home, "face_tracks")
    for _ in range(4):
        lab.work()  # 4: it is whole; a run by hand was killed in the middle
    assert lab.runs("swaptalk")[0].status == dg.DagsterRunStatus.FAILURE
    assert len({row["video"] for row in load_snapshot(home).clips()}) == 6, "the sensor makes what the run left"
    month.worse.append(newest_snapshot(home))
    lab.day()  # ... and what is trained at night is worse
    lab.work()
    assert in_use(home) == first and [event.kind for event in read_log(home)] == [RELEASED, REFUSED]
    swaptalk("status", "--home", home.root)
    told = capsys.readouterr().out.splitlines()[0]
    assert "FAILED in model_release" in told and "not released" in told and " was " in told
    lab.day()  # 5: nothing
    assert lab.said("retrain").endswith("and refused")


def day_6_to_11_what_changes_nothing(month: Month) -> None:
    lab, home, folder, pool, six = month.lab, month.home, month.folder, month.pool, newest_snapshot(month.home)
    (folder / "notes.mp4").write_text("no video")
    lab.day(looks=2)  # 6: something that is no video
    (folder / "notes.mp4").unlink()
    lab.day(looks=2)  # 7: it has gone
    assert "notes" not in lab.instance.get_dynamic_partitions("videos")
    os.utime(folder / pool[4].name)
    lab.day(looks=2)  # 8: a file was touched
    assert newest_snapshot(home) == six
    (folder / pool[1].name).rename(month.away)
    lab.work(), lab.work()  # 9: a video vanishes ...
    assert newest_snapshot(home) != six
    month.away.rename(folder / pool[1].name)
    lab.day(looks=2)  # ... and is back before the night
    assert newest_snapshot(home) == six and len(lab.runs("train")) == 1
    lab.day(), lab.day()  # 10, 11: nothing


def day_12_to_15_the_disk_is_full(month: Month, monkeypatch, capsys) -> None:
    lab, home, six = month.lab, month.home, newest_snapshot(month.home)
    lab.nights(on=False)
    shutil.copy(month.pool[6], month.folder / month.pool[2].name)
    with monkeypatch.context() as full:
        full.setattr(tables, "replace_clips", disk_full)
        lab.day(looks=2)  # 12: another film under the same name
        assert swaptalk("status", "--home", home.root) == 0
        assert "disk is full" in capsys.readouterr().out.splitlines()[0]
        lab.day(looks=2)  # 13: it still is
    asked = len(lab.runs("prepare_data"))
    lab.day(looks=5)  # 14: there is room again
    assert len(lab.runs("prepare_data")) == asked + 1 and home.state().failed is None
    assert newest_snapshot(home) != six
    lab.day()  # 15: nothing


def day_16_to_18_a_power_cut_and_a_new_release(month: Month, first: str, tmp_path: Path) -> None:
    lab, home = month.lab, month.home
    (month.folder / month.pool[1].name).rename(month.away)
    shutil.copy2(month.pool[1], month.folder / "another_name.mp4")
    lab.work()
    lab.launcher.doomed = power_cut(home, "face_tracks", tmp_path / "server")
    lab.work()  # 16: one goes, one comes; a power cut in the middle of the run
    assert lab.runs("prepare_data")[0].status == dg.DagsterRunStatus.STARTED
    for _ in range(3):
        lab.work()  # 17: the daemon is back
    retried, cut_off = lab.runs("prepare_data")[:2]
    assert (cut_off.status, retried.status) == (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS)
    lab.nights(on=True)
    lab.day()
    lab.work()
    assert in_use(home) != first and home.state().failed is None and read_log(home)[-1].before == first
    lab.day()  # 18: nothing
    assert lab.said("retrain").endswith("and released") and len(lab.runs("train")) == 2


def day_19_to_21_another_release_is_chosen(month: Month, first: str, second: str) -> None:
    lab, home = month.lab, month.home
    assert swaptalk("releases", "--home", home.root, "--use", first, "--because", "lips blurred") == 0
    lab.day()  # 19: back to the one before
    lab.day()  # 20: nothing puts the other one back
    assert in_use(home) == first and "another release" in lab.said("retrain")
    assert swaptalk("releases", "--home", home.root, "--use", second) == 0
    lab.day()  # 21: and forward again


def day_22_to_24_what_is_old_is_removed(month: Month, second: str, capsys) -> None:
    lab, home, half = month.lab, month.home, month.folder / "half.mp4"
    capsys.readouterr()
    assert swaptalk("clean", "--home", home.root, "--keep", "1", "--yes") == 0
    assert "freed" in capsys.readouterr().out
    assert [path.parent.name for path in home.releases.glob("*/release.json")] == [second]
    lab.day()  # 22
    half.write_bytes(month.pool[5].read_bytes()[:5000])
    lab.day(looks=2)  # 23: another that is cut off ...
    half.unlink()
    lab.day(looks=2)  # 24: ... is taken away


def day_25_to_30_nothing(month: Month, second: str) -> None:
    lab, home = month.lab, month.home
    for _ in range(25, 31):
        lab.day()
    assert in_use(home) == second and home.state().failed is None
    assert not [run for run in lab.instance.get_runs() if not run.is_finished]
    assert [event.kind for event in read_log(home)] == [RELEASED, REFUSED, RELEASED, CHOSEN, CHOSEN]


def it_is_as_if_made_at_once(month: Month, folder: Path, monkeypatch) -> None:
    """A fresh home, made of the videos as they are in the end."""
    home, fresh = month.home, Home(folder).create()
    swaptalk("clean", "--home", home.root, "--yes")
    monkeypatch.setenv("SWAPTALK_HOME", str(fresh.root))
    run_graph(Settings(fresh.root, "tiny", str(month.folder), overrides=TOY))
    assert entries_of(home) == entries_of(fresh)
    for table in (*CLIP_TABLES, "vq_latents"):
        assert rows_of(home, table) == rows_of(fresh, table), table
    assert newest_snapshot(home) == newest_snapshot(fresh)
    for spec in own_models():
        mine, other = current(home.root, spec.name), current(fresh.root, spec.name)
        assert mine.version == other.version and mine.result()["metrics"] == other.result()["metrics"], spec.name
        for name in spec.files:
            assert (mine.path / name).read_bytes() == (other.path / name).read_bytes(), (spec.name, name)
    assert in_use(home) == in_use(fresh) and metrics_of(home) == metrics_of(fresh)


def newest_snapshot(home: Home) -> str:
    return (home.snapshots / "current").read_text().strip()


def disk_full(*args: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
