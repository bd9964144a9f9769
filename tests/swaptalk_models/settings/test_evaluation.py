"""Evaluation settings name the faulty field."""

import pytest

from swaptalk_models.settings.evaluation import EvaluationConfig


@pytest.mark.parametrize(
    ("field", "value"), [("crop_size", 64), ("identity_frames", 1), ("max_offset", 0), ("confidence", 1.0)]
)
def test_bad_values_are_refused(field, value):
    with pytest.raises(ValueError, match=f"evaluation.{field}"):
        EvaluationConfig(**{field: value})
