"""pipelines/ablation_study.py, with runs that take no time"""

import json
from types import SimpleNamespace

import pytest

from pipelines import ablation_study
from pipelines.ablation_study import Study, fitting_words, plan, run_study
from pipelines.run import StageFailed
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.modules.model_folder import ModelFolder, make_current
from swaptalk_models.settings.preset import load_preset


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home").create()
    home.update_state(preset="tiny", videos="", hdtf="", overrides={"lip_sync.width": 48})
    return home


class Runs:
    """Keeps what was asked for; the figures follow from it."""

    def __init__(self, monkeypatch, failing=()):
        self.asked = []
        self.failing = failing
        self.snapshot = "one"
        monkeypatch.setattr(ablation_study, "load_snapshot", lambda home: SimpleNamespace(version=self.snapshot))
        for name in ("run_graph", "model_figures", "video_figures"):
            monkeypatch.setattr(ablation_study, name, getattr(self, name))

    def run_graph(self, settings, remember=True):
        preset = load_preset(settings.preset, settings.overrides)
        self.asked.append((preset.ablate, preset.vqgan.train.seed, settings.until))
        self.preset = preset
        if remember:
            Home(settings.home).update_state(overrides=dict(settings.overrides))
        if (preset.ablate, preset.vqgan.train.seed) in self.failing:
            raise StageFailed("lip_sync failed: it diverged")

    def model_figures(self, home):
        return {"lip_sync mouth_correlation": 0.6 + 0.1 * self.preset.lip_sync.train.seed}

    def video_figures(self, settings, method=""):
        return {
            "video lse_c": (3.0 if method or not self.preset.lip_sync.sync_weight else 5.0)
            + 0.1 * self.preset.lip_sync.train.seed
        }


def test_a_study(home, monkeypatch, tmp_path):
    runs = Runs(monkeypatch)
    study = Study(home.root, ["no-expert", "sync-then-swap"], seeds=2, overrides={"lip_sync.train.steps": "7"})
    text = run_study(study, tmp_path / "out", lambda line: None).read_text()
    assert runs.asked == [
        ((), 0, "metrics"),
        (("no-expert",), 0, "metrics"),
        ((), 1, "metrics"),
        (("no-expert",), 1, "metrics"),
        ((), 0, ""),
    ], "the other order is measured in every run; the last one brings the home back"
    assert "| no-expert | video lse_c | 5.05 | 3.05 | -2 ± " in text
    assert "| sync-then-swap | video lse_c | 5.05 | 3.05 | -2 ± " in text
    assert (runs.preset.lip_sync.width, runs.preset.lip_sync.train) == (48, load_preset("tiny").lip_sync.train), (
        "as it was"
    )
    assert home.state().overrides == {"lip_sync.width": 48}


def test_a_run_that_fails_is_noted_and_the_study_goes_on(home, monkeypatch, tmp_path):
    Runs(monkeypatch, failing=[(("no-expert",), 0)])
    text = run_study(Study(home.root, ["no-expert"], seeds=2), tmp_path / "out", lambda line: None).read_text()
    assert "no-expert, seed 0: failed: lip_sync failed: it diverged" in text
    assert "| no-expert | video lse_c | 5.1 | 3.1 | -2 | worse (implied) | undecided |" in text


def test_stopped_in_the_middle_the_next_run_is_the_usual_one(home, monkeypatch, tmp_path):
    runs = Runs(monkeypatch)
    monkeypatch.setattr(runs, "model_figures", lambda home: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr(ablation_study, "model_figures", runs.model_figures)
    with pytest.raises(KeyboardInterrupt):
        run_study(Study(home.root, ["no-expert"], seeds=1), tmp_path / "out", lambda line: None)
    assert home.state().overrides == {"lip_sync.width": 48}
    assert home.state().study == ("no-expert",), "`swaptalk status` says that models may be an ablation's"


def test_other_data_in_the_middle_end_the_study(home, monkeypatch, tmp_path):
    runs = Runs(monkeypatch)
    figures = runs.model_figures

    def judge_has_heard(home):
        runs.snapshot = f"after {len(runs.asked)} runs"
        return figures(home)

    monkeypatch.setattr(ablation_study, "model_figures", judge_has_heard)
    with pytest.raises(UserError, match="snapshot has changed before 'no-expert, seed 0'.*swaptalk run --home"):
        run_study(Study(home.root, ["no-expert"], seeds=1), tmp_path / "out", lambda line: None)


def test_words_that_fit(home, tmp_path):
    words = fitting_words(home.root)
    assert "f16" in words and "sync-then-swap" in words
    assert "f8" in words, "tiny is f4"
    assert "f32" not in words, "no room at 64 px"
    with pytest.raises(UserError, match="at least 4"):
        run_study(Study(home.root, ["f32"]), tmp_path, lambda line: None)
    with pytest.raises(UserError, match="nothing was ever run"):
        run_study(Study(tmp_path / "none", ["no-expert"]), tmp_path, lambda line: None)


def test_the_plan_counts_runs_and_their_time(home):
    for name, seconds in (("vqgan", 1800), ("lip_sync", 1800)):
        folder = ModelFolder(home.models / name / "v1")
        folder.path.mkdir(parents=True)
        (folder.path / "result.json").write_text(json.dumps({"seconds": seconds}))
        make_current(folder)
    lines = plan(Study(home.root, ["no-expert", "sync-then-swap"], seeds=2))  # the second needs no training
    assert lines[0] == "4 runs: the whole and no-expert, 2 seeds each"
    assert "4.0 h" in lines[1]
