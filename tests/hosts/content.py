"""What a home holds, wherever it lies, in a form that another's can be held against."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from swaptalk_models.data.snapshot import load_snapshot
from swaptalk_models.data.stages.registry import CLIP_TABLES, DATA_STAGES
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.data.store.storage_home import open_home
from swaptalk_models.data.store.stored_files import present
from swaptalk_models.modules.model_folder import current

MODELS = ("sync_judge", "identity_encoder", "vqgan")


def content(root: Path) -> dict[str, Any]:
    """Rows and their hash of each table, the ledger's entries, the snapshot's version, the weights of each model."""
    home = open_home(root)
    found: dict[str, Any] = {name: _rows(home, name) for name in (*CLIP_TABLES, "vq_latents")}
    with Ledger(home.ledger) as ledger:
        entries = [
            entry for stage in (*DATA_STAGES, "vq_latents") for entry in ledger.entries(stage, orphaned=None).values()
        ]
    plain = [dataclasses.asdict(dataclasses.replace(entry, seconds=0.0, updated_at=0.0)) for entry in entries]
    found["ledger"] = sorted(plain, key=lambda entry: (entry["stage"], entry["clip"]))
    found["snapshot"] = load_snapshot(home).version
    for name in MODELS:
        folder = current(home.root, name)
        found[name] = [folder.version, hashlib.sha256(present(folder.weights).read_bytes()).hexdigest()]
    return found


def _rows(home: Home, table: str) -> list[Any]:
    rows = tables.open_table(home, table).to_table().to_pylist()
    rows.sort(key=lambda row: (row["clip"], row.get("frame", 0)))
    return [len(rows), hashlib.sha256(repr(rows).encode()).hexdigest()]


if __name__ == "__main__":
    print(json.dumps(content(Path(sys.argv[1]))))
