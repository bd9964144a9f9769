"""How long a run will take, by what the same work took in this home before; where it was never done here, that is said instead."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Ledger
from swaptalk_models.errors import UserError
from swaptalk_models.graph.lineage import LINEAGE
from swaptalk_models.graph.models import MODELS
from swaptalk_models.modules.model_folder import current
from swaptalk_models.rehearsal.corpus_size import Corpus
from swaptalk_models.settings.preset import Preset
from swaptalk_models.training.spec import content

NOTHING_KNOWN = "no forecast: nothing of this size was run here"
_BY_VIDEO = ("raw_videos", "clips", "face_tracks", "face_crops", "mels")
_AT_ONCE = ("hdtf_catalog", "training_snapshot")
"""Take seconds."""
_LENGTH = ("steps", "minutes", "eval_every", "seed")
"""Of a training's budget: what its time goes with, or does not hang on."""


@dataclass(frozen=True)
class Forecast:
    """What is still to be done, and how long it took before."""

    seconds: float
    """Of the work whose time is known."""
    unknown: tuple[str, ...]
    """Work that was never done here at this size."""
    to_do: tuple[str, ...]
    """All work that there is, as far as it can be told beforehand."""

    @property
    def text(self) -> str:
        """The time; empty where nothing of it is known."""
        if not self.to_do:
            return "nothing new: seconds"
        if self.unknown and not self.seconds:
            return ""
        return f"{'more than' if self.unknown else 'about'} {spoken(self.seconds)}"

    @property
    def rests_on(self) -> str:
        """What it rests on."""
        if not self.to_do:
            return ""
        if not self.unknown:
            return "as this home's last runs took"
        if not self.seconds:
            return NOTHING_KNOWN
        return f"as this home's last runs took; never run here at this size: {', '.join(self.unknown)}"


def forecast(home: Home, preset: Preset, corpus: Corpus, assets: Collection[str]) -> Forecast:
    """Of making these assets.

    A data stage takes as long a clip as it did in the last run that computed some; a training as long a step as this model's newest version did
    under the same settings; all else as long as the last time.
    """
    paces, counts = _paces(home)
    took: dict[str, float | None] = {}
    for stage in (name for name in _BY_VIDEO if name in assets):
        videos = len(corpus.persons) - sum(found[1] for (name, _), found in counts.items() if name == stage)
        if videos > 0:
            clips, of_videos, _ = counts.get((stage, OK), (0, 0, 0))
            pace = paces.get(stage)
            took[stage] = videos * clips / of_videos * pace[1] / pace[0] if pace and of_videos else None
    renewed = bool(took)
    for name in (name for name in LINEAGE if name in assets and name not in (*_BY_VIDEO, *_AT_ONCE)):
        if name in MODELS:
            if not MODELS[name].needed(preset):
                continue
            seconds, new = _training(home, preset, name)
            renewed = renewed or new
            if renewed:
                took[name] = seconds
        elif renewed or name not in paces:
            took[name] = paces[name][1] if name in paces else None
    return Forecast(
        sum(seconds for seconds in took.values() if seconds is not None),
        tuple(name for name, seconds in took.items() if seconds is None),
        tuple(took),
    )


def spoken(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _paces(home: Home) -> tuple[dict[str, tuple[int, float]], dict[tuple[str, str], tuple[int, int, int]]]:
    if not home.has_ledger:
        return {}, {}
    with Ledger(home.ledger) as ledger:
        return ledger.paces(), ledger.counts()


def _training(home: Home, preset: Preset, name: str) -> tuple[float | None, bool]:
    """(seconds that a training would take, whether it is another than the newest)."""
    config = _config(preset, name)
    most = 60 * config["train"]["minutes"] if config.get("train") else 0.0
    try:
        result = current(home.root, name).result()
    except (UserError, OSError):
        return most or None, True
    before = result.get("config", {})
    new = content(config) != content(before)
    if _size(config) != _size(before):
        return most or None, new
    seconds = result["seconds"]
    if config.get("train"):
        # At what was run: a training that its minutes ended had fewer steps than it was allowed.
        seconds *= config["train"]["steps"] / max(1, result["step"]) if not most else 1.0
    return min(seconds, most) if most else seconds, new


def _config(preset: Preset, name: str) -> dict[str, Any]:
    """The settings of a training, as its result has them."""
    config = dataclasses.asdict(getattr(preset, name))
    if MODELS[name].budget_of and config.get("train") is None:
        config["train"] = dataclasses.asdict(getattr(preset, MODELS[name].budget_of).train)
    return json.loads(json.dumps(config))


def _size(config: dict[str, Any]) -> dict[str, Any]:
    """All that its pace hangs on."""
    return {
        key: _size(value) if isinstance(value, dict) else value
        for key, value in content(config).items()
        if key not in _LENGTH
    }
