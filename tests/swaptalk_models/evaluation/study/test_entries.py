"""evaluation/study/entries.py: what a home's evaluations have to show"""

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.study.entries import method_entries, release_entries


def evaluation(home: Home, version: str, age: int, methods=("Ground truth", "SwapTalk", "Wav2Lip")) -> None:
    folder = home.evaluation / version / "metrics_m"
    folder.mkdir(parents=True)
    (folder.parent / "made_from.json").write_text(json.dumps({"models": {"vqgan": version, "wav2lip": "w"}}))
    videos, rows = [], []
    for setting in ("self", "cross"):
        for method in methods:
            made = f"/h/evaluation/{version}"
            files = {"source": f"{made}/sources/anna.png", "target": "/h/clips/bob.mp4", "audio": "/h/clips/bob.wav"}
            files |= {"gallery": f"{made}/sources"}
            video = {
                "scene": f"{setting}_000",
                "setting": setting,
                "method": method,
                "path": f"{made}/{method}.mp4",
            }
            videos.append(video | files)
            rows.append({"scene": f"{setting}_000", "method": method, "lse_c": 0.5, "ssim": None, "frames": 100})
    (folder.parent / "test_videos.json").write_text(json.dumps(videos))
    pq.write_table(pa.Table.from_pylist(rows), folder / "metrics.parquet")
    os.utime(folder / "metrics.parquet", (age, age))


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path).create()
    evaluation(home, "v1", 1000)
    evaluation(home, "v2", 2000, ("Ground truth", "SwapTalk", "SwapTalk + detail"))
    return home


def test_methods_are_those_of_the_newest_evaluation(home):
    found = method_entries(home)
    assert {entry.contestant for entry in found} == {"Ground truth", "SwapTalk", "SwapTalk + detail"}
    truth = [entry for entry in found if entry.contestant == "Ground truth"]
    assert [entry.scene for entry in truth] == ["self anna bob bob"], "a real video has its own voice alone"
    assert all(entry.figures == {"lse_c": 0.5} and "/v2/" in entry.video["path"] for entry in found)
    assert {entry.contestant for entry in method_entries(home, ["SwapTalk"])} == {"SwapTalk"}
    with pytest.raises(UserError, match="--method 'Wav2Lip': the newest evaluation of .* has Ground truth, SwapTalk"):
        method_entries(home, ["Wav2Lip"])


def test_releases_meet_on_the_scenes_of_their_own_evaluations(home):
    for name, version in (("aaaa", "v1"), ("bbbb", "v2"), ("cccc", "v3")):  # of v3 nothing was measured
        (home.releases / name).mkdir(parents=True)
        (home.releases / name / "release.json").write_text(json.dumps({"models": {"vqgan": version}}))
    found = release_entries(home)
    shown = {(entry.contestant, entry.video["method"]) for entry in found}
    assert shown == {("release aaaa", "SwapTalk"), ("release bbbb", "SwapTalk")}, "the one that all were tried by"
    assert {entry.scene for entry in found} == {"self anna bob bob", "cross anna bob bob"}


def test_two_releases_are_needed(home, tmp_path):
    with pytest.raises(UserError, match="0 of the releases"):
        release_entries(home)
    with pytest.raises(UserError, match="nothing was measured"):
        method_entries(Home(tmp_path / "empty").create())
