"""`swaptalk ablate`: ordinary runs of one home, with and without each part of the design, over seeds, and what they differ by.

Every run is `swaptalk run --until metrics` with other settings: what was made before is cached, so a study that was stopped goes on where it
was, and words can be added later. At the end the home is what it was, everything cached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipelines.run import StageFailed, run_graph
from pipelines.run_settings import Settings, last_settings
from swaptalk_models.data.snapshot import load_snapshot
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.files import ABLATIONS_PAGE, METRICS_FILE
from swaptalk_models.settings.ablations import ABLATIONS, UNDER_TEST, ablation
from swaptalk_models.settings.preset import load_preset

_SEEDED = tuple(f"{section}.seed" for section in UNDER_TEST)
_UNTIL = "metrics"


@dataclass(frozen=True)
class Study:
    """What is to be found out."""

    home: Path
    words: Sequence[str]
    seeds: int = 3
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """For all runs alike, on top of the home's own: budgets, as a rule."""


def run_study(study: Study, folder: Path, report: Callable[[str], None]) -> Path:
    """Do all runs and write the table into ``folder``. Returns its markdown.

    Raises:
        UserError: the home was never run, a word is unknown or does not fit its preset, or the data changed meanwhile.
    """
    from swaptalk_models.evaluation.compare.ablation_table import differences, write_table

    home = Home(study.home)
    if home.state().empty:
        raise UserError(f"nothing was ever run in {study.home}: run `swaptalk run --home {study.home}` first")
    usual = last_settings(home)
    wanted = {seed: replace(usual, until=_UNTIL, overrides=_values(usual, study, seed)) for seed in range(study.seeds)}
    for word in study.words:
        load_preset(usual.preset, _with(wanted[0], word).overrides)  # a mistake shows at once
    home.update_state(study=tuple(study.words))
    trained = [word for word in study.words if not ablation(word).method]
    whole: list[dict | None] = []
    runs: dict[str, list[dict | None]] = {word: [] for word in study.words}
    notes = [f"Preset {usual.preset}, {study.seeds} seeds of {', '.join(name.partition('.')[0] for name in _SEEDED)}."]
    data = set()

    def figures(settings: Settings, name: str) -> dict[str, float] | None:
        found = _figures_of(settings, name, report, notes)
        data.add(load_snapshot(home).version)
        if len(data) > 1:
            raise UserError(
                f"the training snapshot has changed before {name!r} (its sync judge found sounds out of step, or videos came): "
                f"call `swaptalk run --home {study.home}` until nothing is trained any more, then the study again"
            )
        return found

    for seed, settings in wanted.items():
        whole.append(figures(settings, f"whole, seed {seed}"))
        for word in study.words:
            if word not in trained:
                runs[word].append(video_figures(settings, ABLATIONS[word].method) if whole[-1] else None)
            else:
                runs[word].append(figures(_with(settings, word), f"{word}, seed {seed}"))
        write_table(differences(runs, whole), folder, notes)
    report("the home as it was")
    run_graph(usual)
    return folder / ABLATIONS_PAGE


def plan(study: Study) -> list[str]:
    """What will be run and how long it may take, a line each. The time is that of the home's own models; what is there already is not made
    again, and test videos and their metrics come on top.

    Raises:
        UserError: the home was never run, or a word is unknown or does not fit its preset.
    """
    home = Home(study.home)
    if home.state().empty:
        raise UserError(f"nothing was ever run in {study.home}: run `swaptalk run --home {study.home}` first")
    trained = [word for word in study.words if not ablation(word).method]
    runs = study.seeds * (1 + len(trained))
    lines = [f"{runs} runs: the whole and {', '.join(trained) or 'nothing else'}, {study.seeds} seeds each"]
    seconds = _seconds_of_models(study.home)
    if seconds:
        lines.append(
            f"about {runs * seconds / 3600:.1f} h of training, by what the home's own models took ({seconds / 60:.0f} min); videos and metrics on top"
        )
    return lines


def _seconds_of_models(home: Path) -> float:
    from swaptalk_models.graph.models import own_models
    from swaptalk_models.modules.model_folder import current

    total = 0.0
    for spec in own_models():
        try:
            folder = current(home, spec.name)
        except UserError:
            continue
        total += folder.result()["seconds"] if folder.done else 0.0
    return total


def fitting_words(home: Path) -> list[str]:
    """All words that the home's preset has room for and is not already."""
    usual = last_settings(Home(home))
    whole = load_preset(usual.preset, usual.overrides)
    found = []
    for word in ABLATIONS:
        try:
            ablated = load_preset(usual.preset, {**usual.overrides, "ablate": [*whole.ablate, word]})
        except UserError:
            continue
        if ABLATIONS[word].method or replace(ablated, ablate=whole.ablate) != whole:
            found.append(word)
    return found


def _values(usual: Settings, study: Study, seed: int) -> dict[str, Any]:
    return {**usual.overrides, **study.overrides} | dict.fromkeys(_SEEDED, seed)


def _with(settings: Settings, word: str) -> Settings:
    already = load_preset(settings.preset, settings.overrides).ablate
    return replace(settings, overrides={**settings.overrides, "ablate": [*already, word]})


def _figures_of(
    settings: Settings, name: str, report: Callable[[str], None], notes: list[str]
) -> dict[str, float] | None:
    """Run, and collect the figures; None and a note where it failed."""
    report(name)
    try:
        # A study that is killed must not leave an ablation's settings to whatever asks for the last ones next.
        run_graph(settings, remember=False)
    except StageFailed as error:
        notes.append(f"{name}: failed: {error}")
        report(notes[-1])
        return None
    return model_figures(settings.home) | video_figures(settings)


def model_figures(home: Path) -> dict[str, float]:
    """Held-out figures of the current models: {"vqgan psnr_db": 24.1, ...}."""
    from swaptalk_models.graph.models import own_models
    from swaptalk_models.modules.model_folder import current

    models = [spec.name for spec in own_models() if "vqgan" in (spec.name, *spec.inputs)]
    results = {name: current(home, name).result()["metrics"] for name in models}
    return {
        f"{name} {key}": float(value)
        for name, metrics in results.items()
        for key, value in metrics.items()
        if value is not None
    }


def video_figures(settings: Settings, method: str = "") -> dict[str, float]:
    """Means over the test videos of a method, by default ours: {"video lse_c": 5.0, ...}."""
    import numpy as np
    import pyarrow.parquet as pq

    from swaptalk_models.evaluation.compare.ablation_table import VIDEO
    from swaptalk_models.evaluation.measure.scene_metrics import metrics_folder
    from swaptalk_models.settings.methods import OURS

    folder = metrics_folder(Home(settings.home), load_preset(settings.preset, settings.overrides))
    rows = [row for row in pq.read_table(folder / METRICS_FILE).to_pylist() if row["method"] == (method or OURS)]
    names = [name for name in (rows[0] if rows else {}) if any(isinstance(row[name], float) for row in rows)]
    values = {name: [row[name] for row in rows if row[name] is not None and np.isfinite(row[name])] for name in names}
    return {f"{VIDEO} {name}": float(np.mean(found)) for name, found in values.items() if found}
