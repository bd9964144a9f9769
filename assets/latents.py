"""`vqgan` and `vq_latents`: the latent space, and the codes of every face crop in it."""

import dagster as dg

from assets.metadata import SINGLE_RUN, lineage, run_name, stage_result, table_metadata
from assets.partitions import videos
from assets.resources import SwapTalk
from assets.training import GPU_POOL, model, train_model
from swaptalk_models.modules.model_folder import current
from swaptalk_models.graph.code_versions import CODE_VERSIONS

_CODES_FROM = {"upper": [("face_crops", "crop")], "lower": [("face_crops", "crop")]}


@dg.asset(deps=["training_snapshot", "identity_encoder"], code_version=CODE_VERSIONS["vqgan"], **model("latents"))
def vqgan(
    context: dg.AssetExecutionContext, swaptalk: SwapTalk, pipes: dg.PipesSubprocessClient
) -> dg.MaterializeResult:
    """One encoder, two codebooks (upper and lower half of the face), one decoder."""
    return train_model(context, swaptalk, pipes)


@dg.asset(
    deps=["face_crops", "vqgan"],
    group_name="latents",
    partitions_def=videos,
    backfill_policy=SINGLE_RUN,
    kinds={"pytorch", "lance"},
    pool=GPU_POOL,
    code_version=CODE_VERSIONS["vq_latents"],
)
def vq_latents(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    """A row a frame: codes of the upper and lower half of the face crop (uint16), and the VQGAN that made them."""
    from swaptalk_models.data.stages.vq_latents import run_latents

    home, preset = swaptalk.home_folder(), swaptalk.load()
    folder = current(home.root, "vqgan")

    def make_encoder():
        from swaptalk_models.inference.encode import LatentEncoder

        return LatentEncoder(folder.path, preset.vqgan.train.device).encode

    shape = folder.config()["shape"]
    codes = shape["groups"] * shape["grid"] ** 2 // 2
    report = run_latents(home, context.partition_keys, folder.version, codes, make_encoder, run_name(context))
    metadata = table_metadata(swaptalk, "vq_latents") | {
        "vqgan": folder.version,
        "dagster/column_lineage": lineage(_CODES_FROM),
    }
    return stage_result(context, swaptalk, report, metadata)


@dg.asset_check(
    asset=vq_latents, blocking=True, description="Exactly the ledger's rows, and every code is one of the codebook's."
)
def vq_latents_codes(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    from swaptalk_models.data.store.audit import wrong_rows
    from swaptalk_models.data.stages.vq_latents import largest_code

    home = swaptalk.home_folder()
    wrong, largest = wrong_rows(home, "vq_latents", "face_crops"), largest_code(home)
    codes = current(home.root, "vqgan").config()["config"]["codes"]
    return dg.AssetCheckResult(
        passed=not wrong and largest < codes,
        metadata={
            "clips with wrong rows": float(len(wrong)),
            "first": "; ".join(wrong[:5]),
            "largest code": float(largest),
        },
    )
