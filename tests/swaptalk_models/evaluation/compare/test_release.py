"""New models against the released ones."""

import copy
import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from swaptalk_models.data.store.home import Home
from swaptalk_models.evaluation.compare import release as comparison
from swaptalk_models.evaluation.compare.release import (
    COMPARED,
    compare,
    compare_with_release,
    in_sight,
    keep_measurements,
    losses,
    released_is_current,
)
from swaptalk_models.modules.model_folder import ModelFolder, make_current
from swaptalk_models.settings.preset import load_preset

PRESET = load_preset("tiny")
FEWEST = PRESET.model_release.fewest_videos
JUDGES = {"identity": "dlib", "sync": "judge 1", "fid": "judge 1 features", "landmarks": "dlib"}


def measured(shift=0.0, people=range(8), judges=JUDGES, seed=0, **changes) -> dict:
    """Measurements in which scenes differ a lot, and every figure is better by `shift` times its size."""
    rng = np.random.default_rng(seed)
    videos = []
    for person in people:
        video = {"setting": "self", "source": f"{person}.png", "target": f"{person}.mp4", "audio": f"{person}.wav"}
        base = np.random.default_rng(person).uniform(0.2, 0.9)
        video |= dict.fromkeys(COMPARED) | {
            "ssim": base * (1 + shift),
            "lmd": 3 * base * (1 - shift),
            "lse_c": base,
            "av_offset": 0.0,
        }
        videos.append(video | {"id_similarity": base + rng.normal(0, 0.001)})
    return {
        "models": {},
        "preset": "tiny",
        "judges": judges,
        "measured": {"crop_size": 256},
        "videos": videos,
    } | changes


def cells(found: dict) -> dict:
    return {cell["metric"]: cell for cell in found["cells"]}


def test_the_same_models_are_neither_better_nor_worse():
    found = compare(measured(), measured(), PRESET)
    assert found["paired"] and {cell["verdict"] for cell in found["cells"]} == {"same"}
    assert set(cells(found)) == {"ssim", "lmd", "lse_c", "av_offset", "id_similarity"} and losses(found) == []


def test_worse_in_the_metrics_own_direction():
    found = cells(compare(measured(), measured(-0.2), PRESET))
    assert (
        found["ssim"]["verdict"] == found["lmd"]["verdict"] == "worse" and found["id_similarity"]["verdict"] == "same"
    )
    assert found["ssim"]["new"] < found["ssim"]["released"] and found["lmd"]["new"] > found["lmd"]["released"]
    assert found["lmd"]["gain"]["high"] < 0, "a gain is an improvement, whichever way the metric goes"
    sentences = losses(compare(measured(), measured(-0.2), PRESET))
    assert len(sentences) == 2 and sentences[0].startswith("ssim (self-driven) was ")
    assert {cell["verdict"] for cell in compare(measured(), measured(0.2), PRESET)["cells"]} == {"better", "same"}


def test_a_loss_within_the_tolerance_is_none():
    assert cells(compare(measured(), measured(-0.005), PRESET))["ssim"]["verdict"] == "same"
    strict = load_preset("tiny", {"model_release.tolerance": 0})
    assert cells(compare(measured(), measured(-0.005), strict))["ssim"]["verdict"] == "worse"


def test_chance_is_no_loss():
    """Unrelated figures of one spread: all intervals together hold with 95 %."""
    alarms = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        old, new = measured(), measured()
        for side in (old, new):
            for video in side["videos"]:
                video |= {name: float(rng.normal(5, 1)) for name in COMPARED}
        alarms += bool(losses(compare(old, new, PRESET)))
    assert alarms <= 4


def test_other_judges_and_other_ways_of_measuring_do_not_compare():
    other = cells(compare(measured(), measured(-0.2, judges=JUDGES | {"sync": "judge 2"}), PRESET))
    assert (other["lse_c"]["verdict"], other["lse_c"]["why"]) == ("not compared", "another judge")
    assert other["ssim"]["verdict"] == "worse"
    for changed in ({"measured": {"crop_size": 128}}, {"preset": "nano"}):
        found = compare(measured(**changed), measured(-0.2), PRESET)
        assert found["cells"] == [] and found["why"].startswith("the released models")
    assert "not kept" in compare(None, measured(), PRESET)["why"]


def test_few_videos_do_not_decide():
    found = cells(compare(measured(people=range(2)), measured(-0.9, people=range(2)), PRESET))
    assert (found["ssim"]["verdict"], found["ssim"]["why"]) == ("not compared", "2 videos")


