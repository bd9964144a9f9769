"""provenance/watermark/following.py"""

import cv2
import numpy as np
import pytest

from swaptalk_models.data.faces.detection import make_backend
from swaptalk_models.provenance.watermark.following import PATCH, Follower
from swaptalk_models.settings.data import FacesConfig


@pytest.fixture(scope="module")
def backend():
    return make_backend(FacesConfig())


def follow(backend, frames):
    follower = Follower(backend)
    for frame in frames:
        follower.step(frame)
    return follower.faces()


def test_patches_show_the_same_face_wherever_it_is_and_however_large(backend, talking):
    here = follow(backend, talking[:16])[0]
    assert here.seen == 16 and here.patches.shape == (16, PATCH, PATCH)
    wide = [cv2.copyMakeBorder(frame, 60, 0, 130, 40, cv2.BORDER_REFLECT) for frame in talking[:16]]
    small = [cv2.resize(frame, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA) for frame in wide]
    for frames in (wide, small):
        there = follow(backend, frames)[0]
        assert np.abs(there.patches - here.patches).mean() < 10
        assert np.corrcoef(there.patches.ravel(), here.patches.ravel())[0, 1] > 0.88


def test_where_the_face_is_gone_the_last_patch_stands(backend, talking):
    empty = np.full_like(talking[0], 90)
    face = follow(backend, [*talking[:8], *[empty] * 8, *talking[8:16]])[0]
    assert face.seen == 16 and len(face.patches) == 24
    assert all(np.array_equal(face.patches[number], face.patches[7]) for number in range(8, 16))


def test_a_face_that_comes_later_has_its_first_patch_before(backend, talking):
    face = follow(backend, [*[np.full_like(talking[0], 90)] * 8, *talking[:8]])[0]
    assert face.seen == 8 and np.array_equal(face.patches[0], face.patches[8])


def test_two_faces_are_followed_apart(backend, talking):
    pair = [np.concatenate([frame, frame[:, ::-1]], axis=1) for frame in talking[:16]]
    faces = follow(backend, pair)
    assert [face.seen for face in faces] == [16, 16]
    assert np.corrcoef(faces[0].patches.ravel(), faces[1].patches[..., ::-1].ravel())[0, 1] > 0.8


def test_nothing_to_follow(backend):
    assert follow(backend, [np.full((120, 160, 3), 90, np.uint8)] * 9) == []
