"""evaluation/compare/ablation_table.py"""

import math

import pyarrow.parquet as pq
import pytest

from swaptalk_models.evaluation.compare.ablation_table import VIDEO, _worse, differences, markdown, write_table
from swaptalk_models.graph.models import MODELS
from swaptalk_models.metrics.table import BY_KEY
from swaptalk_models.settings.ablations import ABLATIONS

WHOLE = [
    {"video lse_c": 5.0, "video lmd": 1.0, "x y": 1.0},
    {"video lse_c": 6.0, "video lmd": 2.0},
    {"video lse_c": 7.0, "video lmd": 3.0},
]


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


def test_of_a_models_own_figure_the_table_of_models_says_which_way_is_worse():
    def verdict(word, figure, without):
        whole, ablated = (
            [{figure: value} for value in (1.0, 1.1)],
            [{figure: value} for value in (without, without + 0.1)],
        )
        return differences({word: ablated}, whole)[0].verdict

    assert verdict("one-codebook", "vqgan psnr_db", 0.5) == "agrees" != verdict("one-codebook", "vqgan psnr_db", 1.5)
    assert _worse("lip_sync code_error", 2.0, 1.0) and not _worse("lip_sync code_error", 1.0, 2.0)
    assert _worse("video av_offset", -2.0, 1.0), "the nearer to 0 the better"


def test_every_figure_that_should_suffer_is_one_that_there_is():
    for ablation in ABLATIONS.values():
        for figure in ablation.hurts:
            where, name = figure.split()
            assert name in (BY_KEY if where == VIDEO else MODELS[where].figures), figure


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
