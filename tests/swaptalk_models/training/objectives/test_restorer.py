"""training/objectives/restorer.py and evaluation/held_out/restorer.py"""

import numpy as np
import torch

from swaptalk_models.evaluation.held_out.restorer import RestorerHeldOut, sharpness
from swaptalk_models.training.objectives.restorer import spread_labels


def test_labels_are_the_stored_codes_of_the_faces_unharmed(make_restorer, data):
    objective = make_restorer()
    rows = np.array([3, 40, 77])
    batch = objective.read(rows, data.crops(rows))
    upper, lower = data.codes("v1", 4)
    assert np.array_equal(batch["upper"].numpy(), upper[rows]) and np.array_equal(batch["lower"].numpy(), lower[rows])
    drawn = objective.batch(np.random.default_rng(0), 12)
    people = {int(row) for row in objective.rows}
    assert drawn["image"].shape == (12, 3, 32, 32) and max(people) < 90, "training people alone"


def test_labels_are_spread_over_neighbours(make_restorer):
    objective = make_restorer()
    codes = objective.batch(np.random.default_rng(0), 2)["upper"]
    one = spread_labels(objective.vqgan.upper, 0.0, codes)
    wide = spread_labels(objective.vqgan.upper, 0.5, codes)
    for labels in (one, wide):
        assert torch.allclose(labels.sum(-1), torch.ones(codes.shape), atol=1e-5)
        assert torch.equal(labels.argmax(-1), codes)
    assert (one.max(-1).values == 1).all() and (wide.max(-1).values < 0.999).any()


def test_pixels_are_looked_at_where_they_weigh(make_restorer):
    objective = make_restorer(pixel_weight=2.0)
    batch = objective.batch(np.random.default_rng(0), 4)
    loss, parts = objective.loss(batch, 0.0)
    assert torch.allclose(loss, parts["entropy"] + 2 * parts["pixel"])
    assert "pixel" not in make_restorer(pixel_weight=0.0).loss(batch, 0.0)[1]
    loss.backward()
    assert all(p.grad is None for p in objective.vqgan.parameters())
    assert all(p.grad is not None for p in objective.model.parameters())


def test_loss_goes_down_on_one_batch(make_restorer, learn_one_batch):
    losses = learn_one_batch(make_restorer(neighbours=0.0), 4)
    assert losses[-1] < 0.8 * losses[0]


def test_held_out_figures_stand_beside_the_harmed_face_and_the_re_encoded(make_restorer, tmp_path):
    objective = make_restorer()
    held_out = RestorerHeldOut(objective)
    figures = held_out.validate(objective.model.eval())
    assert figures == held_out.validate(objective.model), "fixed harms" and figures["score"] == figures["psnr_db"]
    outcome = held_out.finish(objective.model, tmp_path)
    assert set(outcome.metrics) == {"code_accuracy", "psnr_db", "sharpness"}
    assert set(outcome.baselines) == {*outcome.metrics, "psnr_db_re-encoded", "sharpness_re-encoded"}
    assert all(np.isfinite(value) for value in (outcome.metrics | outcome.baselines).values())
    assert (tmp_path / "samples" / "restored.png").is_file()


def test_sharpness_is_a_share_of_the_real_faces():
    real = torch.rand(2, 3, 40, 40)
    blurred = torch.nn.functional.avg_pool2d(real, 3, stride=1, padding=1)
    assert torch.allclose(sharpness(real, real), torch.ones(2)) and (sharpness(blurred, real) < 0.6).all()
