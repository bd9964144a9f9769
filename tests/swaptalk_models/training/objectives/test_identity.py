"""training/objectives/identity.py"""

import numpy as np
import pytest
import torch

from swaptalk_models.settings.models import IdentityEncoderConfig
from swaptalk_models.training.objectives.identity import IdentityObjective, augment, ranking_auc

CONFIG = IdentityEncoderConfig(channels=(8, 8), dim=8)


@pytest.fixture
def objective(data):
    torch.manual_seed(0)
    return IdentityObjective(CONFIG, data)


def test_ranking_auc_by_hand():
    positive = torch.tensor([True, True, False, False])
    assert ranking_auc(torch.tensor([0.9, 0.8, 0.2, 0.1]), positive) == 1
    assert ranking_auc(torch.tensor([0.1, 0.2, 0.8, 0.9]), positive) == 0
    # Of the four pairs (positive, negative) three are in order: 0.9 above both, 0.3 above 0.1 only.
    assert ranking_auc(torch.tensor([0.9, 0.3, 0.5, 0.1]), positive) == 0.75


def test_a_batch_holds_training_people_only(objective, data):
    batch = objective.batch(np.random.default_rng(0), 40)
    assert batch["image"].shape == (40, 3, 32, 32)
    assert set(batch["person"].tolist()) == {0, 1, 2}
    assert {clip.person for clip in data.of("train")} == set(objective.class_of)
    assert objective.extras.weight.shape == (3, 8)


def test_faces_of_mute_clips_are_drawn_too(partly_mute):
    batch = IdentityObjective(CONFIG, partly_mute).batch(np.random.default_rng(0), 40)
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
    figures = objective.validate(objective.model.eval())
    assert figures["score"] == figures["auc"] and 0 <= figures["auc"] <= 1


def test_verification_of_held_out_people(objective, tmp_path):
    outcome = objective.finish(objective.model.eval(), tmp_path)
    assert set(outcome.metrics) == set(outcome.baselines) == {"auc"}
    assert 0 <= outcome.metrics["auc"] <= 1


def test_verification_is_perfect_for_an_embedding_that_knows(objective, data):
    """Whoever told people apart by their first pixel's neighbourhood would be right about all pairs."""
    answers = iter(torch.eye(6)[clip.person].repeat(24, 1) for clip in data.of("test"))
    assert objective._auc(lambda images: next(answers), "test") == 1
