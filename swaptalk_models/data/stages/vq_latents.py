"""vq_latents: the codes of every face crop, a row a frame.

Rows name the VQGAN that made them; a newer VQGAN's replace them. What an encoder is, is known above the data: the stage
is given one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator

import numpy as np
import pyarrow as pa

from swaptalk_models.data.engine.executor import Executor
from swaptalk_models.data.engine.items import Item, Needs, Result, Work
from swaptalk_models.data.stages.data_stage import DataStage, finished, rows_result
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger, StageReport
from swaptalk_models.data.store.schemas import table_schema
from swaptalk_models.settings.preset import Preset

BATCH_FRAMES = 256
"""Crops decoded at a time: a clip may last minutes. Always as many, however the table lies on disk: what a network makes of a frame depends, in
its last bits, on how many it is given."""
NEEDS = Needs(tables=("face_crops",))

Encode = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Crops (T, S, S, 3) uint8 -> codes of the upper and of the lower half, each (T, n) uint16."""


def latents_schema(cells: int) -> pa.Schema:
    """``cells`` = groups * grid * grid / 2 codes of each half, row-major."""
    return table_schema("vq_latents", cells=cells)


def latents_stage(vqgan: str, cells: int, make_encoder: Callable[[], Encode]) -> DataStage:
    """The stage as one VQGAN does it.

    Args:
        vqgan: version of the VQGAN.
        cells: codes of one half, groups * grid * grid / 2.
        make_encoder: called once, and only if there is anything to encode.
    """

    def latent_items(home: Home, preset: Preset, videos: list[str]) -> list[Item]:
        """An item a clip with crops; it depends on the crops and on the VQGAN."""
        crops = finished(home, "face_crops", videos)
        return [Item(entry.clip, entry.video, [entry.output["rows"], vqgan]) for entry in crops.values()]

    work = encoding(vqgan, cells, make_encoder)
    schema = latents_schema(cells)
    return DataStage("vq_latents", latent_items, work, ("face_crops",), schema=schema, needs=NEEDS, given=vqgan)


def encoding(vqgan: str, cells: int, make_encoder: Callable[[], Encode]) -> Work:
    """The stage's work on one item; arguments as of ``latents_stage``. It keeps the encoder between items."""
    return _Encoding(vqgan, cells, make_encoder)


def run_latents(
    home: Home,
    preset: Preset,
    videos: Iterable[str],
    vqgan: str,
    cells: int,
    make_encoder: Callable[[], Encode],
    run: str = "",
    executor: Executor | None = None,
) -> StageReport:
    """Bring vq_latents up to date for these videos, in this process unless there is an executor; see ``latents_stage``."""
    _drop_other_grid(home, cells)
    return latents_stage(vqgan, cells, make_encoder).run(home, preset, list(videos), executor=executor, run=run)


class _Encoding:
    """The work on one clip; holds the encoder between clips."""

    def __init__(self, vqgan: str, cells: int, make_encoder: Callable[[], Encode]):
        self.vqgan, self.cells, self.make_encoder = vqgan, cells, make_encoder
        self.encode: Encode | None = None

    def __call__(self, item: Item, home: Home, params: None) -> Result:
        self.encode = self.encode or self.make_encoder()
        batches = [(frames, *self.encode(crops)) for frames, crops in _crops(home, item.clip)]
        frames, upper, lower = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
        assert upper.shape == lower.shape == (len(frames), self.cells), (upper.shape, lower.shape, self.cells)
        order = np.argsort(frames, kind="stable")
        count = len(frames)
        columns = [
            pa.array(frames[order], pa.int32()),
            pa.FixedSizeListArray.from_arrays(pa.array(upper[order].reshape(-1), pa.uint16()), self.cells),
            pa.FixedSizeListArray.from_arrays(pa.array(lower[order].reshape(-1), pa.uint16()), self.cells),
            pa.array([self.vqgan] * count),
        ]
        return rows_result(item, latents_schema(self.cells), columns, frames=count)


def _crops(home: Home, clip: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(frame numbers, decoded crops) of a clip, ``BATCH_FRAMES`` at a time, in the order in which they were written."""
    from swaptalk_models.data.media.png import decode_png

    scanner = tables.open_table(home, "face_crops").scanner(
        columns=["frame", "crop"], filter=tables.clips_filter([clip]), batch_size=BATCH_FRAMES
    )
    rows = itertools.chain.from_iterable(
        zip(batch["frame"].to_pylist(), batch["crop"].to_pylist(), strict=True) for batch in scanner.to_batches()
    )
    while some := list(itertools.islice(rows, BATCH_FRAMES)):
        yield np.array([frame for frame, _ in some], np.int32), np.stack([decode_png(image) for _, image in some])


def _drop_other_grid(home: Home, cells: int) -> None:
    """A table of codes has one size of grid. Codes on another grid are another VQGAN's, stale as a whole."""
    if not tables.has_table(home, "vq_latents"):
        return
    if tables.open_table(home, "vq_latents").schema.field("upper").type.list_size != cells:
        with home.writing("vq_latents"), Ledger(home.ledger) as ledger:
            ledger.forget("vq_latents", ledger.entries("vq_latents", orphaned=None))
            tables.drop(home, "vq_latents")


def largest_codes(home: Home, videos: Collection[str] | None = None) -> dict[str, int]:
    """{video: the largest code index in its rows}, of these videos only if given. Memory does not grow with the table."""
    if not tables.has_table(home, "vq_latents"):
        return {}
    largest: dict[str, int] = {}
    where = None if videos is None else tables.videos_filter(videos)
    scanner = tables.open_table(home, "vq_latents").scanner(columns=["video", "upper", "lower"], filter=where)
    for batch in scanner.to_batches():
        if not batch.num_rows:
            continue
        rows = [batch[half].flatten().to_numpy().reshape(batch.num_rows, -1).max(axis=1) for half in ("upper", "lower")]
        codes, names = np.maximum(*rows), np.array(batch["video"].to_pylist())
        for video in np.unique(names):
            largest[str(video)] = max(largest.get(str(video), -1), int(codes[names == video].max()))
    return largest
