"""The benches run, on next to nothing; their figures are for people."""

from pathlib import Path

import pytest

from pipelines.bench import BENCHES, growth, measure, memory, prepare
from pipelines.bench.memory import repeat
from pipelines.bench.s3fd import seconds_a_frame
from swaptalk_models.data.media.video import probe
from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.errors import UserError


def test_every_bench_is_a_module_that_says_what_it_is():
    import importlib

    for module, what in BENCHES.values():
        assert importlib.import_module(f"pipelines.bench.{module}").measure and what


def test_homes_of_any_size(tmp_path, monkeypatch):
    monkeypatch.setattr(growth, "SIZES", (4, 8))
    found = measure("add-one", tmp_path / "a", tmp_path / "none")
    assert found["partition_seconds_at_4"] > 0 and found["partition_at_8_times_at_4"] > 0
    found = measure("nothing-to-do", tmp_path / "b", tmp_path / "none")
    assert 0 < found["ours_seconds_at_8"] < 10 and "left out" in found["home"]


def test_pretended_work_is_what_a_run_finds_done(tmp_path):
    from pipelines.bench.pretend import bring_up_to_date, fill_home
    from swaptalk_models.data.store.audit import wrong_rows
    from swaptalk_models.data.store.home import Home
    from swaptalk_models.data.store.ledger import Ledger
    from swaptalk_models.settings.preset import load_preset

    home, preset = Home(tmp_path / "home").create(), load_preset("tiny")
    fill_home(home, preset, tmp_path / "videos", 5)
    bring_up_to_date(home, preset, tmp_path / "videos")
    with Ledger(home.ledger) as ledger:
        assert not ledger.quarantine() and {counts[0] for counts in ledger.counts().values()} == {5}
    assert wrong_rows(home, "face_crops", of="face_tracks") == []


def test_peers_detector_takes_its_time():
    assert seconds_a_frame(64) > 0


def test_film_of_any_length(tmp_path):
    source = write_corpus(tmp_path / "drawn", 1, 1.0, size=128)[0]
    repeat(source, tmp_path / "long.mp4", 3)
    info = probe(tmp_path / "long.mp4")
    assert info.frames == 75 and info.has_audio and abs(info.duration_s - 3) < 0.01


@pytest.mark.slow
def test_prepare_and_memory(tmp_path, monkeypatch):
    for name, value in {
        "PEOPLE": 1,
        "SECONDS": 2.0,
        "SIZE": 128,
        "COPIES": 1,
        "FILM_COPIES": 1,
        "FILM_WIDTH": 240,
        "FILM_HEIGHT": 320,
    }.items():
        monkeypatch.setattr(prepare, name, value)
    found = measure("prepare", tmp_path / "a", tmp_path / "none")
    assert found["frames_per_second"] > 0 and found["film_times_real_time"] > 0
    assert abs(sum(value for name, value in found.items() if name.endswith("_share")) - 1) < 1e-6
    for name, value in {
        "SHORT_S": 1,
        "LONG_S": 2,
        "SIZE": 128,
        "LARGE": (192, 128),
        "LARGE_SHORT_S": 1,
        "LARGE_LONG_S": 2,
    }.items():
        monkeypatch.setattr(memory, name, value)
    assert measure("memory", tmp_path / "b", tmp_path / "none")["long_in_one_clip_times_the_short_ones_memory"] > 0


def test_wav2lip_is_as_large_as_published():
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from pipelines.bench.wav2lip_published import MEL_SHAPE, SIZE, generator

    network = generator()
    assert round(sum(weight.numel() for weight in network.parameters()) / 1e6, 1) == 36.3
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        made = network(torch.rand(1, *MEL_SHAPE), torch.rand(1, 6, SIZE, SIZE))
    assert made.shape == (1, 3, SIZE, SIZE) and round(counter.get_total_flops() / 2e9, 1) == 4.0


def test_generation_beside_wav2lip(tmp_path, monkeypatch):
    from pipelines.bench import generate

    for name, value in {"PRESET": "tiny", "SECONDS": 1.0, "SIZE": 160, "REPEATS": 1, "BATCH": 1, "STARTED": 8}.items():
        monkeypatch.setattr(generate, name, value)
    found = measure("generate", tmp_path, tmp_path / "none")
    assert found["preset"] == "tiny" and found["weights"] == "random"
    ratio = found["frames_per_second"] / found["wav2lip_frames_per_second"]
    assert ratio == pytest.approx(found["times_wav2lip"]) and found["networks_times_wav2lip"] > ratio
    parts = {"track", "crop", "encode", "swap", "speak", "decode", "finish", "paste", "mark", "write"}
    assert all(found[f"{part}_ms_a_frame"] >= 0 for part in parts)


def test_what_has_no_size_says_which_have():
    with pytest.raises(UserError, match="cache has no choice of size: --clips goes with nothing-to-do, add-one, ray"):
        measure("cache", Path("a"), Path("b"), (10,))
