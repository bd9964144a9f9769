import dataclasses
from pathlib import Path

import pytest

from swaptalk_models.data.quality.gates import (
    FACE,
    GATES,
    MARKED,
    OUT_OF_STEP,
    SOUND,
    STAGE,
    judge,
    marked,
    measured,
    verdicts,
    write_marks,
)
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, QUARANTINED, Entry, Ledger
from swaptalk_models.errors import UserError
from swaptalk_models.settings.data import QualityConfig
from swaptalk_models.settings.preset import load_preset

CONFIG = QualityConfig()


def beyond(gate) -> float:
    limit = getattr(CONFIG, gate.setting)
    return limit - 1 if gate.setting.startswith("min_") else limit * 1.1


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_a_measure_beyond_its_limit_marks_and_the_limit_itself_does_not(gate):
    found = judge({gate.stage: {"quality": {gate.measure: beyond(gate)}}}, CONFIG)
    assert list(found.reasons) == [gate.name]
    assert (found.kept_out(CONFIG), found.mute(CONFIG)) == (gate.of == FACE, gate.of == SOUND)
    only_marks = QualityConfig(leave_out=False)
    assert not found.kept_out(only_marks) and not found.mute(only_marks)
    assert f"(quality.{gate.setting})" in found.reasons[gate.name]
    at_limit = judge({gate.stage: {"quality": {gate.measure: getattr(CONFIG, gate.setting)}}}, CONFIG)
    assert at_limit.reasons == {} and not at_limit.kept_out(CONFIG) and not at_limit.mute(CONFIG)


def test_only_silent_and_clipped_speak_of_the_sound():
    assert {gate.name for gate in GATES if gate.of == SOUND} == {"silent", "clipped"}


def test_every_limit_has_its_gate():
    limits = {f.name for f in dataclasses.fields(CONFIG) if f.name.startswith(("max_", "min_"))}
    assert limits == {gate.setting for gate in GATES} | {"max_offset", "max_spread"}


def test_what_was_not_measured_is_not_judged():
    found = judge({"face_crops": {"rows": "x"}, "mels": {"quality": {}}, "sync_offsets": {"quality": {}}}, CONFIG)
    assert found.reasons == {} and found.measures == {}


def step(offset: float, spread: float, **config) -> tuple:
    settings = QualityConfig(**config)
    found = judge({"sync_offsets": {"quality": {"offset": offset, "spread": spread}}}, settings)
    assert not found.kept_out(settings), "its face is as good as any"
    return found.reasons.get(OUT_OF_STEP, ""), found.mute(settings), found.shift(settings)


def test_out_of_step_is_dropped_shifted_or_kept():
    assert step(2.0, 0) == ("", False, 0), "within the limit"
    assert step(9.0, 2) == ("", False, 0), "the judge is not sure"
    said, mute, shift = step(-4.0, 1)
    assert said == "out of step: sound 4 frames too late, allowed 2 (quality.max_offset)" and (mute, shift) == (True, 0)
    assert step(4.0, 1)[0].startswith("out of step: sound 4 frames too early")
    assert step(-4.0, 1, out_of_step="shift")[1:] == (False, -4)
    assert step(-4.0, 1, out_of_step="keep")[1:] == (False, 0)
    assert step(-4.0, 1, leave_out=False)[1:] == (False, 0)


def test_a_shifted_clip_that_is_also_blurred_stays_out():
    outputs = {"sync_offsets": {"quality": {"offset": 5.0, "spread": 0.0}}, "face_crops": {"quality": {"blur": 0.9}}}
    assert judge(outputs, QualityConfig(out_of_step="shift")).kept_out(QualityConfig(out_of_step="shift"))


@pytest.mark.parametrize("out_of_step", ["drop", "shift", "keep"])
def test_a_silent_clip_is_mute_and_not_moved_whatever_its_offset(out_of_step):
    outputs = {"sync_offsets": {"quality": {"offset": 5.0, "spread": 0.0}}, "mels": {"quality": {"level": -80.0}}}
    config = QualityConfig(out_of_step=out_of_step)
    found = judge(outputs, config)
    assert (found.kept_out(config), found.mute(config), found.shift(config)) == (False, True, 0)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("max_blur", "0"),
        ("max_yaw", "120"),
        ("min_level", "3"),
        ("max_lost", "2"),
        ("out_of_step", "turn"),
        ("max_offset", "-1"),
    ],
)
def test_a_wrong_limit_is_named(setting, value):
    with pytest.raises(UserError, match=f"quality.{setting}"):
        load_preset("tiny", {f"quality.{setting}": value})


@pytest.fixture
def ledger(tmp_path: Path):
    with Ledger(Home(tmp_path / "home").create().ledger) as ledger:
        ledger.commit(
            [
                Entry(
                    "face_crops",
                    "a",
                    "v",
                    "f",
                    "i",
                    "1",
                    "p",
                    OK,
                    output={"quality": {"blur": 0.9, "magnification": 3.0}},
                ),
                Entry("face_crops", "b", "v", "f", "i", "1", "p", OK, output={"quality": {"blur": 0.5}}),
                Entry("mels", "a", "v", "f", "i", "1", "p", OK, output={"quality": {"level": -80.0}}),
                Entry("mels", "c", "v", "f", "i", "1", "p", QUARANTINED, "no sound"),
            ]
        )
        yield ledger


def mark(ledger: Ledger, config: QualityConfig = CONFIG, clips: str = "ab") -> dict[str, str]:
    found = {clip: v for clip, v in verdicts(measured(ledger), config).items() if clip in clips}
    write_marks(ledger, found, dict.fromkeys(found, "v"), config)
    return {entry.clip: entry.reason for entry in marked(ledger)}


def test_marks_are_in_the_ledger_with_all_reasons_and_are_no_quarantine(ledger):
    (clip, reason), *more = mark(ledger).items()
    assert clip == "a" and not more
    for part in ("magnified 3 times, allowed 2", "blurred: 0.90, allowed 0.75", "silent: -80 dB"):
        assert part in reason
    entry = ledger.entries(STAGE)["a"]
    assert entry.status == MARKED and entry.output["gates"] == ["small", "blurred", "silent"]
    assert ledger.entries(STAGE)["b"].status == OK
    assert [entry.clip for entry in ledger.quarantine()] == ["c"]


def test_marks_follow_limits_and_clips_and_are_written_only_when_they_change(ledger):
    mark(ledger)
    before = ledger.entries(STAGE)
    mark(ledger)
    assert ledger.entries(STAGE) == before, "not even the time of writing"
    loose = QualityConfig(max_blur=1.0, max_magnification=9.0, min_level=-100.0)
    assert mark(ledger, loose) == {} and set(ledger.entries(STAGE)) == {"a", "b"}
    mark(ledger, clips="b")
    assert set(ledger.entries(STAGE)) == {"b"}


def test_a_mark_that_was_an_orphans_counts_again(ledger):
    mark(ledger)
    ledger.set_orphaned(STAGE, ["a"], True)
    assert marked(ledger) == [] and list(mark(ledger)) == ["a"]
