"""What the UI shows of a training while it runs."""

from __future__ import annotations

import time
from types import SimpleNamespace

import dagster as dg

from assets.support import training_progress
from assets.support.training_progress import observed


def test_curves_are_shown_while_a_training_runs(own, monkeypatch):
    """Of a real one, of some seconds: its figures are in the event log before its materialization is."""
    monkeypatch.setattr(training_progress, "FIRST_SECONDS", 0.1)
    monkeypatch.setattr(training_progress, "_RARER", 0.01)
    longer = {"steps": 24, "eval_every": 6, "checkpoint_seconds": 0.01}
    longer = {f"identity_encoder.train.{name}": value for name, value in longer.items()}
    made = own.run("identity_encoder", overrides=longer)["identity_encoder"][""]
    key = dg.AssetKey("identity_encoder")
    shown = own.instance.fetch_observations(key, limit=99).records
    assert shown, "nothing was shown"
    (end,) = own.instance.fetch_materializations(key, limit=1).records
    first = shown[-1].event_log_entry.asset_observation.metadata
    assert shown[-1].storage_id < end.storage_id and first["step"].value < made.metadata["step"].value == 24
    last = shown[0].event_log_entry.asset_observation.metadata
    assert "loss" in first and "held_out_auc" in last
    assert first["curves: losses"].value.startswith("![losses](data:image/png;base64,")
    assert next(iter(last)).startswith("held_out_"), "figures on people whom it does not see come first"
    steps = [record.event_log_entry.asset_observation.metadata["step"].value for record in reversed(shown)]
    assert steps == sorted(set(steps)), "each tells something new"


def test_whoever_looks_on_never_stops_a_training(tmp_path, monkeypatch):
    monkeypatch.setattr(training_progress, "FIRST_SECONDS", 0.01)
    (tmp_path / "history.parquet").write_text("not Parquet")
    said: list[str] = []
    with observed(SimpleNamespace(log=SimpleNamespace(warning=said.append), asset_key=dg.AssetKey("x")), tmp_path):
        time.sleep(0.3)
    assert said and "the curves cannot be shown" in said[0]
