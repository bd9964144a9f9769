"""What the real children see, and a preview: on drawn people and the weights that come with the package."""

from __future__ import annotations

import base64
import io
import warnings

import cv2
import numpy as np
import pytest
from PIL import Image

from pipelines.studio.limits import Limits
from pipelines.studio.look_child import main
from swaptalk_models.data.media.audio import write_wav
from swaptalk_models.modules.model_folder import SHIPPED

from ...studio_files import draw, tone, write_files


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("files"))


@pytest.fixture
def look(tmp_path, monkeypatch):
    """(task, path) -> (answer, folder); the limits are those of a process of its own."""
    monkeypatch.setattr(Limits, "apply", lambda self: None)

    def go(task, path, **asked):
        folder = tmp_path / f"{task}-{path.stem}"
        folder.mkdir()
        threads = cv2.getNumThreads()
        try:
            given = {"path": str(path), "folder": str(folder), "name": "mine.xyz", "most_s": 5.0} | asked
            return main(task, given, Limits()), folder
        finally:
            cv2.setNumThreads(threads)

    return go


def test_a_picture_of_two(look, tmp_path):
    pair = np.concatenate([draw(4, 256), np.pad(draw(7, 192), ((32, 32), (0, 0), (0, 0)))], axis=1)
    cv2.imwrite(str(tmp_path / "pair.png"), pair[..., ::-1])
    seen, folder = look("source", tmp_path / "pair.png")
    assert (seen["kind"], seen["width"], seen["height"]) == ("picture", 448, 256) and len(seen["faces"]) == 2
    assert seen["faces"][0]["box"][0] < 0.5 < seen["faces"][1]["box"][2], "the larger one first"
    for part in ("picture.png", "shown.jpg", "face-1.jpg", "face-2.jpg"):
        assert Image.open(folder / part).size
    assert np.load(folder / "faces.npz")["landmarks"].shape == (2, 68, 2)


def test_a_video_and_a_voice(look, files):
    seen, folder = look("target", files[1])
    assert (seen["kind"], seen["seconds"], len(seen["faces"])) == ("video", 0.8, 1)
    assert (folder / seen["faces"][0]["picture"]).is_file()
    seen, folder = look("voice", files[2])
    assert seen["seconds"] == 1.0 and 0.2 < max(seen["peaks"]) <= 0.4 and len(seen["peaks"]) == 160
    assert np.load(folder / "mel.npy").shape[1] == 80 and (folder / "sound.wav").is_file()


def test_a_still_as_a_target(look, files):
    seen, _ = look("target", files[0])
    assert (seen["kind"], seen["seconds"], len(seen["faces"])) == ("picture", 0.0, 1)


@pytest.mark.parametrize(
    ("role", "content", "said"),
    [
        ("source", b"hello", "mine.xyz: not an image that can be read"),
        ("target", b"hello", "mine.xyz: not a video file"),
        ("voice", b"hello", "mine.xyz: not a video file"),
        ("target", b"#EXTM3U\nfile:///etc/passwd\n", "mine.xyz: not a video file"),
        ("voice", None, "mine.xyz: is a picture: there is no sound in it"),
        ("target", b"", "mine.xyz: empty file"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_owners_name(look, tmp_path, files, role, content, said):
    (tmp_path / "given").write_bytes(files[0].read_bytes() if content is None else content)
    answer, _ = look(role, tmp_path / "given")
    assert answer["refused"].startswith(said) and str(tmp_path) not in answer["refused"]


def test_a_wall_and_an_endless_speech(look, tmp_path):
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 200, 3), 90, np.uint8))
    assert look("source", tmp_path / "wall.png")[0]["refused"] == "mine.xyz: no face found"
    seen, folder = look("target", tmp_path / "wall.png")
    assert seen["faces"] == [] and (folder / "shown.jpg").is_file(), "somebody may come later"
    write_wav(tmp_path / "long.wav", tone(6))
    assert "lasts more than" in look("voice", tmp_path / "long.wav")[0]["refused"]


def test_lack_of_memory_is_told_as_such(look, files, monkeypatch):
    from swaptalk_models.inference import whose_face

    def full(*_):
        raise MemoryError

    monkeypatch.setattr(whose_face, "faces_in_picture", full)
    assert look("source", files[0])[0]["refused"] == "mine.xyz: needs more than 3072 MB of memory: make it smaller"


def test_notes_are_kept(look, files, monkeypatch):
    from swaptalk_models.data.media import audio

    real = audio.read_audio

    def warns(path, *args, **options):
        warnings.warn_explicit(f"{path}: its channels cancel each other out", UserWarning, "swaptalk_models/x.py", 1)
        return real(path, *args, **options)

    monkeypatch.setattr(audio, "read_audio", warns)
    assert look("voice", files[2])[0]["notes"] == ["mine.xyz: its channels cancel each other out"]


@pytest.mark.slow
def test_a_preview_changes_the_face_and_nothing_else(look, files):
    from pipelines.studio.preview_child import preview
    from swaptalk_models.inference.release import load_release

    folders = {role: look(role, path)[1] for role, path in zip(("source", "target", "voice"), files, strict=True)}
    seen, _ = look("target", files[1].rename(files[1].with_name("same.mp4")))
    frame = seen["faces"][0]["picture"]
    asked = {role: str(folder) for role, folder in folders.items()}
    asked |= {
        "face": 1,
        "source_face": 1,
        "detail": True,
        "frame": frame,
        "source_name": "a.png",
        "target_name": "b.mp4",
    }
    networks = load_release(SHIPPED, "cpu")
    pictures = []
    for voice in (asked["voice"], None):
        made = preview(networks, SHIPPED, asked | {"voice": voice})
        assert made["seconds"] < 30
        pictures.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(made["picture"])))).astype(int))
    given = np.asarray(Image.open(folders["target"] / frame)).astype(int)
    changed = np.abs(pictures[0] - given).max(axis=2) > 30
    x0, y0, x1, y1 = (round(value * 224) for value in seen["faces"][0]["box"])
    assert changed[y0:y1, x0:x1].mean() > 0.05, "another face"
    assert changed[: y0 // 2].mean() < 0.01, "the same picture"
    assert np.abs(pictures[0] - pictures[1]).max() > 30, "without a voice other lips"
