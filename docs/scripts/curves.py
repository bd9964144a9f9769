"""The curves beside a page of figures: a small plot a trained network, and how the sync networks tell offsets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finished_home import Results

from swaptalk_models.data.store.atomic_write import atomic_write
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
