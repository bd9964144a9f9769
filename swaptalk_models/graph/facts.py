"""What is said of every asset beside what it is made from: who looks after it, of what kind it is, where it runs, where its code stands.

Light: read while Dagster's definitions load.
"""

from __future__ import annotations

from dataclasses import dataclass

from swaptalk_models.graph.lineage import LINEAGE, group
from swaptalk_models.graph.models import MODELS

_DATA, _MODELS, _EVALUATION = "team:data", "team:models", "team:evaluation"
OWNERS = {
    "catalog": _DATA,
    "clips": _DATA,
    "faces": _DATA,
    "audio": _DATA,
    "snapshot": _DATA,
    "latents": _MODELS,
    "training": _MODELS,
    "evaluation": _EVALUATION,
    "release": _EVALUATION,
}
"""Who looks after the assets of a group: put your own teams or mail addresses here."""
_STAGES = "swaptalk_models.data.stages"


@dataclass(frozen=True)
class Facts:
    """Of one asset."""

    kinds: tuple[str, ...]
    code: tuple[str, ...]
    """Where it is written, the most telling first: "package.module:name"."""
    gpu: bool = False
    """Whether it uses one where there is one."""
    released: bool = False
    """Whether a generation needs it."""
    owner: str = ""

    @property
    def tags(self) -> dict[str, str]:
        """For the UI's filters."""
        return {"swaptalk/runs-on": "gpu" if self.gpu else "cpu"} | (
            {"swaptalk/in-release": "yes"} if self.released else {}
        )


_OTHERS = {
    "hdtf_catalog": Facts(("python", "parquet"), ("swaptalk_models.data.sources.catalog:write_catalog",)),
    "raw_videos": Facts(("python", "video"), (f"{_STAGES}.raw_videos:examine",)),
    "clips": Facts(("python", "video"), (f"{_STAGES}.clips:cut",)),
    "face_tracks": Facts(("python", "lance"), (f"{_STAGES}.face_tracks:track",)),
    "face_crops": Facts(("python", "lance"), (f"{_STAGES}.face_crops:crop",)),
    "mels": Facts(("python", "lance"), (f"{_STAGES}.mels:mel",)),
    "training_snapshot": Facts(("python", "parquet"), ("swaptalk_models.data.snapshot:make_snapshot",)),
    "vq_latents": Facts(("pytorch", "lance"), (f"{_STAGES}.vq_latents:run_latents",), gpu=True),
    "test_videos": Facts(
        ("python", "video"), ("swaptalk_models.evaluation.measure.make_videos:make_test_videos",), gpu=True
    ),
    "metrics": Facts(
        ("python", "parquet"), ("swaptalk_models.evaluation.measure.scene_metrics:measure_test_videos",), gpu=True
    ),
    "evaluation_report": Facts(("python", "html"), ("swaptalk_models.reporting.report:write_evaluation_report",)),
    "model_release": Facts(("safetensors",), ("swaptalk_models.inference.release:build_release",)),
}


def facts(asset: str) -> Facts:
    """What is said of an asset; of a model, what its row says."""
    owner = OWNERS[group(asset)]
    if asset not in MODELS:
        found = _OTHERS[asset]
        return Facts(found.kinds, found.code, found.gpu, found.released, owner)
    model = MODELS[asset]
    code = tuple(named for named in (model.network, model.objective or model.make, model.held_out) if named)
    return Facts(model.kinds, code, gpu=True, released=model.released, owner=owner)


assert _OTHERS.keys() | MODELS.keys() == LINEAGE.keys()
