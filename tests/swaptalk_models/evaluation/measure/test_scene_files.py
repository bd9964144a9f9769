"""evaluation/measure/scene_files.py"""

from pathlib import Path

from swaptalk_models.data.store.home import Home
from swaptalk_models.evaluation.measure import scene_files as module
from swaptalk_models.evaluation.measure.drawn_people import DrawnPeople
from swaptalk_models.evaluation.measure.scene_files import scene_files
from swaptalk_models.settings.evaluation import EvaluationConfig

SAID = {"a_000": (("m", 0.0, 0.1),), "b_000": (("A:", 0.0, 0.1),)}


def video(method, setting, audio) -> dict:
    name = "a_000" if method == "Ground truth" else f"{setting}_000_{method.lower()}"
    return {
        "scene": f"{setting}_000", "setting": setting, "method": method, "path": f"/x/{name}.mp4", "target": "/c/a_000.mp4",
        "source": "/x/b.png", "audio": f"/c/{audio}.wav", "gallery": "/x/sources",
    }  # fmt: skip


def test_each_video_has_its_partners_and_what_is_said_in_it(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "load_snapshot", lambda home: None)
    monkeypatch.setattr(module, "drawn_people", lambda home, snapshot: DrawnPeople({}, SAID))
    videos = [
        video("Ground truth", "self", "a_000"),
        video("SwapTalk", "self", "a_000"),
        video("SwapTalk", "cross", "b_000"),
        video("SwapTalk", "cross", "b_000_moved+1"),
    ]
    truth, own, cross, moved = scene_files(Home(tmp_path), videos, EvaluationConfig(silent_seconds=2))
    assert truth.setting == "self" and truth.generated.name == truth.target.name
    assert own.further.silent is None and own.further.spoken == own.further.target_spoken == SAID["a_000"]
    assert cross.further.silent == Path("/x/silent/cross_000_swaptalk_2s.mp4")
    assert cross.further.spoken == SAID["b_000"] and cross.further.target_spoken == SAID["a_000"]
    assert cross.further.target_audio == Path("/c/a_000.wav"), "where the target's file has no sound"
    assert moved.further.spoken is None, "what was moved into step is on another clock"
