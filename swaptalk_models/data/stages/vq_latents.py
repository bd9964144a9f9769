"""The stage that turns face crops into codes. Its rows name the VQGAN that made them; a newer VQGAN's replace them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa

from swaptalk_models.data.engine.runner import Item, Result, run_stage
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.fingerprint import hash_table
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Ledger, StageReport

BATCH_FRAMES = 256
"""Crops decoded at a time: a clip may last minutes."""

Encode = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Crops (T, S, S, 3) uint8 -> codes of the upper and of the lower half, each (T, n) uint16."""


def run_latents(
    home: Home, videos: Iterable[str], vqgan: str, cells: int, make_encoder: Callable[[], Encode], run: str = ""
) -> StageReport:
    """Bring vq_latents up to date for these videos.

    Args:
        vqgan: version of the VQGAN.
        cells: codes of one half, groups * grid * grid / 2.
        make_encoder: called once, and only if there is anything to encode.
    """
    videos = list(dict.fromkeys(videos))
    _drop_other_grid(home, cells)

    def items() -> list[Item]:
        with Ledger(home.ledger) as ledger:
            crops = ledger.entries("face_crops", videos, OK)
        return [Item(entry.clip, entry.video, [entry.output["rows"], vqgan]) for entry in crops.values()]

    work = _Encoding(vqgan, cells, make_encoder)
    return run_stage(
        "vq_latents", items, videos, home=home, params=None, work=work, table=True, reads=("face_crops",), run=run
    )


class _Encoding:
    """The work on one clip; holds the encoder between clips."""

    def __init__(self, vqgan: str, cells: int, make_encoder: Callable[[], Encode]):
        self.vqgan, self.cells, self.make_encoder = vqgan, cells, make_encoder
        self.encode: Encode | None = None

    def __call__(self, item: Item, home: Home, params: None) -> Result:
        self.encode = self.encode or self.make_encoder()
        parts = [(frames, *self.encode(crops)) for frames, crops in _crops(home, item.clip)]
        frames, upper, lower = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        assert upper.shape == lower.shape == (len(frames), self.cells), (upper.shape, lower.shape, self.cells)
        order = np.argsort(frames, kind="stable")
        count = len(frames)
        columns = [
            pa.array([item.clip] * count),
            pa.array([item.video] * count),
            pa.array(frames[order], pa.int32()),
            pa.FixedSizeListArray.from_arrays(pa.array(upper[order].reshape(-1), pa.uint16()), self.cells),
            pa.FixedSizeListArray.from_arrays(pa.array(lower[order].reshape(-1), pa.uint16()), self.cells),
            pa.array([self.vqgan] * count),
        ]
        table = pa.Table.from_arrays(columns, schema=tables.latents_schema(self.cells))
        return Result({"rows": hash_table(table), "frames": count}, table)


def _crops(home: Home, clip: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(frame numbers, decoded crops) of a clip, in batches, in no particular order."""
    from swaptalk_models.data.media.png import decode_png

    scanner = tables.open_table(home, "face_crops").scanner(
        columns=["frame", "crop"], filter=tables.clips_filter([clip]), batch_size=BATCH_FRAMES
    )
    for batch in scanner.to_batches():
        if batch.num_rows:
            yield batch["frame"].to_numpy(), np.stack([decode_png(image.as_py()) for image in batch["crop"]])


def _drop_other_grid(home: Home, cells: int) -> None:
    """A table of codes has one size of grid. Codes on another grid are another VQGAN's, stale as a whole."""
    if not tables.has_table(home, "vq_latents"):
        return
    if tables.open_table(home, "vq_latents").schema.field("upper").type.list_size != cells:
        with home.writing("vq_latents"), Ledger(home.ledger) as ledger:
            ledger.forget("vq_latents", ledger.entries("vq_latents", orphaned=None))
            shutil.rmtree(home.table("vq_latents"))


def largest_code(home: Home) -> int:
    """The largest code index in vq_latents, -1 in an empty table. Memory does not grow with the table."""
    import pyarrow.compute as pc

    largest = -1
    for batch in tables.open_table(home, "vq_latents").scanner(columns=["upper", "lower"]).to_batches():
        for half in ("upper", "lower"):
            if batch.num_rows:
                largest = max(largest, pc.max(batch[half].flatten()).as_py())
    return largest
