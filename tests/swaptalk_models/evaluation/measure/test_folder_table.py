"""The table of a folder of videos."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from swaptalk_models.evaluation.measure.folder_table import FILES, evaluation_table, write_tables
from swaptalk_models.evaluation.measure.video_files import VideoFiles
from swaptalk_models.metrics.evaluate import VideoScores
from swaptalk_models.metrics.table import METRICS
from swaptalk_models.settings.evaluation import EvaluationConfig

JUDGES = {"identity": "dlib", "sync": "judge 1", "fid": None, "landmarks": "dlib"}


def score(setting="self", **metrics) -> VideoScores:
    details = {"setting": setting, "frame_to_frame": 99.0, "sampled_identity_frames": 24}
    return VideoScores(10, {"no face in the generated frame": 1}, dict.fromkeys(METRICS) | metrics, JUDGES, details)


@pytest.fixture
def table():
    lost = VideoScores(
        0,
        {"no face in the video": 7},
        dict.fromkeys(METRICS),
        JUDGES,
        {"not measured": "x.mp4: no face", "setting": None},
    )
    scores = [score(ssim=0.8, lse_c=2.0), score(ssim=0.6), lost, score(ssim=0.5), score("cross", ssim=0.4)]
    methods = ["ours", "ours", "ours", "theirs", "theirs"]
    videos = [(method, VideoFiles(Path(f"{n}.mp4"), Path("t.mp4"))) for n, method in enumerate(methods)]
    return evaluation_table(videos, scores, EvaluationConfig())


def test_a_row_a_method_and_setting_with_intervals(table):
    assert [(row["method"], row["setting"], row["videos"], row["frames"]) for row in table["rows"]] == [
        ("ours", "self", 3, 20), ("theirs", "cross", 1, 10), ("theirs", "self", 1, 10),
    ]  # fmt: skip
    ours = table["rows"][0]
    assert ours["cells"]["ssim"]["value"] == pytest.approx(0.7) and ours["cells"]["ssim"]["videos"] == 2
    assert ours["cells"]["ssim"]["low"] == 0.6 and ours["cells"]["ssim"]["high"] == 0.8
    assert ours["cells"]["lse_c"]["low"] is None, "one video has no interval"
    assert ours["excluded"] == {"no face in the generated frame": 2, "no face in the video": 7}


def test_the_contracts_keys_speak_of_all_videos(table):
    assert list(table["metrics"]) == list(METRICS) and table["metrics"]["ssim"] == pytest.approx(0.575)
    assert table["frames"] == 40 and table["judges"] == JUDGES
    assert table["agreements"] == [], "there was no second judge"
    assert table["videos"][2]["not_measured"] == "x.mp4: no face" and table["videos"][0]["target"] == "t.mp4"


def test_three_formats_say_the_same(table, tmp_path):
    write_tables(table, tmp_path / "new folder")
    assert sorted(path.name for path in (tmp_path / "new folder").iterdir()) == sorted(FILES)
    assert json.loads((tmp_path / "new folder" / "evaluation.json").read_text()) == json.loads(json.dumps(table))
    for name in ("summary", "videos"):
        parquet = pq.read_table(tmp_path / "new folder" / f"{name}.parquet")
        again = csv.read_csv(tmp_path / "new folder" / f"{name}.csv")
        assert again.column_names == parquet.column_names and again.num_rows == parquet.num_rows
    (cell,) = [row for row in parquet.to_pylist() if row["video"] == "1.mp4"]
    assert cell["ssim"] == 0.6 and cell["fid"] is None and cell["audio"] is None
    rows = pq.read_table(tmp_path / "new folder" / "summary.parquet").to_pylist()
    (ssim,) = [row for row in rows if (row["method"], row["metric"]) == ("ours", "ssim")]
    assert (ssim["low"], ssim["high"], ssim["better"], ssim["judge"]) == (0.6, 0.8, "up", None)
    assert {row["judge"] for row in rows if row["metric"] == "lse_c"} == {"judge 1"}


def test_two_judges_of_one_thing_are_held_against_each_other():
    scores = [score(id_similarity=0.1 * number) for number in range(5)]
    for number, one in enumerate(scores):
        one.details["second_id_similarity"] = 0.5 - 0.01 * number
    videos = [("ours", VideoFiles(Path(f"{number}.mp4"))) for number in range(5)]
    (agreement,) = evaluation_table(videos, scores, EvaluationConfig())["agreements"]
    assert agreement["correlation"]["value"] == pytest.approx(-1) and "over 5 videos" in agreement["sentence"]


def test_names_that_are_no_text_are_written_too(tmp_path):
    lost = VideoScores(0, {}, dict.fromkeys(METRICS), JUDGES, {"not measured": "b\udcff.mp4: no face", "setting": None})
    video = VideoFiles(Path("b\udcff.mp4"), Path("größe.mp4"))
    write_tables(evaluation_table([("", video)], [lost], EvaluationConfig()), tmp_path)
    (row,) = pq.read_table(tmp_path / "videos.parquet").to_pylist()
    assert (row["video"], row["target"], row["not_measured"]) == (r"b\xff.mp4", "größe.mp4", r"b\xff.mp4: no face")
