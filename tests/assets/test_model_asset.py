"""A model as an asset: a real training in a process of its own, once; and what becomes of its faults."""

from __future__ import annotations

import json
import re
import shutil

import dagster as dg
import pytest

from assets.support.model_asset import model_metadata
from assets.support.resources import SwapTalk
from assets.training import MODEL_ASSETS, lip_expert_left_chance
from swaptalk_models.data.snapshot import load_snapshot
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.errors import UserError
from swaptalk_models.modules.model_folder import ModelFolder, current, make_current
from swaptalk_models.training.history import write_history

identity_encoder, wav2lip = MODEL_ASSETS["identity_encoder"], MODEL_ASSETS["wav2lip"]


class NoProcess(dg.PipesSubprocessClient):
    """Whoever starts a process with this has none."""

    def run(self, **_):
        self.asked = True


def materialize(graph, asset=identity_encoder, pipes=None, **overrides):
    upstream = [dg.AssetSpec(dep.asset_key) for dep in asset.get_asset_spec().deps]
    return dg.materialize(
        [asset, *upstream],
        selection=[asset],
        resources={"swaptalk": graph.swaptalk(**overrides), "pipes": pipes or dg.PipesSubprocessClient()},
        instance=graph.instance,
        raise_on_error=False,
    )


def metadata(result, name="identity_encoder"):
    return {key: value.value for key, value in result.asset_materializations_for_node(name)[0].metadata.items()}


def test_a_training_gives_figures_curves_and_its_own_version(graph, trained):
    folder = current(graph.home.root, "identity_encoder")
    found = {key: value.value for key, value in trained.metadata.items()}
    assert (found["status"], found["version"], found["step"]) == ("computed", folder.version, 4.0)
    assert found["snapshot"] == load_snapshot(graph.home).version
    assert 0 <= found["auc"] <= 1 and 0 <= found["baseline_auc"] <= 1
    assert next(iter(found)) == "on held-out people", "its figures on people whom it has not seen come first"
    (row,) = found["on held-out people"].records
    assert row.data["figure"] == "auc" and row.data["wanted"] == "at least 0.95" and row.data["trivial baseline"] != "-"
    for family in ("losses", "right answers"):
        assert found[f"curves: {family}"].startswith(f"![{family}](data:image/png;base64,")
    assert trained.tags["dagster/data_version"] == folder.version


def test_a_model_that_is_there_is_not_trained_again(graph, trained):
    pipes = NoProcess()
    result = materialize(graph, pipes=pipes)
    assert result.success and not hasattr(pipes, "asked")
    found = metadata(result)
    assert found["status"] == "cached" and found["auc"] == f"{trained.metadata['auc'].value:.4g}"
    assert not [value for value in found.values() if isinstance(value, (int, float))], "no new point in a plot"
    with Ledger(graph.home.ledger) as ledger:
        assert (ledger.last_run()["identity_encoder"].cached, ledger.last_run()["identity_encoder"].computed) == (1, 0)


def test_another_setting_is_another_model_that_is_not_there_yet(graph, trained):
    pipes = NoProcess()
    result = materialize(graph, pipes=pipes, **{"identity_encoder.train.steps": 5})
    assert pipes.asked and not result.success
    assert "ended without a result" in result.failure_data_for_node("identity_encoder").error.to_string()
    assert current(graph.home.root, "identity_encoder").version == trained.metadata["version"].value, "as before"


def test_users_fault_in_the_worker_is_a_users_fault_here(own):
    shutil.rmtree(own.home.table("face_crops"))
    result = materialize(own)
    error = result.failure_data_for_node("identity_encoder").error.cause
    assert error.cls_name == "UserError"
    assert "no table face_crops" in error.message and "swaptalk run --until face_crops" in error.message
    with pytest.raises(UserError, match="no trained"):
        current(own.home.root, "identity_encoder")


def test_our_fault_says_what_it_was(own):
    for file in (own.home.table("face_crops") / "data").iterdir():
        file.write_bytes(b"no Lance file")
    result = materialize(own)
    said = result.failure_data_for_node("identity_encoder").error.to_string()
    assert re.search(r"RuntimeError: the training of identity_encoder has failed: \w+: .*LanceError", said)


def test_lines_of_the_worker_are_in_the_log(graph, trained):
    records = graph.instance.fetch_materializations(dg.AssetKey("identity_encoder"), limit=100).records
    run = next(r.run_id for r in records if r.asset_materialization.metadata["status"].value == "computed")
    lines = [entry.user_message for entry in graph.instance.all_logs(run)]
    assert any("M parameters, 4 steps of 8" in line for line in lines)
    assert sum("held-out people: auc" in line for line in lines) == 1


def test_what_is_only_compared_with_is_trained_only_where_it_is_asked_for(own):
    """There is not even a VQGAN: nothing is looked at."""
    pipes = NoProcess()
    result = materialize(own, wav2lip, pipes)
    assert result.success and not hasattr(pipes, "asked")
    assert metadata(result, "wav2lip")["status"] == "not needed"
    assert "evaluation.methods" in metadata(result, "wav2lip")["why"]
    with Ledger(own.home.ledger) as ledger:
        assert (ledger.last_run()["wav2lip"].computed, ledger.last_run()["wav2lip"].cached) == (0, 1)


@pytest.mark.parametrize("methods", [["Swap-Sync"], ["all"]])
def test_a_method_that_needs_it_has_it_trained(own, methods):
    result = materialize(own, wav2lip, NoProcess(), **{"evaluation.methods": methods})
    error = result.failure_data_for_node("wav2lip").error.cause
    assert error.cls_name == "UserError" and "no trained vqgan" in error.message


def test_metadata_leave_out_what_was_not_measured(tmp_path):
    result = '{"step": 7, "seconds": 1.5, "snapshot": "s", "inputs": {}, "metrics": {"auc": 0.95, "nothing": null}}'
    (tmp_path / "result.json").write_text(result)
    found = model_metadata(ModelFolder(tmp_path), cached=False)
    assert (found["step"], found["auc"]) == (7.0, 0.95) and "nothing" not in found


def test_an_expert_at_chance_fails_its_check(tmp_path):
    folder = tmp_path / "models" / "lip_expert" / "v1"
    folder.mkdir(parents=True)
    make_current(ModelFolder(folder))

    def check(accuracy, losses, warmup=5):
        result = {"metrics": {"accuracy": accuracy}, "step": 10 * len(losses), "config": {"train": {"warmup": warmup}}}
        (folder / "result.json").write_text(json.dumps(result))
        history = [{"step": 10 * (i + 1), "pairs": loss} for i, loss in enumerate(losses)]
        write_history(history, folder / "history.parquet")
        return lip_expert_left_chance(SwapTalk(home=str(tmp_path)))

    good = check(0.9, [0.69] * 12 + [0.3] * 20)
    assert good.passed and good.metadata["left_chance_at_step"].value == 130.0
    assert "left 0.69 for good at step 130 of 320" in good.description
    for accuracy, losses in ((0.9, [0.69] * 30), (0.5, [0.2] * 30), (0.9, [0.2] * 10 + [0.69] * 20)):
        bad = check(accuracy, losses)
        assert not bad.passed and bad.severity == dg.AssetCheckSeverity.ERROR
        assert "still at chance" in bad.description
    assert check(0.5, [1.0], warmup=50).passed, "a trial of the machinery"
    spec = next(iter(lip_expert_left_chance.check_specs))
    assert spec.blocking
