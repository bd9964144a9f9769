"""inference/resumable_writer.py, data/media/joining.py: pieces of six frames, and a process that is killed in the middle of one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.data.media.audio import read_audio, write_wav
from swaptalk_models.data.media.video import read_frames
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.inference import generator, resumable_writer
from swaptalk_models.inference.generator import Generator
from swaptalk_models.inference.resumable_writer import finished_pieces, keep_track, kept_track
from swaptalk_models.settings.data import CropsConfig, FacesConfig

SIDE, FRAMES, PIECE = 160, 20, 6
STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}


class Tinted:
    """Models that make every face a little greener; killed at their n-th batch, where that is wanted."""

    crops, faces, grid = CropsConfig(size=64), FacesConfig(detect_every=4), 8

    def __init__(self, killed_at: int | None = None) -> None:
        self.batches, self.killed_at = 0, killed_at

    def encode(self, crops, landmarks):
        return crops

    def encode_source(self, crop, landmarks, neutral):
        return crop[None]

    def swap(self, source, target):
        return target

    def speak(self, target, reference, windows):
        return target

    def decode(self, faces):
        self.batches += 1
        if self.batches == self.killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.clip(faces.astype(int) + (0, 40, 0), 0, 255).astype(np.uint8)


def run(media: Path, output: Path, work: Path | None, killed_at: int | None = None) -> tuple:
    """(result, how many batches were made)"""
    generator.PIECE = resumable_writer.PIECE = PIECE
    models = Tinted(killed_at)
    files = media / "face.png", media / "head.mp4", media / "voice.wav"
    return Generator(models).generate(*files, output, work=work, progress=False), models.batches


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    renderer = Renderer(make_person(4), size=SIDE)
    with VideoWriter(folder / "head.mp4", SIDE, SIDE, crf=12) as writer:
        for number in range(FRAMES):
            writer.write(renderer.frame(STILL | {"opening": 0.5 + 0.5 * np.sin(number)})[0])
    cv2.imwrite(str(folder / "face.png"), renderer.frame(STILL)[0][..., ::-1])
    write_wav(folder / "voice.wav", np.random.default_rng(0).normal(0, 0.1, FRAMES * 640).clip(-1, 1))
    return folder


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch):
    monkeypatch.setattr(generator, "PIECE", PIECE)
    monkeypatch.setattr(resumable_writer, "PIECE", PIECE)


def frames_of(path) -> np.ndarray:
    return np.concatenate(list(read_frames(path)))


def test_a_killed_job_goes_on_and_comes_out_the_same_to_the_bit(media, tmp_path):
    undisturbed, folder = tmp_path / "undisturbed", tmp_path / "work"
    undisturbed.mkdir()
    folder.mkdir()
    whole, made = run(media, tmp_path / "whole.mp4", undisturbed)
    assert made == 4 and whole.tally.frames == FRAMES
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_resumable_writer as t; from pathlib import Path\n"
    code += f"t.run(Path({str(media)!r}), Path({str(tmp_path / 'out.mp4')!r}), Path({str(folder)!r}), killed_at=3)"
    root = Path(__file__).parents[3]
    ended = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}
    )
    assert ended.returncode == -signal.SIGKILL
    left = len(finished_pieces(folder))
    assert left in (1, 2), "what was written beside the third batch may have been finished"
    assert not (tmp_path / "out.mp4").exists()
    result, made = run(media, tmp_path / "out.mp4", folder)
    assert made == 4 - left, "pieces that were finished are not made again"
    assert result.tally == whole.tally
    assert np.array_equal(frames_of(tmp_path / "out.mp4"), frames_of(tmp_path / "whole.mp4"))
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert not list(tmp_path.glob(".*")), "nothing else is left beside it"


def test_pieces_are_joined_in_step_with_the_sound(media, tmp_path):
    (tmp_path / "work").mkdir()
    run(media, tmp_path / "pieces.mp4", tmp_path / "work")
    run(media, tmp_path / "at_once.mp4", None)
    pieces, at_once = (frames_of(tmp_path / name) for name in ("pieces.mp4", "at_once.mp4"))
    assert len(pieces) == FRAMES and np.abs(pieces.astype(int) - at_once).mean() < 3
    sounds = [read_audio(tmp_path / name) for name in ("pieces.mp4", "at_once.mp4")]
    assert np.array_equal(*sounds)
    with av.open(str(tmp_path / "pieces.mp4")) as container:
        video = container.streams.video[0]
        stamps = [packet.pts * packet.time_base * 25 for packet in container.demux(video) if packet.pts is not None]
        assert sorted(stamps) == list(range(FRAMES))


def test_an_error_while_joining_leaves_the_pieces_and_no_output(media, tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(resumable_writer, "join_videos", full)
    with pytest.raises(Exception, match=r"out.mp4: cannot be written: No space left"):
        run(media, tmp_path / "out.mp4", tmp_path / "work")
    assert len(finished_pieces(tmp_path / "work")) == 4 and not (tmp_path / "out.mp4").exists()


def test_a_track_is_kept_as_it_is(tmp_path):
    rng = np.random.default_rng(0)
    track = FaceTrack(
        rng.random((3, 4), np.float32), rng.random((3, 68, 2), np.float32), np.ones(3, np.float32),
        np.ones(3, np.uint8), looked_at=np.array([0]), looks=np.zeros((1, 96, 96, 3), np.uint8),
    )  # fmt: skip
    assert kept_track(tmp_path) is None
    keep_track(tmp_path, track)
    again = kept_track(tmp_path)
    assert all(np.array_equal(getattr(again, name), getattr(track, name)) for name in vars(track))
