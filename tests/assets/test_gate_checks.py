"""Quality in the UI: measures as histograms, gates as checks that warn, marks in the snapshot."""

import base64
import json
import re
from types import SimpleNamespace

import cv2
import dagster as dg
import numpy as np
import pytest

from assets import evaluation
from assets.support.gate_checks import sync_judge_gates
from assets.support.resources import SwapTalk
from pipelines.status import collect
from swaptalk_models.data.snapshot import load_snapshot
from swaptalk_models.data.store.ledger import OK, Entry, Ledger
from swaptalk_models.errors import UserError


def picture(text: str) -> np.ndarray:
    """The picture inside a piece of markdown."""
    found = re.fullmatch(r"!\[(.*)\]\(data:image/jpeg;base64,([^)]+)\)\n\n\1", text)
    assert found and len(text) < 10_000
    return cv2.imdecode(np.frombuffer(base64.b64decode(found[2]), np.uint8), cv2.IMREAD_COLOR)


def test_every_measure_has_its_histogram_with_the_limit_in_it(whole):
    shown = {"face_tracks": ["yaw", "lost"], "face_crops": ["magnification", "blur"], "mels": ["level", "clipped"]}
    for asset, measures in shown.items():
        metadata = whole[asset].metadata
        for measure in measures:
            assert isinstance(metadata[f"{measure} median"].value, float)
            chart = picture(metadata[f"{measure} histogram"].value)
            assert chart.shape == (60, 240, 3)
            blue, green, red = chart[5].astype(int).T
            assert ((red - blue > 80) & (red - green > 80)).any(), "the limit's line"
    text = whole["face_crops"].metadata["blur histogram"].value
    assert "blur of 8 clips" in text and "red: quality.max_blur 0.75" in text
    assert "doubt histogram" not in whole["face_tracks"].metadata, "a second is too short to judge"


def test_gates_warn_and_block_nothing(graph, first):
    graph.run("face_tracks", "face_crops", "mels")
    found = {check.check_name: check for check in graph.checks() if check.check_name.endswith("_gates")}
    assert {name: check.passed for name, check in found.items()} == {
        "face_tracks_gates": True,
        "face_crops_gates": False,
        "mels_gates": False,
    }
    assert all(check.severity == dg.AssetCheckSeverity.WARN for check in found.values())
    crops, sound = found["face_crops_gates"], found["mels_gates"]
    assert "spoilt_000: face too blurred" in crops.description and "spoilt_000: sound silent" in sound.description
    assert sound.metadata["silent"].value == 2
    assert (crops.metadata["blurred"].value, crops.metadata["small"].value, crops.metadata["clips"].value) == (1, 0, 8)


def test_snapshot_leaves_out_what_it_lists(graph, first):
    rows = {row["clip"]: row["sound"] for row in load_snapshot(graph.home).clips()}
    assert rows == {f"phantom_{i:03d}_000": True for i in range(6)} | {"silent_000": False}
    found = {name: value.value for name, value in first["training_snapshot"][""].metadata.items()}
    assert (found["marked"], found["mute"], found["dagster/row_count"]) == (2, 1, 7)
    _, record = found["marks"].records
    assert record.data["clip"] == "spoilt_000"
    assert "blurred" in record.data["reason"] and "silent" in record.data["reason"]
    assert {"person", "frames", "sound"} <= set(found["dagster/column_lineage"].deps_by_column)
    status = collect(graph.home)
    assert status["clips"] == {"total": 9, "ok": 8, "quarantined": 1}
    marks = {mark["clip"]: mark["gates"] for mark in status["marked"]}
    assert marks == {"silent_000": ["silent"], "spoilt_000": ["blurred", "silent"]}


def test_check_of_the_judge_names_clips_that_are_out_of_step(tmp_path):
    swaptalk = SwapTalk(home=str(tmp_path / "home"))
    with Ledger(swaptalk.home_folder().ledger) as ledger:
        measured = {"late": (-6.0, 1.0), "fine": (1.0, 0.0), "unsure": (9.0, 4.0)}
        ledger.commit(
            Entry(
                "sync_offsets",
                clip,
                clip,
                "f",
                "i",
                "1",
                "p",
                OK,
                output={"quality": {"offset": off, "spread": spread}},
            )
            for clip, (off, spread) in measured.items()
        )
    found = sync_judge_gates(swaptalk)
    assert not found.passed and found.severity == dg.AssetCheckSeverity.WARN
    assert "late: out of step: sound 6 frames too late" in found.description
    assert (found.metadata["clips"].value, found.metadata["out of step"].value) == (3, 1)


@pytest.mark.parametrize(("accuracy", "asked"), [(0.6, 1), (0.5, 0)])
def test_only_a_good_judge_listens(tmp_path, monkeypatch, accuracy, asked):
    from swaptalk_models.data.store.ledger import StageReport
    from swaptalk_models.evaluation.measure import sound_offsets
    from swaptalk_models.modules.model_folder import ModelFolder, make_current

    swaptalk = SwapTalk(home=str(tmp_path / "home"))
    folder = swaptalk.home_folder().models / "sync_judge" / "v1"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps({"metrics": {"accuracy": accuracy}}))
    make_current(ModelFolder(folder))
    calls, said = [], []
    report = StageReport("sync_offsets", 7)
    monkeypatch.setattr(sound_offsets, "measure_offsets", lambda *args: calls.append(args) or report)
    monkeypatch.setattr(evaluation, "run_name", lambda context: "run")
    context = SimpleNamespace(log=SimpleNamespace(warning=said.append))
    assert evaluation.listen(context, swaptalk) == {"offsets measured": 7.0 * asked} and len(calls) == asked

    def busy(*args):
        raise UserError("another run is at work on mels")

    monkeypatch.setattr(sound_offsets, "measure_offsets", busy)
    assert evaluation.listen(context, swaptalk) == {"offsets measured": 0.0}, "the training is not lost"
    assert len(said) == asked
