"""assets/latents.py: codes follow crops and the VQGAN that made them. The VQGANs are real networks that nobody trained."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import dagster as dg
import numpy as np
import pytest
import torch

from assets.latents import encode_for_trainings
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.modules.model_folder import ModelFolder, make_current
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.weights import save_model
from swaptalk_models.settings.models import VQGANConfig

CLIPS = {*(f"phantom_{i:03d}_000" for i in range(6)), "spoilt_000", "silent_000"}
FRAMES = 30


def set_vqgan(home: Home, version: str, seed: int, factor: int = 16, codes: int = 16) -> None:
    """Make a VQGAN of random weights the current one."""
    torch.manual_seed(seed)
    channels = (8,) * (factor.bit_length() - 1)
    config = VQGANConfig(factor=factor, channels=channels, codes=codes, dim=8, groups=2, discriminator_channels=8)
    folder = home.models / "vqgan" / version
    folder.mkdir(parents=True)
    shape = {"crop_size": 64, "grid": 64 // factor, "dim": 8, "groups": 2}
    save_model("vqgan", VQGAN(config), shape, folder)
    result = {"step": 0, "seconds": 0.0, "metrics": {}, "inputs": {}, "snapshot": "none"}
    (folder / "result.json").write_text(json.dumps(result))
    make_current(ModelFolder(folder))


def codes(home: Home) -> dict[str, np.ndarray]:
    """{clip: codes (frames, all of a frame)} as the table holds them, each with the version of its VQGAN."""
    rows = tables.open_table(home, "vq_latents").to_table().sort_by([("clip", "ascending"), ("frame", "ascending")])
    found: dict[str, list] = {}
    for row in rows.to_pylist():
        found.setdefault(row["clip"], []).append([*row["upper"], *row["lower"]])
    return {name: np.array(values) for name, values in found.items()}


def makers(home: Home) -> set[str]:
    return set(tables.open_table(home, "vq_latents").to_table(columns=["vqgan"])["vqgan"].to_pylist())


@pytest.fixture
def encoded(own):
    """Everything encoded by a first VQGAN."""
    set_vqgan(own.home, "v1", seed=0)
    own.run("vq_latents")
    assert own.counts("vq_latents") == [len(CLIPS), 0, 0]
    return own


def test_codes_of_every_frame_and_a_check_of_each_video(encoded):
    found = codes(encoded.home)
    assert {clip: len(values) for clip, values in found.items()} == dict.fromkeys(CLIPS, FRAMES)
    assert all(values.shape[1] == 2 * 4 * 4 and values.max() < 16 for values in found.values())
    assert len(np.unique(np.concatenate(list(found.values())))) > 1
    checks = [check for check in encoded.checks() if check.check_name == "vq_latents_codes"]
    assert {check.partition for check in checks if check.passed} == set(
        encoded.instance.get_dynamic_partitions("videos")
    )


def test_nothing_new_loads_no_network(encoded):
    (encoded.home.models / "vqgan" / "v1" / "weights.safetensors").unlink()
    encoded.run("vq_latents")
    assert encoded.counts("vq_latents") == [0, len(CLIPS), 0]


def test_another_crop_replaces_its_clips_rows_only(encoded, tmp_path):
    before = codes(encoded.home)
    shutil.copytree(encoded.videos, tmp_path / "videos")
    encoded.videos = tmp_path / "videos"
    shutil.copy(encoded.videos / "phantom_003.mp4", encoded.videos / "phantom_001.mp4")
    encoded.run("hdtf_catalog", tags={})
    encoded.run("raw_videos", "clips", "face_tracks", "face_crops", "mels")
    encoded.run("vq_latents")
    assert encoded.counts("vq_latents") == [1, len(CLIPS) - 1, 0]
    after = codes(encoded.home)
    changed = {clip for clip in before if not np.array_equal(before[clip], after[clip])}
    assert changed == {"phantom_001_000"} and np.array_equal(after["phantom_001_000"], before["phantom_003_000"])


def test_a_newer_vqgan_replaces_everything(encoded):
    before = codes(encoded.home)
    set_vqgan(encoded.home, "v2", seed=1)
    encoded.run("vq_latents")
    assert encoded.counts("vq_latents") == [len(CLIPS), 0, 0]
    after = codes(encoded.home)
    assert makers(encoded.home) == {"v2"} and set(after) == CLIPS
    assert not any(np.array_equal(before[clip], after[clip]) for clip in before)


def test_another_grid_starts_a_new_table(encoded):
    set_vqgan(encoded.home, "v2", seed=0, factor=8)
    encoded.run("vq_latents", partition_key="phantom_000")
    assert encoded.counts("vq_latents") == [1, 0, 0]
    assert {clip: values.shape[1] for clip, values in codes(encoded.home).items()} == {"phantom_000_000": 2 * 8 * 8}
    (check,) = [check for check in encoded.checks() if check.check_name == "vq_latents_codes"]
    assert check.passed and check.partition == "phantom_000"


def test_codes_outside_of_the_codebook_block(encoded):
    """As if the codebook of this version had had fewer codes."""
    config = encoded.home.models / "vqgan" / "v1" / "config.json"
    most = {clip: int(values.max()) for clip, values in codes(encoded.home).items()}
    stored = json.loads(config.read_text())
    stored["config"]["codes"] = max(most.values())
    config.write_text(json.dumps(stored))
    encoded.run("vq_latents", must=False)
    checks = {check.partition: check for check in encoded.checks() if check.check_name == "vq_latents_codes"}
    wrong = {video for video, check in checks.items() if not check.passed}
    assert wrong == {clip[:-4] for clip, code in most.items() if code == max(most.values())}
    assert not encoded.result.success
    assert f"code {max(most.values())} of {max(most.values())}" in checks[min(wrong)].description


def test_a_run_that_trains_on_codes_without_a_step_for_them_brings_them_up_to_date(encoded):
    """Job `train`: the step of the VQGAN does it, and logs the events of vq_latents, one a video and one of all."""
    set_vqgan(encoded.home, "v2", seed=1)
    logged: list[dg.AssetMaterialization] = []

    def context(*selected: str):
        layer = SimpleNamespace(selected_asset_keys={dg.AssetKey(name) for name in selected})
        return SimpleNamespace(
            job_def=SimpleNamespace(asset_layer=layer),
            instance=encoded.instance,
            run=SimpleNamespace(tags={}, run_id="train"),
            log_event=logged.append,
            log=SimpleNamespace(info=print, warning=print),
        )

    assert encode_for_trainings(context("vqgan", "vq_latents", "lip_sync"), encoded.swaptalk()) == {}
    assert encode_for_trainings(context("vqgan"), encoded.swaptalk()) == {}, "nobody asked for them"
    assert makers(encoded.home) == {"v1"} and not logged
    told = encode_for_trainings(context("vqgan", "lip_sync"), encoded.swaptalk())
    assert told == {"codes": f"{len(CLIPS)} clips encoded anew, 0 were there"} and makers(encoded.home) == {"v2"}
    assert {event.asset_key.to_user_string() for event in logged} == {"vq_latents"}
    assert {event.partition for event in logged} == {*encoded.instance.get_dynamic_partitions("videos"), None}
    assert len({event.tags["dagster/data_version"] for event in logged if event.partition}) > 1


@pytest.mark.slow
def test_actors_of_ray_make_the_same_codes(encoded):
    """By the same switch as the data stages; the same network under another version, so that all is to be done."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'swaptalk[ray]'")
    here = codes(encoded.home)
    set_vqgan(encoded.home, "v1_again", seed=0)
    ray = {"compute": "ray", "ray.address": "local", "ray.object_store_mib": 200}
    encoded.run("vq_latents", overrides=ray | {"vqgan.train.device": "cuda"}, must=False)
    faults = encoded.faults()
    assert any("vq_latents on cuda, ray.gpu_share=0.5: " in said and "has no GPU" in said for said in faults), faults
    assert makers(encoded.home) == {"v1"}, "nothing was done on another device than the one that was asked for"
    encoded.run("vq_latents", overrides=ray)
    assert encoded.counts("vq_latents") == [len(CLIPS), 0, 0] and makers(encoded.home) == {"v1_again"}
    there = codes(encoded.home)
    assert here.keys() == there.keys() and all((here[clip] == there[clip]).all() for clip in here)
