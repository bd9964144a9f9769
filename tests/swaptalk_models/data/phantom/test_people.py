import dataclasses

import numpy as np

from swaptalk_models.data.phantom.people import make_person


def _shape(person) -> np.ndarray:
    names = (
        "face_width",
        "jaw_width",
        "eye_x",
        "eye_height",
        "nose_y",
        "nose_width",
        "mouth_width",
        "brow_height",
        "brow_thickness",
    )
    return np.array([getattr(person, name) for name in names])


def test_a_person_is_the_same_every_time_and_another_under_another_seed():
    assert make_person(7) == make_person(7)
    assert make_person(7, seed=1) != make_person(7)


def test_people_differ_in_shape_and_not_only_in_colour():
    shapes = np.stack([_shape(make_person(k)) for k in range(64)])
    spread = shapes.std(0)
    assert (spread > 0.005).all()
    distance = np.linalg.norm((shapes[:, None] - shapes[None]) / spread, axis=-1) + 99 * np.eye(64)
    assert distance.min() > 0.5


def test_colours_are_colours_and_the_crowd_is_mixed():
    crowd = [make_person(k) for k in range(40)]
    for person in crowd:
        for field in dataclasses.fields(person):
            value = getattr(person, field.name)
            if field.name in ("skin", "lip_colour", "hair_colour", "brow_colour", "iris_colour", "clothes", "backdrop"):
                assert all(0 <= c <= 1 for c in value)
    assert 10 <= sum(person.feminine for person in crowd) <= 30
    assert len({person.hair for person in crowd}) >= 6
    assert {person.glasses for person in crowd} > {"none"} and {person.beard for person in crowd} > {"none"}
