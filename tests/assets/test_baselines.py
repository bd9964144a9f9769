"""assets/baselines.py: what is only compared with costs nothing where nothing is compared with it."""


import dagster as dg
import pytest

from assets import baselines
from assets.support.resources import SwapTalk
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home").create()


def materialize(home, **overrides):
    upstream = ("training_snapshot", "vqgan", "vq_latents", "lip_expert")
    return dg.materialize(
        [baselines.wav2lip, *(dg.AssetSpec(name) for name in upstream)],
        selection=[baselines.wav2lip],
        resources={"swaptalk": SwapTalk(home=str(home.root), overrides=overrides), "pipes": dg.PipesSubprocessClient()},
        raise_on_error=False,
    )


def test_not_needed_is_not_trained(home):
    """There is not even a snapshot: nothing is looked at."""
    result = materialize(home)
    assert result.success
    event = result.asset_materializations_for_node("wav2lip")[0]
    assert event.metadata["status"].value == "not needed" and "evaluation.methods" in event.metadata["why"].value
    with Ledger(home.ledger) as ledger:
        assert (ledger.last_run()["wav2lip"].computed, ledger.last_run()["wav2lip"].cached) == (0, 1)
    assert not home.models.exists()


@pytest.mark.parametrize("methods", [["Swap-Sync"], ["all"]])
def test_a_method_that_needs_it_has_it_trained(home, monkeypatch, methods):
    asked = []

    def train_model(context, swaptalk, pipes):
        asked.append(context.asset_key.to_user_string())
        return dg.MaterializeResult()

    monkeypatch.setattr(baselines, "train_model", train_model)
    assert materialize(home, **{"evaluation.methods": methods}).success
    assert asked == ["wav2lip"]
