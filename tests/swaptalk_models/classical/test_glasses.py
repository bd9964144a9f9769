"""classical/glasses.py: drawn people with and without glasses."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from swaptalk_models.classical.glasses import Glasses, wears_glasses
from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, invert_affine
from swaptalk_models.data.faces.face_track import TRACKED, FaceTrack
from swaptalk_models.data.faces.looks import STEADY_LOOK, Looks
from swaptalk_models.data.phantom.people import Person, make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.inference.paste import paste_face
from swaptalk_models.settings.data import CropsConfig

SIZE, FRAMES = 256, 20
STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}
WITH, WITHOUT = (3, 4, 10, 13), (0, 1, 2, 5, 6, 8)
SQUARE = 4


def clip(person: Person) -> tuple[np.ndarray, FaceTrack]:
    """Frames of a drawn person that turns, nods and blinks, and its track."""
    renderer, looks = Renderer(person, size=SIZE), Looks()
    turning = {"yaw": lambda n: 0.12 * np.sin(0.4 * n), "pitch": lambda n: 0.05 * np.sin(0.7 * n)}
    poses = [STILL | {name: way(n) for name, way in turning.items()} for n in range(FRAMES)]
    drawn = [renderer.frame(pose | {"blink": float(n % 9 == 4)}) for n, pose in enumerate(poses)]
    for number, (image, points) in enumerate(drawn):
        looks.see(number, image, points)
    status = np.full(FRAMES, TRACKED, np.uint8)
    track = FaceTrack(
        box=np.zeros((FRAMES, 4), np.float32),
        landmarks=np.stack([points for _, points in drawn]),
        confidence=np.ones(FRAMES, np.float32),
        status=status,
        **looks.of(status),
    )
    return np.stack([image for image, _ in drawn]), track


@pytest.mark.parametrize("number", [*WITH, *WITHOUT])
def test_who_wears_glasses(number):
    person = make_person(number)
    image, landmarks = Renderer(person, size=SIZE).frame(STILL)
    assert wears_glasses(image, landmarks) == (person.glasses != "none")


def test_no_glasses_and_no_looks():
    _, track = clip(make_person(2))
    assert Glasses.of(track) is None
    assert Glasses.of(replace(track, looks=track.looks[:0], looked_at=track.looked_at[:0])) is None


@pytest.fixture(scope="module")
def worn():
    """Frames with glasses, track, affines to looks, and where the frame of the glasses is seen in each, bool (T, H, W)."""
    person = make_person(SQUARE)
    frames, track = clip(person)
    bare, _ = clip(replace(person, glasses="none"))
    return frames, track, crop_affines(track.landmarks, STEADY_LOOK), (bare.astype(int) - frames).mean(axis=3) > 40


def swapped(frames, track, affines, number: int, glasses: Glasses | None) -> np.ndarray:
    """The frame with a face of one colour in it."""
    crops = CropsConfig(size=128, smooth_frames=0)
    affine = crop_affines(track.landmarks[number][None], crops)[0]
    before = [glasses.before(frames[number], affines[number])] if glasses else []
    face = np.full((128, 128, 3), (205, 160, 130), np.uint8)
    points = apply_affine(track.landmarks[number], affine)
    return paste_face(frames[number], face, affine, points, before=before, match_colour=0)


def test_the_frame_stays_before_the_swapped_face_and_nothing_else(worn):
    frames, track, affines, where = worn
    glasses = Glasses.of(track)
    for number in (0, 7, 13):
        cut, kept = (swapped(frames, track, affines, number, one) for one in (None, glasses))
        thick = cv2.erode(where[number].astype(np.uint8), np.ones((2, 2))) > 0
        replaced = thick & (np.abs(cut.astype(int) - frames[number]).mean(axis=2) > 40)
        assert replaced.sum() > 150, "of which the swapped face hides much"
        off = np.abs(kept.astype(int) - frames[number]).mean(axis=2)
        assert off[replaced].mean() < 15
        beside = cv2.dilate(where[number].astype(np.uint8), np.ones((7, 7))) == 0
        inside = beside & (np.abs(cut.astype(int) - frames[number]).mean(axis=2) > 0)
        assert np.abs(kept.astype(int) - cut)[inside].mean() < 1.5


def test_eyes_are_the_swapped_faces(worn):
    frames, track, affines, _ = worn
    hidden = Glasses.of(track).before(frames[0], affines[0])
    mask = cv2.warpAffine(hidden.hidden, invert_affine(hidden.affine), (SIZE, SIZE))
    for eye in (track.landmarks[0, 36:42], track.landmarks[0, 42:48]):
        opening = np.zeros((SIZE, SIZE), np.uint8)
        cv2.fillConvexPoly(opening, cv2.convexHull(np.round(eye).astype(np.int32)), 1)
        assert mask[opening > 0].mean() < 0.15


def test_steady_where_the_video_is(worn):
    """The same frame with other grain: no pixel comes and goes."""
    frames, track, affines, _ = worn
    glasses, rng = Glasses.of(track), np.random.default_rng(0)
    grainy = [np.clip(frames[0] + rng.normal(0, 2, frames[0].shape), 0, 255).astype(np.uint8) for _ in range(4)]
    masks = np.stack([glasses.before(frame, affines[0]).hidden for frame in grainy])
    assert masks.max(axis=0).sum() > 50 and masks.std(axis=0).max() < 0.2
