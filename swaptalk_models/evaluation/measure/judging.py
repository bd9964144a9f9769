"""Which judges measure: the published ones whose weights are given, else our own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from swaptalk_models.data.store.fingerprint import hash_file
from swaptalk_models.errors import UserError
from swaptalk_models.settings.data import FacesConfig
from swaptalk_models.settings.evaluation import EvaluationConfig

if TYPE_CHECKING:
    from swaptalk_models.metrics.judges import Judges


def load_judges(sync_judge: Path | None, config: EvaluationConfig, faces: FacesConfig) -> Judges:
    """dlib for identity; for lip-sync the official SyncNet (`config.syncnet`), else our sync_judge from its model folder, else
    none; for the Frechet distance Inception (`config.inception`), else the features of our sync_judge, else none; for
    LipScore the user's network (`config.lipreader`); and second judges where the configuration names them.

    Raises:
        UserError: a file that holds other weights.
    """
    from swaptalk_models.metrics.inception import load_inception
    from swaptalk_models.metrics.judges import Judges
    from swaptalk_models.metrics.syncnet import load_syncnet
    from swaptalk_models.modules.sync_judge import load_sync_judge

    ours = load_sync_judge(sync_judge) if sync_judge else None
    sync = load_syncnet(Path(config.syncnet)) if config.syncnet else ours
    features = load_inception(Path(config.inception)) if config.inception else ours
    judges = Judges.default(faces, sync, features)
    if config.lipreader:
        from swaptalk_models.metrics.lipreader import LipReader

        judges.lipreader = LipReader(Path(config.lipreader))
    if config.second_identity:
        from swaptalk_models.metrics.faceres import FaceRes

        judges.second_identity = FaceRes(Path(config.second_identity))
    if config.second_landmarks:
        from swaptalk_models.metrics.mediapipe_judge import MediaPipeLandmarks

        judges.second_landmarks = MediaPipeLandmarks()
    return judges


def judge_files(config: EvaluationConfig) -> dict[str, str]:
    """Content hashes of the weights that the configuration names: where a file lies does not matter. UserError: not there."""
    files = {name: getattr(config, name) for name in ("syncnet", "inception", "lipreader", "second_identity")}
    for name, path in files.items():
        if path and not Path(path).is_file():
            raise UserError(f"evaluation.{name}: no such file: {path}")
    return {name: hash_file(Path(path)) if path else "" for name, path in files.items()}
