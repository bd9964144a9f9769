"""metrics/power.py"""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from swaptalk_models.metrics.power import MOST_VIDEOS, power_at, videos_needed


def of_effect(effect: float, count: int = 10) -> np.ndarray:
    """Differences whose mean is ``effect`` of their deviations."""
    values = np.linspace(-1, 1, count)
    return effect + (values - values.mean()) / values.std(ddof=1)


@pytest.mark.parametrize(("effect", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_cohens_tables(effect, pairs):
    """Pairs for 80 % power at 5 %, two-sided: Cohen 1988, and every calculator since."""
    assert videos_needed(of_effect(effect)) == videos_needed(-of_effect(effect)) == pairs


def test_as_many_as_promised_find_it():
    rng = np.random.default_rng(0)
    found = ttest_1samp(rng.normal(0.5, 1, (2000, 34)), 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.03) and power_at(34, 0.5) == pytest.approx(found.mean(), abs=0.03)


def test_more_is_asked_of_noise_and_nothing_is_told_of_too_few():
    assert videos_needed([1.0, -1.0, 1.0, -1.0]) == MOST_VIDEOS
    assert videos_needed([0.0, 0.0, 0.0]) == MOST_VIDEOS
    assert videos_needed([1.0, 2.0]) is None and videos_needed([]) is None
    assert videos_needed([2.0, 2.0, 2.0], least=6) == videos_needed([2.0, 2.01, 1.99], least=6) == 6
    assert videos_needed(of_effect(0.5), power=0.95) > videos_needed(of_effect(0.5))
    assert videos_needed(of_effect(0.5), confidence=0.99) > videos_needed(of_effect(0.5))
