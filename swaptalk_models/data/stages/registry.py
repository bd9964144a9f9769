"""The data stages by name, and running one of them.

A new stage is one file beside this one and one entry in the table here; its place in the graph and its code version are
in `graph`.
"""

from __future__ import annotations

from collections.abc import Iterable

from swaptalk_models.data.engine.ray_tasks import RayTasks
from swaptalk_models.data.sources.catalog import catalog_rows
from swaptalk_models.data.stages.clips import CLIPS
from swaptalk_models.data.stages.data_stage import DataStage
from swaptalk_models.data.stages.face_crops import FACE_CROPS
from swaptalk_models.data.stages.face_tracks import FACE_TRACKS
from swaptalk_models.data.stages.mels import MELS
from swaptalk_models.data.stages.raw_videos import RAW_VIDEOS
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import StageReport
from swaptalk_models.settings.compute import RAY
from swaptalk_models.settings.preset import Preset

DATA_STAGES: dict[str, DataStage] = {stage.name: stage for stage in (RAW_VIDEOS, CLIPS, FACE_TRACKS, FACE_CROPS, MELS)}
"""Those that need nothing but videos, in an order in which they can be run. vq_latents needs a VQGAN as well: see
`vq_latents.latents_stage`."""
CLIP_TABLES = tuple(name for name, stage in DATA_STAGES.items() if stage.schema is not None)
"""Those that make rows: what a training reads of a clip."""


def run_data_stage(
    name: str, home: Home, preset: Preset, videos: Iterable[str] | None = None, *, workers: int = 1, run: str = ""
) -> StageReport:
    """Bring one of DATA_STAGES up to date for these videos of the catalog (None: all of them).

    Args:
        workers: processes; 1 works in this one. Where ``preset.compute`` is `ray`: CPUs of a Ray that is started for
            the run; a cluster has its own.
        run: the run to which the counts are added.

    Raises:
        UserError: no catalog yet; another run is at work on this stage; the disk is full; there is no such Ray cluster.
    """
    wanted = [row["video"] for row in catalog_rows(home)] if videos is None else list(videos)
    stage, time_limit = DATA_STAGES[name], preset.limits.item_seconds
    executor = RayTasks(name, stage.needs, stage.files, preset.ray, workers) if preset.compute == RAY else None
    return stage.run(home, preset, wanted, workers=workers, executor=executor, run=run, time_limit=time_limit)
