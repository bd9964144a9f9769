"""reporting/cases.py and reporting/preview.py"""

import numpy as np
import pytest

from swaptalk_models.data.media.audio import read_audio, write_wav
from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.media.video import probe
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.reporting.cases import ranked_scenes, shown_scenes, video_cases
from swaptalk_models.reporting.preview import small_video
from swaptalk_models.reporting.sheet import method_sheet
from swaptalk_models.settings.methods import GROUND_TRUTH, METHODS, OURS


def row(scene, similarity, sync, method=OURS):
    return {"scene": scene, "setting": "self", "method": method, "id_similarity": similarity, "lse_c": sync}


def test_scenes_are_ranked_by_identity_and_lip_sync_of_ours():
    rows = [
        row("a", 0.5, 5.0),
        row("b", 0.9, 9.0),
        row("c", 0.7, None),
        row("c", 1.0, 10.0, "Wav2Lip"),
        row("d", 0.8, 6.0),
    ]
    assert ranked_scenes(rows) == ["b", "d", "a", "c"], (
        "a missing figure ranks last; of equal ranks the first stays first"
    )


def test_the_worst_stands_next_to_the_best():
    assert shown_scenes(list("abcdefg")) == [("a", "best"), ("g", "worst"), ("b", ""), ("f", "")]
    assert shown_scenes(list("abc")) == [("a", "best"), ("c", "worst"), ("b", "")]
    assert shown_scenes(list("ab")) == [("a", "best"), ("b", "worst")]
    assert shown_scenes(["a"]) == [("a", "")] and shown_scenes([]) == []


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "silent.mp4"
    with VideoWriter(path, 512, 480) as writer:
        for number in range(10):
            writer.write(np.full((480, 512, 3), 20 * number, np.uint8))
    write_wav(tmp_path / "sound.wav", np.sin(np.arange(10 * 640, dtype=np.float32)))
    return path


def test_a_video_without_sound_gets_it_and_is_made_small(video, tmp_path):
    made = small_video(video, tmp_path / "sound.wav", tmp_path / "previews")
    info = probe(made)
    assert (info.height, info.frames, info.fps, info.has_audio) == (320, 10, 25, True)
    assert np.abs(read_audio(made)).max() > 0.5
    stamp = made.stat().st_mtime_ns
    assert (
        small_video(video, tmp_path / "sound.wav", tmp_path / "previews") == made and made.stat().st_mtime_ns == stamp
    )
    assert small_video(made, tmp_path / "sound.wav", tmp_path / "previews") == made, "small, and has sound"


def test_a_sheet_has_a_row_a_method_and_is_drawn_once(video, tmp_path):
    common = {"setting": "self", "path": str(video), "gallery": str(tmp_path / "set" / "sources")}
    records = [{"scene": scene, "method": method} | common for scene in ("s", "t") for method in ("A", "B")]
    sheet = method_sheet(records, "self")
    assert sheet.shape == (2 * 96, 5 * 96, 3) and sheet.dtype == np.uint8
    brightness = sheet[60:90].reshape(30, 5, 96, 3).mean((0, 2, 3))
    assert (np.diff(brightness) > 20).all(), "frames in their order"
    video.unlink()
    assert np.array_equal(method_sheet(records, "self"), sheet)


def test_cases(video, tmp_path):
    """Every setting has its own; the target comes first; of many methods some are shown."""
    (tmp_path / "ann.png").write_bytes(encode_png(np.full((900, 600, 3), 99, np.uint8)))
    common = {
        "path": str(video),
        "target": str(video),
        "source": str(tmp_path / "ann.png"),
        "audio": str(tmp_path / "sound.wav"),
    }
    records, rows = [], []
    for scene, similarity in (("self_000", 0.5), ("self_001", 0.9), ("cross_000", 0.1)):
        for method in [*METHODS, GROUND_TRUTH]:
            records.append({"scene": scene, "setting": scene.partition("_")[0], "method": method} | common)
            rows.append(row(scene, similarity, 1.0, method) | {"setting": records[-1]["setting"]})
    scores = [{"similarity": [[0, 0.5]], "offset_curve": [[0, 1.0]]} for _ in rows]
    cases = video_cases(records, rows, scores, tmp_path / "previews")
    assert [(case.setting, case.rank) for case in cases] == [("self", "best"), ("self", "worst"), ("cross", "")]
    assert cases[0].clips[0].name == "Target" and cases[0].clips[1].name == OURS and len(cases[0].clips) <= 8
    assert cases[0].clips[1].metrics["id_similarity"] == 0.9 and cases[0].clips[1].similarity == [(0, 0.5)]
    assert "place 1 of 2" in cases[0].note and cases[0].source.shape == (480, 320, 3)
