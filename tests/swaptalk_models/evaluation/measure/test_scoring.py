"""Scores of many videos."""

from pathlib import Path

import numpy as np
import pytest

from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.evaluation.measure import scoring
from swaptalk_models.evaluation.measure.scoring import _shared_out, _stored, score_videos
from swaptalk_models.evaluation.measure.video_files import VideoFiles
from swaptalk_models.metrics.evaluate import VideoScores
from swaptalk_models.metrics.fid import FeatureStatistics, StoredStatistics
from swaptalk_models.metrics.further_inputs import FurtherInputs
from swaptalk_models.metrics.judges import Judges
from swaptalk_models.metrics.summary import summarise
from swaptalk_models.metrics.table import METRICS
from swaptalk_models.settings.data import FacesConfig
from swaptalk_models.settings.evaluation import EvaluationConfig
from tests.swaptalk_models.metrics.drawn_talk import Talker


def test_videos_of_one_target_stay_together_unless_that_leaves_cores_idle():
    videos = [VideoFiles(Path(f"{n}.mp4"), Path("ab"[n % 2])) for n in range(6)]
    assert _shared_out(videos, 2) == [[0, 2, 4], [1, 3, 5]]
    assert _shared_out(videos, 6) == [[0], [2], [4], [1], [3], [5]]
    alone = [VideoFiles(Path(f"{n}.mp4")) for n in range(3)]
    assert _shared_out(alone, 2) == [[0], [1], [2]]


def test_of_the_features_only_files_are_kept_and_pooled_alike(tmp_path):
    rng = np.random.default_rng(0)
    held = [
        VideoScores(
            9,
            {},
            dict.fromkeys(METRICS),
            {},
            {},
            [],
            [],
            *(FeatureStatistics.of(rng.normal(size=(9, 4))) for _ in "ab"),
        )
        for _ in range(3)
    ]
    stored = [_stored(score, tmp_path / f"{number}") for number, score in enumerate(held)]
    assert all(
        isinstance(side, StoredStatistics) for score in stored for side in (score.features, score.target_features)
    )
    assert len(list(tmp_path.iterdir())) == 6 and summarise(stored)["fid"] == summarise(held)["fid"], "to the bit"
    without = VideoScores(0, {}, dict.fromkeys(METRICS), {})
    assert _stored(without, tmp_path / "none") == without


@pytest.mark.slow
def test_a_video_that_cannot_be_measured_stops_no_other(tmp_path):
    (tmp_path / "broken.mp4").write_text("no video")
    with VideoWriter(tmp_path / "wall.mp4", 96, 96) as writer:
        for _ in range(6):
            writer.write(np.full((96, 96, 3), 90, np.uint8))
    videos = [VideoFiles(tmp_path / "broken.mp4"), VideoFiles(tmp_path / "wall.mp4", setting="cross")]
    broken, wall = score_videos(videos, None, FacesConfig(), EvaluationConfig(), tmp_path / "features")
    assert broken.metrics == wall.metrics == dict.fromkeys(METRICS)
    assert broken.excluded == {"video cannot be read": 0} and "broken.mp4" in broken.details["not measured"]
    assert wall.excluded == {"no face in the video": 6} and wall.judges["sync"] is None


def test_a_video_is_measured_in_the_common_encoding_with_all_that_goes_with_it(tmp_path):
    talker = Talker()
    target = talker.write(tmp_path / "target.mp4", np.zeros(12))
    made = talker.write(tmp_path / "made.mp4", np.zeros(12), lambda frame, number: frame + 3)
    judges = Judges(lambda pictures, points: np.ones((len(pictures), 2), np.float32), "alike")
    config = EvaluationConfig(identity_frames=2, identity_neighbours=0, cpbd_frames=1, crop_size=128)
    files = VideoFiles(made, target, setting="cross", further=FurtherInputs(silent=made))
    score = scoring._score(files, judges, config, tmp_path / "encoded")
    assert "not measured" not in score.details and score.frames == 12
    assert score.metrics["ssim"] > 0.9 and score.details["open_in_silence"] == 0
    assert len(list((tmp_path / "encoded").iterdir())) == 2, "the silence-driven one is the same file"
    assert scoring._score(files, judges, config, None).metrics["psnr"] != score.metrics["psnr"]
