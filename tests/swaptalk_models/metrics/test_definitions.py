"""metrics/definitions.py"""

import pytest

from swaptalk_models.metrics.definitions import DEFINITIONS


@pytest.mark.parametrize(
    "name, worse, better",
    [
        ("ssim", 0.8, 0.9),
        ("tiles", 1.3, 1.0),
        ("av_offset", -3, 1),
        ("added_noise", 4, -1),
        ("sharpness", 0.5, 0.8),
        ("sharpness", 1.6, 1.2),
        ("opening_range", 0.4, 1.3),
    ],
)
def test_gain_is_positive_where_it_got_better(name, worse, better):
    metric = DEFINITIONS[name]
    assert metric.gain(better, worse) > 0 > metric.gain(worse, better)
    assert metric.gain(better, worse) == pytest.approx(metric.goodness(better) - metric.goodness(worse))
