"""The tracker's own logic runs on a scripted backend; real faces at the end."""

import numpy as np
import pytest

from swaptalk_models.data.faces import tracking as tracks
from swaptalk_models.data.faces.alignment import TEMPLATE
from swaptalk_models.data.faces.detection import Detection, box_overlap
from swaptalk_models.data.faces.face_track import DETECTED, INTERPOLATED, MISSING, TRACKED
from swaptalk_models.data.faces.tracking import track_faces
from swaptalk_models.errors import BadClip
from swaptalk_models.settings.data import FacesConfig

SIDE = 200


class DrawnBackend:
    """Sees a face wherever the picture holds a square that is brighter than 100, its texture a fixed gradient."""

    def __init__(self):
        self.searches = 0

    def detect(self, image, near=None):
        self.searches += 1
        found = []
        for level in (255, 250):  # the blue channel marks whose square it is
            y, x = np.nonzero(image[..., 2] == level)
            if len(x):
                found.append(Detection(np.float32([x.min(), y.min(), x.max() + 1, y.max() + 1]), 0.9))
        return [d for d in found if near is None or box_overlap(d.box, near) > 0.05]

    def landmarks(self, image, box):
        inside = [d.box for d in self.detect(image, near=box)]  # pulled to the face below the box, if there is one
        self.searches -= 1
        x0, y0, x1, y1 = max(inside, key=lambda b: box_overlap(b, box)) if inside else box
        return (np.float32([x0, y0]) + TEMPLATE * np.float32([x1 - x0, y1 - y0])).astype(np.float32)

    def box_around(self, landmarks):
        side = np.ptp(landmarks[:, 0]) / np.ptp(TEMPLATE[:, 0])
        corner = landmarks[0] - TEMPLATE[0] * side
        return np.concatenate([corner, corner + side]).astype(np.float32)


@pytest.fixture
def backend(monkeypatch):
    drawn = DrawnBackend()
    monkeypatch.setattr(tracks, "make_backend", lambda config: drawn)
    return drawn


def frame(*faces):
    """A grey frame with faces (x, y, side, level)."""
    image = np.full((SIDE, SIDE, 3), 40, np.uint8)
    for x, y, side, level in faces:
        image[y : y + side, x : x + side, :2] = np.linspace(20, 230, side, dtype=np.uint8)[:, None, None]
        image[y : y + side, x : x + side, 2] = level
    return image


def batches(frames, size=8):
    for first in range(0, len(frames), size):
        yield np.stack(frames[first : first + size])


def test_follows_a_moving_face_with_few_detections(backend):
    frames = [frame((40 + t, 50, 80, 255)) for t in range(40)]
    track = track_faces(batches(frames), FacesConfig(detect_every=5))
    assert track.landmarks.shape == (40, 68, 2) and track.box.shape == (40, 4)
    assert set(track.status) == {DETECTED, TRACKED} and (track.confidence > 0.5).all()
    np.testing.assert_allclose(track.landmarks[:, 30, 0], 40 + np.arange(40) + 80 * TEMPLATE[30, 0], atol=0.5)
    assert backend.searches < 14


@pytest.mark.parametrize("hole", [range(11, 14), range(8, 18), range(5, 6)])
def test_face_less_frames_in_the_middle_are_bridged(backend, hole):
    frames = [frame() if t in hole else frame((40 + t, 50, 80, 255)) for t in range(40)]
    track = track_faces(batches(frames), FacesConfig())
    assert (track.status[list(hole)] == INTERPOLATED).all() and (np.delete(track.status, hole) != INTERPOLATED).all()
    assert (track.confidence[list(hole)] > 0).all() and (track.confidence[list(hole)] < 0.5).all()
    np.testing.assert_allclose(track.landmarks[:, 30, 0], 40 + np.arange(40) + 80 * TEMPLATE[30, 0], atol=0.5)


def test_long_gaps_are_marked_and_held(backend):
    frames = [frame() if 20 <= t < 40 else frame((40, 50, 80, 255)) for t in range(100)]
    track = track_faces(batches(frames), FacesConfig(max_gap=12))
    assert (track.status[20:40] == MISSING).all() and (track.confidence[20:40] == 0).all()
    np.testing.assert_allclose(track.landmarks[20:40], np.broadcast_to(track.landmarks[19], (20, 68, 2)), atol=1)


def test_the_main_speaker_is_followed(backend):
    # the bystander's square is smaller, at the rim, and comes closer than the speaker's centre
    frames = [frame((60 + t // 2, 60, 90, 255), (2, 140, 50, 250)) for t in range(30)]
    track = track_faces(batches(frames), FacesConfig())
    assert (track.box[:, 2] - track.box[:, 0] > 80).all()
    assert (track.landmarks[:, 30, 0] > 80).all()


def test_a_track_that_began_on_a_bystander_starts_anew(backend):
    frames = [frame((2, 140, 50, 250), *([(60, 10, 110, 255)] if t >= 10 else [])) for t in range(200)]
    track = track_faces(batches(frames), FacesConfig())
    late = track.box[80:]
    assert (late[:, 2] - late[:, 0] > 90).all()
    early = track.status[:10]
    assert (early == MISSING).all()  # never two people in one track


def test_no_face_is_a_bad_clip(backend):
    frames = [frame((40, 50, 80, 255)) if t < 7 else frame() for t in range(100)]
    with pytest.raises(BadClip, match=r"^clip_7: no face found in 93 of 100 frames$"):
        track_faces(batches(frames), FacesConfig(), name="clip_7")


def test_hopeless_clips_end_early(backend):
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 8
            yield np.stack([frame()] * 8)

    with pytest.raises(BadClip, match="no face found in 32 of the first 32 frames"):
        track_faces(endless(), FacesConfig(), total=100)
    assert read < 60


def test_no_frames_and_small_faces_are_bad_clips(backend):
    with pytest.raises(BadClip, match="no frames"):
        track_faces(iter([]), FacesConfig())
    with pytest.raises(BadClip, match=r"median face 31 px wide, below face_tracks.min_face 48"):
        track_faces(batches([frame((60, 60, 31, 255))] * 10), FacesConfig())


@pytest.mark.real
def test_real_clip_with_a_hole(real_clips):
    import decord

    reader = decord.VideoReader(str(real_clips / "clips" / "WRA_SamBrownback_000.mp4"))
    frames = reader.get_batch(range(40)).asnumpy()
    whole = track_faces([frames], FacesConfig())
    holed = frames.copy()
    holed[12:18] = 90
    track = track_faces([holed[:16], holed[16:]], FacesConfig())
    assert (whole.status != MISSING).all() and whole.confidence.min() > 0.5
    assert (track.status[12:18] == INTERPOLATED).all() and (track.status != MISSING).all()
    width = np.ptp(whole.landmarks[0, :, 0])
    assert np.linalg.norm(track.landmarks - whole.landmarks, axis=2).mean() < 0.03 * width
