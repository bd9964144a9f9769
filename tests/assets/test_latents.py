"""assets/latents.py: codes follow crops and the VQGAN that made them."""

import json
import sys
import types

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from assets.latents import vq_latents, vq_latents_codes
from assets.support.partitions import RANGE_END, RANGE_START, videos
from assets.support.resources import SwapTalk
from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.stages import face_crops
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Entry, Ledger
from swaptalk_models.modules.model_folder import ModelFolder, make_current

FRAMES = 3


def add_clip(home: Home, clip: str, brightness: int) -> None:
    """Crops of one clip, in table and ledger."""
    image = encode_png(np.full((32, 32, 3), brightness, np.uint8))
    columns = {
        "clip": [clip] * FRAMES,
        "video": [clip] * FRAMES,
        "frame": list(range(FRAMES)),
        "crop": [image] * FRAMES,
        "affine": [[0.0] * 6] * FRAMES,
        "landmarks": [[0.0] * 136] * FRAMES,
        "labels": [b""] * FRAMES,
        "confidence": [1.0] * FRAMES,
    }
    tables.delete_clips(home, "face_crops", [clip])
    tables.append_rows(home, "face_crops", pa.table(columns, face_crops.SCHEMA))
    with Ledger(home.ledger) as ledger:
        output = {"rows": f"{clip}-{brightness}", "frames": FRAMES}
        ledger.commit([Entry("face_crops", clip, clip, "f", "i", "1", "p", OK, output=output, rows=FRAMES)])


def set_vqgan(home: Home, version: str, grid: int) -> None:
    folder = home.models / "vqgan" / version
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"config": {"codes": 256}, "shape": {"grid": grid, "groups": 1}}))
    make_current(ModelFolder(folder))


@pytest.fixture
def encoders(monkeypatch) -> list:
    """Encoders made; each gives the brightness of a crop as its codes."""
    made = []

    class LatentEncoder:
        def __init__(self, folder, device):
            made.append(folder.name)
            self.cells = json.loads((folder / "config.json").read_text())["shape"]["grid"] ** 2 // 2

        def encode(self, crops):
            codes = np.repeat(crops[:, 0, 0, :1].astype(np.uint16), self.cells, axis=1)
            return codes, codes + 1

    module = types.ModuleType("swaptalk_models.inference.encode")
    module.LatentEncoder = LatentEncoder
    monkeypatch.setitem(sys.modules, "swaptalk_models.inference.encode", module)
    return made


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path / "home").create()
    add_clip(home, "a", 10)
    add_clip(home, "b", 20)
    set_vqgan(home, "v1", 4)
    return home


def materialize(home: Home, first="a", last="b"):
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions(videos.name, ["a", "b"])
        tags = {RANGE_START: first, RANGE_END: last}
        swaptalk = SwapTalk(home=str(home.root))
        result = dg.materialize(
            [vq_latents, vq_latents_codes], instance=instance, tags=tags, resources={"swaptalk": swaptalk}
        )
    counts = result.asset_materializations_for_node("vq_latents")[0].metadata
    return [counts[name].value for name in ("computed", "cached", "quarantined")], result


def rows(home: Home) -> list:
    table = tables.open_table(home, "vq_latents").to_table().to_pylist()
    return sorted(
        (row["clip"], row["frame"], row["upper"][0], row["lower"][0], len(row["upper"]), row["vqgan"]) for row in table
    )


def test_codes_of_every_frame(home, encoders):
    counts, result = materialize(home)
    assert counts == [2, 0, 0]
    assert rows(home) == [(c, f, v, v + 1, 8, "v1") for c, v in (("a", 10), ("b", 20)) for f in range(FRAMES)]
    assert result.get_asset_check_evaluations()[0].passed
    assert encoders == ["v1"]


def test_nothing_new_loads_no_network(home, encoders):
    materialize(home)
    counts, _ = materialize(home)
    assert counts == [0, 2, 0]
    assert encoders == ["v1"]


def test_another_crop_replaces_its_clips_rows_only(home, encoders):
    materialize(home)
    add_clip(home, "b", 33)
    counts, _ = materialize(home)
    assert counts == [1, 1, 0]
    assert [row[2] for row in rows(home)] == [10] * FRAMES + [33] * FRAMES


def test_a_newer_vqgan_replaces_everything(home, encoders):
    materialize(home)
    set_vqgan(home, "v2", 4)
    assert materialize(home)[0] == [2, 0, 0]
    assert {row[-1] for row in rows(home)} == {"v2"}
    assert len(rows(home)) == 2 * FRAMES


def test_another_grid_starts_a_new_table(home, encoders):
    materialize(home)
    set_vqgan(home, "v2", 8)
    counts, result = materialize(home, "a", "a")
    assert counts == [1, 0, 0]
    assert {(row[0], row[4]) for row in rows(home)} == {("a", 32)}
    assert result.get_asset_check_evaluations()[0].passed


def test_codes_outside_of_the_codebook_block(home, encoders):
    add_clip(home, "b", 255)  # its lower codes are 256, and there are 256
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions(videos.name, ["a", "b"])
        result = dg.materialize(
            [vq_latents, vq_latents_codes],
            instance=instance,
            tags={RANGE_START: "a", RANGE_END: "b"},
            resources={"swaptalk": SwapTalk(home=str(home.root))},
            raise_on_error=False,
        )
    assert not result.get_asset_check_evaluations()[0].passed
