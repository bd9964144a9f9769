import builtins
from pathlib import Path

import numpy as np
import pytest

from swaptalk_models.data.faces.alignment import TEMPLATE
from swaptalk_models.data.faces.detection import DlibBackend, box_overlap, detect_face, dlib_weights, make_backend
from swaptalk_models.data.faces.face_track import DETECTED, TRACKED
from swaptalk_models.data.faces.tracking import track_faces
from swaptalk_models.errors import BadClip, UserError
from swaptalk_models.settings.data import FacesConfig


def test_box_overlap():
    a = np.float32([0, 0, 10, 10])
    assert box_overlap(a, a) == pytest.approx(1.0)
    assert box_overlap(a, np.float32([5, 0, 15, 10])) == pytest.approx(1 / 3)
    assert box_overlap(a, np.float32([20, 0, 30, 10])) == 0


def test_no_face_is_a_clear_error():
    with pytest.raises(BadClip, match=r"^photo\.png: no face found$"):
        detect_face(np.full((200, 200, 3), 127, np.uint8), FacesConfig(), name="photo.png")


def test_missing_weights_are_a_clear_error():
    with pytest.raises(UserError, match="install the package face_recognition_models"):
        dlib_weights("no_such_model.dat")


def test_missing_face_alignment_package_says_what_to_do(monkeypatch):
    real_import = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("face_alignment"):
            raise ImportError("No module named 'face_alignment'")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UserError, match="face_tracks.backend=dlib"):
        make_backend(FacesConfig(backend="face-alignment"))


