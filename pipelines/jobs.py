"""What can be run as a whole. Each job does only what is new or stale; the stages see to that."""

import dagster as dg

from pipelines.executors import executor
from swaptalk_models.graph.lineage import LINEAGE, group
from swaptalk_models.graph.models import MODELS

# The judge of sync stands between the tables and the snapshot. New videos do not train it anew: it listens to them when everything is trained.
DATA = dg.AssetSelection.assets(
    *(name for name in LINEAGE if group(name) in ("catalog", "clips", "faces", "audio")), "training_snapshot"
)
EVALUATION = dg.AssetSelection.assets("test_videos", "metrics", "evaluation_report", "model_release")

swaptalk = dg.define_asset_job(
    "swaptalk",
    dg.AssetSelection.all(),
    description="The whole graph: from a folder of videos to a report and a release.",
    executor_def=executor,
)
prepare_data = dg.define_asset_job(
    "prepare_data",
    DATA,
    description="From a folder of videos to the training snapshot.",
    executor_def=executor,
)
train = dg.define_asset_job(
    "train",
    # Without vq_latents: a job with partitions asks for some. The step of the VQGAN brings the codes up to date here.
    dg.AssetSelection.assets("training_snapshot", *MODELS) | EVALUATION,
    description="Every model on the newest training snapshot, then the evaluation and the release. Starts with one click, without partitions.",
    executor_def=executor,
)
evaluate = dg.define_asset_job(
    "evaluate",
    EVALUATION,
    description="Test videos, metrics, report and release of the models that there are.",
    executor_def=executor,
)

jobs = [swaptalk, prepare_data, train, evaluate]
