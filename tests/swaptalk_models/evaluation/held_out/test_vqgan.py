"""evaluation/held_out/vqgan.py"""

import numpy as np
import pytest
import torch

from swaptalk_models.evaluation.held_out.vqgan import Reconstruction, VQGANHeldOut, seam


def test_held_out_figures(make_vqgan_objective, tmp_path):
    objective = make_vqgan_objective()
    held_out = VQGANHeldOut(objective)
    figures = held_out.validate(objective.model.eval())
    assert figures["score"] == figures["psnr_db"]
    assert 0 < figures["upper_use"] <= 1 and 0 < figures["lower_use"] <= 1
    outcome = held_out.finish(objective.model, tmp_path)
    assert {"psnr_db", "upper_use", "lower_use"} <= set(outcome.metrics)
    assert all(np.isfinite(value) for value in (outcome.metrics | outcome.baselines).values())
    assert (tmp_path / "samples" / "reconstruction.png").is_file()


def test_a_seam_shows_in_its_ratio():

    def ratio(real: torch.Tensor, made: torch.Tensor) -> float:
        found = Reconstruction(([], []))
        found.real_seam.add(seam(real))
        found.seam.add(seam(made))
        return found.seam_ratio

    real = torch.linspace(-1, 1, 32)[:, None].expand(2, 3, 32, 32)
    assert ratio(real, real) == pytest.approx(1)
    made = real.clone()
    made[:, :, 16:] += 2 / 31  # as much again as one row to the next
    assert ratio(real, made) == pytest.approx(2, rel=1e-4)
