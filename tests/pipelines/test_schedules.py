"""Retraining when, and only when, the snapshot is another one than the models were trained on."""

import dagster as dg
import pytest

from assets.support.partitions import RANGE_END, RANGE_START
from pipelines.schedules import retrain
from swaptalk_models.graph.models import own_models


@pytest.fixture
def instance(tmp_path, monkeypatch):
    monkeypatch.setenv("SWAPTALK_HOME", str(tmp_path))
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("videos", ["a", "b", "c"])
        yield instance


def materialised(instance, name, data_version, **metadata):
    tags = {"dagster/data_version": data_version}
    instance.report_runless_asset_event(dg.AssetMaterialization(name, metadata=metadata, tags=tags))


def tick(instance):
    return retrain.evaluate_tick(dg.build_schedule_context(instance=instance))


def trained(instance, snapshot):
    for spec in own_models():
        materialised(instance, spec.name, "v", snapshot=snapshot)


def test_is_off_by_default():
    assert retrain.default_status == dg.DefaultScheduleStatus.STOPPED


def test_without_a_snapshot_there_is_nothing_to_train_on(instance):
    assert "no training snapshot" in tick(instance).skip_message


def test_trains_on_a_new_snapshot_without_asking_for_partitions(instance):
    trained(instance, "s1")
    materialised(instance, "training_snapshot", "s2")
    (request,) = tick(instance).run_requests
    assert request.tags["swaptalk/snapshot"] == "s2" and not {RANGE_START, RANGE_END} & request.tags.keys()


def test_the_same_snapshot_made_again_trains_nothing(instance):
    trained(instance, "s1")
    materialised(instance, "training_snapshot", "s1")
    assert "every model was trained" in tick(instance).skip_message


def test_trains_when_one_model_lags_behind(instance):
    trained(instance, "s1")
    materialised(instance, "lip_sync", "v", snapshot="s0")
    materialised(instance, "training_snapshot", "s1")
    assert len(tick(instance).run_requests) == 1


def test_not_while_a_training_goes_on(instance):
    materialised(instance, "training_snapshot", "s1")

    @dg.job(name="train")
    def going():
        pass

    instance.create_run_for_job(going, status=dg.DagsterRunStatus.STARTED)
    assert "going on" in tick(instance).skip_message
