"""Which judges measure."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.measure import scene_metrics
from swaptalk_models.evaluation.measure.judging import judge_files, load_judges
from swaptalk_models.settings.data import FacesConfig
from swaptalk_models.settings.evaluation import EvaluationConfig
from swaptalk_models.settings.preset import load_preset


@pytest.fixture
def networks(monkeypatch):
    from swaptalk_models.metrics import inception, syncnet
    from swaptalk_models.modules import sync_judge

    monkeypatch.setattr(syncnet, "load_syncnet", lambda path: SimpleNamespace(name=f"SyncNet {path.name}"))
    monkeypatch.setattr(inception, "load_inception", lambda path: SimpleNamespace(name=f"Inception {path.name}"))
    monkeypatch.setattr(
        sync_judge, "load_sync_judge", lambda path: SimpleNamespace(name=f"sync_judge {path.name}", features=None)
    )


@pytest.mark.parametrize(
    ("folder", "syncnet", "inception", "sync", "fid"),
    [
        (None, "", "", None, None),
        ("v1", "", "", "sync_judge v1", "sync_judge v1 features (Frechet distance, not Inception FID)"),
        ("v1", "s.model", "", "SyncNet s.model", "sync_judge v1 features (Frechet distance, not Inception FID)"),
        (None, "s.model", "i.pth", "SyncNet s.model", "Inception i.pth features (Frechet distance, not Inception FID)"),
    ],
)
def test_published_judges_where_given_else_ours_else_none(networks, folder, syncnet, inception, sync, fid):
    config = EvaluationConfig(syncnet=syncnet, inception=inception)
    names = load_judges(Path(folder) if folder else None, config, FacesConfig()).names()
    assert (names["sync"], names["fid"]) == (sync, fid) and names["identity"].startswith("dlib")


def test_weights_count_by_content_not_by_place(tmp_path, monkeypatch):
    for name, content in (("a.model", b"1"), ("b.model", b"1"), ("c.model", b"2")):
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(scene_metrics, "current", lambda home, name: SimpleNamespace(version="v1"))
    monkeypatch.setattr(scene_metrics, "evaluation_folder", lambda home, preset: Path("e"))
    folders = [
        scene_metrics.metrics_folder(
            Home(tmp_path), load_preset("tiny", {"evaluation.syncnet": str(tmp_path / name)} if name else {})
        )
        for name in ("a.model", "b.model", "c.model", "")
    ]
    assert folders[0] == folders[1] and len(set(folders)) == 3


def test_missing_weights_are_named():
    with pytest.raises(UserError, match="evaluation.inception: no such file: gone.pth"):
        judge_files(EvaluationConfig(inception="gone.pth"))
