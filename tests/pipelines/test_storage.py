"""`swaptalk storage`, and what other commands say of a home on storage."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from pipelines.cli.main import swaptalk
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Entry, Ledger
from swaptalk_models.data.store.storage_address import VARIABLE
from swaptalk_models.data.store.storage_home import open_home
from swaptalk_models.errors import UserError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home").create()
    home.update_state(preset="tiny")
    tables.append_rows(home, "mels", pa.table({"clip": ["a"], "mel": [bytes(100)]}))
    home.clip_audio("a").parent.mkdir()
    home.clip_audio("a").write_bytes(b"RIFF")
    with Ledger(home.ledger) as ledger:
        ledger.commit([Entry(stage, "a", "v", "f", "i", "1", "p", OK, rows=1) for stage in ("clips", "mels")])
    return home


def call(*words: object) -> str:
    done = CliRunner().invoke(swaptalk, [str(word) for word in words], catch_exceptions=False, standalone_mode=False)
    return done.output


def test_it_is_moved_there_and_back(home, s3):
    assert "in the home's folder" in call("storage", "--home", home.root)
    for words, said in (
        (("--move-to", "s3"), "say where to: --to s3://bucket/prefix"),
        (("--to", s3), "--to goes with --move-to s3"),
        (("--move-to", "home"), "lies in its folder"),
        (("--take-over",), "holds no ledger of a home on storage"),
    ):
        with pytest.raises(UserError, match=said):
            call("storage", "--home", home.root, *words)
    said = call("storage", "--home", home.root, "--move-to", "s3", "--to", s3)
    assert f"are on {s3} now" in said and "conditional writes" in said and "not-to-be-shown" not in said
    data = json.loads(call("status", "--json", "--home", home.root))["data"]
    assert data["mels"]["path"] == f"{s3}/tables/mels.lance" and data["mels"]["bytes"] > 100
    assert data["clips"] == {"path": f"{s3}/files/clips", "clips": 1, "rows": 1, "bytes": 4}
    with pytest.raises(UserError, match="`swaptalk storage --move-to home --home .*` first"):
        call("state", "--home", home.root, "--take-over")
    assert f"are in {home.root} now: unset {VARIABLE}" in call("storage", "--home", home.root, "--move-to", "home")
    assert json.loads(call("status", "--json", "--home", home.root))["data"]["mels"]["path"] == str(home.table("mels"))


def test_status_is_the_same_on_a_host_that_has_nothing(tmp_path, s3, postgres, monkeypatch):
    monkeypatch.setenv(VARIABLE, s3)
    with pytest.raises(UserError, match=f"{s3}: holds no home yet: run `swaptalk run"):
        call("status", "--home", tmp_path / "two")
    one = open_home(tmp_path / "one", begin=True)
    report = one.evaluation / "v" / "report.html"
    with one.writing("evaluation_report"):
        report.parent.mkdir(parents=True)
        report.write_text("<html>" + "x" * (2 << 20))
        tables.append_rows(one, "mels", pa.table({"clip": ["a"], "mel": [bytes(100)]}))
    with Ledger(one.ledger) as ledger:
        ledger.commit([Entry("mels", "a", "v", "f", "i", "1", "p", OK, rows=1)])
    one.update_state(preset="tiny", report=str(report))
    shown = [call("status", "--json", "--home", tmp_path / name) for name in ("one", "two")]
    assert shown[0].replace(str(tmp_path / "one"), "HOME") == shown[1].replace(str(tmp_path / "two"), "HOME")
    assert json.loads(shown[1])["report"] == str(tmp_path / "two" / "evaluation" / "v" / "report.html")
