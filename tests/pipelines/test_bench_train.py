"""pipelines/bench/train.py"""

import pytest

from pipelines.bench import train
from swaptalk_models.data.store.home import Home
from swaptalk_models.settings.preset import load_preset

TOY = {
    "face_crops.size": 32,
    "vqgan.factor": 8,
    "vqgan.channels": [8, 8, 8],
    "vqgan.dim": 8,
    "vqgan.codes": 16,
    "vqgan.groups": 2,
    "identity_encoder.channels": [8, 8],
    "lip_expert.width": 16,
    "lip_expert.train.batch": 8,
}


@pytest.mark.slow
def test_figures_on_random_data(tmp_path, monkeypatch):
    home = Home(tmp_path / "home").create()
    home.update_state(preset="tiny", overrides=TOY)
    monkeypatch.setattr(train, "SECONDS", 0.01)
    monkeypatch.setattr(train, "TRAINED", ("vqgan", "lip_expert"))
    (tmp_path / "work").mkdir()
    found = train.measure(tmp_path / "work", home.root)
    assert (found["preset"], found["data"]) == (load_preset("tiny").name, "random")
    for name in ("vqgan", "lip_expert"):
        assert found[f"{name}_steps_per_second"] > 0 and 0 <= found[f"{name}_waiting_share"] <= 1
        assert found[f"{name}_bfloat16_times"] > 0
    assert found["cached_codes_times"] > 1
    assert not (tmp_path / "work" / "checkpoint.pt").exists()
