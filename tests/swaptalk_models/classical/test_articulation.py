"""classical/articulation.py: lips that are shut in silence and open as far as people's do."""

import numpy as np
import pytest

from swaptalk_models.classical.articulation import USUAL, Articulation, lips_apart
from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.faces.landmarks import interocular, mouth_opening

SIZE = 128
LOWER, INNER_LOWER = [55, 56, 57, 58, 59], [65, 66, 67]


def opened(share: float) -> np.ndarray:
    """The template's face with lips ``share`` of the eyes' distance apart."""
    points = template_landmarks(SIZE)
    gap = points[66, 1] - points[62, 1]
    points[LOWER + INNER_LOWER, 1] += share * interocular(points[None])[0] - gap
    return points


def with_mouth(points: np.ndarray, mouth: np.ndarray) -> np.ndarray:
    shaped = points.copy()
    shaped[48:] = mouth
    return shaped


def opening(points: np.ndarray) -> float:
    return float(mouth_opening(points[None])[0])


SPOKEN = np.stack([opened(share) for share in np.linspace(0.04, 0.12, 15)])


def test_silence_shuts_the_mouth_and_speech_opens_it_as_people_do():
    measured = Articulation.measure(opened(0.04), SPOKEN)
    openings = [opening(with_mouth(points, measured.shaped(points, points))) for points in SPOKEN]
    assert opening(with_mouth(SPOKEN[0], measured.shaped(SPOKEN[0], opened(0.04)))) == pytest.approx(0, abs=0.003)
    assert np.quantile(openings, 0.95) - np.quantile(openings, 0.05) == pytest.approx(USUAL, rel=0.05)
    assert np.all(np.diff(openings) > 0), "which moment opens it further is the network's to say"


def test_what_moves_enough_is_not_made_more_of():
    wide = np.stack([opened(share) for share in np.linspace(0, 0.4, 15)])
    measured = Articulation.measure(opened(0), wide)
    assert measured.gain == 1.0 and measured.rest == pytest.approx(0, abs=1e-6)


def test_what_hardly_moves_is_not_blown_up():
    still = np.stack([opened(0.02 + 0.001 * (i % 3)) for i in range(15)])
    assert Articulation.measure(opened(0.02), still).gain == 1.0
    faint = np.stack([opened(share) for share in np.linspace(0.02, 0.06, 15)])
    assert Articulation.measure(opened(0.02), faint).gain == 3.0


def test_lips_that_a_detector_has_crossed_are_not_open():
    """In a blur it may put the lower lip's edge above the upper's: `mouth_opening`, a distance, would call that open."""
    crossed = np.stack([opened(share) for share in np.linspace(-0.06, -0.01, 15)])
    assert lips_apart(crossed).max() < 0 < opening(crossed[0])
    measured = Articulation.measure(opened(-0.05), crossed)
    assert not measured.readable and measured.rest == 0 and measured.gain == 1.0
    assert opening(with_mouth(opened(0.1), measured.shaped(opened(0.1), crossed[0]))) == pytest.approx(0, abs=0.003)
    assert Articulation.measure(opened(0.04), SPOKEN).readable


def widened(points: np.ndarray, times: float) -> np.ndarray:
    wide = points.copy()
    wide[48:, 0] += (times - 1) * (wide[48:, 0] - wide[48:, 0].mean())
    return wide


def width(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[54] - points[48]))


def test_another_face_may_say_it():
    """Of who speaks only the opening and the width are taken; size, turn, place and lips are those of the face that is shown."""
    measured = Articulation.measure(opened(0.04), SPOKEN)
    turn = np.array([[0.8, -0.6], [0.6, 0.8]], np.float32)
    shown = widened(opened(0.15), 1.3) @ turn.T * np.float32(2.5) + np.float32(40)
    for times in (0.9, 1.0, 1.1):
        said = widened(opened(0.09), times)
        mouth = with_mouth(shown, measured.shaped(shown, said))
        assert opening(mouth) == pytest.approx(measured.gain * (0.09 - 0.04), abs=0.005)
        assert width(mouth) / width(shown) == pytest.approx(times, abs=0.02)
        middle = (mouth[[48, 54]].mean(axis=0) - shown[[48, 54]].mean(axis=0)) / interocular(shown[None])[0]
        assert np.abs(middle).max() < 0.01
    far = with_mouth(shown, measured.shaped(shown, widened(opened(0.09), 2.0)))
    assert width(far) / width(shown) < 1.2, "no mouth from ear to ear"


def test_the_sound_has_half_a_say_and_the_whole_moves_as_people_do():
    by_sound = np.linspace(0.0, 0.18, 15) ** 2 / 0.18
    measured = Articulation.measure(opened(0.04), SPOKEN, by_sound)
    openings = [
        opening(with_mouth(points, measured.shaped(points, points, heard)))
        for points, heard in zip(SPOKEN, by_sound, strict=True)
    ]
    both = (np.linspace(0.0, 0.08, 15) + by_sound) / 2
    assert np.corrcoef(openings, both)[0, 1] > 0.999
    assert np.quantile(openings, 0.95) - np.quantile(openings, 0.05) == pytest.approx(USUAL, rel=0.05)
    shut = with_mouth(SPOKEN[3], measured.shaped(SPOKEN[3], opened(0.02), 0.0))
    assert opening(shut) == pytest.approx(0, abs=0.003), "neither says that it is open"


def test_no_mouth_is_torn():
    assert opening(with_mouth(opened(0.3), Articulation(0.0, 3.0).shaped(opened(0.3), opened(0.3)))) == pytest.approx(
        0.35, abs=0.01
    )


def test_silence_that_gapes_is_not_taken_for_rest():
    """A network that was never taught silence may open its mouth at it."""
    measured = Articulation.measure(opened(0.2), SPOKEN)
    openings = [opening(with_mouth(points, measured.shaped(points, points))) for points in SPOKEN]
    assert np.quantile(openings, 0.95) - np.quantile(openings, 0.05) == pytest.approx(USUAL, rel=0.05)
    assert np.all(np.diff(openings[1:]) > 0)


def test_lips_that_are_shut_do_not_cross():
    """The middle of a mouth is further open than its sides; a detector may have an edge on the wrong side of the other."""
    points = opened(0.08)
    points[[65, 67], 1] -= 0.3 * (points[66, 1] - points[62, 1])
    crossed = opened(0.0)
    crossed[66, 1] -= 2
    for face, rest in ((points, 0.08), (points, 0.04), (crossed, 0.0)):
        mouth = Articulation(rest, 1.0).shaped(face, face)
        gaps = [mouth[low - 48, 1] - mouth[up - 48, 1] for up, low in ((61, 67), (62, 66), (63, 65))]
        assert min(gaps) > -0.05
        wanted = max(0.0, opening(face) - rest) if face is points else 0.0
        assert gaps[1] == pytest.approx(wanted * interocular(face[None])[0], abs=0.05)


def test_it_turns_with_the_head_and_leaves_corners_alone():
    points = opened(0.08)
    turn = np.array([[0.8, -0.6], [0.6, 0.8]], np.float32)
    articulation = Articulation(0.02, 2.0)
    mouth = articulation.shaped(points, points)
    np.testing.assert_allclose(articulation.shaped(points @ turn.T, points @ turn.T), mouth @ turn.T, atol=0.05)
    np.testing.assert_array_equal(mouth[[0, 6, 12, 16]], points[[48, 54, 60, 64]])
    np.testing.assert_allclose(Articulation().shaped(points, points), points[48:], atol=1e-4)
