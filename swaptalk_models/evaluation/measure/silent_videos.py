"""Videos for the leak test: every method on its cross-driven scenes once more, driven by silence.

Same source, same target, same face track; the first seconds only. Where a method does not listen, its cross-driven video says
the same, and so does the target for the ground truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from swaptalk_models.evaluation.measure.scene_videos import SceneVideo
from swaptalk_models.settings.methods import CROSS, GROUND_TRUTH, METHODS

SILENT_FOLDER = "silent"
"""Within a set of test videos."""
_RATE = 16000


def silent_video(video: SceneVideo, seconds: float) -> Path | None:
    """The video that shows what this method's mouth does in silence; None: not asked for, or not cross-driven."""
    if not seconds or video["setting"] != CROSS:
        return None
    if video["method"] == GROUND_TRUTH or not METHODS[video["method"]].listens:
        return Path(video["path"])
    path = Path(video["path"])
    return path.parent / SILENT_FOLDER / f"{path.stem}_{seconds:g}s.mp4"


def silent_scenes(videos: Sequence[SceneVideo], seconds: float) -> list[SceneVideo]:
    """What has to be made, as entries of test_videos.json; the silence that drives them is written when it is not there."""
    made = []
    for video in videos:
        path = silent_video(video, seconds)
        if path is not None and str(path) != video["path"]:
            sound = path.parent / f"silence_{seconds:g}s.wav"
            made.append(video | {"path": str(path), "audio": str(sound)})
    if made and not Path(made[0]["audio"]).is_file():
        _write_silence(Path(made[0]["audio"]), seconds)
    return made


def _write_silence(path: Path, seconds: float) -> None:
    from swaptalk_models.data.media.audio import write_wav

    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, np.zeros(round(seconds * _RATE), np.float32), _RATE)
