"""What the driver of Ray tasks takes for an item and for a MiB that goes through it, and what more workers bring: on items that only wait, so that the
machine's own cores do not decide."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from swaptalk_models.data.engine.items import Item, Needs, Result
from swaptalk_models.data.store.home import Home
from swaptalk_models.settings.compute import RayConfig

ITEMS, FILE_MIB, FILES = 400, 16, 24
WAITS_S, WAITING = 0.25, 96
WIDTHS = (1, 2, 4)
_SCHEMA = pa.schema([("clip", pa.string()), ("video", pa.string()), ("frame", pa.int32())])
_ROWS = 50


def measure(workdir: Path, home: Path) -> dict[str, float | str]:
    """Processor milliseconds of the driver, its threads and its ledger included, and the seconds of waiting items with 1, 2 and 4 workers."""
    from swaptalk_models.data.engine.ray_cluster import require_ray

    require_ray()
    found: dict[str, float | str] = {}
    for width in WIDTHS:
        seconds = _seconds(workdir / f"waiting_{width}", width, WAITING, _wait)
        found[f"seconds_of_{WAITING}_items_of_{WAITS_S:g}_s_with_{width}"] = seconds[0]
        found[f"share_of_the_possible_speed_with_{width}"] = WAITING * WAITS_S / width / seconds[0]
    wall, cpu = _seconds(workdir / "items", 2, ITEMS, _nothing)
    found |= {"items_per_second_with_2": ITEMS / wall, "driver_ms_per_item": 1000 * cpu / ITEMS}
    cpu_of_files = _seconds(workdir / "files", 2, FILES, _copy, FILE_MIB << 20)[1]
    moved = 2 * FILES * FILE_MIB
    return found | {"driver_ms_per_mib": 1000 * (cpu_of_files - cpu * FILES / ITEMS) / moved}


def _seconds(
    place: Path, width: int, count: int, work: Callable[[Item, Home, None], Result], size: int = 0
) -> tuple[float, float]:
    """(wall, processor of this process) for a stage of so many items, each with a file of ``size`` bytes to read; Ray is there already."""
    from swaptalk_models.data.engine.ray_cluster import connected
    from swaptalk_models.data.engine.ray_tasks import RayTasks
    from swaptalk_models.data.engine.runner import run_stage

    home, config = Home(place / "home").create(), RayConfig("local")
    source = place / "source.bin"
    source.write_bytes(bytes(size))

    def files(home: Home, clip: str) -> tuple[Path, ...]:
        return (home.clip_video(clip),) if size else ()

    def run(items: list[Item]) -> None:
        executor = RayTasks("mels", Needs(lambda home, item: (source,)), files, config, width)
        videos = sorted({item.video for item in items})
        run_stage("mels", lambda: items, videos, home=home, params=None, work=work, table=not size, executor=executor)

    with connected(config, width):
        run([Item(f"first_{i}", f"first_{i}", i, {"path": str(source)}) for i in range(2 * width)])  # workers start
        started, before = time.perf_counter(), time.process_time()
        run([Item(f"v{i:05d}", f"v{i:05d}", i, {"path": str(source)}) for i in range(count)])
        return time.perf_counter() - started, time.process_time() - before


def _nothing(item: Item, home: Home, params: None) -> Result:
    columns = [[item.clip] * _ROWS, [item.video] * _ROWS, list(range(_ROWS))]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)]
    return Result({"rows": item.clip}, pa.Table.from_arrays(arrays, schema=_SCHEMA))


def _wait(item: Item, home: Home, params: None) -> Result:
    time.sleep(WAITS_S)
    return _nothing(item, home, params)


def _copy(item: Item, home: Home, params: None) -> Result:
    import shutil

    shutil.copy(item.payload["path"], home.clip_video(item.clip))
    return Result({"video": item.clip})
