"""Writes what a finished home reached as a page of figures, with curves beside it, and holds it against the SwapTalk paper:

    python docs/scripts/results.py HOME OUTPUT.md [--title TEXT] [--about TEXT_OR_FILE] [--command "swaptalk run ..."]

The page and OUTPUT_curves.png hold figures only: no frame, no crop, no name of anybody, no path of this machine. So they can be published
where the people of the videos cannot. HOME is only read; it has to be one that `swaptalk run` has brought to its end.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swaptalk_models.data.person_split import SPLITS
from swaptalk_models.data.snapshot import Snapshot, load_snapshot
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.state import HomeState
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.compare.paper import PAPER_ROWS
from swaptalk_models.evaluation.compare.variants import Evaluation, find_variants, load_evaluation, other_trainings
from swaptalk_models.evaluation.compare.verdicts import (
    LEAST_VIDEOS,
    NOT_MEASURED,
    UNDECIDED,
    Claim,
    ClaimRow,
    needed_in_words,
)
from swaptalk_models.evaluation.files import METRICS_FILE, SCORES_FILE, claims_file
from swaptalk_models.evaluation.measure.protocol import FPS
from swaptalk_models.graph.models import MODELS, own_models
from swaptalk_models.metrics.confidence import Interval
from swaptalk_models.metrics.table import AGAINST_TARGET, BY_KEY, COLUMNS, shown_columns
from swaptalk_models.modules.model_folder import EVALUATION_FILE, ModelFolder, current
from swaptalk_models.reporting.report import model_metrics
from swaptalk_models.reporting.report_data import ModelMetric
from swaptalk_models.settings.methods import CROSS, GROUND_TRUTH, METHODS, OURS, SELF
from swaptalk_models.settings.preset import load_preset
from swaptalk_models.training.history import HISTORY_FILE, read_history

# The figure of the validation people that decides which step is kept, or stands nearest to that.
CURVES = {
    "identity_encoder": "auc",
    "vqgan": "psnr_db",
    "lip_expert": "accuracy",
    "sync_judge": "accuracy",
    "face_swapper": "source_identity",
    "lip_sync": "code",
    "wav2lip": "weighted",
    "wav_sync_swap": "source_identity",
    "restorer": "psnr_db",
}
SETTINGS = (SELF, CROSS)
_PATH = re.compile(r"(?<![\w:/.<])~?/(?:[^\s/'\"`)\]]+/)+")


@dataclass(frozen=True)
class Results:
    """What a finished home holds."""

    state: HomeState
    """See ``Home.state``."""
    confidence: float
    """Of all intervals."""
    snapshot: Snapshot
    models: dict[str, ModelFolder]
    """In the order of their training."""
    evaluation: Evaluation
    summary: list[dict[str, Any]]
    """A row a setting and method."""
    others: list[dict[str, Any]]
    """The same of our method, trained otherwise."""
    judges: dict[str, str | None]
    gallery: int | None
    """Faces among which ID retrieve looks for the source."""
    claims: list[Claim]


def read_results(root: Path) -> Results:
    """Read a home, by whatever version of the code it was made.

    Raises:
        UserError: its last run was not brought to an end.
    """
    home = Home(root)
    state = home.state()
    if state.report is None or state.preset is None:
        raise UserError(f"{root}: no finished run: bring one to its end with `swaptalk run`")
    # By name: the home may have been moved since. Its versions are not computed anew: the code may have moved on, too.
    report = home.evaluation / Path(state.report).parent.name / Path(state.report).name
    told = current(root, "lip_sync").path / EVALUATION_FILE
    measured = report.parent / (json.loads(told.read_text())["from"] if told.is_file() else "")
    if not report.is_file() or not (measured / METRICS_FILE).is_file():
        raise UserError(f"{root}: the evaluation of its last run is gone: make it again with `swaptalk run`")
    evaluation = load_evaluation(home, measured)
    trained = {spec.name for spec in own_models()} | evaluation.origin["models"].keys()
    models = {name: current(root, name) for name in MODELS if name in trained}
    if any(models[name].version != version for name, version in evaluation.origin["models"].items()):
        raise UserError(f"{root}: its models are not those of its report: `swaptalk run` brings them together")
    scores = json.loads((measured / SCORES_FILE).read_text())
    preset = load_preset(state.preset, state.overrides)
    return Results(
        state,
        preset.evaluation.confidence,
        load_snapshot(home, evaluation.origin["snapshot"]),
        models,
        evaluation,
        evaluation.summary,
        other_trainings(find_variants(home, measured, preset.training_snapshot.extra), measured),
        scores[0]["judges"],
        max((score["details"].get("gallery_size") or 0 for score in scores), default=0) or None,
        [_claim(claim) for claim in json.loads(claims_file(report).read_text())],
    )


def _claim(said: dict[str, Any]) -> Claim:
    return Claim(said["text"], [ClaimRow(**row | {"delta": Interval(**row["delta"])}) for row in said["rows"]])


def page(results: Results, title: str, about: str, command: str, curves: str) -> str:
    """The page as Markdown. ``curves``: name of the picture beside it."""
    parts = [
        [f"# {title}"],
        [about.strip()],
        _in_short(results),
        ["## What was trained, on whom", "", *_people(results), "", *_made(results, command)],
        ["## Each module on people no training saw", "", *_modules(results)],
        [
            "## Curves",
            "",
            f"![Held-out figure and training loss of each network over its steps]({curves})",
            "",
            _CURVES_TEXT,
        ],
        ["## Finished videos", "", *_videos(results), "", "### The paper's own figures", "", *_paper()],
        ["## The paper's claims", "", *_claims(results)],
    ]
    text = "\n\n".join("\n".join(part) for part in parts if any(part)) + "\n"
    return _PATH.sub("", text)  # of a path of this machine, the last part says enough


_CURVES_TEXT = (
    "Dots: the figure named on the left, on the validation people; grey: training loss (right axis); dotted: the step that was kept. "
    "Of `code` and `pixel` less is better; face_swapper keeps the step where source_identity less its reconstruction loss is best. "
    "Accuracy by offset: share of windows of test people that a sync network calls in step, over how far sound and lips were moved apart; "
    "a good one is high at 0 and low elsewhere."
)


def _in_short(results: Results) -> list[str]:
    state, people = results.state, [_count(results, split) for split in ("train", "test")]
    kind = (
        "of HDTF" if state.hdtf else "of the user's own videos" if state.videos else "drawn by the program, nobody real"
    )
    judged = [
        metric
        for name, folder in results.models.items()
        for metric in model_metrics(name, folder)
        if metric.passed is not None
    ]
    missed = [
        f"{metric.name} {_number(metric.value)} (target {_target(metric)})" for metric in judged if not metric.passed
    ]
    reached = f"{len(judged) - len(missed)} of {len(judged)}" + (f"; missed: {', '.join(missed)}" if missed else "")
    verdicts = [claim.verdict for claim in results.claims]
    told = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    return [
        f"- Trained on {people[0]} people ({kind}), measured on {people[1]} others whom no training saw.",
        f"- Targets reached: {reached}.",
        *(
            f"- {setting.capitalize()}-driven videos: {said}."
            for setting in SETTINGS
            if (said := _ours(results, setting))
        ),
        f"- Claims of the paper: {told}.",
    ]


def _ours(results: Results, setting: str) -> str:
    """The figures of our method that say most, each beside what it has to be seen against."""
    rows = {row["method"]: row["cells"] for row in results.summary if row["setting"] == setting}
    said = []
    for key, other in (("id_retrieve", ""), ("lse_c", GROUND_TRUTH), ("mouth_correlation", "Copied reference")):
        if not _known(rows.get(OURS, {}), key):
            continue
        against = (
            f" ({other.lower()} {BY_KEY[key].write(rows[other][key]['value'])})"
            if _known(rows.get(other, {}), key)
            else ""
        )
        against = f" (chance {100 / results.gallery:.1f})" if key == "id_retrieve" and results.gallery else against
        said.append(f"{BY_KEY[key].label} {_cell(rows[OURS], key)}{against}")
    return ", ".join(said)


def _known(cells: dict[str, dict], key: str) -> bool:
    return key in cells and cells[key]["value"] is not None


def _count(results: Results, split: str) -> int:
    """People of a split."""
    return len({clip["person"] for clip in results.snapshot.clips(split)})


def _people(results: Results) -> list[str]:
    uses = {
        "train": "all trainings",
        "validation": "which step of a training is kept",
        "test": "every figure below, but the dots of the curves",
    }
    rows = []
    for split in SPLITS:
        clips = results.snapshot.clips(split)
        frames, mute = sum(clip["frames"] for clip in clips), sum(not clip["sound"] for clip in clips)
        minutes = f"{frames / FPS / 60:.1f}"
        rows.append([split, _count(results, split), len(clips), mute, f"{frames:,}", minutes, uses[split]])
    return _table(
        ["split", "people", "clips", "without usable sound (faces only)", "frames", "minutes", "used for"], rows
    )


def _made(results: Results, command: str) -> list[str]:
    state, outcomes = results.state, [folder.result() for folder in results.models.values()]
    vqgan = results.models["vqgan"].config()
    overrides = ", ".join(f"`{key}={value}`" for key, value in state.overrides.items())
    hardware = "; ".join(dict.fromkeys(outcome["hardware"] for outcome in outcomes))
    minutes = sum(outcome["seconds"] for outcome in outcomes) / 60
    return [
        f"- Faces of {vqgan['shape']['crop_size']} px in a latent space at f{vqgan['config']['factor']}.",
        f"- Preset: {Path(state.preset or '').stem}; changed: {overrides or 'nothing'}.",
        *([f"- Made by `{command}`."] if command else []),
        f"- Hardware: {hardware}; all trainings together {minutes:,.1f} minutes.",
        f"- Snapshot `{results.snapshot.version}`.",
    ]


def _modules(results: Results) -> list[str]:
    rows, meanings = [], {}
    for model, folder in results.models.items():
        result, metrics = folder.result(), model_metrics(model, folder)
        facts = [[f"**{model}**", _steps(result), f"{result['seconds']:,.0f}"]] + [["", "", ""]] * len(metrics)
        for metric, (name, steps, seconds) in zip(metrics, facts, strict=False):
            videos = _number(metric.value) if metric.value != metric.own else ""
            passed = {None: "", True: "yes", False: "**no**"}[metric.passed]
            rows.append(
                [
                    name,
                    metric.name,
                    _number(metric.own),
                    _baseline(metric),
                    videos,
                    _target(metric),
                    passed,
                    steps,
                    seconds,
                ]
            )
            meanings.setdefault(metric.name, metric.meaning)
    head = [
        "model",
        "figure",
        "test clips",
        "beside it",
        "finished videos",
        "target",
        "reached",
        "steps kept",
        "seconds",
    ]
    return [
        *_table(head, rows),
        "",
        "Test clips: the module alone, at the end of its own training; beside it something trivial, or a teacher, on the same clips. Finished videos: the whole chain,",
        "in the evaluation below; where there is such a figure, the target is meant for it.",
        "",
        *(f"- {name}: {meaning}" for name, meaning in meanings.items() if meaning),
    ]


def _steps(result: dict[str, Any]) -> str:
    if "external" in result:
        return "taken as given"
    return (
        f"{result['kept_step']:,} of {result['step']:,}" if "kept_step" in result else f"{result['step']:,} pairs made"
    )


def _baseline(metric: ModelMetric) -> str:
    """The trivial value, and further ones, each with what it is."""
    named = f" ({metric.baseline_name})" if metric.baseline_name else ""
    said = [f"{_number(metric.baseline)}{named}"] if metric.baseline is not None else []
    return "; ".join(said + [f"{_number(value)} ({what})" for what, value in metric.others.items()])


def _target(metric: ModelMetric) -> str:
    if metric.threshold is None:
        return ""
    return f"≥ {metric.threshold:g}" if metric.at_least else f"within ± {metric.threshold:g}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}".replace("-", "−")


def _videos(results: Results) -> list[str]:
    known = {key for row in results.summary for key in row["cells"] if _known(row["cells"], key)}
    columns = shown_columns(known, results.judges["fid"])
    head = ["setting", "method", "videos", *(f"{column.label} {column.arrow}" for column in columns)]
    rows = []
    summary = sorted(results.summary + results.others, key=lambda row: SETTINGS.index(row["setting"]))
    for row in summary:
        trivial = AGAINST_TARGET if row["method"] == GROUND_TRUTH else ()
        cells = ["–" if column.key in trivial else _cell(row["cells"], column.key) for column in columns]
        rows.append([row["setting"], row["method"], row["videos"], *cells])
    return [
        *_protocol(results),
        "",
        *_table(head, rows),
        "",
        f"{GROUND_TRUTH} is the target as it is (–: it would be compared with itself).",
        *(
            [
                "Rows called SwapTalk without or at something are ours, trained otherwise and measured on the same scenes."
            ]
            if results.others
            else []
        ),
        f"What the others do to each face: {_methods(results)}.",
        "A Fréchet distance (FID) is taken over all frames together and grows with fewer of them: its value may lie below its interval,",
        "as videos come twice in the resamples that the interval is made of.",
    ]


def _protocol(results: Results) -> list[str]:
    origin = results.evaluation.origin
    drawn = f"drawn by seed {origin['seed']}, about {origin['chunk_seconds']:g} s each"
    judges = "; ".join(f"{role}: {judge or 'none, not measured'}" for role, judge in results.judges.items())
    left_out = [
        f"{count} {reason} ({row['method']}, {row['setting']})"
        for row in results.summary
        for reason, count in row["excluded"].items()
        if count
    ]
    return [
        f"{origin['pairs']} scenes a setting, of test people only, {drawn}.",
        "Self-driven: the sound is the target's own; cross-driven: another person's.",
        f"Means over videos, with {results.confidence:.0%} bootstrap intervals. Judges: {judges}.",
        *(
            [f"ID retrieve looks among {results.gallery} faces: chance is {100 / results.gallery:.1f} %."]
            if results.gallery
            else []
        ),
        f"Frames left out: {'; '.join(left_out) or 'none'}.",
    ]


def _methods(results: Results) -> str:
    shown = dict.fromkeys(row["method"] for row in results.summary if row["method"] in METHODS)
    return "; ".join(
        f"{name}: {' then '.join(METHODS[name].stages).replace('_', ' ')} ({METHODS[name].space})" for name in shown
    )


def _cell(cells: dict[str, dict], key: str) -> str:
    if not _known(cells, key):
        return "–"
    return BY_KEY[key].write(cells[key]["value"]) + _interval(cells[key]["low"], cells[key]["high"], key)


def _interval(low: float | None, high: float | None, key: str) -> str:
    return f" [{BY_KEY[key].write(low)}, {BY_KEY[key].write(high)}]" if low is not None else ""


def _paper() -> list[str]:
    columns = [column for column in COLUMNS if column.key in PAPER_ROWS[0][2]]
    rows = [
        [setting, method, *(column.write(values[column.key]) for column in columns)]
        for setting, method, values in PAPER_ROWS
    ]
    return [
        "Theirs (arXiv 2405.05636), not ours: their people, data, resolution and judges. The order of methods compares, no value does.",
        "",
        *_table(["setting", "method", *(f"{column.label} {column.arrow}" for column in columns)], rows),
    ]


def _claims(results: Results) -> list[str]:
    rows = []
    for claim in results.claims:
        told = f"{claim.text} **{claim.verdict}** ({claim.counts})"
        for row in (row for row in claim.rows if row.verdict != NOT_MEASURED):
            rows.append(
                [
                    told,
                    BY_KEY[row.metric].label,
                    f"{row.better} − {row.than}",
                    *_differences(row),
                    row.delta.videos,
                    needed_in_words(row.needed),
                    row.verdict,
                ]
            )
            told = ""
    absent = [claim.text.rstrip(".") for claim in results.claims if claim.verdict == NOT_MEASURED]
    told = f"Paired over videos of one scene, with {results.confidence:.0%} intervals; {UNDECIDED} where these hold zero or fewer than"
    head = ["claim", "figure", "difference", "ours", "the paper's", "pairs", "videos needed", "verdict"]
    lines = [told, f"{LEAST_VIDEOS} pairs stand behind it.", "", *_table(head, rows), ""] if rows else []
    return lines + ([f"Not measured by this run: {'; '.join(absent)}."] if absent else [])


def _differences(row: ClaimRow) -> list[str]:
    """Ours with its interval, and the paper's."""
    ours, paper = (_signed(value, row.metric) for value in (row.delta.value, row.paper))
    return [ours + _interval(row.delta.low, row.delta.high, row.metric), paper]


