"""The catalog of a run: made from a folder, from HDTF's annotations, or from phantoms; kept in HOME/catalog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from swaptalk_models.data.sources.annotation_files import fetch_annotations
from swaptalk_models.data.sources.annotations import FILES, hdtf_catalog
from swaptalk_models.data.sources.folder import folder_catalog
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.fingerprint import hash_file, hash_values
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger, StageReport
from swaptalk_models.data.store.stored_files import fetch_tree, publish
from swaptalk_models.errors import UserError
from swaptalk_models.settings.preset import Preset


@dataclass(frozen=True)
class Catalog:
    """What `write_catalog` found."""

    table: pa.Table
    source: str
    """The folder, or "phantom corpus"."""
    version: str
    """Hash of the rows."""
    disagreements: list[str]
    """Between HDTF's own files."""
    gone: list[str]
    """Videos that were there before; their data are orphans now."""
    changed: bool = True
    """Whether it differs from the one before."""

    @property
    def videos(self) -> list[str]:
        """Partition keys, in the catalog's order."""
        return list(dict.fromkeys(self.table["video"].to_pylist()))


def write_catalog(home: Home, preset: Preset, videos: str = "", hdtf: str = "", run: str = "") -> Catalog:
    """Catalog the folder of ``videos``, or HDTF's annotations (fetched first, if the folder has none), or the phantom
    corpus (drawn first, into the home), into HOME/catalog.

    Raises:
        UserError: both are given, or the one that is has nothing usable, or the annotations cannot be fetched.
    """
    if videos and hdtf:
        raise UserError("give either a folder of videos or HDTF's annotation folder, not both")
    with home.writing("hdtf_catalog"):
        table, disagreements = _read(home, preset, videos, hdtf)
        table = _movable(home, table)
        before = _rows_by_video(pq.read_table(home.catalog)) if home.catalog.is_file() else {}
        after = _rows_by_video(table)
        with Ledger(home.ledger) as ledger:
            if before != after:
                with atomic_write(home.catalog) as aside:
                    pq.write_table(table, aside)
                    home.confirm()
            gone = ledger.orphan_other_videos(after)
            cached = sum(before.get(video) == rows for video, rows in after.items())
            ledger.record(StageReport("hdtf_catalog", len(after) - cached, cached), run)
    source = videos or hdtf or "phantom corpus"
    return Catalog(table, source, hash_values(sorted(after.items()))[:16], disagreements, gone, before != after)


def _read(home: Home, preset: Preset, videos: str, hdtf: str) -> tuple[pa.Table, list[str]]:
    if videos:
        return folder_catalog(videos), []
    if hdtf:
        folder = Path(hdtf).expanduser()
        _fill_in(folder, preset.download.annotations)
        return hdtf_catalog(folder)
    from swaptalk_models.data.phantom.corpus import write_corpus

    fetch_tree(home.root, home.phantom)
    wanted = write_corpus(home.phantom, preset.phantom.people, preset.phantom.seconds, preset.phantom.seed)
    publish(home.root, home.phantom.rglob("*"))
    table = folder_catalog(home.phantom)
    return table.filter(pc.is_in(table["source"], pa.array([str(path) for path in wanted]))), []


def _movable(home: Home, table: pa.Table) -> pa.Table:
    """Files of the home by where they lie in it."""
    sources = pa.array([home.name(source) for source in table["source"].to_pylist()], pa.string())
    return table.set_column(table.schema.get_field_index("source"), table.schema.field("source"), sources)


def _fill_in(folder: Path, address: str) -> None:
    """Fetch HDTF's annotation files into a folder that is new, empty, or holds a part of them and nothing else; any
    other is left as it is: somebody has named the wrong one."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file, not a folder of HDTF's annotation files")
    there = {path.name for path in folder.iterdir() if not path.name.startswith(".")} if folder.is_dir() else set()
    if there < set(FILES):
        fetch_annotations(folder, address)


def _rows_by_video(table: pa.Table) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        rows.setdefault(row["video"], []).append(row)
    return rows


def catalog_rows(home: Home, videos: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Rows of the catalog, of these videos if given. UserError: there is no catalog yet."""
    if not home.catalog.is_file():
        raise UserError(f"no catalog in {home.root}: run `swaptalk run --until hdtf_catalog` first")
    if videos is None:
        return pq.read_table(home.catalog).to_pylist()
    return pq.read_table(home.catalog, filters=[("video", "in", list(videos))]).to_pylist() if videos else []


def catalog_hash(home: Home) -> str:
    """Hash of the catalog's file; empty where there is none yet."""
    return hash_file(home.catalog) if home.catalog.is_file() else ""
