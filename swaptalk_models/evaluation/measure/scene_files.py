"""What each test video of a home is measured with: its partners, the videos of the leak test, what is said in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from swaptalk_models.data.snapshot import load_snapshot
from swaptalk_models.data.store.home import Home
from swaptalk_models.evaluation.measure.drawn_people import DrawnPeople, drawn_people
from swaptalk_models.evaluation.measure.scene_videos import SceneVideo
from swaptalk_models.evaluation.measure.silent_videos import silent_video
from swaptalk_models.evaluation.measure.video_files import VideoFiles
from swaptalk_models.metrics.further_inputs import FurtherInputs, Spoken
from swaptalk_models.settings.evaluation import EvaluationConfig
from swaptalk_models.settings.methods import GROUND_TRUTH


def scene_files(home: Home, videos: Sequence[SceneVideo], config: EvaluationConfig) -> list[VideoFiles]:
    """One a video, in order."""
    own_sounds = {video["target"]: Path(video["audio"]) for video in videos if video["method"] == GROUND_TRUTH}
    people = drawn_people(home, load_snapshot(home))
    return [
        VideoFiles(
            Path(video["path"]),
            Path(video["target"]),
            Path(video["source"]),
            Path(video["audio"]),
            Path(video["gallery"]),
            video["setting"],
            FurtherInputs(
                silent=silent_video(video, config.silent_seconds),
                target_audio=own_sounds.get(video["target"]),
                spoken=_spoken(Path(video["audio"]), people),
                target_spoken=_spoken(own_sounds.get(video["target"]), people),
            ),
        )
        for video in videos
    ]


def _spoken(sound: Path | None, people: DrawnPeople) -> Spoken | None:
    """What a clip's whole sound says; None for a piece of one, or one that was moved into step."""
    return people.spoken.get(sound.stem) if sound is not None else None
