"""classical/lips.py: a mouth bent to where it is wanted, and the picture's lips there."""

import cv2
import numpy as np

from swaptalk_models.classical.lips import INNER, MOUTH, OUTER, add_lips, bend_mouth
from swaptalk_models.data.faces.alignment import template_landmarks

SIZE = 192
REST = template_landmarks(SIZE, -0.06)
SKIN, LIPS, DARK = (200, 170, 150), (170, 90, 90), (30, 20, 20)


def opened(by: float = 14.0) -> np.ndarray:
    points = REST.copy()
    points[[55, 56, 57, 58, 59, 65, 66, 67], 1] += by
    return points


def a_face(points: np.ndarray, fine: bool) -> np.ndarray:
    """Lips on skin, dark between them; ``fine``: with creases across the lips."""
    image = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
    cv2.fillPoly(image, [np.round(points[OUTER]).astype(np.int32)], LIPS)
    if fine:
        lips = (image == LIPS).all(axis=2)
        image[lips & (np.arange(SIZE)[None] % 4 < 2)] = (140, 60, 60)
    cv2.fillPoly(image, [np.round(points[INNER]).astype(np.int32)], DARK)
    return image


def blurred(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), 4)


def ring(points: np.ndarray) -> np.ndarray:
    masks = [np.zeros((SIZE, SIZE), np.uint8) for _ in range(2)]
    for mask, part in zip(masks, (OUTER, INNER), strict=True):
        cv2.fillPoly(mask, [np.round(points[part]).astype(np.int32)], 1)
    return (cv2.erode(masks[0], np.ones((3, 3))) > 0) & (cv2.dilate(masks[1], np.ones((5, 5))) == 0)


def test_the_pictures_lips_come_in_the_shape_that_was_made():
    shape = opened()
    made, real = blurred(a_face(shape, False)), a_face(shape, True)
    result = add_lips(made, a_face(REST, True), REST, shape)
    assert result.shape == made.shape and result.dtype == np.uint8
    lips = ring(shape)
    sharpness = [
        float(np.abs(np.diff(image.astype(float), axis=1)[:, :-1][lips[:, :-2]]).mean())
        for image in (made, result, real)
    ]
    assert sharpness[1] > 2 * sharpness[0]
    distance = [float(np.abs(image.astype(float) - real)[lips].mean()) for image in (made, result)]
    assert distance[1] < distance[0]


def test_nothing_else_is_touched():
    shape = opened()
    made = blurred(a_face(shape, False))
    result = add_lips(made, a_face(REST, True), REST, shape)
    outside = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(outside, [np.round(shape[OUTER]).astype(np.int32)], 1)
    outside = cv2.dilate(outside, np.ones((21, 21))) == 0
    assert np.array_equal(result[outside], made[outside])
    x, y = np.round(shape[INNER].mean(axis=0)).astype(int)
    assert np.abs(result[y, x].astype(int) - made[y, x]).max() <= 3, "between the lips"


def test_a_bent_mouth_lies_where_it_is_wanted_and_the_rest_stays():
    shape = opened()
    before, wanted = a_face(shape, False), a_face(REST, False)
    bent = bend_mouth(before, shape, REST)
    far = np.abs(before.astype(int) - wanted).mean()
    assert np.abs(bent.astype(int) - wanted).mean() < 0.55 * far, "but for the dark between the lips"
    x, below = np.round(REST[57] + [0, 7]).astype(int)
    assert not (before[below, x] == SKIN).all() and np.abs(bent[below, x].astype(int) - SKIN).max() < 12, (
        "where the lower lip was there is skin"
    )
    assert np.array_equal(bend_mouth(before, shape, shape), before)


def test_jaw_and_eyes_stay_when_a_mouth_is_bent():
    shape = opened()
    face = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
    for x, y in np.round(np.concatenate([REST[:17], REST[36:48]])).astype(int).clip(0, SIZE - 1):
        cv2.circle(face, (int(x), int(y)), 2, (0, 0, 0), -1)
    bent = bend_mouth(face, REST, shape)
    assert np.abs(bent.astype(int) - face).mean() < 0.5
    dots = (face == 0).all(axis=2)
    assert (bent[dots].mean(axis=1) < 100).mean() > 0.8, "dots are where they were, to a part of a pixel"


def test_a_mouth_that_is_none_or_beyond_the_crop_is_left_alone():
    made = blurred(a_face(REST, False))
    point, beyond = REST.copy(), REST.copy()
    point[MOUTH] = point[60]
    beyond[MOUTH] += 10 * SIZE
    for shape in (point, beyond):
        assert np.array_equal(add_lips(made, a_face(REST, True), REST, shape), made)
    half = REST.copy()
    half[MOUTH, 1] += SIZE - REST[57, 1]  # the lower lip at the crop's very edge
    assert add_lips(made, a_face(REST, True), REST, half).shape == made.shape


def with_teeth(points: np.ndarray) -> np.ndarray:
    image = a_face(points, False)
    cv2.fillPoly(image, [np.round(points[INNER]).astype(np.int32)], (235, 230, 220))
    return image


def shut() -> np.ndarray:
    points = REST.copy()
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        points[[upper, lower]] = points[[upper, lower]].mean(axis=0)
    return points


def test_lips_of_a_picture_with_teeth_close_without_them():
    """Their inner edge is hit to a pixel or two; and where they meet it is dark, which that picture does not show."""
    source, shape = opened(), shut()
    found = source.copy()
    found[[61, 62, 63], 1] += 1.5  # as a detector has it: on the teeth
    found[[65, 66, 67], 1] -= 1.5
    made = add_lips(a_face(shape, False), with_teeth(source), found, shape)
    seam = np.round(shape[61:64]).astype(int)
    along = [made[y - 3 : y + 4, x].astype(float).mean(axis=1) for x, y in seam]
    lips = float(np.mean(LIPS))
    assert max(column.max() for column in along) < lips + 12, "no white line"
    assert np.mean([column.min() for column in along]) < 0.93 * lips, "a crease"


def test_a_picture_with_closed_lips_keeps_its_own_crease():
    shape = shut()
    picture = a_face(shape, True)
    cv2.polylines(picture, [np.round(shape[60:65]).astype(np.int32)], False, (90, 40, 40), 2)
    made = add_lips(a_face(shape, False), picture, shape, shape)
    lips = ring(shape)
    assert np.abs(made[lips].astype(int) - picture[lips]).mean() < 3


def test_parted_lips_have_no_crease():
    shape = opened()
    made = add_lips(a_face(shape, False), with_teeth(opened()), opened(), shape)
    x, y = np.round((shape[62] + shape[66]) / 2).astype(int)
    assert made[y, x].mean() < 40, "dark between them, as it was"
    assert np.abs(made[ring(shape)].astype(int) - LIPS).mean() < 25
