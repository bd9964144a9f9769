"""Homes of any size in no time: the ledger, tables and files of many clips that nobody ever cut, made by the real stages around pretended work.

What the ledger then says of them is what it would say of real ones, so a run finds them done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa

from swaptalk_models.data.engine import runner
from swaptalk_models.data.engine.items import Item, Result, Work
from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.snapshot import make_snapshot
from swaptalk_models.data.sources.catalog import write_catalog
from swaptalk_models.data.stages.registry import CLIP_TABLES, DATA_STAGES, run_data_stage
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.fingerprint import hash_values
from swaptalk_models.data.store.home import Home
from swaptalk_models.settings.preset import Preset

FRAMES = 10
INFO = {"width": 480, "height": 480, "fps": 25.0, "frames": FRAMES, "duration_s": 4.0, "has_audio": True, "codec": "h264",
        "rotation": 0, "pix_fmt": "yuv420p", "interlaced": False, "hdr": False}  # fmt: skip


def fill_home(home: Home, preset: Preset, folder: Path, clips: int) -> None:
    """Give a home ``clips`` finished clips, each of a source file of its own in ``folder``."""
    folder.mkdir(parents=True)
    for index in range(clips):
        (folder / f"pretended_{index:05d}.mp4").write_text(f"pretended video {index}")
    with _pretended_work():
        bring_up_to_date(home, preset, folder)


def bring_up_to_date(home: Home, preset: Preset, folder: Path, workers: int = 1) -> None:
    """What `swaptalk run --until training_snapshot` does, without Dagster."""
    write_catalog(home, preset, videos=str(folder))
    for name in DATA_STAGES:
        run_data_stage(name, home, preset, workers=workers)
    make_snapshot(home, preset)


@contextmanager
def _pretended_work() -> Iterator[None]:
    pretended = {"raw_videos": _examine, "clips": _cut} | {name: _rows(name) for name in CLIP_TABLES}
    stages = {name: replace(DATA_STAGES[name], work=work) for name, work in pretended.items()}
    with mock.patch.dict(DATA_STAGES, stages), mock.patch.multiple(runner, GROUP_CLIPS=1000):
        yield


def _examine(item: Item, home: Home, params: Any) -> Result:
    return Result({"info": INFO, "cuts": [], "content": item.payload["content"]})


def _cut(item: Item, home: Home, params: Any) -> Result:
    home.clips.mkdir(exist_ok=True)
    for path in (home.clip_video(item.clip), home.clip_audio(item.clip)):
        path.touch()
    return Result({"video": hash_values(item.inputs), "audio": hash_values(item.inputs), "frames": FRAMES})


def _rows(name: str) -> Work:
    schema = DATA_STAGES[name].schema
    assert schema is not None

    def make(item: Item, home: Home, params: Any) -> Result:
        table = pa.Table.from_arrays([_column(field, item) for field in schema], schema=schema)
        table = table.slice(FRAMES - 1) if name == "mels" else table
        return Result({"rows": hash_values([name, item.inputs]), "frames": FRAMES}, table)

    return make


def _column(field: pa.Field, item: Item) -> pa.Array:
    if field.name in ("clip", "video"):
        return pa.array([getattr(item, field.name)] * FRAMES)
    if pa.types.is_fixed_size_list(field.type):
        return tables.float_list(np.zeros((FRAMES, field.type.list_size), np.float32))
    content = {
        "crop": encode_png(np.zeros((64, 64, 3), np.uint8)),
        "mel": bytes(4 * 80 * FRAMES),
        "labels": bytes(32 * 32),
    }
    return pa.array([content[field.name]] * FRAMES if field.name in content else range(FRAMES), field.type)
