"""`vqgan` and `vq_latents`: the latent space, and the codes of every face crop in it."""

import dagster as dg

from assets.support.metadata import lineage, run_name, stage_result, table_metadata
from assets.support.models import GPU_POOL, model_asset
from assets.support.resources import SwapTalk
from assets.support.stages import partitioned, wrong_rows_result
from swaptalk_models.modules.model_folder import current

_CODES_FROM = {"upper": [("face_crops", "crop")], "lower": [("face_crops", "crop")]}

vqgan = model_asset("vqgan")


@dg.asset(kinds={"pytorch", "lance"}, pool=GPU_POOL, **partitioned("vq_latents"))
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
    report = run_latents(home, preset, context.partition_keys, folder.version, codes, make_encoder, run_name(context))
    metadata = table_metadata(swaptalk, "vq_latents") | {
        "vqgan": folder.version,
        "dagster/column_lineage": lineage(_CODES_FROM),
    }
    return stage_result(context, swaptalk, report, metadata)


@dg.asset_check(
    asset=vq_latents, blocking=True, description="Exactly the ledger's rows, and every code is one of the codebook's."
)
def vq_latents_codes(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    from swaptalk_models.data.stages.vq_latents import largest_code
    from swaptalk_models.data.store.audit import wrong_rows

    home = swaptalk.home_folder()
    largest = largest_code(home)
    codes = current(home.root, "vqgan").config()["config"]["codes"]
    return wrong_rows_result(wrong_rows(home, "vq_latents", "face_crops"), {"largest code": float(largest)}, passed=largest < codes)
