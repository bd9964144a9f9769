from pathlib import Path

import pytest

from swaptalk_models.data.media.clip_spans import plan_clips
from swaptalk_models.data.media.video_info import VideoInfo
from swaptalk_models.errors import BadClip
from swaptalk_models.settings.data import ClipsConfig


def info(duration, frames=None):
    return VideoInfo(
        Path("a.mp4"), 64, 48, 25.0, frames or round(25 * duration), duration, True, "h264", 0, "yuv420p", False, False
    )


def test_plan():
    config = ClipsConfig()
    assert plan_clips(info(62.0), config) == [(10.0 * i, 10.0 * (i + 1)) for i in range(5)] + [(50.0, 62.0)]
    assert plan_clips(info(8.0), config) == [(0.0, 8.0)] and plan_clips(info(19.96), config) == [(0.0, 19.96)]
    assert plan_clips(info(20.0), config) == [(0.0, 10.0), (10.0, 20.0)]
    assert plan_clips(info(30.0), config, cuts=[4.0, 4.5]) == [(0.0, 4.0), (4.5, 14.5), (14.5, 30.0)]
    with pytest.raises(BadClip, match="3 frames"):
        plan_clips(info(0.12, 3), config)
    with pytest.raises(BadClip, match="no shot"):
        plan_clips(info(2.0), config, cuts=[0.5, 1.0, 1.5])
