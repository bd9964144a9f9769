"""rehearsal/dry_run.py and rehearsal/random_data.py"""

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from swaptalk_models.rehearsal.dry_run import TRAINED, _step, as_json, dry_run, macs, training_cost
from swaptalk_models.rehearsal.random_data import RandomData, rehearsed_objective
from swaptalk_models.settings.preset import load_preset
from swaptalk_models.training.objective import Objective

TOY = {
    "face_crops.size": 32,
    "face_crops.label_grid": 16,
    "vqgan.channels": [8, 8, 8],
    "vqgan.dim": 8,
    "vqgan.codes": 16,
    "vqgan.groups": 2,
    "vqgan.discriminator_channels": 8,
    "identity_encoder.channels": [8, 8],
    "identity_encoder.dim": 8,
    "lip_expert.width": 16,
    "sync_judge.channels": [8, 8],
    "face_swapper.width": 16,
    "face_swapper.depth": 1,
    "lip_sync.width": 16,
    "lip_sync.warp_width": 8,
    "lip_sync.audio_dim": 16,
}


def toy(**overrides):
    return load_preset("tiny", TOY | {key.replace("__", "."): value for key, value in overrides.items()})


def test_macs_by_hand():
    assert macs(nn.Conv2d(3, 5, 3, padding=1), torch.zeros(2, 3, 8, 8)) == 2 * 8 * 8 * 3 * 5 * 9
    assert macs(nn.Linear(7, 11), torch.zeros(4, 7)) == 4 * 7 * 11


def test_every_training_of_a_preset():
    found = dry_run(toy())
    assert set(found["trainings"]) == set(TRAINED)
    assert found["shapes"] == {"crop": (3, 32, 32), "latent": (8, 4, 4), "codes a frame": (2, 2, 2, 4)}
    assert all(count > 0 for count in found["macs"].values())
    for cost in found["trainings"].values():
        assert cost.parameters > 0 and cost.step_tflop > 0 and cost.activations_bytes > 0
    vqgan = found["trainings"]["vqgan"]
    assert vqgan.along > 0, "the discriminator"
    assert vqgan.frozen == found["trainings"]["identity_encoder"].parameters
    assert found["trainings"]["identity_encoder"].frozen == 0
    plain = as_json(found)["trainings"]["vqgan"]
    assert plain["bytes"] == plain["weights_bytes"] + plain["activations_bytes"]


def test_parameters_are_those_of_the_network(tmp_path):
    preset = toy()
    for name in ("lip_expert", "face_swapper"):
        objective = rehearsed_objective(name, preset, tmp_path, RandomData(preset))
        assert training_cost(name, preset).parameters == sum(p.numel() for p in objective.model.parameters())


def test_work_and_memory_follow_the_batch():
    small, large, shared = (
        training_cost("sync_judge", toy(sync_judge__train__batch=batch, sync_judge__train__accumulate=parts))
        for batch, parts in ((8, 1), (16, 1), (16, 2))
    )
    assert large.step_tflop == pytest.approx(2 * small.step_tflop, rel=0.1)
    assert large.activations_bytes > 1.7 * small.activations_bytes
    assert large.weights_bytes == small.weights_bytes
    assert shared.samples == 8 and shared.activations_bytes == small.activations_bytes
    assert shared.step_tflop == pytest.approx(2 * small.step_tflop)


class Line(Objective):
    """mean((x W)^2): the matrix keeps x, the square its own input."""

    def __init__(self) -> None:
        self.model = nn.Linear(10, 20, bias=False)

    def loss(self, batch, progress):
        return self.model(batch["x"]).square().mean(), {}


def test_work_and_memory_by_hand():
    with FakeTensorMode() as fake:
        flops, kept = _step(Line(), {"x": torch.zeros(7, 10)}, fake, torch.float32)
    assert kept == 4 * 7 * (10 + 20)
    assert flops == 2 * (2 * 7 * 10 * 20), "forward, and the weights' gradient"


@pytest.mark.parametrize("decoded", [True, False])
def test_random_data_has_the_shapes_of_real_data(decoded, tmp_path):
    preset = toy()
    data = RandomData(preset, decoded)
    rows = np.array([0, 5, 999])
    assert data.crops(rows).shape == (3, 32, 32, 3) and data.crops(rows).dtype == np.uint8
    assert (data._pixels is None) != decoded
    assert data.landmarks.shape == (data.frames, 68, 2)
    assert data.labels.shape == (data.frames, 16, 16) and len(np.unique(data.labels)) == 6
    upper, _ = data.codes("any", 4)
    assert upper.shape == (data.frames, 2, 2, 4) and upper.max() < 16
    assert data.windows(data.clips[0], np.array([0, 95])).shape == (2, 16, 80)
