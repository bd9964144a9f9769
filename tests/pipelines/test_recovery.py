"""Runs left behind by a power cut are freed, living ones are left alone."""

import json
import multiprocessing
import socket

import dagster as dg
import pytest

from pipelines.instance import open_instance
from pipelines.recovery import ALIVE, CLI_TAG, DEAD, SERVER_TAG, UNKNOWN, free_dead, held_alive, left_runs
from swaptalk_models.data.store import postgres_locks

POOL = "gpu"


@pytest.fixture
def instance(tmp_path, monkeypatch, state):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setattr(postgres_locks, "_SETTLES_S", 0.0)  # the server of the tests has just been started
    with open_instance(tmp_path) as opened:
        yield opened


def started_run(instance, tags) -> str:
    """A run that says it is going on, and holds the slot of the pool."""

    @dg.job
    def training():
        pass

    run = instance.create_run_for_job(training, tags=tags, status=dg.DagsterRunStatus.STARTED)
    instance.event_log_storage.set_concurrency_slots(POOL, 1)
    instance.event_log_storage.claim_concurrency_slot(POOL, run.run_id, "train")
    return run.run_id


def slots_free(instance) -> bool:
    return instance.event_log_storage.get_concurrency_info(POOL).active_slot_count == 0


def test_dead_run_of_the_command_line_is_freed_with_its_slot(instance):
    run_id = started_run(instance, {CLI_TAG: "run"})
    assert [(left.run_id, left.state) for left in left_runs(instance)] == [(run_id, DEAD)]
    assert [left.run_id for left in free_dead(instance)] == [run_id]
    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.FAILURE
    assert slots_free(instance)


def test_whoever_lives_has_a_minute_to_take_its_lock_again_when_the_server_was_restarted(instance, state, monkeypatch):
    run_id = started_run(instance, {CLI_TAG: "run"})
    monkeypatch.setattr(postgres_locks, "_SETTLES_S", 3600.0)
    if state == "postgres":
        assert left_runs(instance)[0].state == UNKNOWN and free_dead(instance) == []
        monkeypatch.setattr(postgres_locks, "_SETTLES_S", 0.0)
    assert [left.run_id for left in free_dead(instance)] == [run_id]


def hold(home, run_id, ready, done):
    with open_instance(home) as opened, held_alive(opened, run_id):
        ready.set()
        done.wait(20)


def test_living_run_is_left_alone_until_its_process_is_killed(instance, tmp_path):
    run_id = started_run(instance, {CLI_TAG: "run"})
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=hold, args=(tmp_path, run_id, ready, done))
    process.start()
    assert ready.wait(20)
    assert free_dead(instance) == []
    assert left_runs(instance)[0].state == ALIVE
    process.kill()
    process.join()
    assert [left.run_id for left in free_dead(instance)] == [run_id]


def test_run_of_the_ui_lives_as_long_as_its_server_answers(instance, tmp_path, state):
    path = str(tmp_path / "server")
    run_id = started_run(instance, {SERVER_TAG: json.dumps({"host": "localhost", "socket": path})})
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert free_dead(instance) == []
    if state == "postgres":
        assert left_runs(instance)[0].state == UNKNOWN, "it may live on another host"
    assert [left.run_id for left in free_dead(instance, also_unknown=state == "postgres")] == [run_id]


def test_runs_of_others_are_freed_on_request_only(instance):
    run_id = started_run(instance, {})
    assert free_dead(instance) == []
    assert left_runs(instance)[0].state == UNKNOWN
    assert [left.run_id for left in free_dead(instance, also_unknown=True)] == [run_id]


def test_slot_of_a_finished_run_is_given_back(instance):
    run_id = started_run(instance, {})
    instance.report_run_failed(instance.get_run_by_id(run_id))
    assert not slots_free(instance)
    assert free_dead(instance) == []
    assert slots_free(instance)
