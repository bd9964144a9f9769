"""evaluation/measure/scene_metrics.py: what is done with the scores"""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.memoised import Memoised
from swaptalk_models.evaluation.measure import scene_metrics
from swaptalk_models.graph.models import MODELS
from swaptalk_models.metrics.evaluate import VideoScores
from swaptalk_models.metrics.table import METRICS
from swaptalk_models.modules.model_folder import ModelFolder, make_current
from swaptalk_models.settings.preset import load_preset


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path).create()
    for name in ("face_swapper", "lip_sync"):
        folder = ModelFolder(home.models / name / "v1")
        folder.path.mkdir(parents=True)
        make_current(folder)
    return home


def row(method, setting, **values) -> dict:
    names = ("id_retrieve", "id_similarity", "target_similarity", "mouth_correlation", "av_offset")
    return {"method": method, "setting": setting} | dict.fromkeys(names) | values


def test_models_are_told_what_their_videos_showed(home):
    rows = [
        row("SwapTalk", "self", id_retrieve=100.0, id_similarity=0.9, mouth_correlation=0.5, av_offset=0.0),
        row("SwapTalk", "self", id_retrieve=50.0, id_similarity=0.7, mouth_correlation=0.7, av_offset=1.0),
        row("SwapTalk", "self", mouth_correlation=None, av_offset=14.0),
        row("SwapTalk", "cross", id_retrieve=0.0, id_similarity=0.8, mouth_correlation=-1.0, av_offset=-9.0),
        row("Ground truth", "self", id_retrieve=0.0, mouth_correlation=1.0, av_offset=5.0),
        row("Lip-sync alone", "self", mouth_correlation=0.0, av_offset=5.0),
    ]
    assert "swap_alone_id_retrieve" not in _told(home, rows)
    assert _told(home, [*rows, row("Swap alone", "cross", id_retrieve=90.0)])["swap_alone_id_retrieve"] == 90.0
    scene_metrics._tell_models(home, rows, "metrics_1")
    told = {
        name: json.loads((home.models / name / "v1" / "evaluation.json").read_text())
        for name in ("face_swapper", "lip_sync")
    }
    swapper, lips = (told[name]["metrics"] for name in ("face_swapper", "lip_sync"))
    assert swapper["id_retrieve"] == 50.0 and swapper["source_similarity"] == pytest.approx(0.8)
    assert swapper["target_similarity"] is None, "nothing known"
    assert lips["mouth_correlation"] == pytest.approx(0.6), "self-driven, ours, where known"
    assert lips["av_offset"] == 1.0, "the median: one video without a peak does not move it"
    assert told["lip_sync"]["from"] == "metrics_1"


def _told(home, rows: list[dict]) -> dict:
    scene_metrics._tell_models(home, rows, "metrics_1")
    return json.loads((home.models / "face_swapper" / "v1" / "evaluation.json").read_text())["metrics"]


def test_nothing_new_is_not_written_again(home):
    scene_metrics._tell_models(home, [row("SwapTalk", "self", av_offset=1.0)], "metrics_1")
    path = home.models / "lip_sync" / "v1" / "evaluation.json"
    stamp = path.stat().st_mtime_ns
    scene_metrics._tell_models(home, [row("SwapTalk", "self", av_offset=1.0)], "metrics_1")
    assert path.stat().st_mtime_ns == stamp


def test_targets_are_those_that_were_set():
    """The measure is not moved: these are the figures of the task (upper bound in absolute value for the offset)."""
    every = {(name, metric): target for name, spec in MODELS.items() for metric, target in spec.targets.items()}
    bounds = {key: target.threshold for key, target in every.items()}
    wanted = {
        ("vqgan", "psnr_db"): 24,
        ("vqgan", "upper_use"): 0.25,
        ("vqgan", "lower_use"): 0.25,
        ("lip_expert", "accuracy"): 0.85,
        ("face_swapper", "id_retrieve"): 80,
        ("lip_sync", "mouth_correlation"): 0.6,
        ("lip_sync", "av_offset"): 1,
    }
    assert wanted.items() <= bounds.items()
    assert [key for key, target in every.items() if not target.at_least] == [("lip_sync", "av_offset")]


