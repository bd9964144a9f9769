"""evaluation/compare/claims.py: paired differences and verdicts, on figures made by hand"""

import numpy as np
import pytest

from swaptalk_models.evaluation.compare.claims import CLAIMS, Comparison, Run, Side, judge_claims, paired_differences
from swaptalk_models.evaluation.compare.variants import VARIANTS
from swaptalk_models.evaluation.compare.verdicts import AGREE, DISAGREE, NOT_MEASURED, UNDECIDED, needed_in_words
from swaptalk_models.settings.evaluation import EvaluationConfig
from swaptalk_models.settings.methods import METHODS

CONFIG = EvaluationConfig()
COMMAND = "swaptalk run --home HOME --preset tiny"
RUN = Run(COMMAND)


def rows_of(method, values, setting="self", metric="lse_c"):
    return [
        {"scene": f"{setting}_{number:03d}", "setting": setting, "method": method, metric: value}
        for number, value in enumerate(values)
    ]


def row_of(claims, metric, better, than):
    (found,) = [
        row for claim in claims for row in claim.rows if (row.metric, row.better, row.than) == (metric, better, than)
    ]
    return found


def test_scenes_are_paired():
    """Scenes differ by far more than the methods do; a difference of each scene shows it all the same."""
    hard = np.linspace(0, 50, 8)
    rows = rows_of("SwapTalk", hard + 1) + rows_of("Swap-Sync", hard)[::-1]
    row = row_of(judge_claims(rows, {}, CONFIG, RUN), "lse_c", "SwapTalk", "Swap-Sync")
    assert row.delta.value == pytest.approx(1) and row.delta.low == pytest.approx(1) and row.delta.videos == 8
    assert row.verdict == AGREE and row.needed == 6, "no fewer are ever called enough"
    assert row.paper == pytest.approx((9.08 - 8.89 + 8.94 - 8.62) / 2), "the paper's, over both settings"


@pytest.mark.parametrize(
    "deltas, verdict",
    [
        ([1.0] * 6, AGREE),
        ([-1.0] * 6, DISAGREE),
        ([1.0] * 5, UNDECIDED),  # of one sign five times: no evidence at 95 %
        ([1.0, -1.0] * 6, UNDECIDED),
        ([], NOT_MEASURED),
        ([None] * 6, NOT_MEASURED),
    ],
)
def test_verdicts(deltas, verdict):
    rows = rows_of("Swap-Sync", deltas) + rows_of("Sync-Swap", [0.0] * len(deltas))
    assert row_of(judge_claims(rows, {}, CONFIG, RUN), "lse_c", "Swap-Sync", "Sync-Swap").verdict == verdict


def test_undecided_rows_say_how_many_videos_would_decide_them():
    rows = rows_of("Swap-Sync", [0.2, -0.1, 0.3, -0.2, 0.1, 0.0, 0.2, -0.1]) + rows_of("Sync-Swap", [0.0] * 8)
    row = row_of(judge_claims(rows, {}, CONFIG, RUN), "lse_c", "Swap-Sync", "Sync-Swap")
    assert row.verdict == UNDECIDED and 80 < row.needed < 110 and needed_in_words(row.needed) == str(row.needed)
    assert needed_in_words(None) == "–" and needed_in_words(100_000) == "out of reach"


def test_of_a_distance_less_is_better():
    rows = rows_of("Swap-Sync", [1.0] * 6, metric="lmd") + rows_of("Sync-Swap", [2.0] * 6, metric="lmd")
    row = row_of(judge_claims(rows, {}, CONFIG, RUN), "lmd", "Swap-Sync", "Sync-Swap")
    assert (row.delta.value, row.verdict) == (-1, AGREE)


def test_both_settings_count_together_and_apart():
    rows = rows_of("SwapTalk", [1.0, 2.0]) + rows_of("SwapTalk", [5.0], "cross")
    rows += rows_of("Wav2Lip", [0.0, 0.0]) + rows_of("Wav2Lip", [1.0, 1.0], "cross")
    both = Comparison("lse_c", Side("SwapTalk"), Side("Wav2Lip"))
    cross = Comparison("lse_c", Side("SwapTalk", "cross"), Side("Wav2Lip", "cross"))
    assert paired_differences(both, rows, {}) == [1, 2, 4] and paired_differences(cross, rows, {}) == [4]


