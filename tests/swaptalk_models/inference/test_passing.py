"""inference/passing.py"""

import numpy as np

from swaptalk_models.data.faces.alignment import TEMPLATE
from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.data.quality.measures import yaw_degrees
from swaptalk_models.inference.passing import COVERED, NO_FACE, TURNED, Tally, left_alone


def turned(degrees: float) -> np.ndarray:
    """Landmarks (68, 2) of a head turned sideways; how far the points lie behind the tip of the nose is a rough egg."""
    x, y = TEMPLATE[:, 0] - 0.5, TEMPLATE[:, 1] - 0.5
    depth = 0.35 - np.sqrt(np.maximum(0.16 - x**2, 0)) * 0.9
    depth[27:36] -= 0.08
    angle = np.radians(degrees)
    return np.stack([x * np.cos(angle) + depth * np.sin(angle), y], axis=1).astype(np.float32) * 200 + 300


def track_of(degrees: np.ndarray, confidence: np.ndarray) -> FaceTrack:
    landmarks = np.stack([turned(one) for one in degrees])
    return FaceTrack(np.zeros((len(degrees), 4), np.float32), landmarks, confidence, (confidence > 0).astype(np.uint8))


def test_a_face_that_turns_away_is_left_alone_and_a_slip_is_none():
    degrees = np.concatenate([np.zeros(20), np.full(20, 75.0), np.zeros(20)])
    degrees[5] = 75.0  # one frame: the landmarks slipped
    confidence = np.ones(60, np.float32)
    confidence[50:] = 0
    assert abs(yaw_degrees(turned(75.0)[None])[0]) > 45 > abs(yaw_degrees(turned(25.0)[None])[0])
    reasons = left_alone(track_of(degrees, confidence))
    assert reasons[:20] == [None] * 20 and reasons[40:50] == [None] * 10
    assert reasons[21:39] == [TURNED] * 18 and reasons[50:] == [NO_FACE] * 10


def test_what_became_of_the_frames_is_counted():
    tally = Tally()
    for reason, covered in ((None, False), (None, True), (COVERED, True), (NO_FACE, False), (NO_FACE, False)):
        tally.count(reason, covered)
    assert tally.to_json() == {
        "frames": 5, "made": 2, "partly_covered": 1, "passed_through": {COVERED: 1, NO_FACE: 2}
    }  # fmt: skip
