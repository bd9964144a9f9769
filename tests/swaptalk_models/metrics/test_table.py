"""metrics/table.py"""

from pathlib import Path

import pytest

from swaptalk_models.metrics.second_judges import SECOND
from swaptalk_models.metrics.table import (
    AGAINST_TARGET,
    BY_KEY,
    COLUMNS,
    DOWN,
    FURTHER,
    METRICS,
    ONE,
    UP,
    ZERO,
    Metric,
    shown_columns,
)


def metric(better: str) -> Metric:
    return Metric("x", "X", "", 2, -5, 5, better, None, "x", "")


@pytest.mark.parametrize(
    ("better", "best_first"),
    [(UP, (3.0, 1.0, -2.0)), (DOWN, (-2.0, 1.0, 3.0)), (ZERO, (1.0, -2.0, 3.0)), (ONE, (1.0, 2.5, -2.0))],
)
def test_ranks_and_gains_go_the_metrics_own_way(better, best_first):
    column = metric(better)
    assert tuple(sorted(best_first, key=column.rank)) == best_first
    best, middle, worst = best_first
    assert column.gain(best, worst) > column.gain(middle, worst) > 0 > column.gain(worst, best)
    assert column.gain(best, worst) == pytest.approx(column.rank(worst) - column.rank(best))


def test_numbers_are_written_for_people():
    assert metric(UP).write(-1.2345) == "−1.23" and metric(UP).write(None) == "–"
    assert [metric(better).arrow[0] for better in (UP, DOWN, ZERO, ONE)] == ["↑", "↓", "→", "→"]


def test_the_contracts_keys_in_its_order():
    assert list(METRICS) == [
        *("fid", "ssim", "psnr", "cpbd", "lmd", "lse_c", "lse_d", "av_offset"),
        *("id_similarity", "id_retrieve", "consistency"),
    ]
    pictures = {"tiles", "blotches", "sharpness", "sharpness_mouth", "added_noise", "clipped", "coloured"}
    lips = {"silent_opening_ratio", "opening_range", "open_in_silence", "pause_range", "copied_lips", "lse_c_fall"}
    lips |= {"loudness_gap", "loudness_score", "lip_dynamics", "lip_dynamics_score", "phoneme_error", "lip_score"}
    over_time = {"identity_drift", "identity_slope", "flicker", "rim_flicker", "landmark_jitter"}
    others = {"ssim_mouth", "mouth_correlation", "target_similarity", "mean_to_source", "frame_to_frame"}
    assert set(FURTHER) == others | pictures | lips | over_time | set(SECOND)
    assert set(METRICS) | set(FURTHER) == set(BY_KEY)


def test_columns_of_the_report_are_the_contracts_the_mouths_and_the_pictures():
    assert [column.key for column in COLUMNS if column.key in METRICS] == list(METRICS)
    assert {column.key for column in COLUMNS} - set(METRICS) == {
        *("mouth_correlation", "silent_opening_ratio", "opening_range"),
        *("open_in_silence", "pause_range", "copied_lips", "lse_c_fall"),
        *("loudness_score", "lip_dynamics_score", "phoneme_error", "lip_score"),
        *("identity_drift", "identity_slope", "flicker", "rim_flicker", "landmark_jitter"),
        *SECOND,
        *("tiles", "blotches", "sharpness", "sharpness_mouth", "added_noise", "clipped", "coloured"),
    }
    assert AGAINST_TARGET & {column.key for column in COLUMNS} == {
        *("fid", "ssim", "psnr", "lmd", "mouth_correlation"),
        *("loudness_score", "lip_dynamics_score", "phoneme_error", "lip_score"),
        *("second_mouth_correlation", "second_lmd"),
    }
    assert [column.key for column in shown_columns({"lmd", "fid"}, "Inception")] == ["fid", "lmd"]


def test_every_metric_is_said_once_and_has_a_file_that_defines_it():
    folder = Path(__file__).parents[3] / "swaptalk_models" / "metrics"
    labels = [found.label for found in BY_KEY.values()]
    assert len(set(labels)) == len(labels)
    for found in BY_KEY.values():
        text = (folder / f"{found.file}.py").read_text()
        assert all(f"\n{word}" in text for word in ("Source", "Definition", "Units", "Excludes")), found.file
        assert found.meaning.endswith(".") and found.low < found.high
