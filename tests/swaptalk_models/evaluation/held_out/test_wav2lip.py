"""evaluation/held_out/wav2lip.py"""

import numpy as np

from swaptalk_models.evaluation.held_out.wav2lip import Wav2LipHeldOut


def test_held_out_figures(make_wav2lip, tmp_path):
    objective = make_wav2lip()
    held_out = Wav2LipHeldOut(objective)
    figures = held_out.validate(objective.model.eval())
    assert figures["score"] == -figures["weighted"] and figures == held_out.validate(objective.model), "fixed samples"
    outcome = held_out.finish(objective.model, tmp_path)
    assert set(outcome.metrics) == {"mouth_correlation", "pixel_error"} and "pixel_error" in outcome.baselines
    assert all(np.isfinite(value) for value in (outcome.metrics | outcome.baselines).values())
    assert (tmp_path / "samples" / "wav2lip.png").is_file()
