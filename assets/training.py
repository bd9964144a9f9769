"""The models that learn from the snapshot, and their checks; what each is stands in swaptalk_models/graph/models.py."""

import dagster as dg

from assets.support.model_asset import model_asset
from assets.support.resources import SwapTalk
from swaptalk_models.graph.models import MODELS
from swaptalk_models.modules.model_folder import current

# Those that come with more, or stand in other rooms: the sync judge listens, the VQGAN makes the latents.
MODEL_ASSETS = {name: model_asset(name) for name in MODELS if name not in ("sync_judge", "vqgan")}
training = list(MODEL_ASSETS.values())  # where Dagster finds them


@dg.asset_check(
    asset="lip_expert",
    blocking=True,
    description="Has left chance: with an expert that tells nothing the lips would be trained on noise.",
)
def lip_expert_left_chance(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    from swaptalk_models.evaluation.held_out.chance import look_at_chance

    found = look_at_chance(current(swaptalk.home_folder().root, "lip_expert"))
    return dg.AssetCheckResult(passed=found.left, description=found.said, metadata=found.figures)
