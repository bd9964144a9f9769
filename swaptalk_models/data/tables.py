"""The Lance tables of a home: schemas, replacing the rows of a clip, reading them back.

Every write makes a new version; a version that a training snapshot names is tagged and never cleaned away. Anybody can open them:
`lancedb.connect(home.tables).open_table("face_tracks")` or `lance.dataset(home.table("face_tracks"))`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from swaptalk_models.data.home import Home
from swaptalk_models.errors import UserError

if TYPE_CHECKING:
    import lance

_KEY = [("clip", pa.string()), ("video", pa.string())]
SCHEMAS: dict[str, pa.Schema] = {
    "face_tracks": pa.schema(
        _KEY
        + [
            ("frame", pa.int32()),
            ("box", pa.list_(pa.float32(), 4)),  # x0, y0, x1, y1 in px of the clip's frame
            ("landmarks", pa.list_(pa.float32(), 136)),  # 68 x (x, y) in px of the clip's frame
            ("confidence", pa.float32()),  # 0 to 1
            ("status", pa.uint8()),  # missing, detected, tracked, interpolated
        ]
    ),
    "face_crops": pa.schema(
        _KEY
        + [
            ("frame", pa.int32()),
            ("crop", pa.large_binary()),  # PNG
            ("affine", pa.list_(pa.float32(), 6)),  # 2 x 3, frame px -> crop px
            ("landmarks", pa.list_(pa.float32(), 136)),  # 68 x (x, y) in px of the crop
            ("labels", pa.binary()),  # uint8, grid x grid regions
            ("confidence", pa.float32()),
        ]
    ),
    "mels": pa.schema(
        _KEY
        + [
            ("steps", pa.int32()),
            ("mel", pa.large_binary()),  # float32 little-endian, C order (steps, 80), in [-4, 4]
        ]
    ),
}
_MANY_FRAGMENTS = 64  # from so many small files on a table is compacted
_KEEP_OLD = timedelta(hours=1)  # a reader may still hold an untagged version for so long


def latents_schema(cells: int) -> pa.Schema:
    """vq_latents: codes of the upper and lower half, ``cells`` = grid * grid / 2 each, row-major, and the VQGAN that made them."""
    codes = pa.list_(pa.uint16(), cells)
    return pa.schema(_KEY + [("frame", pa.int32()), ("upper", codes), ("lower", codes), ("vqgan", pa.string())])


def open_table(home: Home, name: str, version: int | str | None = None) -> lance.LanceDataset:
    """Open a table, as it was at ``version`` if given. UserError: it, or that version, is not there."""
    import lance

    if not home.table(name).is_dir():
        raise UserError(f"no table {name} in {home.root}: run `swaptalk run --until {name}` first")
    try:
        return lance.dataset(str(home.table(name)), version=version)
    except (ValueError, OSError) as error:
        raise UserError(
            f"table {name} in {home.root} cannot be read at version {version}: {str(error).splitlines()[0][:200]}"
        ) from None


def has_table(home: Home, name: str) -> bool:
    return (home.table(name) / "_versions").is_dir()


def clips_filter(clips: Iterable[str]) -> str:
    """SQL condition: one of these clips."""
    quoted = ", ".join("'" + clip.replace("'", "''") + "'" for clip in clips)
    return f"clip IN ({quoted})"


def append_rows(home: Home, name: str, rows: pa.Table) -> None:
    """Append rows; the first ones make the table."""
    import lance

    lance.write_dataset(rows, str(home.table(name)), mode="append" if has_table(home, name) else "create")


def delete_clips(home: Home, name: str, clips: Sequence[str]) -> None:
    """Delete all rows of these clips; none is fine."""
    if clips and has_table(home, name):
        dataset = open_table(home, name)
        for start in range(0, len(clips), 500):
            dataset.delete(clips_filter(clips[start : start + 500]))


def compact(home: Home, name: str) -> None:
    """Join small files once there are many, and drop old versions that no snapshot names."""
    if not has_table(home, name):
        return
    dataset = open_table(home, name)
    if len(dataset.get_fragments()) >= _MANY_FRAGMENTS:
        dataset.optimize.compact_files(target_rows_per_fragment=256 * 1024)
        clean_versions(home, name, _KEEP_OLD)


def clean_versions(home: Home, name: str, older_than: timedelta) -> None:
    """Free the space of versions that are neither the newest nor tagged."""
    open_table(home, name).cleanup_old_versions(older_than, error_if_tagged_old_versions=False)


def tag_version(home: Home, name: str, tag: str) -> int:
    """Keep the newest version for ever under this tag. Returns its number; an existing tag is left where it is."""
    dataset = open_table(home, name)
    tags = dataset.tags.list()
    if tag in tags:
        return int(tags[tag]["version"])
    dataset.tags.create(tag, dataset.version)
    return int(dataset.version)


def has_tag(home: Home, name: str, tag: str) -> bool:
    return has_table(home, name) and tag in open_table(home, name).tags.list()


def read_clip(
    home: Home, name: str, clip: str, columns: list[str] | None = None, version: int | None = None
) -> pa.Table:
    """Rows of one clip, by frame. Lance gives them back in the order in which they were written."""
    return open_table(home, name, version).to_table(columns=columns, filter=clips_filter([clip]))


def float_list(values: np.ndarray) -> pa.FixedSizeListArray:
    """Rows of an array (N, ...) as float32 lists of fixed size."""
    flat = np.ascontiguousarray(values, np.float32).reshape(len(values), -1)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.reshape(-1)), flat.shape[1])


def as_array(column: pa.ChunkedArray) -> np.ndarray:
    """A column of fixed-size lists as an array (N, size)."""
    size = column.type.list_size
    joined = column.combine_chunks()
    return joined.flatten().to_numpy(zero_copy_only=False).reshape(-1, size)
