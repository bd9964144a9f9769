"""evaluation/measure/silent_videos.py"""

import numpy as np

from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.evaluation.measure.silent_videos import silent_scenes, silent_video


def video(folder, method, setting="cross") -> dict:
    path = folder / ("target.mp4" if method == "Ground truth" else f"{setting}_000_{method.lower()}.mp4")
    return {"scene": f"{setting}_000", "setting": setting, "method": method, "path": str(path), "audio": "voice.wav"}


def test_who_listens_is_driven_by_silence_and_who_does_not_is_the_same_anyway(tmp_path):
    assert silent_video(video(tmp_path, "SwapTalk"), 2.0) == tmp_path / "silent" / "cross_000_swaptalk_2s.mp4"
    for deaf in ("Ground truth", "Swap alone"):
        assert str(silent_video(video(tmp_path, deaf), 2.0)) == video(tmp_path, deaf)["path"]
    detailed = silent_video(video(tmp_path, "SwapTalk + detail"), 2.0)
    assert detailed is not None and detailed.parent.name == "silent", "its lips are shut and opened otherwise"
    assert silent_video(video(tmp_path, "SwapTalk", "self"), 2.0) is None
    assert silent_video(video(tmp_path, "SwapTalk"), 0.0) is None


def test_one_short_video_a_scene_and_method(tmp_path):
    methods = ("Ground truth", "SwapTalk", "SwapTalk + detail", "Swap alone", "Lip-sync alone")
    made = silent_scenes([video(tmp_path, name, way) for name in methods for way in ("self", "cross")], 1.5)
    assert [one["method"] for one in made] == ["SwapTalk", "SwapTalk + detail", "Lip-sync alone"]
    assert {one["scene"] for one in made} == {"cross_000"} and len({one["audio"] for one in made}) == 1
    sound = read_audio(made[0]["audio"])
    assert len(sound) == 1.5 * 16000 and not np.any(sound)
    assert silent_scenes([video(tmp_path, "SwapTalk")], 0.0) == []
