"""rehearsal/dry_run.py and rehearsal/random_data.py"""

import json

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from swaptalk_models.errors import UserError
from swaptalk_models.rehearsal.dry_run import (
    TRAINED,
    as_json,
    check_budget,
    dry_run,
    macs,
    need_of,
    trained_names,
    training_cost,
)
from swaptalk_models.rehearsal.held import column_bytes, held_bytes
from swaptalk_models.rehearsal.paper import fake_step, standing_bytes
from swaptalk_models.rehearsal.random_data import RandomData, rehearsed
from swaptalk_models.settings.preset import load_preset
from swaptalk_models.training.objective import Objective

TOY = {
    "face_crops.size": 32,
    "face_crops.label_grid": 16,
    "vqgan.factor": 8,
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
    "swap_teacher.held_out_pairs": 8,
}


def toy(**overrides):
    return load_preset("tiny", TOY | {key.replace("__", "."): value for key, value in overrides.items()})


def test_macs_by_hand():
    assert macs(nn.Conv2d(3, 5, 3, padding=1), torch.zeros(2, 3, 8, 8)) == 2 * 8 * 8 * 3 * 5 * 9
    assert macs(nn.Linear(7, 11), torch.zeros(4, 7)) == 4 * 7 * 11


@pytest.fixture(scope="module")
def found():
    return dry_run(toy(budget__gpu_gib=16.0, budget__host_gib=8.0), frames=40)


def test_every_training_of_a_preset(found):
    assert set(found["trainings"]) == set(TRAINED)
    assert found["shapes"] == {"crop": (3, 32, 32), "latent": (8, 4, 4), "codes a frame": (2, 2, 2, 4)}
    assert all(count > 0 for count in found["macs"].values())
    for cost in found["trainings"].values():
        assert (
            cost.parameters > 0
            and cost.step_tflop > 0
            and cost.step.live > 0
            and cost.step.weights >= 4 * 4 * cost.parameters
        )
    vqgan = found["trainings"]["vqgan"]
    assert vqgan.along > 0, "the discriminator"
    assert vqgan.frozen == found["trainings"]["identity_encoder"].parameters
    assert found["trainings"]["identity_encoder"].frozen == 0
    assert found["total_eflop"] == pytest.approx(sum(cost.total_eflop for cost in found["trainings"].values()))
    assert found["gpu_hours"] == pytest.approx(found["total_eflop"] * 1e18 / 20e12 / 3600)


def test_every_pass_is_gone_through(found):
    passes = [(promise.model, promise.name) for promise in found["passes"]]
    trained = [(name, what) for name in found["trainings"] for what in ("step", "validation", "finish")]
    assert passes == [*trained, ("swap_teacher", "make"), ("test_videos", "generation"), ("metrics", "measuring")]
    for promise in found["passes"]:
        assert promise.host > 0
        assert (promise.device > 0) == (promise.model != "metrics"), "judges measure on the host"
    steps = {p.model: p for p in found["passes"] if p.name == "step"}
    for promise in found["passes"]:
        if promise.name == "validation":
            assert promise.weights > steps[promise.model].weights, "gradients stay until the next step"


def test_what_a_machine_must_have(found):
    """With a device, what is on it and its context; on the host the process and what it holds. Without, all of it there."""
    preset = toy()
    for promise, need in zip(found["passes"], found["needs"], strict=True):
        assert need.host > 640 << 20
        assert need.gpu == (int(1.2 * promise.device) + (512 << 20) if promise.device else 0)
        alone = need_of(promise, preset)
        assert alone.gpu == 0 and alone.host > need.host or not promise.device
    held = held_bytes(preset, 1000)
    numbers = 1000 * (2 * 2 * 16 + 2 * 1024 + 544 + 16 * 16 + 16)
    assert held == numbers + 1000 * 32 * 32 * 3 * 3 // 2, "crops decoded, and their PNGs"
    paper = load_preset("paper")
    assert held_bytes(paper, 10**6) == 10**6 * sum(column_bytes(paper).values()), "crops of a large corpus stay on disk"


def test_what_a_host_holds_has_a_bound(found):
    """Whatever the corpus, and the number of its processes."""
    nano, most = load_preset("nano"), 7 * (4 << 30) + (10 << 30)
    for hours in (0.1, 1, 10, 100, 10_000):
        for processes in (1, 2, 8):
            held = processes * held_bytes(nano, int(hours * 90_000), processes)
            assert held <= most and (held > 0 or hours > 1)
    assert held_bytes(nano, 90_000) > held_bytes(nano, 90_000_000) == 0