def test_table_of_metrics_survives_a_column_without_values(tmp_path, monkeypatch):
    from types import SimpleNamespace

    from swaptalk_models.metrics import summary
    from swaptalk_models.settings.evaluation import EvaluationConfig

    monkeypatch.setattr(summary, "summarise", lambda group, config: {})
    monkeypatch.setattr(summary, "total_excluded", lambda group: {"no face": len(group)})
    record = {"scene": "self_000", "setting": "self", "method": "SwapTalk", "gallery": "/x/sources"}
    record |= {"path": "/x/made.mp4", "target": "/x/b.mp4", "source": "/x/a.png", "audio": "/x/b.wav"}
    score = SimpleNamespace(
        metrics={"lmd": None, "ssim": 0.9}, excluded={"no face": 2}, frames=10, details={"mouth_correlation": 0.5}
    )
    score.similarity, score.offset_curve, score.judges = [], [], {"identity": "dlib"}
    scene_metrics._write(tmp_path, [record], [score], EvaluationConfig())
    (written,) = pq.read_table(tmp_path / "metrics.parquet").to_pylist()
    assert written["lmd"] is None and written["ssim"] == 0.9 and written["excluded"] == 2
    assert written["path"] == "made.mp4" and "gallery" not in written
    assert written["mouth_correlation"] == 0.5 and written["target_similarity"] is None
    (row_of_summary,) = json.loads((tmp_path / "summary.json").read_text())
    assert (row_of_summary["videos"], row_of_summary["excluded"]) == (1, {"no face": 1})
    assert json.loads((tmp_path / "scores.json").read_text())[0]["judges"] == {"identity": "dlib"}


def test_the_fall_of_the_sync_confidence_is_taken_between_the_two_scenes_of_a_target():
    def video(method, scene, target="t.mp4"):
        return {"method": method, "scene": scene, "setting": scene.partition("_")[0], "target": target}

    videos = [
        video("SwapTalk", "self_000"), video("SwapTalk", "cross_000"), video("Wav2Lip", "self_000"),
        video("Wav2Lip", "cross_000"), video("Ground truth", "self_000"), video("Ground truth", "cross_000"),
        video("SwapTalk", "cross_001"), video("Wav2Lip", "self_002"), video("Wav2Lip", "cross_002", "u.mp4"),
    ]  # fmt: skip
    sync = [3.0, 2.5, 8.0, None, 6.0, 6.0, 2.0, 7.0, 1.0]
    scores = [VideoScores(10, {}, dict.fromkeys(METRICS) | {"lse_c": value}, {}, {}) for value in sync]
    scene_metrics._add_falls(videos, scores)
    falls = [score.details.get("lse_c_fall") for score in scores]
    assert falls == [None, 0.5, *[None] * 7], "known for both, of one method and one target, and of nothing real"


def test_measured_once_and_nothing_but_the_results_stays(home, monkeypatch):
    judge = ModelFolder(home.models / "sync_judge" / "v1")
    judge.path.mkdir(parents=True)
    make_current(judge)
    preset = load_preset("tiny")
    video = {"scene": "self_000", "setting": "self", "method": "SwapTalk", "gallery": "/x/sources"}
    video |= {"path": "/x/made.mp4", "target": "/x/b.mp4", "source": "/x/a.png", "audio": "/x/b.wav"}
    asked = []

    def score_videos(files, judge, faces, config, features, encodings):
        assert encodings == features.parent.parent / "encoded", "beside the measurements, for the next ones too"
        assert not features.exists(), "what a killed run has left is gone"
        features.mkdir()
        asked.append([Path(one["path"]).name for one in files])
        return [VideoScores(10, {}, dict.fromkeys(METRICS), {}, {"mouth_correlation": 0.5})]

    monkeypatch.setattr(scene_metrics, "evaluation_folder", lambda home, preset: home.evaluation / "e")
    monkeypatch.setattr(scene_metrics, "make_test_videos", lambda home, preset: Memoised([video], cached=True))
    monkeypatch.setattr(scene_metrics, "score_videos", score_videos)
    monkeypatch.setattr(scene_metrics, "scene_files", lambda home, videos, config: videos)
    folder = scene_metrics.metrics_folder(home, preset)
    (folder / "features").mkdir(parents=True)
    first, second = (scene_metrics.measure_test_videos(home, preset) for _ in range(2))
    assert first == (folder / "metrics.parquet", False) and second == (folder / "metrics.parquet", True)
    assert asked == [["made.mp4"]]
    assert sorted(path.name for path in folder.iterdir()) == ["metrics.parquet", "scores.json", "summary.json"]
    told = json.loads((home.models / "lip_sync" / "v1" / "evaluation.json").read_text())
    assert (told["metrics"]["mouth_correlation"], told["from"]) == (0.5, folder.name)
