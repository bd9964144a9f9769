"""classical/occlusion.py: a drawn person speaks, blinks and moves; something is drawn before the face."""

import cv2
import numpy as np
import pytest

from swaptalk_models.classical.occlusion import FEWEST_LOOKS, TypicalFace
from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face, invert_affine
from swaptalk_models.data.faces.looks import LOOK
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.inference.paste import face_mask, paste_face

SIZE, FRAMES = 192, 60
CROSSING = range(24, 39)  # a quarter of the time
STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}


def pose(number: int) -> dict[str, float]:
    """Open mouths, blinks, raised brows and turns, in all combinations sooner or later."""
    moving = {"opening": max(0.0, np.sin(0.9 * number)), "blink": float(number % 17 in (3, 4)), "spread": 0.5}
    return STILL | moving | {"brow": 0.5 * np.sin(0.31 * number), "yaw": 0.15 * np.sin(0.23 * number)}


@pytest.fixture(scope="module", params=[2, 4])
def person(request):
    """(frames, landmarks as they are true, affines to looks)"""
    renderer, rng = Renderer(make_person(request.param), size=SIZE), np.random.default_rng(request.param)
    drawn = [renderer.frame(pose(number)) for number in range(FRAMES)]
    frames = [np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8) for image, _ in drawn]
    landmarks = np.stack([points for _, points in drawn])
    return frames, landmarks, crop_affines(landmarks, LOOK)


def bar(mask: np.ndarray, x: int, width: int) -> tuple[int, int, int]:
    cv2.rectangle(mask, (x - width // 6, 0), (x + width // 6, SIZE), 1, -1)
    return 60, 110, 60


def microphone(mask: np.ndarray, x: int, width: int) -> tuple[int, int, int]:
    cv2.circle(mask, (x, int(0.66 * SIZE)), width // 5, 1, -1)
    cv2.rectangle(mask, (x - width // 12, int(0.66 * SIZE)), (x + width // 12, SIZE), 1, -1)
    return 45, 45, 48


def hand(mask: np.ndarray, x: int, width: int) -> tuple[int, int, int]:
    """In the light of a window: paler than any face here."""
    cv2.ellipse(mask, (x, int(0.66 * SIZE)), (width // 4, width // 4), 0, 0, 360, 1, -1)
    for finger in range(4):
        left = x - width // 5 + finger * width // 8
        cv2.line(mask, (left, int(0.62 * SIZE)), (left + 2 * finger - 3, int(0.40 * SIZE)), 1, width // 9)
    return 244, 206, 188


def with_before(person, drawn):
    """Frames in which something crosses the face, and where it is, {number: bool (H, W)}."""
    frames, landmarks, _ = person
    changed, where = list(frames), {}
    for number in CROSSING:
        left, right = landmarks[number][:, 0].min(), landmarks[number][:, 0].max()
        mask = np.zeros((SIZE, SIZE), np.uint8)
        along = (number - CROSSING.start) / len(CROSSING)
        colour = drawn(mask, int(left + along * (right - left)), int(right - left))
        shade = np.linspace(1.05, 0.9, SIZE)[:, None, None]
        soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)[..., None]
        changed[number] = np.rint(frames[number] * (1 - soft) + np.clip(shade * colour, 0, 255) * soft).astype(np.uint8)
        where[number] = mask > 0
    return changed, where


def typical(frames, landmarks, affines) -> TypicalFace:
    seen = range(0, FRAMES, 5)
    looks = np.stack([crop_face(frames[i], affines[i], LOOK.size) for i in seen])
    return TypicalFace(looks, np.stack([apply_affine(landmarks[i], affines[i]) for i in seen]))


def face_of(points: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """bool (H, W): what a made face would paint over."""
    mask = face_mask(LOOK.size, apply_affine(points, affine))
    return cv2.warpAffine(mask, invert_affine(affine), (SIZE, SIZE)) > 0.5


@pytest.mark.parametrize("drawn", [bar, microphone, hand])
def test_what_is_before_the_face_stays(person, drawn):
    _, landmarks, affines = person
    frames, where = with_before(person, drawn)
    model = typical(frames, landmarks, affines)
    kept = pixels = beside = rest = 0
    for number in CROSSING:
        frame, points, affine = frames[number], landmarks[number], affines[number]
        found = model.before(frame, points, affine)
        face = np.full((LOOK.size, LOOK.size, 3), (200, 0, 200), np.uint8)
        made = paste_face(frame, face, affine, apply_affine(points, affine), match_colour=0, before=[found])
        same = np.abs(made.astype(int) - frame).max(axis=2) < 40
        painted = face_of(points, affine)
        kept, pixels = kept + (same & where[number] & painted).sum(), pixels + (where[number] & painted).sum()
        clear = painted & (cv2.dilate(where[number].astype(np.uint8), np.ones((15, 15))) == 0)
        beside, rest = beside + (same & clear).sum(), rest + clear.sum()
    assert kept >= 0.9 * pixels, kept / pixels
    assert beside < 0.2 * rest, "most of what is not hidden is painted; between fingers it is not"


@pytest.mark.parametrize("light", [False, True])
def test_an_open_face_stays_whole(person, light):
    """Mouths, lids, brows and turns of the second half, of which nothing was learned; and the light goes down."""
    frames, landmarks, affines = person
    seen = range(0, FRAMES // 2, 3)
    looks = np.stack([crop_face(frames[i], affines[i], LOOK.size) for i in seen])
    model = TypicalFace(looks, np.stack([apply_affine(landmarks[i], affines[i]) for i in seen]))
    falling = np.linspace(1.0, 0.55, SIZE)[None, :, None] * (0.95, 0.9, 0.85) if light else 1.0
    hidden = []
    for number in range(FRAMES // 2, FRAMES):
        found = model.before((frames[number] * falling).astype(np.uint8), landmarks[number], affines[number])
        painted = face_mask(LOOK.size, apply_affine(landmarks[number], affines[number])) > 0.5
        hidden.append(0.0 if found is None else float((found.hidden[painted] > 0.02).mean()))
    assert np.mean(hidden) < 0.01


def test_of_too_few_pictures_nothing_is_told(person):
    from swaptalk_models.data.faces.face_track import FaceTrack

    _, landmarks, _ = person
    count = FEWEST_LOOKS - 1
    still = np.zeros((count, LOOK.size, LOOK.size, 3), np.uint8)
    ones, box = np.ones(FRAMES, np.float32), np.zeros((FRAMES, 4), np.float32)
    track = FaceTrack(box, landmarks, ones, ones.astype(np.uint8), looked_at=np.arange(count), looks=still)
    assert TypicalFace.of(track) is None
