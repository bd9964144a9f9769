"""evaluation/compare/groups.py"""

import numpy as np
import pytest

from swaptalk_models.evaluation.compare.groups import by_group, worst_served
from swaptalk_models.settings.evaluation import EvaluationConfig

PEOPLE = {f"p{number}_000": f"p{number}" for number in range(8)}
TRAITS = {
    who: {"skin": "dark" if number < 4 else "light", "glasses": "no", "beard": "beard" if number % 2 else "none"}
    for number, who in enumerate(PEOPLE.values())
}
CONFIG = EvaluationConfig()


def rows(loss: float = 0.0) -> list[dict]:
    """Dark sources lose `loss` of their likeness; all else is chance. Targets are pieces of clips."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(32):
        source, target = number % 8, (number * 3 + 1) % 8
        made.append(
            {
                "method": "SwapTalk", "source": f"p{source}.png", "target": f"p{target}_000_000050.mp4",
                "audio": f"p{target}_000.wav", "id_similarity": 0.8 - loss * (source < 4) + rng.normal(0, 0.02),
                "open_in_silence": None, "lse_c": rng.normal(5, 1), "face_light": 100.0 + number, "face_turn": 4.0,
            }
        )  # fmt: skip
    return [*made, made[0] | {"method": "Wav2Lip", "id_similarity": -9.0}]


def test_every_group_has_its_count_and_interval():
    groups, deficits = by_group(rows(), PEOPLE, TRAITS, CONFIG)
    labels = {group.label: group for group in groups}
    assert set(labels) == {
        *(f"{who}, skin: {value}" for who in ("source", "target") for value in ("dark", "light")),
        *(f"{who}, beard: {value}" for who in ("source", "target") for value in ("none", "beard")),
        *("target, light: darker half", "target, light: brighter half"),
    }, "no glasses, which nobody wears, and no pose, which all share"
    assert all(group.videos == 16 for group in groups)
    cell = labels["source, skin: dark"].cells["id_similarity"]
    assert (
        cell.videos == 16
        and cell.low < cell.value < cell.high
        and "open_in_silence" not in labels["source, skin: dark"].cells
    )
    assert not any(deficit.decided for deficit in deficits)
    said = worst_served(groups, deficits)
    assert said[0].startswith("No group is measurably worse off") and all("within chance" in text for text in said[1:])


def test_whom_the_models_serve_worst_is_named():
    groups, deficits = by_group(rows(0.1), PEOPLE, TRAITS, CONFIG)
    decided = [(deficit.group.label, deficit.metric) for deficit in deficits if deficit.decided]
    assert decided[0] == ("source, skin: dark", "id_similarity")
    assert deficits[0].loss.value == pytest.approx(0.1, abs=0.02) and deficits[0].rest == pytest.approx(0.8, abs=0.02)
    assert worst_served(groups, deficits)[0].startswith("source, skin: dark: ID sim. 0.7")
    assert "16 videos" in worst_served(groups, deficits)[0]


def test_chance_names_nobody():
    alarms = 0
    for seed in range(12):
        made = rows()
        for row, value in zip(made, np.random.default_rng(seed).normal(size=(len(made), 2)), strict=True):
            row |= {"id_similarity": float(value[0]), "lse_c": float(value[1])}
        alarms += any(deficit.decided for deficit in by_group(made, PEOPLE, TRAITS, CONFIG)[1])
    assert alarms <= 2


def test_real_people_have_no_traits_and_few_videos_no_verdict():
    groups, deficits = by_group(rows(), PEOPLE, {}, CONFIG)
    assert {group.trait for group in groups} == {"light"} and deficits
    groups, deficits = by_group(rows()[:4], PEOPLE, TRAITS, CONFIG)
    assert groups and not deficits and worst_served(groups, deficits)[0].startswith("Too few videos")
    assert "Lowest, of too few videos to say: " in worst_served(groups, deficits)[1]
    assert worst_served(*by_group([], PEOPLE, TRAITS, CONFIG)) == []
