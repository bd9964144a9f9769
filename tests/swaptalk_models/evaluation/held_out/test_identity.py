"""evaluation/held_out/identity.py"""

import torch

from swaptalk_models.evaluation.held_out.identity import IdentityHeldOut, ranking_auc


def test_ranking_auc_by_hand():
    positive = torch.tensor([True, True, False, False])
    assert ranking_auc(torch.tensor([0.9, 0.8, 0.2, 0.1]), positive) == 1
    assert ranking_auc(torch.tensor([0.1, 0.2, 0.8, 0.9]), positive) == 0
    # Of the four pairs (positive, negative) three are in order: 0.9 above both, 0.3 above 0.1 only.
    assert ranking_auc(torch.tensor([0.9, 0.3, 0.5, 0.1]), positive) == 0.75


def test_verification_of_held_out_people(make_identity, tmp_path):
    objective = make_identity()
    held_out = IdentityHeldOut(objective)
    figures = held_out.validate(objective.model.eval())
    assert figures["score"] == figures["auc"] and 0 <= figures["auc"] <= 1
    outcome = held_out.finish(objective.model, tmp_path)
    assert set(outcome.metrics) == set(outcome.baselines) == {"auc"}
    assert 0 <= outcome.metrics["auc"] <= 1


def test_verification_is_perfect_for_an_embedding_that_knows(make_identity, data):
    """Whoever told people apart by their first pixel's neighbourhood would be right about all pairs."""
    answers = iter(torch.eye(6)[clip.person].repeat(24, 1) for clip in data.of("test"))
    assert IdentityHeldOut(make_identity()).auc(lambda images: next(answers), "test") == 1
