"""metrics/agreement.py"""

import numpy as np
import pytest

from swaptalk_models.metrics.agreement import agreements
from swaptalk_models.settings.evaluation import EvaluationConfig

CONFIG = EvaluationConfig(bootstrap_samples=200)


def rows(noise: float, count: int = 30) -> list[dict]:
    rng = np.random.default_rng(0)
    first = rng.normal(size=count)
    second = 10 + 3 * first + noise * rng.normal(size=count)
    made = [
        {"method": "SwapTalk", "id_similarity": a, "second_id_similarity": b, "lmd": a, "second_lmd": None}
        for a, b in zip(first.tolist(), second.tolist(), strict=True)
    ]
    return [*made, {"method": "Ground truth", "id_similarity": 99.0, "second_id_similarity": -99.0}]


def test_judges_that_see_the_same_agree():
    (found,) = agreements(rows(0.0), CONFIG)
    assert (found.metric, found.second) == ("id_similarity", "second_id_similarity")
    assert found.correlation.value == pytest.approx(1) and found.correlation.videos == 30, "real videos do not count"
    assert found.sentence == "ID sim.: the two judges agree with a correlation of 1.00 (1.00 to 1.00) over 30 videos."


def test_judges_that_see_something_else_do_not():
    (loose,) = agreements(rows(30.0), CONFIG)
    assert -1 <= loose.correlation.low < 0 < loose.correlation.high <= 1
    assert agreements(rows(0.0, 3), CONFIG) == [], "of three videos nothing is said"
    constant = [row | {"second_id_similarity": 0.5} for row in rows(0.0)]
    assert agreements(constant, CONFIG)[0].correlation.value == 0
