"""`swaptalk generate` on every kind of file: all right, or one line that names the file and the cure."""

import json
import os
import re
import sys
import warnings
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from pipelines.cli.main import main
from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.timeline import frames_at_25
from swaptalk_models.data.media.video import probe
from swaptalk_models.inference import release
from swaptalk_models.inference.engines import choice
from swaptalk_models.settings.data import CropsConfig, FacesConfig

from . import writing as w
from .drawn import CORNERS, corners, level, numbers, picture
from .table import REFUSED, SOUNDS, TARGETS, Refused, Sound, Target
from .test_readers import named

pytestmark = pytest.mark.corpus


class Mirror:
    """Models that leave every face as it is: what is wrong in the video is the reader's and the writer's."""

    crops, faces, grid = CropsConfig(size=64), FacesConfig(), 8

    def encode(self, crops, landmarks):
        return crops

    def encode_source(self, crop, landmarks, neutral):
        return crop[None]

    def repeated(self, face, count):
        return np.repeat(face, count, axis=0)

    def swap(self, source, target):
        return target

    def speak(self, target, reference, windows):
        return target

    copy_lips = speak

    def swap_and_speak(self, source, target, windows):
        return target

    def restore(self, target):
        return target

    def decode(self, faces):
        return faces


@pytest.fixture
def generate(monkeypatch, tmp_path, capsys):
    """The command; gives its exit code and what it said on stderr."""
    monkeypatch.setattr(release, "load_release", lambda folder, device="auto": Mirror())
    monkeypatch.setattr(choice, "choose_engine", lambda networks, folder, engine: None)
    (tmp_path / "release.json").write_text(json.dumps({"preset": "tiny", "models": {}, "snapshot": "s", "files": {}}))
    Image.fromarray(picture(0)).save(tmp_path / "face.png")
    w.sound("pcm_s16le", 48000)(tmp_path / "voice.wav")
    w.video(shown=range(25))(tmp_path / "head.mp4")

    def call(output="out.mp4", **changed) -> tuple[int, str]:
        given = {"source": "face.png", "target": "head.mp4", "audio": "voice.wav"} | changed
        arguments = [text for name, value in given.items() for text in (f"--{name}", os.fspath(value))]
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["swaptalk"])
        with pytest.raises(SystemExit) as ended, warnings.catch_warnings(record=True) as noted:
            plain = [
                "--release",
                str(tmp_path),
                "--detail",
                "off",
                "--unmarked",
                "pixels are compared",
                "--consent",
                "drawn",
            ]
            main(["generate", *arguments, "--output", os.fspath(output), *plain])
        said = capsys.readouterr().err + "".join(str(each.message) for each in noted)
        assert "Traceback" not in said
        return int(ended.value.code or 0), said

    return call


def made_video(path: Path) -> np.ndarray:
    return np.concatenate(list(frames_at_25(path)))


@pytest.mark.parametrize("case", TARGETS, ids=named)
def test_target(case: Target, made, generate, tmp_path):
    code, said = generate(target=made(case))
    assert code == 0, said
    frames = made_video(tmp_path / "out.mp4")
    assert len(frames) == 50, "as long as the voice"
    assert frames.shape[2] - case.size[0] in (0, 1) and frames.shape[1] - case.size[1] in (0, 1)
    if case.colours:
        assert corners(frames[25]) == list(CORNERS)
    if case.shows:
        common = min(50, len(case.shows) - case.off_by)
        assert numbers(frames[:common]) == list(case.shows[:common])


@pytest.mark.parametrize("case", SOUNDS, ids=named)
def test_voice(case: Sound, made, generate, tmp_path):
    code, said = generate(audio=made(case))
    assert code == 0 and case.says in said
    with av.open(str(tmp_path / "out.mp4")) as container:
        (track,) = container.streams.audio
        assert (track.sample_rate, track.layout.name, track.codec_context.name) == (case.rate, case.layout, "aac")
    info = probe(tmp_path / "out.mp4")
    assert info.duration_s == pytest.approx(case.seconds, abs=0.16)
    if not case.says and case.seconds == 2.0:
        assert level(read_audio(tmp_path / "out.mp4")[:32000]) == pytest.approx(case.level, abs=1.2)


@pytest.mark.parametrize("case", REFUSED, ids=named)
def test_refused(case: Refused, made, generate, tmp_path):
    path = made(case)
    code, said = generate(**{case.role: path})
    assert code == 2 and not (tmp_path / "out.mp4").exists()
    (line,) = [line for line in said.splitlines() if line.startswith("swaptalk:")]
    assert path.name in line and re.search(case.says, line), line


@pytest.mark.parametrize(
    ("output", "says"),
    [("12:30.mp4", ""), ("new/folder/out.mp4", ""), ("n" * 246 + ".mp4", ""), ("no_utf8_\udcff.mp4", ""),
     ("100%41 #1?.mp4", ""), ("größe [1].mp4", ""), ("-o.mp4", ""), ("OUT.MP4", ""),
     ("out.avi", "must end in .mp4"), ("folder.mp4", "is a folder: name a file in it"), ("head.mp4", "never changed"),
     ("n" * 300 + ".mp4", "shorten it"), ("voice.wav/out.mp4", "no folder"), ("/proc/nowhere/out.mp4", "cannot be written")],
)  # fmt: skip
def test_output(output: str, says: str, generate, tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    code, said = generate(output)
    assert (code, says in said) == (2 if says else 0, True), said
    if not says:
        assert len(made_video(tmp_path / output)) == 50
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".part" or path.name.startswith(".swaptalk")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to(generate, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    code, said = generate("locked/out.mp4")
    assert code == 2 and "Permission denied" in said


def test_no_room_is_said_before_the_work(generate, monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    monkeypatch.setattr("swaptalk_models.inference.generator.track_faces", None)
    code, said = generate()
    assert code == 2 and "make room" in said


def test_what_a_training_would_leave_out_passes_through(generate, tmp_path):
    """A face in a fifth of the frames, the rest black or empty."""
    black = np.zeros_like(picture(0))

    def frame(number: int) -> av.VideoFrame:
        return av.VideoFrame.from_ndarray(picture(number) if number % 50 < 10 else black, format="rgb24")

    w.video(frames=frame)(tmp_path / "mostly_black.mp4")
    code, said = generate(target="mostly_black.mp4")
    assert code == 0 and "40 frames show no face" in said
    assert made_video(tmp_path / "out.mp4")[20:].max() < 12


def test_a_target_that_shows_nobody_is_refused(generate, tmp_path):
    w.video(frames=lambda number: av.VideoFrame.from_ndarray(np.zeros_like(picture(0)), format="rgb24"))(
        tmp_path / "black.mp4"
    )
    code, said = generate(target="black.mp4")
    assert code == 2 and "black.mp4: no face found in 50 of 50 frames" in said
