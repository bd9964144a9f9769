"""training/ray_ranks.py: what a host without the home is given of it."""

from pathlib import Path

from swaptalk_models.data.store.storage_address import Storage, write_marker
from swaptalk_models.training.ray_ranks import files_read
from swaptalk_models.training.spec import TrainSpec


def written(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return path


def test_tables_travel_from_a_folder_and_are_read_where_a_storage_holds_them(tmp_path):
    home, spec = (
        tmp_path,
        TrainSpec(
            name="lip_sync",
            home=str(tmp_path),
            config={},
            crop_size=64,
            snapshot=str(written(tmp_path / "snapshots" / "s" / "manifest.parquet")),
            inputs={"vqgan": str(written(tmp_path / "models" / "vqgan" / "v" / "weights.safetensors").parent)},
            output=str(tmp_path / "models" / "lip_sync" / "w"),
        ),
    )
    crops = written(home / "tables" / "face_crops.lance" / "data" / "a.lance")
    others = {"home/snapshots/s/manifest.parquet", "home/models/vqgan/v/weights.safetensors"}
    assert set(files_read(spec, blind=True).values()) == others | {"home/tables/face_crops.lance/data/a.lance"}
    assert files_read(spec, blind=False) == {}
    crops.unlink()
    write_marker(home, Storage("s3://bucket/prefix"))
    assert set(files_read(spec, blind=True).values()) == others | {"home/storage.json"}