def _signed(value: float | None, key: str) -> str:
    return ("+" if value is not None and value > 0 else "") + BY_KEY[key].write(value)


def _table(head: list[str], rows: list[list]) -> list[str]:
    return [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows)]


def draw(results: Results, path: Path) -> None:
    """A small plot a trained network, and how the sync networks tell offsets."""
    from matplotlib.figure import Figure  # not pyplot, which belongs to one thread

    histories = {
        name: read_history(folder.path / HISTORY_FILE) for name, folder in results.models.items() if name in CURVES
    }
    histories = {name: history for name, history in histories.items() if history}  # a foreign network has none
    columns, plots = 4, len(histories) + 1
    rows = -(-plots // columns)
    figure = Figure(figsize=(3.4 * columns, 2.5 * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis, (name, history) in zip(axes, histories.items(), strict=False):
        _draw_training(axis, name, history, results.models[name].result().get("kept_step"))
    _draw_offsets(axes[len(histories)], results)
    for axis in axes:
        axis.tick_params(labelsize=7)
    for axis in axes[plots:]:
        axis.set_axis_off()
    with atomic_write(path) as aside:
        figure.savefig(aside, format="png", dpi=90)


def _draw_training(axis: Any, name: str, history: list[dict[str, float]], kept: int | None) -> None:
    loss, held_out = (
        [(row["step"], row[key]) for row in history if key in row] for key in ("loss", f"held_out_{CURVES[name]}")
    )
    behind = axis.twinx()
    behind.plot(*zip(*loss, strict=True), color="0.75", linewidth=0.8)
    behind.tick_params(labelsize=7, colors="0.55")
    axis.set_zorder(behind.get_zorder() + 1)
    axis.patch.set_visible(False)  # the loss shows through
    axis.plot(*zip(*held_out, strict=True), "o-", color="C0", markersize=3, linewidth=1)
    if kept is not None:
        axis.axvline(kept, color="0.4", linestyle=":", linewidth=1)
    axis.set_title(name, fontsize=9)
    axis.set_xlabel("step", fontsize=8)
    axis.set_ylabel(CURVES[name], fontsize=8, color="C0")


def _draw_offsets(axis: Any, results: Results) -> None:
    for name in ("lip_expert", "sync_judge"):
        in_step = results.models[name].result()["curves"]["accuracy_by_offset"]
        reach = len(in_step) // 2
        axis.plot(range(-reach, reach + 1), in_step, "o-", markersize=2, linewidth=1, label=name)
    axis.set_ylim(0, 1)
    axis.set_title("accuracy by offset", fontsize=9)
    axis.set_xlabel("sound minus lips (frames)", fontsize=8)
    axis.set_ylabel("called in step", fontsize=8)
    axis.legend(fontsize=7)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--title", default="What a run reached")
    parser.add_argument("--about", default="", help="a paragraph under the title, or a file that holds it")
    parser.add_argument("--command", default="", help="what made the home, as a reader would type it")
    options = parser.parse_args()
    about = Path(options.about).read_text() if os.path.isfile(options.about) else options.about
    curves = options.output.with_name(f"{options.output.stem}_curves.png")
    try:
        results = read_results(options.home)
    except UserError as error:
        sys.exit(f"error: {error}")
    draw(results, curves)
    options.output.write_text(page(results, options.title, about, options.command, curves.name))


if __name__ == "__main__":
    main()