def test_missing_face_alignment_weights_say_what_to_do(monkeypatch, tmp_path):
    pytest.importorskip("face_alignment")
    torch = pytest.importorskip("torch")

    def offline(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(UserError, match="s3fd-619a316812.pth"):
        make_backend(FacesConfig(backend="face-alignment"))


@pytest.fixture
def untrained(monkeypatch, tmp_path):
    """The installed face-alignment over networks that need no training: S3FD "sees" the picture's bright and half-bright
    squares, FAN finds the template's landmarks in the brightest of its window.
    """
    torch, api = pytest.importorskip("torch"), pytest.importorskip("face_alignment.api")
    utils = pytest.importorskip("face_alignment.utils")
    sfd = pytest.importorskip("face_alignment.detection.sfd.sfd_detector")

    class FAN(torch.nn.Module):
        def __init__(self, size):
            super().__init__()

        def forward(self, images):
            assert images.shape[1:] == (3, 256, 256) and images.min() >= 0 and images.max() <= 1
            heat = torch.zeros(len(images), 68, 64, 64)
            y, x = (np.flatnonzero((images[0, 1] > 0.95).any(axis).numpy()) for axis in (1, 0))
            corner, side = np.array([x[0], y[0]]), x[-1] - x[0]
            for i, (x, y) in enumerate((corner + TEMPLATE * side) / 4):
                heat[:, i, round(y), round(x)] = 1
            return [heat]

    def detect(net, image, device):
        boxes = [[x.min(), y.min(), x.max() + 1, y.max() + 1, score]
                 for level, score in ((255, 0.95), (128, 0.3)) for y, x in [np.nonzero(image[..., 1] == level)] if len(x)]  # fmt: skip
        return [np.array(boxes, np.float32).reshape(-1, 5)]

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    for name in ("s3fd-619a316812.pth", "2DFAN4-11f355bf06.pth.tar"):
        torch.save({}, tmp_path / "hub" / "checkpoints" / name)
    for name in ("transform_np", "_get_preds_fromhm"):  # Numba would compile these for seconds
        monkeypatch.setattr(utils, name, getattr(utils, name).py_func)
    monkeypatch.setattr(api, "FAN", FAN)
    monkeypatch.setattr(sfd, "s3fd", torch.nn.Module)
    monkeypatch.setattr(sfd, "detect", detect)
    return make_backend(FacesConfig(backend="face-alignment"))


def test_face_alignment_boxes_and_landmarks_are_in_pixels_of_the_image(untrained):
    image = np.zeros((960, 720, 3), np.uint8)  # three times the height at which it detects
    image[300:600, 150:450] = 255
    (found,) = untrained.detect(image)
    assert found.score == pytest.approx(0.95) and found.box.dtype == np.float32
    np.testing.assert_allclose(found.box, [150, 300, 450, 600], atol=4)
    points = untrained.landmarks(image, found.box)
    assert points.shape == (68, 2) and points.dtype == np.float32
    assert np.abs(points - [150, 300] - 300 * TEMPLATE).max() < 10, "a cell of its 64 x 64 is as large"
    assert untrained.box_around(points).shape == (4,)


def test_face_alignment_reports_weak_faces_last_and_keeps_to_the_neighbourhood(untrained):
    image = np.zeros((240, 240, 3), np.uint8)
    image[20:100, 20:100] = 128
    image[120:220, 120:220] = 255
    assert [d.score for d in untrained.detect(image)] == pytest.approx([0.95, 0.3])
    assert [d.score for d in untrained.detect(image, near=np.float32([25, 25, 95, 95]))] == pytest.approx([0.3])
    assert untrained.detect(np.zeros((240, 240, 3), np.uint8)) == []


def test_a_face_alignment_track(untrained):
    image = np.zeros((240, 240, 3), np.uint8)
    image[60:180, 60:180] = 255
    image[70:170, 70:170] = 1
    image[80:160, 80:160] = (np.linspace(0, 200, 80, dtype=np.uint8) | 1)[
        :, None
    ]  # something to recognise, of neither level
    track = track_faces([np.stack([image] * 6)], FacesConfig(backend="face-alignment"), "made")
    assert set(track.status) == {DETECTED, TRACKED} and (track.confidence > 0.9).all()
    assert track.landmarks.shape == (6, 68, 2) and np.ptp(track.landmarks, axis=0).max() < 12, (
        "it stands still, as far as 64 cells tell"
    )


@pytest.mark.real
def test_face_alignment_agrees_with_dlib_where_its_weights_are(real_clips):
    torch = pytest.importorskip("torch")
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    if not all((folder / name).is_file() for name in ("s3fd-619a316812.pth", "2DFAN4-11f355bf06.pth.tar")):
        pytest.skip(f"no weights of face-alignment in {folder}")
    image = still(real_clips)
    ours, theirs = (detect_face(image, FacesConfig(backend=name)) for name in ("dlib", "face-alignment"))
    width = ours.box[2] - ours.box[0]
    assert np.linalg.norm(ours.landmarks - theirs.landmarks, axis=1).mean() < 0.06 * width


def still(real_clips, name="RD_Radio11_001.mp4"):
    import decord

    return decord.VideoReader(str(real_clips / "clips" / name))[0].asnumpy()


@pytest.mark.real
def test_real_face_and_its_landmarks(real_clips):
    image = still(real_clips)
    face = detect_face(image)
    assert face.confidence > 0.8
    parts = (slice(36, 42), slice(42, 48), slice(48, 68))
    left_eye, right_eye, mouth = (face.landmarks[part].mean(axis=0) for part in parts)
    assert left_eye[0] < right_eye[0] and mouth[1] > max(left_eye[1], right_eye[1])
    assert (face.landmarks > face.box[:2] - 30).all() and (face.landmarks < face.box[2:] + 30).all()


@pytest.mark.real
def test_small_real_face_is_found_by_the_pyramid(real_clips):
    image = still(real_clips)[::3, ::3]
    canvas = np.full((480, 640, 3), 100, np.uint8)
    canvas[150 : 150 + image.shape[0], 300 : 300 + image.shape[1]] = image
    face = detect_face(canvas)
    assert 300 < face.landmarks[30, 0] < 300 + image.shape[1]
    with pytest.raises(BadClip, match="px wide, below face_tracks.min_face 200"):
        detect_face(canvas, FacesConfig(min_face=200), name="x")


@pytest.mark.real
def test_box_around_landmarks_is_like_the_detectors_box(real_clips):
    backend = DlibBackend()
    image = still(real_clips)
    found = backend.detect(image)[0]
    assert box_overlap(backend.box_around(backend.landmarks(image, found.box)), found.box) > 0.7
    near = backend.detect(image, near=found.box)[0]
    assert box_overlap(near.box, found.box) > 0.7