def test_processes_share_the_host_and_not_the_device(found):
    """Each of them holds the corpus and draws its batches; one validates."""
    one, four = toy(budget__gpu_gib=16.0), toy(budget__gpu_gib=16.0, vqgan__train__processes=4)
    step, validation = (
        next(p for p in found["passes"] if (p.model, p.name) == ("vqgan", name)) for name in ("step", "validation")
    )
    assert need_of(step, four).gpu == need_of(step, one).gpu
    assert need_of(step, four).host == pytest.approx(4 * need_of(step, one).host)
    assert need_of(validation, four).host < 4 * need_of(validation, one).host


def test_a_budget_that_is_exceeded_names_pass_and_module(found):
    check_budget(found["needs"], toy(budget__gpu_gib=16.0, budget__host_gib=8.0))
    check_budget(found["needs"], toy())
    with pytest.raises(
        UserError,
        match=r"preset tiny exceeds its budget: step of identity_encoder needs .* GiB, budget.host_gib is 0.5 .and",
    ):
        check_budget(found["needs"], toy(budget__host_gib=0.5))
    most = max(need.gpu for need in found["needs"]) / 2**30
    with pytest.raises(UserError, match=r"(step|validation|finish) of \w+ needs .* GiB, budget.gpu_gib is"):
        check_budget(found["needs"], toy(budget__gpu_gib=most - 1e-4))


def test_plain_values_for_others(found):
    plain = json.loads(json.dumps(as_json(found)))
    assert plain["trainings"]["vqgan"]["step"]["live"] == found["trainings"]["vqgan"].step.live
    assert plain["passes"][0]["model"] == "identity_encoder" and plain["passes"][0]["gpu_need"] == found["needs"][0].gpu


def test_what_is_only_compared_with_is_rehearsed_where_it_is_trained():
    names = trained_names(toy(evaluation__methods=["all"]))
    compared = {"wav2lip", "wav_sync_swap", "restorer"}
    assert compared <= set(names) and not compared & set(trained_names(toy()))
    assert "identity_encoder" not in trained_names(toy(identity_encoder__external="arcface.pth")), (
        "somebody else has trained it"
    )


def test_parameters_are_those_of_the_network(tmp_path):
    preset = toy()
    for name in ("lip_expert", "face_swapper"):
        objective, _ = rehearsed(name, preset, tmp_path, RandomData(preset))
        assert training_cost(name, preset).parameters == sum(p.numel() for p in objective.model.parameters())


def test_work_and_memory_follow_the_batch():
    small, large, shared = (
        training_cost("sync_judge", toy(sync_judge__train__batch=batch, sync_judge__train__accumulate=parts))
        for batch, parts in ((32, 1), (64, 1), (64, 2))
    )
    assert large.step_tflop == pytest.approx(2 * small.step_tflop, rel=0.1)
    assert large.step.live > 1.7 * small.step.live
    assert large.step.weights == small.step.weights
    assert shared.samples == 32 and shared.step.live == small.step.live
    assert shared.step_tflop == pytest.approx(2 * small.step_tflop)
    assert shared.step.host == pytest.approx(2 * small.step.host, rel=0.2), "the joint batch is drawn whole"


class Line(Objective):
    """mean((x W)^2): the matrix keeps x, the square its own input."""

    def __init__(self) -> None:
        self.model = nn.Linear(10, 20, bias=False)

    def loss(self, batch, progress):
        return self.model(batch["x"]).square().mean(), {}


def test_work_and_memory_by_hand():
    with FakeTensorMode() as fake:
        objective = Line()
    flops, live = fake_step(objective, {"x": torch.zeros(7, 10)}, fake, torch.float32)
    x, out, weight = 4 * 7 * 10, 4 * 7 * 20, 4 * 10 * 20
    # At the most x, the product that the square keeps, and three maps as large on the way back to its gradient; then the weight's.
    assert x + 2 * out + weight <= live <= x + 4 * out + weight
    assert flops == 2 * (2 * 7 * 10 * 20), "forward, and the weights' gradient"
    assert standing_bytes(objective, gradients=False) == 5 * weight, "itself, two moments, the average, the best"
    assert standing_bytes(objective, gradients=True) == 6 * weight


@pytest.mark.parametrize("decoded", [True, False])
def test_random_data_has_the_shapes_of_real_data(decoded, tmp_path):
    preset = toy()
    data = RandomData(preset, decoded)
    rows = np.array([0, 5, 999])
    assert data.crops(rows).shape == (3, 32, 32, 3) and data.crops(rows).dtype == np.uint8
    assert np.array_equal(data.crops(rows), RandomData(preset, not decoded).crops(rows))
    assert data.landmarks.shape == (data.frames, 68, 2)
    assert data.labels.shape == (data.frames, 16, 16) and len(np.unique(data.labels)) == 6
    upper, _ = data.codes("any", 4)
    assert upper.shape == (data.frames, 2, 2, 4) and upper.max() < 16
    assert data.windows(data.clips[0], np.array([0, 95])).shape == (2, 16, 80)