def test_a_method_against_itself_is_paired_by_target():
    """Self- and cross-driven scenes of one number have the same target."""
    rows = rows_of("Wav2Lip", [3.0, 5.0]) + rows_of("Wav2Lip", [1.0, 2.0], "cross")
    row = row_of(judge_claims(rows, {}, CONFIG, RUN), "lse_c", "Wav2Lip (self-driven)", "Wav2Lip (cross-driven)")
    assert row.delta.value == pytest.approx(2.5) and row.paper == pytest.approx(9.50 - 7.87)


def test_a_variant_is_other_models_on_the_same_scenes():
    ours = rows_of("SwapTalk", [2.0] * 6)
    claims = judge_claims(ours, {"without expert": rows_of("SwapTalk", [1.5] * 6)}, CONFIG, RUN)
    row = row_of(claims, "lse_c", "SwapTalk", "SwapTalk without expert")
    assert (row.delta.value, row.verdict, row.paper) == (0.5, AGREE, None)


def test_extra_data_are_told_apart_as_in_the_papers_table():
    claims = judge_claims(
        rows_of("SwapTalk", [2.0] * 6), {"without extra data": rows_of("SwapTalk", [2.5] * 6)}, CONFIG, RUN
    )
    row = row_of(claims, "lse_c", "SwapTalk", "SwapTalk without extra data")
    assert (row.delta.value, row.verdict) == (-0.5, DISAGREE)
    assert row.paper == pytest.approx((9.25 - 9.08 + 8.99 - 8.94) / 2)


def test_what_is_missing_comes_with_its_command():
    claims = {claim.text: claim for claim in judge_claims(rows_of("SwapTalk", [1.0] * 6), {}, CONFIG, RUN)}
    cascades, expert = (
        claims["SwapTalk is better than every cascade of RGB models."],
        claims["The VQ-lip expert helps lip sync."],
    )
    assert cascades.verdict == expert.verdict == NOT_MEASURED
    assert cascades.commands == [f"{COMMAND} --set 'evaluation.methods=[all]'"]
    assert expert.commands == [f"{COMMAND} --ablate no-expert --until metrics", COMMAND]


def test_commands_keep_the_ablations_that_ours_are():
    def commands(run: Run) -> dict[str, list[str]]:
        return {claim.text: claim.commands for claim in judge_claims(rows_of("SwapTalk", [1.0] * 6), {}, CONFIG, run)}

    ablated = commands(Run(COMMAND, ("f16", "no-warping"), extra=True))
    ours = f"{COMMAND} --ablate f16 --ablate no-warping"
    assert ablated["The VQ-lip expert helps lip sync."] == [f"{ours} --ablate no-expert --until metrics", ours]
    other = f"{COMMAND} --ablate no-warping --ablate f8 --until metrics"
    assert other in ablated["Compressing 16 times is better than 8 times."], "one compression takes the other's place"
    assert ablated["Extra data help."] == [f"{ours} --ablate no-extra-data --until metrics", ours]
    named = f"{COMMAND} --ablate no-extra-data --set 'training_snapshot.extra=[VIDEOS]' --until metrics"
    assert commands(RUN)["Extra data help."] == [named, COMMAND], "extra data have to be named first"


def test_a_claim_stands_or_falls_with_its_rows():
    methods = ("Wav2Lip", "Sync-Swap", "Swap-Sync")
    restored = ("Wav2Lip-Restore", "Sync-Swap-Restore", "Swap-Restore-Sync")
    for gain, verdict in ((1.0, AGREE), (-1.0, DISAGREE), (0.0, UNDECIDED)):
        rows = [row for method in methods for row in rows_of(method, [0.5] * 6, metric="cpbd")]
        for number, method in enumerate(restored):
            rows += rows_of(method, [0.5 + (gain if number else 1.0)] * 6, metric="cpbd")
        (claim,) = [claim for claim in judge_claims(rows, {}, CONFIG, RUN) if claim.text == "Restoring sharpens."]
        assert claim.verdict == verdict and not claim.commands
        assert claim.counts == ("3 agree" if gain > 0 else f"1 agree, 2 {verdict}")


def test_claims_are_about_methods_and_variants_that_there_are():
    sides = [side for _, comparisons in CLAIMS for c in comparisons for side in (c.better, c.than)]
    assert all(side.method in METHODS and (not side.variant or side.variant in VARIANTS) for side in sides)
    assert {side.setting for side in sides} == {"", "self", "cross"}


def test_the_paper_agrees_with_itself():
    """Every comparison that its table has goes the way the claim says: no sign is wrong here."""
    better = {"lmd": -1}
    for claim in judge_claims([], {}, CONFIG, RUN):
        for row in claim.rows:
            assert row.paper is None or row.paper * better.get(row.metric, 1) > 0, (claim.text, row)
