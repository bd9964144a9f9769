"""A training's curves as pictures."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.training.history import HELD_OUT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAMILIES_FOLDER = "curves"
"""In a model's folder: a picture of each family of curves."""
_DECADES = 1.0  # that curves have to span to be drawn on a logarithmic scale
_COLOURS = 160  # of a picture: a dozen lines on white, each with its soft edges


@dataclass(frozen=True)
class Family:
    """Curves that have an axis in common."""

    name: str
    axis: str
    """What stands at the axis."""
    figures: tuple[str, ...] = ()
    """Its figures; empty: all that no other family has."""
    logarithmic: bool = False
    """Whether the axis may be, where the curves span decades."""


FAMILIES = (
    Family("losses", "loss, before it is weighed", logarithmic=True),
    Family("right answers", "share, 0.5 is a coin (accuracy), 1 is all", ("accuracy", "auc")),
    Family("reconstruction", "PSNR (dB): more is better", ("psnr_db",)),
    Family("codes in use", "share of the codebook, 0 to 1", ("upper_use", "lower_use")),
    Family("likeness", "cosine to the source's identity: more is better", ("source_identity",)),
    Family("adversaries", "loss of generator and discriminator", ("adversarial", "discriminator")),
    Family("weights", "weight of the adversarial loss", ("adaptive_weight",), logarithmic=True),
)
_OF_OTHERS = frozenset(name for family in FAMILIES for name in family.figures)


def draw_curves(history: list[dict[str, float]], path: Path, title: str) -> None:
    """One small plot a figure, over steps; held-out figures are drawn with dots over the training's line."""
    from matplotlib.figure import Figure  # not pyplot, which belongs to one thread

    prefix = HELD_OUT
    names = {
        name.removeprefix(prefix): None for row in history for name in row if name not in ("step", prefix + "score")
    }
    columns = min(4, max(1, len(names)))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.4 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis, name in zip(axes.flat, names, strict=False):
        for key, style, label in ((name, "-", "training"), (prefix + name, "o-", "held-out")):
            points = [(row["step"], row[key]) for row in history if key in row]
            if points:
                axis.plot(*zip(*points, strict=True), style, markersize=3, linewidth=1, label=label)
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("step", fontsize=8)
        axis.tick_params(labelsize=7)
        axis.legend(fontsize=7)
    for axis in list(axes.flat)[len(names) :]:
        axis.set_axis_off()
    figure.suptitle(title)
    with atomic_write(path) as aside:
        figure.savefig(aside, format="png", dpi=90)


def draw_families(history: list[dict[str, float]], folder: Path, title: str) -> list[Path]:
    """A picture of each family that has curves, 960 x 540 px, into FOLDER/curves: named axes, a caption, each curve's newest value in its legend."""
    rows = [{name: value for name, value in row.items() if math.isfinite(value)} for row in history]
    names = list(dict.fromkeys(name.removeprefix(HELD_OUT) for row in rows for name in row))
    drawn = []
    for family in FAMILIES:
        own = [name for name in names if name in family.figures or (not family.figures and name not in _OF_OTHERS)]
        own = [name for name in own if name not in ("step", "score")]
        if own:
            path = folder / FAMILIES_FOLDER / f"{family.name}.png"
            with atomic_write(path) as aside:
                aside.write_bytes(_draw_family(rows, family, own, title))
            drawn.append(path)
    return drawn


def _draw_family(rows: list[dict[str, float]], family: Family, names: list[str], title: str) -> bytes:
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=(9.6, 5.4), layout="constrained")
    axis = figure.subplots()
    values = [value for number, name in enumerate(names) for value in _plot(axis, rows, name, f"C{number % 10}")]
    spans = family.logarithmic and min(values) > 0 and math.log10(max(values) / min(values)) >= _DECADES
    axis.set_yscale("log" if spans else "linear")
    axis.set_xlabel("step")
    axis.set_ylabel(f"{family.axis}{' (log scale)' if spans else ''}")
    axis.set_title(f"{title}: {family.name}")
    axis.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=9)
    figure.supxlabel("lines: batches of the training. Dots: validation people, whom it does not see.", fontsize=9)
    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", dpi=100)
    Image.open(raw).convert("RGB").quantize(_COLOURS).save(small, format="png", optimize=True)
    return small.getvalue()


def _plot(axis: Axes, rows: list[dict[str, float]], name: str, colour: str) -> list[float]:
    """Both curves of a figure, of the training and of validation people. Gives their values."""
    found: list[float] = []
    styles: dict[str, dict[str, Any]] = {
        "": {"linewidth": 1.2},
        HELD_OUT: {"marker": "o", "linestyle": "--", "markersize": 5},
    }
    for prefix, style in styles.items():
        points = [(row["step"], row[prefix + name]) for row in rows if prefix + name in row]
        if points:
            steps, values = zip(*points, strict=True)
            whose = "held-out " if prefix else ""
            axis.plot(steps, values, color=colour, label=f"{whose}{name}: {values[-1]:.3g}", **style)
            found += values
    return found


def draw_offsets(in_step: list[float], path: Path) -> None:
    """Share of window pairs that a sync network calls in step, over how far (frames) sound and lips are moved apart; 0 is in the middle."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, 2.8), layout="constrained")
    axis = figure.subplots()
    reach = len(in_step) // 2
    axis.plot(range(-reach, reach + 1), in_step, "o-", markersize=3, linewidth=1)
    axis.set(xlabel="sound minus lips (frames)", ylabel="called in step", ylim=(0, 1), title="Held-out people")
    with atomic_write(path) as aside:
        figure.savefig(aside, format="png", dpi=90)
