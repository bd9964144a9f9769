"""What is trained only to be compared with."""

import dagster as dg

from assets.resources import SwapTalk
from assets.training import model, record_asset, train_model
from swaptalk_models.settings.methods import needs_wav2lip
from swaptalk_models.graph.code_versions import CODE_VERSIONS


@dg.asset(
    deps=["training_snapshot", "vqgan", "vq_latents", "lip_expert"],
    code_version=CODE_VERSIONS["wav2lip"],
    **model(),
)
def wav2lip(
    context: dg.AssetExecutionContext, swaptalk: SwapTalk, pipes: dg.PipesSubprocessClient
) -> dg.MaterializeResult:
    """RGB lip-sync after Wav2Lip, on the same snapshot, expert and budget as lip_sync. Trained only where a method of
    `evaluation.methods` needs it.
    """
    if needs_wav2lip(swaptalk.load().evaluation.methods):
        return train_model(context, swaptalk, pipes)
    record_asset(context, swaptalk.home_folder(), cached=True, seconds=0.0)
    why = "no method of evaluation.methods needs it"
    return dg.MaterializeResult(data_version=dg.DataVersion("not needed"), metadata={"status": "not needed", "why": why})
