"""Everything that Dagster knows of SwapTalk. Loads in about a second: nothing heavy is imported here or in `assets`."""

import dagster as dg

from assets import audio, catalog, clips, evaluation, faces, latents, release, snapshot, training
from assets.support.gate_checks import sync_judge_gates
from assets.support.message_reader import WholeLineReader
from assets.support.model_checks import model_checks
from assets.support.resources import SwapTalk
from pipelines.executors import executor
from pipelines.freshness import stale_release
from pipelines.jobs import jobs
from pipelines.migrations import read_migrations_once
from pipelines.outcomes import failed_runs, mended_runs
from pipelines.schedules import retrain
from pipelines.sensors import dead_runs, new_videos
from pipelines.talk_job import talk_job
from pipelines.terminal import terminal_logger

read_migrations_once()  # sensors open the instance anew at every look

STAGES = [catalog, clips, faces, audio, snapshot, latents, training, evaluation, release]

defs = dg.Definitions(
    assets=dg.load_assets_from_modules(STAGES),
    asset_checks=[*dg.load_asset_checks_from_modules(STAGES), *model_checks, sync_judge_gates],
    jobs=[*jobs, talk_job],
    schedules=[retrain],
    sensors=[new_videos, dead_runs, failed_runs, mended_runs, stale_release],
    resources={"swaptalk": SwapTalk(), "pipes": dg.PipesSubprocessClient(message_reader=WholeLineReader())},
    executor=executor,
    loggers={"console": dg.colored_console_logger, "terminal": terminal_logger},
)
