"""evaluation/study: what is made of the votes of raters whose preference is known"""

from dataclasses import replace

import numpy as np
import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.study.agreement import agreement, krippendorff_alpha
from swaptalk_models.evaluation.study.bradley_terry import standings, strengths
from swaptalk_models.evaluation.study.metric_agreement import metric_correlations, spearman
from swaptalk_models.evaluation.study.outcome import judge
from swaptalk_models.evaluation.study.screening import screen

from .simulated import TRUE, left_clicker, rater, study_of

ORDER = sorted(TRUE, key=lambda name: -TRUE[name])


@pytest.fixture(scope="module")
def study():
    return study_of()


@pytest.fixture(scope="module")
def crowd(study):
    return [vote for number in range(24) for vote in rater(study, f"{number:08x}", number)]


def test_the_order_is_found_and_intervals_hold_the_truth(study, crowd):
    found = standings(crowd, study, samples=300)
    assert [one.contestant for one in found] == ORDER
    assert sum(one.score.low < TRUE[one.contestant] < one.score.high for one in found) >= 3, "of four, at 95 % each"
    for one in found:
        assert one.score.high - one.score.low < 1, "24 raters know more than nothing"
        assert one.duels == 24 * 18 and one.score.videos == 24
    assert found[0].preferred > 0.7 > found[1].preferred


def test_intervals_hold_as_often_as_they_say():
    """Over many crowds; two contestants, whose truth is a half apart from the mean."""
    true = {"a": 0.5, "b": -0.5}
    study = study_of(true, scenes=10, checks=0)
    held = 0
    for crowd in range(40):
        votes = [v for n in range(12) for v in rater(study, f"{n:08x}", 1000 * crowd + n, true)]
        best = next(one for one in standings(votes, study, samples=100, seed=crowd) if one.contestant == "a")
        held += best.score.low <= 0.5 <= best.score.high
    assert held >= 33, "of 40: at 95 %, fewer than 33 in one of two thousand"


def test_ties_are_halves(study):
    undecided = [vote for number in range(6) for vote in rater(study, f"{number:08x}", number, ties=1.0)]
    for one in standings(undecided, study, samples=50):
        assert one.score.value == pytest.approx(0, abs=1e-6) and one.preferred == 0.5
    half = [vote for number in range(24) for vote in rater(study, f"{number:08x}", number, ties=0.5)]
    found = standings(half, study, samples=50)
    assert [one.contestant for one in found] == ORDER
    assert 0 < found[0].score.value < TRUE["best"], "ties draw strengths together"


def test_who_wins_always_has_a_finite_strength():
    wins = np.zeros((1, 2, 2))
    wins[0, 0, 1] = 50
    (first, second), *_ = strengths(wins)
    assert 2 < first < 10 and second == pytest.approx(-first)


def test_one_rater_has_no_interval(study):
    one = standings(rater(study, "00000001", 1), study)[0]
    assert one.score.value is not None and one.score.low is None and one.score.high is None


def slipping(votes, *items):
    """The same, but for these pairs, on which the rater is undecided."""
    return [replace(vote, side="same", chosen="") if vote.item in items else vote for vote in votes]


def test_raters_who_do_not_look_are_left_out(study, crowd):
    blind = slipping(rater(study, "bbbbbbbb", 5), "c000", "c001")
    lazy = left_clicker(study, "aaaaaaaa")
    assert screen([*crowd, *blind, *lazy], study) == {
        "aaaaaaaa": "3 of 6 attention checks right",
        "bbbbbbbb": "4 of 6 attention checks right",
    }
    assert screen(slipping(rater(study, "cccccccc", 3), "c000"), study) == {}, "one slip of six is human"
    unreached = [vote for vote in rater(study, "dddddddd", 4) if not vote.item.startswith("c")]
    assert screen(unreached, study) == {"dddddddd": "no attention check was reached"}


def test_whoever_clicks_left_is_found_without_checks():
    study = study_of(checks=0)
    assert screen(left_clicker(study, "aaaaaaaa"), study) == {"aaaaaaaa": "36 of 36 choices were the left one"}
    assert screen(rater(study, "00000001", 1), study) == {}


def test_left_clickers_move_nothing(study, crowd):
    lazy = [vote for number in range(8) for vote in left_clicker(study, f"aaaaaaa{number}")]
    outcome = judge([*crowd, *lazy], study, samples=20)
    assert outcome.raters == 24 and len(outcome.left_out) == 8
    alone = judge(crowd, study, samples=20)
    assert [one.score.value for one in outcome.standings] == [one.score.value for one in alone.standings]
    with pytest.raises(UserError, match="no rater's votes count: 3 of 6 attention checks right"):
        judge(lazy, study)


def test_alpha_of_published_data():
    """Krippendorff 2011, section C: four observers, twelve units, missing values; nominal alpha is 0.743."""
    rows = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    units = {str(n): [v for v in column if v != "."] for n, column in enumerate(zip(*rows, strict=True))}
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)


def test_alpha_of_all_none_and_contradiction():
    assert krippendorff_alpha({"a": ["x", "x"], "b": ["y", "y"]}) == 1
    assert krippendorff_alpha({"a": ["x"], "b": ["y"]}) is None, "nobody judged what another did"
    assert krippendorff_alpha({"a": ["x", "x"]}) is None, "no two values that could differ"
    rng = np.random.default_rng(0)
    chance = {str(n): rng.choice(["x", "y", "z"], 5).tolist() for n in range(400)}
    assert krippendorff_alpha(chance) == pytest.approx(0, abs=0.03)
    assert krippendorff_alpha({str(n): ["x", "y"] for n in range(20)}) < -0.9


def test_agreement_is_about_the_design_and_not_the_side(study, crowd):
    """Raters who see the pairs mirrored agree with those who do not."""
    sure = {name: 30 * strength for name, strength in TRUE.items()}
    votes = [vote for number in range(4) for vote in rater(study, f"{number:08x}", number, sure)]
    assert agreement(votes, study) == 1
    assert 0 < agreement(crowd, study) < 0.6
    assert agreement(rater(study, "00000000", 0), study) is None


def test_metrics_that_see_what_people_see(study, crowd):
    found = metric_correlations(crowd, study, samples=60)
    assert list(found)[-1] == "ssim" and found["lse_c"].value > 0.9 and found["lmd"].value > 0.9, (
        "of LMD less is better"
    )
    assert found["lse_c"].low > 0.7 and found["ssim"].low < 0 < found["ssim"].high
    assert found["lse_c"].videos == 36


def test_spearman_by_hand():
    assert spearman([1, 2, 3, 4, 5], [2, 4, 6, 8, 100]) == pytest.approx(1)
    assert spearman([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]) == pytest.approx(0.8207826817)
    assert spearman([1, 2, 3, 4], [1, 2, 3, 4]) is None and spearman([1] * 5, [1, 2, 3, 4, 5]) is None
