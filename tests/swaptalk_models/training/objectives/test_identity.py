"""training/objectives/identity.py"""

import numpy as np
import pytest
import torch

from swaptalk_models.training.objectives.identity import augment


@pytest.fixture
def objective(make_identity):
    return make_identity()


def test_a_batch_holds_training_people_only(objective, data):
    batch = objective.batch(np.random.default_rng(0), 40)
    assert batch["image"].shape == (40, 3, 32, 32)
    assert set(batch["person"].tolist()) == {0, 1, 2}
    assert {clip.person for clip in data.of("train")} == set(objective.class_of)
    assert objective.extras.weight.shape == (3, 8)


def test_faces_of_mute_clips_are_drawn_too(make_identity, partly_mute):
    batch = make_identity(partly_mute).batch(np.random.default_rng(0), 40)
    assert set(batch["person"].tolist()) == {0, 1, 2}


def test_a_step_can_be_repeated(objective):
    first, again, other = (objective.batch(np.random.default_rng(seed), 6) for seed in (1, 1, 2))
    assert torch.equal(first["image"], again["image"]) and torch.equal(first["person"], again["person"])
    assert not torch.equal(first["image"], other["image"])


def test_augmentation_moves_and_lights_within_range():
    images = torch.linspace(-1, 1, 32).expand(64, 3, 32, 32).contiguous()
    made = augment(images, np.random.default_rng(0))
    assert made.shape == images.shape and made.dtype == torch.float32
    assert made.min() >= -1 and made.max() <= 1
    slope = (made[..., -1] - made[..., 0]).mean((1, 2))
    assert 15 < (slope < 0).sum() < 49, "about half are mirrored"
    assert made.mean((2, 3)).std() > 0.02, "light and tint differ"


def test_learns_who_is_who(objective):
    optimiser = torch.optim.AdamW([*objective.model.parameters(), *objective.extras.parameters()], lr=3e-3)
    losses = []
    for step in range(12):
        loss, _ = objective.loss(objective.batch(np.random.default_rng(step), 12), step / 12)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.mean(losses[-3:]) < 0.8 * losses[0]
