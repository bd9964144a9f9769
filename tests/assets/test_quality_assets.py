"""Quality in the UI: measures as histograms, gates as checks that warn, marks in the snapshot."""

import base64
import json
import re
from types import SimpleNamespace

import av
import cv2
import dagster as dg
import numpy as np
import pytest

from assets import audio, catalog, checks, clips, evaluation, faces, snapshot
from assets.support.partitions import all_partitions
from assets.support.resources import SwapTalk
from pipelines.status import collect
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.data.snapshot import load_snapshot
from swaptalk_models.data.store.ledger import OK, Entry, Ledger
from swaptalk_models.errors import UserError

ASSETS = [catalog.hdtf_catalog, clips.raw_videos, clips.clips, faces.face_tracks, faces.face_crops, audio.mels, snapshot.training_snapshot]
CHECKS = [faces.face_tracks_gates, faces.face_crops_gates, audio.mels_gates]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Four drawn people, and one of them twice more, blurred and without a sound, and only without a sound.

    (home, {asset: metadata}, {check: evaluation})
    """
    folder = tmp_path_factory.mktemp("quality")
    first = write_corpus(folder / "videos", people=4, seconds=1.0)[0]
    with av.open(str(first)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    blurred = [cv2.GaussianBlur(frame, (0, 0), 5) for frame in frames]
    for name, pictures in (("spoilt", blurred), ("silent", frames)):
        path = folder / "videos" / f"{name}.mp4"
        with VideoWriter(path, 256, 256, 25, audio=np.zeros(16000, np.float32), rate=16000) as writer:
            for picture in pictures:
                writer.write(picture)
    swaptalk = SwapTalk(home=str(folder / "home"), videos=str(folder / "videos"), processes=1)
    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.Definitions(
            assets=ASSETS,
            asset_checks=CHECKS,
            resources={"swaptalk": swaptalk},
            jobs=[dg.define_asset_job("main", "*")],
            executor=dg.in_process_executor,
        ).resolve_job_def("main")
        job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("hdtf_catalog")])
        result = job.execute_in_process(instance=instance, tags=all_partitions(instance))
    metadata = {
        event.asset_key.to_user_string(): {key: value.value for key, value in event.materialization.metadata.items()}
        for event in result.get_asset_materialization_events()
    }
    return swaptalk, metadata, {found.check_name: found for found in result.get_asset_check_evaluations()}


def picture(text: str) -> np.ndarray:
    """The picture inside a piece of markdown."""
    found = re.fullmatch(r"!\[(.*)\]\(data:image/jpeg;base64,([^)]+)\)\n\n\1", text)
    assert found and len(text) < 10_000
    return cv2.imdecode(np.frombuffer(base64.b64decode(found[2]), np.uint8), cv2.IMREAD_COLOR)


def test_every_measure_has_its_histogram_with_the_limit_in_it(run):
    _, metadata, _ = run
    shown = {"face_tracks": ["yaw", "lost"], "face_crops": ["magnification", "blur"], "mels": ["level", "clipped"]}
    for asset, measures in shown.items():
        for measure in measures:
            assert isinstance(metadata[asset][f"{measure} median"], float)
            chart = picture(metadata[asset][f"{measure} histogram"])
            assert chart.shape == (60, 240, 3)
            blue, green, red = chart[5].astype(int).T
            assert ((red - blue > 80) & (red - green > 80)).any(), "the limit's line"
    text = metadata["face_crops"]["blur histogram"]
    assert "blur of 6 clips" in text and "red: quality.max_blur 0.75" in text
    assert "doubt histogram" not in metadata["face_tracks"], "a second is too short to judge"


def test_gates_warn_and_block_nothing(run):
    _, _, found = run
    assert {name: check.passed for name, check in found.items()} == {
        "face_tracks_gates": True,
        "face_crops_gates": False,
        "mels_gates": False,
    }
    assert all(check.severity == dg.AssetCheckSeverity.WARN for check in found.values())
    crops, sound = found["face_crops_gates"], found["mels_gates"]
    assert "spoilt_000: face too blurred" in crops.description and "spoilt_000: sound silent" in sound.description
    assert sound.metadata["silent"].value == 2
    assert (crops.metadata["blurred"].value, crops.metadata["small"].value, crops.metadata["clips"].value) == (1, 0, 6)


def test_snapshot_leaves_out_what_it_lists(run):
    swaptalk, metadata, _ = run
    rows = {row["clip"]: row["sound"] for row in load_snapshot(swaptalk.home_folder()).clips()}
    assert rows == {f"phantom_{i:03d}_000": True for i in range(4)} | {"silent_000": False}
    found = metadata["training_snapshot"]
    assert (found["marked"], found["mute"], found["dagster/row_count"]) == (2, 1, 5)
    _, record = found["marks"].records
    assert record.data["clip"] == "spoilt_000" and "blurred" in record.data["reason"] and "silent" in record.data["reason"]
    assert {"person", "frames", "sound"} <= set(found["dagster/column_lineage"].deps_by_column)
    status = collect(swaptalk.home_folder())
    assert status["clips"] == {"total": 6, "ok": 6, "quarantined": 0} and status["quarantine"] == []
    marks = {mark["clip"]: mark["gates"] for mark in status["marked"]}
    assert marks == {"silent_000": ["silent"], "spoilt_000": ["blurred", "silent"]}


def test_check_of_the_judge_names_clips_that_are_out_of_step(tmp_path):
    swaptalk = SwapTalk(home=str(tmp_path / "home"))
    with Ledger(swaptalk.home_folder().ledger) as ledger:
        measured = {"late": (-6.0, 1.0), "fine": (1.0, 0.0), "unsure": (9.0, 4.0)}
        ledger.commit(
            Entry("sync_offsets", clip, clip, "f", "i", "1", "p", OK, output={"quality": {"offset": offset, "spread": spread}})
            for clip, (offset, spread) in measured.items()
        )
    found = checks.sync_judge_gates(swaptalk)
    assert not found.passed and found.severity == dg.AssetCheckSeverity.WARN
    assert "late: out of step: sound 6 frames too late" in found.description
    assert (found.metadata["clips"].value, found.metadata["out of step"].value) == (3, 1)


@pytest.mark.parametrize(("accuracy", "asked"), [(0.6, 1), (0.5, 0)])
def test_only_a_good_judge_listens(tmp_path, monkeypatch, accuracy, asked):
    from swaptalk_models.data.store.ledger import StageReport
    from swaptalk_models.evaluation.measure import sound_offsets as quality_sync
    from swaptalk_models.modules.model_folder import ModelFolder, make_current

    swaptalk = SwapTalk(home=str(tmp_path / "home"))
    folder = swaptalk.home_folder().models / "sync_judge" / "v1"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps({"metrics": {"accuracy": accuracy}}))
    make_current(ModelFolder(folder))
    calls, said = [], []
    monkeypatch.setattr(quality_sync, "measure_offsets", lambda *args: calls.append(args) or StageReport("sync_offsets", 7))
    monkeypatch.setattr(evaluation, "run_name", lambda context: "run")
    context = SimpleNamespace(log=SimpleNamespace(warning=said.append))
    assert evaluation.listen(context, swaptalk) == {"offsets measured": 7.0 * asked} and len(calls) == asked

    def busy(*args):
        raise UserError("another run is at work on mels")

    monkeypatch.setattr(quality_sync, "measure_offsets", busy)
    assert evaluation.listen(context, swaptalk) == {"offsets measured": 0.0}, "the training is not lost"
    assert len(said) == asked
