"""evaluation/compare/ablation_table.py"""

import math

import pyarrow.parquet as pq
import pytest

from swaptalk_models.evaluation.compare.ablation_table import differences, markdown, write_table

WHOLE = [{"video lse_c": 5.0, "video lmd": 1.0, "x y": 1.0}, {"video lse_c": 6.0, "video lmd": 2.0}, {"video lse_c": 7.0, "video lmd": 3.0}]


def found(word, *lse_c, lmd=(1.5, 2.5, 3.5)):
    runs = [{"video lse_c": a, "video lmd": b} if a is not None else None for a, b in zip(lse_c, lmd, strict=False)]
    return {one.figure: one for one in differences({word: runs}, WHOLE[: len(runs)])}


def test_differences_are_paired_by_seed():
    """The seeds differ by 1, the ablation by -2, -2.5, -1.5: only that is its spread."""
    one = found("sync-then-swap", 3.0, 3.5, 5.5)["video lse_c"]
    assert (one.whole, one.without, one.delta, one.spread, one.seeds) == (6.0, 4.0, -2.0, pytest.approx(0.5), 3)
    assert (one.expected, one.verdict) == ("worse", "agrees")


def test_a_distance_gets_worse_when_it_grows():
    assert found("sync-then-swap", 5.0, 6.0, 7.0)["video lmd"].verdict == "agrees"
    assert found("sync-then-swap", 5.0, 6.0, 7.0, lmd=(0.5, 1.5, 2.5))["video lmd"].verdict == "disagrees"


def test_within_the_spread_or_from_one_seed_nothing_is_decided():
    assert found("sync-then-swap", 3.0, 8.0, 7.0)["video lse_c"].verdict == "undecided"
    alone = found("sync-then-swap", 1.0)["video lse_c"]
    assert (alone.verdict, alone.seeds) == ("undecided", 1) and math.isnan(alone.spread)


def test_a_failed_run_costs_its_pair_only():
    one = found("no-expert", 4.0, None, 6.0)["video lse_c"]
    assert (one.seeds, one.delta) == (2, -1.0)
    assert differences({"no-expert": [None]}, WHOLE[:1]) == []


def test_what_the_paper_has_no_opinion_on_is_kept_but_not_shown(tmp_path):
    rows = differences({"no-expert": [{"video lse_c": 4.0, "video lmd": 9.0}] * 3}, WHOLE)
    text = write_table(rows, tmp_path, ["Preset toy."]).read_text()
    assert "| no-expert | video lse_c | 6 | 4 | -2 ± 1 | worse (implied) | agrees |" in text
    assert "lmd" not in text and "Preset toy." in text and "- `no-expert`: The lip-sync module" in text
    table = pq.read_table(tmp_path / "ablations.parquet").to_pylist()
    assert {row["figure"] for row in table} == {"video lse_c", "video lmd"}
    assert markdown([], []).startswith("| without |")
