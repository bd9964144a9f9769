"""Data stages without videos, for tests of their flow. Light: every Ray worker imports it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa

from swaptalk_models.data.engine.items import Item, Needs, Result
from swaptalk_models.data.sources.catalog import catalog_rows
from swaptalk_models.data.stages.data_stage import DataStage, finished
from swaptalk_models.data.stages.registry import DATA_STAGES
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.settings.preset import Preset

SCHEMA = pa.schema([("clip", pa.string()), ("video", pa.string()), ("frame", pa.int32())])


def catalogued(home: Home, preset: Preset, videos: list[str]) -> list[Item]:
    return [Item(row["video"], row["video"], Path(row["source"]).read_text()) for row in catalog_rows(home, videos)]


def of_before(before: str, home: Home, preset: Preset, videos: list[str]) -> list[Item]:
    return [Item(e.clip, e.video, e.output["made"]) for e in finished(home, before, videos).values()]


def work(stage: str, said: str, has_rows: bool, item: Item, home: Home, params: Any) -> Result:
    """Makes one of its inputs. ``said``: a file that says what this stage does of which clip instead."""
    for line in Path(said).read_text().splitlines():
        where, clip, what = line.split()
        if where == stage and clip in (item.clip, "*"):
            if what == "refuses":
                raise UserError(f"{stage} is not set up")
            if what == "surprises":
                raise ZeroDivisionError(item.clip)
            time.sleep(float(what))
    table = pa.table({"clip": [item.clip], "video": [item.video], "frame": [len(stage)]}, schema=SCHEMA)
    return Result({"made": f"{item.inputs} {stage}"}, table if has_rows else None)


@contextmanager
def toy_stages(said: Path) -> Iterator[None]:
    """The data stages as they read each other, all else a toy's."""
    before = {"clips": "raw_videos", "face_tracks": "clips", "face_crops": "face_tracks", "mels": "clips"}
    toys = {}
    for name, stage in DATA_STAGES.items():
        items = partial(of_before, before[name]) if name in before else catalogued
        rows = stage.schema is not None
        toys[name] = replace(stage, items=items, work=partial(work, name, str(said), rows), needs=Needs(), params=_none)
        toys[name] = replace(toys[name], schema=SCHEMA if rows else None, files=DataStage.files)
    with mock.patch.dict(DATA_STAGES, toys):
        yield


def _none(preset: Preset) -> None:
    return None
