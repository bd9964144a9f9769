"""training/objectives/vqgan.py"""

import numpy as np
import pytest
import torch


@pytest.fixture
def make(make_vqgan_objective):
    return make_vqgan_objective


def batch(objective, seed=0):
    return objective.batch(np.random.default_rng(seed), 4)


def test_a_batch_is_images_of_training_people(make, data):
    objective = make()
    images = objective.batch(np.random.default_rng(0), 60)["image"]
    assert images.shape == (60, 3, 32, 32) and images.abs().max() <= 1
    train = {clip.person for clip in data.of("train")}
    assert set(data.person_of_row[objective.rows]) == train


def test_faces_of_mute_clips_are_drawn_too(make, partly_mute):
    rows = make(partly_mute).rows
    assert set(partly_mute.person_of_row[rows]) == {0, 1, 2}


def test_reconstruction_gets_better(make):
    objective = make(adversarial_weight=0.0)
    objective.model.train()
    optimiser = torch.optim.AdamW(objective.model.parameters(), lr=5e-3)
    given, pixel = batch(objective), []
    for _ in range(30):
        loss, parts = objective.loss(given, 0.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        pixel.append(parts["pixel"].item())
    assert pixel[-1] < 0.8 * pixel[0]


def test_the_codebooks_join_once_embeddings_mean_something(make):
    objective = make(adversarial_weight=0.0, quantise_from=0.25)
    objective.model.train()
    _, early = objective.loss(batch(objective), 0.24)
    assert not objective.model.upper.started
    loss, late = objective.loss(batch(objective), 0.25)
    assert objective.model.upper.started and objective.model.lower.started
    assert late["commitment"] > 0 and late["pixel"] >= 0 and torch.isfinite(loss)
    assert "pixel" in early


def test_the_adversary_joins_when_reconstruction_is_ready(make):
    objective = make(adversarial_start=0.5)
    objective.model.train()
    before = {key: value.clone() for key, value in objective.discriminator.state_dict().items()}
    given = batch(objective)
    _, early = objective.loss(given, 0.49)
    assert "adversarial" not in early and objective.after_step([given], 0.49) == {}
    assert all(torch.equal(before[key], value) for key, value in objective.discriminator.state_dict().items())
    _, late = objective.loss(given, 0.5)
    assert late["adaptive_weight"] > 0
    assert objective.after_step([given], 0.5)["discriminator"] > 0
    assert any(not torch.equal(before[key], value) for key, value in objective.discriminator.state_dict().items())


def test_the_adversarys_step_leaves_the_generator_alone(make):
    objective = make(adversarial_start=0.0)
    objective.model.train()
    given = batch(objective)
    objective.loss(given, 1.0)[0].backward()
    gradients = [p.grad.clone() for p in objective.model.parameters()]
    weights = [p.clone() for p in objective.model.parameters()]
    objective.after_step([given], 1.0)
    for parameter, weight, gradient in zip(objective.model.parameters(), weights, gradients, strict=True):
        assert torch.equal(parameter, weight) and torch.equal(parameter.grad, gradient)


def test_commitment_weighs_on_the_encoder_only(make):
    """beta belongs on the encoder's side (FIELD.md, 6)."""
    light, heavy = (make(adversarial_weight=0.0, commitment=weight) for weight in (0.25, 1.25))
    light.model.eval(), heavy.model.eval()
    (loss, parts), (heavier, _) = (objective.loss(batch(objective), 1.0) for objective in (light, heavy))
    assert torch.allclose(heavier - loss, parts["commitment"], rtol=1e-4)
    parts["commitment"].backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in light.model.encoder.parameters())
    assert all(p.grad is None for p in light.model.decoder.parameters())


def test_eyes_and_lips_count_more_than_the_background(make):
    """The weight is 1 on average, so that the losses keep their scale."""
    objective = make(feature_weight=4.0)
    given = batch(objective)
    weight = given["weight"]
    assert torch.allclose(weight.mean((1, 2)), torch.ones(4), atol=1e-5)
    for one in weight:
        low, high = one.unique().tolist()
        assert high == pytest.approx(4 * low)
    assert (batch(make(feature_weight=1.0))["weight"] == 1).all()


def test_identity_network_stays_frozen(make):
    objective = make()
    objective.model.train()
    objective.loss(batch(objective), 0.0)[0].backward()
    assert all(p.grad is None for p in objective.identity.parameters())
    assert not objective.identity.training


def test_state_holds_the_adversary(make):
    objective = make(adversarial_start=0.0)
    objective.model.train()
    given = batch(objective)
    objective.loss(given, 1.0)
    objective.after_step([given], 1.0)
    other = make(adversarial_start=0.0)
    other.load_state(objective.state())
    ours, theirs = objective.discriminator.state_dict(), other.discriminator.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert other.discriminator_optimiser.state_dict()["state"]