def test_what_a_comparison_can_see_is_said_and_grows_with_the_videos():
    two = in_sight(compare(measured(people=range(2)), measured(-0.9, people=range(2)), PRESET), FEWEST)
    assert two is not None and two.startswith("nothing: 2 test videos") and "evaluation.pairs" in two
    rng, shares = np.random.default_rng(0), []
    for videos in (4, 8, 20):
        old, new = measured(people=range(videos)), measured(people=range(videos))
        for side in (old, new):
            for video in side["videos"]:
                video |= {name: float(rng.normal(5, 1)) for name in COMPARED}
        found = compare(old, new, PRESET)
        said = in_sight(found, FEWEST)
        assert said is not None and said.startswith(f"with {videos} test videos")
        shares.append(float(re.search(r"lose ([\d,]+)%", said)[1]))
        gain = cells(found)["ssim"]["gain"]
        seen = gain["high"] - gain["value"]  # what a loss must come to
        for lost, verdict in ((1.01 * seen, "worse"), (0.99 * seen, "same")):
            moved = copy.deepcopy(new)
            for video in moved["videos"]:
                video["ssim"] -= gain["value"] + lost
            assert cells(compare(old, moved, PRESET))["ssim"]["verdict"] == verdict
    assert shares[0] > shares[1] > shares[2]
    assert in_sight(None, FEWEST) is None and in_sight({"cells": []}, FEWEST) is None
    strangers = compare(measured(), measured(), PRESET)
    for cell in strangers["cells"]:
        cell |= {"verdict": "not compared", "why": "another judge"}
    assert "judge" in in_sight(strangers, FEWEST)


def test_some_new_people_leave_pairs_many_leave_nothing():
    assert compare(measured(), measured(people=range(2, 10)), PRESET)["paired"]
    new = measured(-0.95)
    for video in new["videos"]:
        video["source"] = "another.png"
    found = compare(measured(), new, PRESET)
    assert not found["paired"] and cells(found)["ssim"]["verdict"] == "worse", "same targets: all against all"
    assert "other people" in compare(measured(), measured(people=range(20, 28)), PRESET)["why"]


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    home = Home(tmp_path).create()
    for name in comparison.RELEASED:
        become(home, name, "v1")
    monkeypatch.setattr(comparison, "metrics_folder", lambda home, preset: home.evaluation / "m")
    measure(home, 0.8)
    return home


def become(home: Home, name: str, version: str) -> None:
    folder = ModelFolder(home.models / name / version)
    folder.path.mkdir(parents=True)
    make_current(folder)


def measure(home: Home, ssim: float) -> None:
    folder = home.evaluation / "m"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "method": method,
            "setting": "self",
            "source": "s.png",
            "target": f"{n}.mp4",
            "audio": "a.wav",
            "ssim": ssim + n / 50,
        }
        for method in ("SwapTalk", "Ground truth")
        for n in range(5)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "metrics.parquet")
    (folder / "scores.json").write_text(json.dumps([{"judges": JUDGES}]))


def release(home: Home, version: str) -> None:
    folder = home.releases / version
    folder.mkdir(parents=True)
    models = {name: (home.models / name / "current").read_text().strip() for name in comparison.RELEASED}
    (folder / "release.json").write_text(json.dumps({"models": models}))
    keep_measurements(home, PRESET, folder)
    (home.releases / "current").write_text(version)


def test_a_second_training_is_compared_with_the_release_before(home):
    assert compare_with_release(home, PRESET) is None and not released_is_current(home)
    release(home, "r1")
    assert released_is_current(home) and compare_with_release(home, PRESET) is None
    become(home, "lip_sync", "v2")
    measure(home, 0.5)
    found = compare_with_release(home, PRESET)
    assert not released_is_current(home) and found["released"] == "r1"
    (cell,) = found["cells"]
    assert (cell["verdict"], cell["gain"]["videos"]) == ("worse", 5) and cell["released"] - cell[
        "new"
    ] == pytest.approx(0.3)
    release(home, "r2")  # on demand: from now on this is what new models are held against
    assert compare_with_release(home, PRESET) == found, "what the release was compared with stays to be seen"
    become(home, "lip_sync", "v3")
    (cell,) = compare_with_release(home, PRESET)["cells"]
    assert cell["verdict"] == "same"


def test_a_mouth_that_begins_to_leak_is_worse():
    """The leak test is part of the gate, each figure in its own direction."""
    old, new = measured(), measured()
    for number, (before, after) in enumerate(zip(old["videos"], new["videos"], strict=True)):
        before |= {"open_in_silence": 5.0 + number, "copied_lips": -0.1, "lse_c_fall": 0.2 + 0.01 * number}
        after |= {
            "open_in_silence": 40.0 + number,
            "copied_lips": 0.6 + 0.01 * number,
            "lse_c_fall": 0.2 + 0.01 * number,
        }
    found = cells(compare(old, new, PRESET))
    assert [found[key]["verdict"] for key in ("open_in_silence", "copied_lips", "lse_c_fall")] == [
        "worse",
        "worse",
        "same",
    ]
    assert cells(compare(new, old, PRESET))["copied_lips"]["verdict"] == "better"


def test_videos_without_a_face_are_worse_than_any():
    """Nothing of them can be measured, so that nothing could be compared."""
    faceless = measured()
    for video in faceless["videos"]:
        video |= dict.fromkeys(COMPARED)
    (said,) = losses(compare(measured(), faceless, PRESET))
    assert "no face" in said
