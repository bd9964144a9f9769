"""The new models against the released ones: each figure of the test videos, the difference, and its interval.

What a release was measured with is kept in its folder (evaluation.json). Scenes that both were tried on are compared pair by pair; when
people have come or gone and few scenes are shared, but most target videos are, all videos against all. A figure counts as worse when its loss is
beyond its interval and beyond `model_release.tolerance`. The interval is widened (Bonferroni) so that all figures together hold with
`evaluation.confidence`: of two dozen at 95 %, one would raise a false alarm in every second training. A Frechet distance is here the mean of each
video's own, which pairs; the table's is that of all frames together.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.memoised import Memoised
from swaptalk_models.data.store.release_log import in_use
from swaptalk_models.evaluation.files import COMPARISON_FILE, METRICS_FILE, RELEASE_EVALUATION_FILE, SCORES_FILE
from swaptalk_models.evaluation.measure.scene_metrics import metrics_folder
from swaptalk_models.graph.code_versions import CODE_VERSIONS
from swaptalk_models.graph.models import RELEASED
from swaptalk_models.metrics.confidence import bootstrap_difference
from swaptalk_models.metrics.table import BY_KEY, FURTHER, METRICS
from swaptalk_models.modules.model_folder import RELEASE_FILE, current
from swaptalk_models.settings.methods import OURS
from swaptalk_models.settings.preset import Preset

COMPARED = (*METRICS, *(key for key in FURTHER if BY_KEY[key].shown))
Videos = Sequence[dict[str, Any]]
"""Measurements, one a video of a scene."""
BETTER, WORSE, SAME, UNKNOWN = "better", "worse", "same", "not compared"
NOTHING_MEASURED = "in the new models' videos nothing could be measured: there is no face in them"
_SHARED = 0.5  # of the new scenes, or target videos, that the released model must have been tried on
_MEASURING = (
    "reencode",
    "crop_size",
    "identity_frames",
    "identity_neighbours",
    "cpbd_frames",
    "fid_frames",
    "max_offset",
)


def measurements(home: Home, preset: Preset) -> dict[str, Any]:
    """What the current models were found to do, as it is kept with a release."""
    folder = metrics_folder(home, preset)
    rows = [row for row in pq.read_table(folder / METRICS_FILE).to_pylist() if row["method"] == OURS]
    config = asdict(preset.evaluation)
    return {
        "models": {name: current(home.root, name).version for name in RELEASED},
        "preset": preset.name,
        "judges": json.loads((folder / SCORES_FILE).read_text())[0]["judges"],
        "measured": {key: config[key] for key in _MEASURING} | {"code": CODE_VERSIONS["metrics"]},
        "videos": [{key: row.get(key) for key in ("setting", "source", "target", "audio", *COMPARED)} for row in rows],
    }


def keep_measurements(home: Home, preset: Preset, release: Path) -> Memoised[Path]:
    """Put the measurements of the current models into their release's folder, for the next comparison; the same ones are left
    as they are. Gives their file.
    """
    path = release / RELEASE_EVALUATION_FILE
    return Memoised(path, cached=not _write_once(path, measurements(home, preset)))


def _write_once(path: Path, values: dict[str, Any]) -> bool:
    """Write values as JSON, unless they stand there already; whether anything was written."""
    text = json.dumps(values, indent=1)
    if path.is_file() and path.read_text() == text:
        return False
    with atomic_write(path) as aside:
        aside.write_text(text)
    return True


def compare_with_release(home: Home, preset: Preset) -> dict[str, Any] | None:
    """The current models against the released ones, also written as comparison.json beside the metrics. None: nothing was released yet.

    Once the current models are themselves the released ones, it is the comparison with those before them, where there were any.

    Gives {"released", "paired", "why", "cells": [{"setting", "metric", "released", "new", "gain": {"value", "low", "high", "videos"},
    "verdict", "why"}]}: a positive gain is an improvement, in the metric's unit.
    """
    path = metrics_folder(home, preset) / COMPARISON_FILE
    version = in_use(home)
    if version is None:
        return None
    kept = home.releases / version / RELEASE_EVALUATION_FILE
    old = json.loads(kept.read_text()) if kept.is_file() else None
    new = measurements(home, preset)
    if old and old["models"] == new["models"]:
        return json.loads(path.read_text()) if path.is_file() else None
    found = {"released": version} | compare(old, new, preset)
    _write_once(path, found)
    return found


def compare(old: dict[str, Any] | None, new: dict[str, Any], preset: Preset) -> dict[str, Any]:
    """Two `measurements`; see `compare_with_release`. `old` None: those of the release were not kept."""
    if old is None:
        return _nothing("the released models' measurements were not kept")
    if old["preset"] != new["preset"]:
        return _nothing(f"the released models are of preset {old['preset']}")
    if old["measured"] != new["measured"]:
        return _nothing("the released models were measured in another way")
    pairs = _shared_scenes(old["videos"], new["videos"])
    paired = len(pairs) >= _SHARED * len(new["videos"])
    if not paired and not _same_targets(old["videos"], new["videos"]):
        return _nothing("the released models were tried on other people")
    before, after = zip(*pairs, strict=True) if paired else (old["videos"], new["videos"])
    cells = [(setting, name) for setting in sorted({video["setting"] for video in after}) for name in COMPARED]
    known = [
        cell for cell in cells if any(video[cell[1]] is not None for video in after if video["setting"] == cell[0])
    ]
    if not known:  # no face in any of them
        return _nothing(NOTHING_MEASURED)
    confidence = 1 - (1 - preset.evaluation.confidence) / len(known)
    rows = []
    for setting, name in known:
        ours, theirs = ([video[name] for video in side if video["setting"] == setting] for side in (after, before))
        judge = BY_KEY[name].judge
        other_judge = judge is not None and old["judges"].get(judge) != new["judges"].get(judge)
        cell = _cell(name, ours, theirs, paired, other_judge, confidence, preset)
        rows.append({"setting": setting, "metric": name} | cell)
    return {"paired": paired, "why": None, "cells": rows}


def losses(comparison: dict[str, Any] | None) -> list[str]:
    """One sentence for each figure that has become worse; one where the new videos show nothing at all."""
    if comparison is not None and comparison["why"] == NOTHING_MEASURED:
        return [NOTHING_MEASURED]
    return [
        f"{cell['metric']} ({cell['setting']}-driven) was {cell['released']:.4g} and is {cell['new']:.4g} "
        f"(loss {-cell['gain']['value']:.3g}, interval {-cell['gain']['high']:.3g} to {-cell['gain']['low']:.3g}, "
        f"{cell['gain']['videos']} videos)"
        for cell in (comparison or {"cells": []})["cells"]
        if cell["verdict"] == WORSE
    ]


def in_sight(comparison: dict[str, Any] | None, fewest: int) -> str | None:
    """What such a comparison could have seen, in one sentence; None where there was none.

    ``fewest``: `model_release.fewest_videos`. A figure that lost v counts as worse when the upper end of its interval, high, is below 0: with scenes that differ as these do, from v = high - gain on.
    """
    cells = (comparison or {"cells": []})["cells"]
    if not cells:
        return None
    videos = max(cell["gain"]["videos"] for cell in cells)
    known = [cell for cell in cells if cell["verdict"] != UNKNOWN]
    if not known:
        if videos >= fewest:
            return "nothing: no figure is of a judge that both were measured with"
        return (
            f"nothing: {videos} test videos a setting are fewer than model_release.fewest_videos, so a worse model is released too; "
            "evaluation.pairs sets how many there are"
        )
    shares = [
        (cell["gain"]["high"] - cell["gain"]["value"]) / abs(cell["released"]) for cell in known if cell["released"]
    ]
    if not shares:
        return None
    return f"with {videos} test videos a setting, half of the figures must lose {np.median(shares):.0%} of the released model's before that counts as worse"


def released_is_current(home: Home) -> bool:
    """Whether the current models are those of the release in use."""
    version = in_use(home)
    if version is None:
        return False
    released = json.loads((home.releases / version / RELEASE_FILE).read_text())["models"]
    return bool(released == {name: current(home.root, name).version for name in RELEASED})


def _cell(
    name: str,
    new: Sequence[float | None],
    old: Sequence[float | None],
    paired: bool,
    other_judge: bool,
    confidence: float,
    preset: Preset,
) -> dict[str, Any]:
    before, after = ([_score(name, value) for value in side] for side in (old, new))
    gain = bootstrap_difference(after, before, paired, confidence=confidence, seed=preset.evaluation.seed)
    released = _mean(old)
    cell = {"released": released, "new": _mean(new), "gain": asdict(gain)}
    if other_judge:
        return cell | {"verdict": UNKNOWN, "why": "another judge"}
    if gain.videos < preset.model_release.fewest_videos:
        return cell | {"verdict": UNKNOWN, "why": f"{gain.videos} videos"}
    assert released is not None and gain.value is not None and gain.low is not None and gain.high is not None
    margin = preset.model_release.tolerance * abs(released)
    verdict = SAME
    if gain.high < 0 and gain.value < -margin:
        verdict = WORSE
    elif gain.low > 0 and gain.value > margin:
        verdict = BETTER
    return cell | {"verdict": verdict, "why": None}


def _score(name: str, value: float | None) -> float | None:
    """The figure, turned so that more is better."""
    return None if value is None else -BY_KEY[name].rank(value)


def _shared_scenes(old: Videos, new: Videos) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(released, new) of each scene that both were tried on. A scene that was drawn twice is taken once."""
    scenes = {tuple(video[key] for key in ("setting", "source", "target", "audio")): video for video in old}
    found = {tuple(video[key] for key in ("setting", "source", "target", "audio")): video for video in new}
    return [(scenes[scene], video) for scene, video in found.items() if scene in scenes]


def _same_targets(old: Videos, new: Videos) -> bool:
    known = {video["target"] for video in old}
    return sum(video["target"] in known for video in new) >= _SHARED * len(new)


def _nothing(why: str) -> dict[str, Any]:
    return {"paired": False, "why": why, "cells": []}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
