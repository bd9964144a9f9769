"""evaluation/held_out/lip_sync.py"""

import numpy as np

from swaptalk_models.evaluation.held_out import lip_sync
from swaptalk_models.evaluation.held_out.lip_sync import LipSyncHeldOut


def test_held_out_figures(make_lip_sync):
    objective = make_lip_sync()
    held_out = LipSyncHeldOut(objective)
    figures = held_out.validate(objective.model.eval())
    assert figures["score"] == -figures["code"]
    assert {"warped", "sync"} <= set(figures)
    assert figures == held_out.validate(objective.model), "fixed samples"


def test_rendering_without_sound_is_the_reference(make_lip_sync, data):
    """What the copied-reference baseline looks like: the same lips in every frame, as the fresh warp moves nothing."""
    objective = make_lip_sync()
    held_out, frames = LipSyncHeldOut(objective), np.arange(30)
    clip = data.of("test")[0]
    made = held_out.render(objective.model.eval(), clip, None, frames, 4)
    assert made.shape == (30, 32, 32, 3) and made.dtype == np.uint8
    spoken = held_out.render(objective.model, clip, data.heard[clip.name], frames, 4)
    assert not np.array_equal(made[:, 16:], spoken[:, 16:])


def test_silence_and_sound_are_told_apart(make_lip_sync, tmp_path, monkeypatch):
    """With a mouth that opens as far as the loudest band of its mel says."""
    objective = make_lip_sync()
    held_out = LipSyncHeldOut(objective)
    rendered = []

    def render(model, clip, mel, frames, reference):
        rendered.append(None if mel is None else float(mel.max()))
        return np.full((len(frames), 32, 32, 3), 0 if mel is None else 10 * (4 + mel.max()), np.uint8)

    monkeypatch.setattr(held_out, "render", render)
    monkeypatch.setattr(lip_sync, "crop_openings", lambda crops, around: crops[:, 20, 20, 0] / 100)
    outcome = held_out.finish(objective.model.eval(), tmp_path)
    assert rendered[2] == -4.0 and rendered[0] > 3 and rendered[3] is None
    assert outcome.metrics["silent_opening"] == 0 and outcome.baselines["silent_opening_own_sound"] > 0.7
    assert outcome.metrics["jitter"] == 0 < outcome.baselines["jitter_real_mouths"]


def test_figures_on_test_people(make_lip_sync, tmp_path):
    """Beside ours: the copied reference, the sound of somebody else, the copied codes."""
    objective = make_lip_sync()
    outcome = LipSyncHeldOut(objective).finish(objective.model.eval(), tmp_path)
    assert set(outcome.metrics) == {"mouth_correlation", "code_error", "silent_opening", "jitter"}
    beside = {"silent_opening_own_sound", "silent_opening_real_mouths", "jitter_real_mouths"}
    assert set(outcome.baselines) == {"mouth_correlation", "mouth_correlation_other_audio", "code_error"} | beside
    assert all(np.isfinite(value) for value in (outcome.metrics | outcome.baselines).values())
    assert (tmp_path / "samples" / "lips.png").is_file()
