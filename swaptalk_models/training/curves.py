"""A training's curves as pictures."""

from __future__ import annotations

from pathlib import Path

from swaptalk_models.data.store.atomic_write import atomic_write


def draw_curves(history: list[dict[str, float]], path: Path, title: str) -> None:
    """One small plot a figure, over steps; held-out figures are drawn with dots over the training's line."""
    from matplotlib.figure import Figure  # not pyplot, which belongs to one thread

    prefix = "held_out_"
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
