"""What is told before hours are spent: of people, speech, disk, memory and time."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import pytest

from swaptalk_models.data.media.video_info import VideoInfo
from swaptalk_models.data.store.asked import Asked
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, QUARANTINED, Entry, Ledger, StageReport
from swaptalk_models.errors import BadClip, UserError
from swaptalk_models.graph.lineage import LINEAGE
from swaptalk_models.graph.models import MODELS
from swaptalk_models.modules.model_folder import ModelFolder, make_current
from swaptalk_models.rehearsal import corpus_size, forecast, machine, network_sizes, precheck, room_on_disk
from swaptalk_models.rehearsal.precheck import DISK, Needs, check_room, short
from swaptalk_models.settings import enough
from swaptalk_models.settings.enough import ENOUGH, FEW, TOO_FEW, Limit
from swaptalk_models.settings.preset import load_preset

GIB = 2**30
DEMO = Asked("tiny")


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture(autouse=True)
def large_machine(monkeypatch):
    monkeypatch.setattr(room_on_disk.shutil, "disk_usage", lambda place: SimpleNamespace(free=100 * GIB))
    monkeypatch.setattr(precheck, "host_bytes", lambda: 64.0 * GIB)
    monkeypatch.setattr(precheck, "gpu_bytes", list)


@pytest.fixture
def videos(tmp_path, monkeypatch):
    """Nine people with a minute each, and a file that is no video; nothing is decoded."""

    def look(path):
        if path.stem == "text":
            raise BadClip("no video")
        return VideoInfo(path, 640, 360, 25.0, 1500, 60.0, True, "h264", 0, "yuv420p", False, False)

    monkeypatch.setattr("swaptalk_models.data.media.probing.probe", look)
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in [*(f"{number}_talk" for number in range(9)), "text"]:
        (folder / f"{name}.mp4").touch()
    return Asked("nano", videos=str(folder))


def found(home, asked, **how):
    return {line.what: line for line in precheck.precheck(home, asked, **how)}


def test_every_limit_has_a_reason_and_says_what_follows():
    limits = [value for value in vars(enough).values() if isinstance(value, Limit)]
    assert len(limits) == 9
    for limit in limits:
        assert limit.enough > limit.few and limit.why and limit.if_few and limit.if_too_few
        amounts = (limit.enough, limit.few, limit.few / 2)
        assert [limit.verdict(amount) for amount in amounts] == [ENOUGH, FEW, TOO_FEW]
        assert [limit.follows(amount) for amount in amounts] == ["", limit.if_few, limit.if_too_few]


def test_the_demo_has_enough_of_all(home):
    lines = found(home, DEMO)
    videos = lines.pop("test videos a setting")
    assert (videos.there, videos.verdict) == ("4", FEW), "its gate of releases sees large losses only"
    assert {line.verdict for line in lines.values()} == {ENOUGH, ""} and short(lines.values()) == []
    assert sum(int(lines[f"people to {what}"].there) for what in ("train on", "validate", "test")) == 64
    assert not home.root.exists(), "nothing was written"


def test_nine_people_are_told_what_becomes_of_the_lip_expert(home, videos):
    lines = found(home, videos)
    train = lines["people to train on"]
    assert (train.there, train.verdict) == ("6", TOO_FEW)
    assert train.follows == "the lip expert may stay at chance; it then keeps its starting weights"
    assert lines["speech to train on"].there == "6.0 min" and lines["speech to train on"].verdict == FEW
    asked = dataclasses.replace(videos, overrides={"init": "none"})
    assert found(home, asked)["people to train on"].follows.endswith("; the run then ends there")
    check_room(home, videos, LINEAGE)  # few people are refused nothing


def test_too_few_test_videos_blind_the_gate_of_releases(home):
    for pairs, verdict in ((2, TOO_FEW), (3, FEW), (8, ENOUGH)):
        asked = dataclasses.replace(DEMO, overrides={"evaluation.pairs": pairs})
        line = found(home, asked)["test videos a setting"]
        assert line.verdict == verdict and ("a worse model is released" in line.follows) == (verdict == TOO_FEW)
    asked = dataclasses.replace(DEMO, overrides={"evaluation.pairs": 2, "model_release.fewest_videos": 2})
    assert found(home, asked)["test videos a setting"].verdict == FEW
    assert "test videos a setting" not in found(home, DEMO, assets=["hdtf_catalog", "clips"])


def test_fewer_than_a_split_needs(home, videos, monkeypatch):
    monkeypatch.setattr(
        corpus_size,
        "_look_into",
        lambda path: None if path.stem[0] > "2" else {"duration_s": 60, "width": 9, "height": 9},
    )
    line = found(home, videos)["people"]
    assert (line.there, line.verdict) == ("3", TOO_FEW) and "training_snapshot" in line.follows


def test_what_the_ledger_knows_is_not_looked_into_again(home, videos, monkeypatch):
    home.create()
    info = {"duration_s": 30.0, "width": 640, "height": 360}
    with Ledger(home.ledger) as ledger:
        done = [
            Entry("raw_videos", f"{n}_talk", f"{n}_talk", "", "", "", "", OK, output={"info": info}) for n in range(8)
        ]
        ledger.commit([*done, Entry("raw_videos", "text", "text", "", "", "", "", QUARANTINED)])
    looked: list[str] = []
    monkeypatch.setattr(corpus_size, "_look_into", lambda path: looked.append(path.stem) or info)
    corpus = corpus_size.known_corpus(home, load_preset("nano"), videos)
    assert looked == ["8_talk"] and corpus.total_seconds == 9 * 30 and "text" not in corpus.persons


def test_of_many_files_some_are_looked_into_and_the_rest_is_said_to_be_a_guess(home, videos, monkeypatch):
    monkeypatch.setattr(corpus_size, "_LOOKED_INTO", 3)
    line = found(home, videos)["speech to train on"]
    assert "the length of 7 of 10 videos is a guess" in line.follows


def test_hdtf_before_and_after_its_annotations_are_there(home, tmp_path):
    assert found(home, Asked("tiny", hdtf=str(tmp_path)))["people"].there == "?"


@pytest.mark.parametrize(("free", "verdict"), [(0.1, TOO_FEW), (0.3, FEW), (4, ENOUGH)])
def test_disk_is_held_against_what_the_home_will_take(home, monkeypatch, free, verdict):
    monkeypatch.setattr(room_on_disk.shutil, "disk_usage", lambda place: SimpleNamespace(free=free * GIB))
    assert found(home, DEMO)[DISK].verdict == verdict
    if verdict == TOO_FEW:
        with pytest.raises(UserError, match=r"too little room on the disk: 0.1 GiB free, 0.3 needed at .*models 0\.1"):
            check_room(home, DEMO, LINEAGE)
        check_room(home, DEMO, ["hdtf_catalog"])  # for less there is room


def test_what_is_there_needs_no_room(home):
    home.create()
    home.phantom.mkdir()
    for number in range(64):
        (home.phantom / f"phantom_{number:03d}.mp4").touch()
    with Ledger(home.ledger) as ledger:
        ledger.commit(
            Entry(stage, f"phantom_{n:03d}_000", f"phantom_{n:03d}", "", "", "", "", OK)
            for n in range(64)
            for stage in ("clips", "face_tracks", "face_crops", "mels", "vq_latents")
        )
    corpus = corpus_size.known_corpus(home, load_preset("tiny"), DEMO)
    assert (
        room_on_disk.room_needed(
            home, load_preset("tiny"), corpus, ["hdtf_catalog", "clips", "face_crops", "vq_latents"]
        )
        == {}
    )


def test_memory_is_held_against_the_budget_or_the_dry_runs_needs(home, monkeypatch):
    monkeypatch.setattr(precheck, "host_bytes", lambda: 12.0 * GIB)
    asked = Asked("base")
    assert found(home, asked)["memory"].there == "12 GiB, 16 needed" and found(home, asked)["memory"].verdict == FEW
    assert "no CUDA device" in found(home, asked)["GPU memory"].there
    needs = Needs(10.0 * GIB, 20.0 * GIB, 2.9, 41, 20)
    monkeypatch.setattr(precheck, "gpu_bytes", lambda: [24.0 * GIB, 16.0 * GIB])
    assert found(home, asked, needs=needs)["memory"].verdict == ENOUGH
    gpu = found(home, asked, needs=needs)["GPU memory"]
    assert (gpu.there, gpu.verdict) == ("16 GiB, 20 needed", FEW)


def test_a_container_has_what_its_limit_says(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_CGROUP", tmp_path / "memory.max")
    (tmp_path / "memory.max").write_text("max\n")
    whole = machine.host_bytes()
    (tmp_path / "memory.max").write_text("1048576\n")
    assert machine.host_bytes() == 1 << 20 < whole


def test_a_forecast_never_pretends(home):
    line = found(home, DEMO)["time"]
    assert (line.there, line.follows) == ("?", "no forecast: nothing of this size was run here")
    needs = Needs(GIB, 0, 2.9, 41, 20)
    line = found(home, DEMO, needs=needs)["time"]
    assert line.there == "41.0 h of a GPU" and "by 2.9 EFLOP" in line.follows and "not measured here" in line.follows


def test_a_forecast_rests_on_what_the_same_work_took_here(home):
    """Half of the videos are done; the VQGAN was trained for half as many steps."""
    home.create()
    preset = load_preset("tiny", {"phantom.people": 8})
    with Ledger(home.ledger) as ledger:
        ledger.commit(Entry("clips", f"{n}_{part}", str(n), "", "", "", "", OK) for n in range(4) for part in range(2))
        ledger.record(StageReport("clips", computed=8, seconds=80), "first")
        ledger.record(StageReport("clips", cached=8, seconds=1), "second")
    folder = home.models / "vqgan" / "v1"
    folder.mkdir(parents=True)
    half = preset.vqgan.train.steps // 2
    config = forecast._config(load_preset("tiny", {"vqgan.train.steps": half}), "vqgan")
    (folder / "result.json").write_text(json.dumps({"config": config, "step": half, "seconds": 100}))
    make_current(ModelFolder(folder))
    corpus = corpus_size.known_corpus(home, preset, DEMO)
    assert forecast.forecast(home, preset, corpus, ["clips"]).seconds == 80, "eight clips more"
    both = forecast.forecast(home, preset, corpus, ["clips", "vqgan"])
    assert both.seconds == 80 + 200 and both.text == "about 5 min" and "last runs" in both.rests_on
    some = forecast.forecast(home, preset, corpus, ["clips", "mels"])
    assert some.text == "more than 80 s" and some.rests_on.endswith("never run here at this size: mels")
    other = load_preset("tiny", {"phantom.people": 8, "vqgan.dim": 32})
    assert forecast.forecast(home, other, corpus, ["vqgan"]).unknown == ("vqgan",)
    limited = load_preset("tiny", {"phantom.people": 8, "vqgan.dim": 32, "vqgan.train.minutes": 2})
    assert forecast.forecast(home, limited, corpus, ["vqgan"]).seconds == 120


def test_parameters_that_are_written_down_are_the_networks_own():
    for preset in ("tiny", "base"):
        sizes = load_preset(preset)
        assert {
            name: network_sizes.count(name, sizes) for name in network_sizes.COUNTED[preset]
        } == network_sizes.COUNTED[preset]
        assert network_sizes.COUNTED[preset].keys() == {name for name, model in MODELS.items() if model.network}
    changed = load_preset("tiny", {"lip_sync.width": 48, "lip_sync.train.steps": 9})
    assert network_sizes.parameters("lip_sync", changed) < network_sizes.COUNTED["tiny"]["lip_sync"]
    assert network_sizes.parameters("swap_teacher", changed) == 0
