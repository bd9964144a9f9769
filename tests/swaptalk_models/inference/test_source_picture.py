"""inference/source_picture.py, on drawn people."""

from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.inference.source_picture import closed_eyes

STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}


def test_closed_eyes_are_told_of_by_the_pictures_name():
    for number in (1, 2, 3):
        renderer = Renderer(make_person(number), size=256)
        assert closed_eyes(renderer.frame(STILL)[1], "anna.png") is None
        said = closed_eyes(renderer.frame(STILL | {"blink": 1.0})[1], "anna.png")
        assert said is not None and said.startswith("the eyes in anna.png are closed")
