"""What the UI shows of a training while it runs: its newest figures and its curves, as observations of the asset.

A materialization comes only when a training has ended. Observations come meanwhile, under the asset's events, and their numbers are plotted
over time like those of materializations. Half a hundred of them tell a training of hours: the longer it runs, the rarer they get.
"""

import math
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from assets.support.metadata import markdown_file
from assets.support.pictures import thumbnail

FIRST_SECONDS = 20.0
_RARER = 0.1  # of the time that the training has run so far


@contextmanager
def observed(context: dg.AssetExecutionContext, folder: Path) -> Iterator[None]:
    """Within, what the training in ``folder`` writes into its history is shown now and then."""
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(context, folder, ended), name="training progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _watch(context: dg.AssetExecutionContext, folder: Path, ended: threading.Event) -> None:
    from swaptalk_models.training.history import HISTORY_FILE, read_history

    started, shown = time.monotonic(), 0
    while not ended.wait(max(FIRST_SECONDS, _RARER * (time.monotonic() - started))):
        try:
            history = read_history(folder / HISTORY_FILE)
            if history and history[-1]["step"] > shown:
                context.log_event(observation(context.asset_key, history))
                shown = history[-1]["step"]
        except (OSError, ValueError, dg.DagsterError) as error:  # whoever looks on must never stop a training
            context.log.warning(f"the curves cannot be shown: {error}")


def observation(key: dg.AssetKey, history: list[dict[str, float]]) -> dg.AssetObservation:
    """The newest value of each figure as floats, those on held-out people first, and a picture of each family of curves."""
    from swaptalk_models.training.curves import draw_families
    from swaptalk_models.training.history import HELD_OUT, newest

    with tempfile.TemporaryDirectory(prefix="swaptalk-") as aside:
        draw_families(history, Path(aside), key.to_user_string())
        pictures = curve_pictures(Path(aside))
    figures = {name: float(value) for name, value in newest(history).items() if math.isfinite(value)}
    first = {name: value for name, value in figures.items() if name.startswith(HELD_OUT)}
    return dg.AssetObservation(key, metadata={**first, **pictures, **figures})


def curve_pictures(folder: Path) -> dict[str, dg.MetadataValue]:
    """The pictures of a training's curves, one a family; of a model that is older than these, all curves in one."""
    from swaptalk_models.training.curves import FAMILIES_FOLDER

    drawn = sorted((folder / FAMILIES_FOLDER).glob("*.png"))
    if not drawn and (folder / "curves.png").is_file():
        return {"curves": thumbnail(folder / "curves.png")}
    return {f"curves: {path.stem}": markdown_file(path.read_bytes(), path.stem) for path in drawn}
