"""`vqgan` and `vq_latents`: the latent space, and the codes of every face crop in it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.support.data_versions import provenance
from assets.support.metadata import lineage, run_name, table_metadata
from assets.support.model_asset import GPU_POOL, model_asset
from assets.support.partitions import videos as partitions
from assets.support.resources import SwapTalk
from assets.support.row_checks import rows_check
from assets.support.stage_asset import stage_asset, tell_videos
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import StageReport
from swaptalk_models.graph.models import MODELS
from swaptalk_models.modules.model_folder import ModelFolder, current
from swaptalk_models.settings.compute import RAY

if TYPE_CHECKING:
    from swaptalk_models.data.engine.executor import Executor
    from swaptalk_models.data.engine.items import Work
    from swaptalk_models.data.stages.vq_latents import Encode
    from swaptalk_models.settings.preset import Preset

_LATENTS = dg.AssetKey("vq_latents")
_CODES_FROM = {"upper": [("face_crops", "crop")], "lower": [("face_crops", "crop")]}

_LEARN_FROM_CODES = {dg.AssetKey(name) for name, spec in MODELS.items() if "vq_latents" in spec.reads}


def encode_for_trainings(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dict[str, Any]:
    """With the new VQGAN bring the codes of every video up to date, where this run trains on codes and has no step of its own for them. That is
    job `train`: it has no partitions, so that nobody is asked to choose any. The codes' events are logged as that step would.

    Raises:
        RuntimeError: the codes are none of the codebook's.
    """
    selected = context.job_def.asset_layer.selected_asset_keys
    if _LATENTS in selected or not _LEARN_FROM_CODES & selected:
        return {}
    started, keys = time.time(), context.instance.get_dynamic_partitions(partitions.name)
    made_from = provenance(context, vq_latents.get_asset_spec(_LATENTS))
    report = _encode(swaptalk, keys, run_name(context))
    told = _told(swaptalk)
    tell_videos(context, swaptalk, report, keys, made_from, told, started, asset=_LATENTS)
    if foreign := _foreign_codes(swaptalk.home_folder(), None):
        raise RuntimeError(f"codes that are none of the codebook's: {next(iter(foreign.values()))[0]}")
    return {"codes": f"{report.computed} clips encoded anew, {report.cached} were there"}


vqgan = model_asset("vqgan", afterwards=encode_for_trainings)


def _encode(swaptalk: SwapTalk, videos: list[str], run: str) -> StageReport:
    from swaptalk_models.data.stages.vq_latents import run_latents

    home, preset = swaptalk.home_folder(), swaptalk.load()
    folder = current(home.root, "vqgan")
    shape = folder.config()["shape"]
    cells = shape["groups"] * shape["grid"] ** 2 // 2

    def make_encoder() -> Encode:
        from swaptalk_models.inference.encode import load_encoder

        return load_encoder(folder.path, preset.vqgan.train.device)

    executor = _on_ray(swaptalk, preset, folder, cells) if preset.compute == RAY else None
    return run_latents(home, preset, videos, folder.version, cells, make_encoder, run, executor)


def _on_ray(swaptalk: SwapTalk, preset: Preset, folder: ModelFolder, cells: int) -> Executor:
    from swaptalk_models.data.engine.ray_tasks import OnDevice, RayTasks
    from swaptalk_models.data.stages.vq_latents import NEEDS, encoding
    from swaptalk_models.modules.sent_network import SentNetwork

    def work(device: str) -> Work:
        encoder = SentNetwork.of("swaptalk_models.inference.encode:load_encoder", folder, device)
        return encoding(folder.version, cells, encoder)

    network = OnDevice(preset.vqgan.train.device, work)
    return RayTasks("vq_latents", NEEDS, lambda home, clip: (), preset.ray, swaptalk.workers, network)


def _told(swaptalk: SwapTalk) -> dict[str, Any]:
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
