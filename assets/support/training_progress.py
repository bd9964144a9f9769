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
    """The newest value of each figure, as floats, and all curves as a small picture."""
    from swaptalk_models.training.curves import draw_curves
    from swaptalk_models.training.history import newest

    with tempfile.TemporaryDirectory(prefix="swaptalk-") as aside:
        draw_curves(history, Path(aside) / "curves.png", key.to_user_string())
        picture = thumbnail(Path(aside) / "curves.png")
    figures = {name: float(value) for name, value in newest(history).items() if math.isfinite(value)}
    return dg.AssetObservation(key, metadata={**figures, "curves": picture})
