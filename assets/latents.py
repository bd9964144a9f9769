"""`vqgan` and `vq_latents`: the latent space, and the codes of every face crop in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assets.support.metadata import lineage, table_metadata
from assets.support.model_asset import GPU_POOL, model_asset
from assets.support.resources import SwapTalk
from assets.support.row_checks import rows_check
from assets.support.stage_asset import stage_asset
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import StageReport
from swaptalk_models.modules.model_folder import current

if TYPE_CHECKING:
    from swaptalk_models.data.stages.vq_latents import Encode

_CODES_FROM = {"upper": [("face_crops", "crop")], "lower": [("face_crops", "crop")]}

vqgan = model_asset("vqgan")


def _encode(swaptalk: SwapTalk, videos: list[str], run: str) -> StageReport:
    from swaptalk_models.data.stages.vq_latents import run_latents

    home, preset = swaptalk.home_folder(), swaptalk.load()
    folder = current(home.root, "vqgan")
    shape = folder.config()["shape"]
    cells = shape["groups"] * shape["grid"] ** 2 // 2

    def make_encoder() -> Encode:
        from swaptalk_models.inference.encode import LatentEncoder

        return LatentEncoder(folder.path, preset.vqgan.train.device).encode

    return run_latents(home, preset, videos, folder.version, cells, make_encoder, run)


def _told(swaptalk: SwapTalk, videos: list[str]) -> dict[str, Any]:
    return table_metadata(swaptalk, "vq_latents") | {
        "vqgan": current(swaptalk.home_folder().root, "vqgan").version,
        "dagster/column_lineage": lineage(_CODES_FROM),
    }


def _foreign_codes(home: Home, videos: list[str] | None) -> dict[str, list[str]]:
    """{video: code that is none of the codebook's}."""
    from swaptalk_models.data.stages.vq_latents import largest_codes

    codes = current(home.root, "vqgan").config()["config"]["codes"]
    largest = largest_codes(home, videos)
    return {video: [f"{video}: code {code} of {codes}"] for video, code in largest.items() if code >= codes}


vq_latents = stage_asset(
    "vq_latents",
    "A row a frame: codes of the upper and lower half of the face crop (uint16), and the VQGAN that made them.",
    {"pytorch", "lance"},
    metadata=_told,
    work=_encode,
    pool=GPU_POOL,
)

vq_latents_codes = rows_check(
    "vq_latents",
    of="face_crops",
    more=_foreign_codes,
    name="vq_latents_codes",
    also="Every code is one of the codebook's.",
)
