"""A run that failed is told of until its stage has run again, whoever started it."""

import dagster as dg
import pytest

from pipelines.failures import Failure, first_failure, remember_failure
from pipelines.outcomes import failed_runs, mended_runs
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError


@pytest.fixture
def instance():
    with dg.instance_for_test() as instance:
        yield instance


def run(instance, assets, checks=(), job=None):
    return (
        dg.materialize(
            assets, instance=instance, raise_on_error=False, selection=dg.AssetSelection.all(include_sources=False)
        )
        if not checks
        else dg.Definitions(assets=assets, asset_checks=list(checks), jobs=[])
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(instance=instance, raise_on_error=False)
    )


def failing(error):
    @dg.asset(name="lip_expert")
    def asset():
        raise error

    return asset


def test_users_fault_is_its_sentence(instance):
    result = run(instance, [failing(UserError("only 2 people: 4 are needed"))])
    found = first_failure(instance, result.run_id)
    assert (found.stage, found.reason, found.ours) == ("lip_expert", "only 2 people: 4 are needed", False)


def test_our_fault_says_where(instance):
    result = run(instance, [failing(ZeroDivisionError("ours"))])
    found = first_failure(instance, result.run_id)
    assert found.ours and "ZeroDivisionError: ours" in found.reason and "in asset" in found.details


def test_a_blocking_check_is_the_reason_not_what_it_blocked(instance):
    @dg.asset
    def lip_expert():
        return 1

    @dg.asset(deps=[lip_expert])
    def lip_sync():
        raise AssertionError("never reached")

    @dg.asset_check(asset=lip_expert, blocking=True)
    def left_chance():
        return dg.AssetCheckResult(passed=False, description="0.52 of pairs right on held-out people: too few people")

    result = run(instance, [lip_expert, lip_sync], [left_chance])
    found = first_failure(instance, result.run_id)
    assert (found.stage, found.ours) == ("lip_expert", False)
    assert found.reason == "check left_chance failed: 0.52 of pairs right on held-out people: too few people"


def test_a_good_run_has_none(instance):
    @dg.asset
    def lip_expert():
        return 1

    assert first_failure(instance, run(instance, [lip_expert]).run_id) is None


def test_stopped_by_hand_is_no_failure(tmp_path):
    home = Home(tmp_path).create()
    remember_failure(home, Failure("vqgan", "stopped by hand", False, interrupted=True))
    assert home.state().failed is None


def test_runs_of_the_ui_are_told_of_and_forgotten_when_mended(instance, tmp_path, monkeypatch):
    monkeypatch.setenv("SWAPTALK_HOME", str(tmp_path))
    home = Home(tmp_path).create()

    def evaluate(sensor, result):
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name,
            dagster_event=result.get_run_success_event() if result.success else result.get_run_failure_event(),
            dagster_instance=instance,
            dagster_run=result.dagster_run,
        )
        sensor(context)

    evaluate(failed_runs, run(instance, [failing(UserError("too few people"))]))
    assert home.state().failed["reason"] == "too few people"

    @dg.asset
    def other():
        return 1

    @dg.asset(name="lip_expert")
    def mended():
        return 1

    evaluate(mended_runs, run(instance, [other]))
    assert home.state().failed is not None  # another stage's success mends nothing
    evaluate(mended_runs, run(instance, [mended]))
    assert home.state().failed is None


def test_a_run_that_died_is_told_of_unless_it_was_done_again(instance, tmp_path, monkeypatch):
    monkeypatch.setenv("SWAPTALK_HOME", str(tmp_path))
    home = Home(tmp_path).create()

    @dg.asset
    def lip_expert():
        return 1

    def died():
        run = instance.create_run_for_job(later, status=dg.DagsterRunStatus.STARTED)
        event = instance.report_run_failed(run, "the process has died")
        return dg.build_run_status_sensor_context("failed_runs", event, instance, instance.get_run_by_id(run.run_id))

    @dg.job
    def later():
        pass

    context = died()
    failed_runs(context)
    assert "its process died" in home.state().failed["reason"]
    home.update_state(failed=None)
    run(instance, [lip_expert])
    failed_runs(context)  # late
    assert home.state().failed is None
