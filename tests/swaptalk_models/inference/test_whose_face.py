"""inference/whose_face.py, data/faces/several.py: two drawn people in one picture, and in one video."""

import cv2
import numpy as np
import pytest

from swaptalk_models.data.faces.several import faces_of
from swaptalk_models.data.faces.tracking import track_faces
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.errors import BadClip, UserError
from swaptalk_models.inference.given import read_picture
from swaptalk_models.inference.whose_face import all_numbered, chosen, people_of, tells
from swaptalk_models.settings.data import FacesConfig

STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}
LARGE, SMALL = 200, 152
ANY = FacesConfig(min_found=1e-6, min_face=1)


@pytest.fixture(scope="module")
def heads():
    """(large, small): pictures of two people, the second on a ground as high as the first."""
    large, _ = Renderer(make_person(4), size=LARGE).frame(STILL)
    small, _ = Renderer(make_person(2), size=SMALL).frame(STILL)
    return large, cv2.copyMakeBorder(small, LARGE - SMALL, 0, 0, 0, cv2.BORDER_REPLICATE)


@pytest.fixture(scope="module")
def pair(heads) -> np.ndarray:
    """The larger one on the right."""
    return np.concatenate([heads[1], heads[0]], axis=1)


@pytest.fixture(scope="module")
def video(heads, pair, tmp_path_factory):
    """Both; then, from frame 30 on, the larger one is gone and the smaller one stands in the middle."""
    path = tmp_path_factory.mktemp("two") / "two.mp4"
    empty = cv2.resize(heads[1][:8, :8], (100, LARGE))
    alone = np.concatenate([empty, heads[1], empty], axis=1)
    with VideoWriter(path, pair.shape[1], LARGE, crf=12) as writer:
        for number in range(45):
            writer.write(pair if number < 30 else alone)
    return path


def test_faces_are_numbered_by_size_and_place(pair):
    first, second = faces_of(pair, ANY)
    assert first.box[0] > SMALL > second.box[2], "the larger one first"


def test_the_source_is_chosen_and_the_default_is_said(pair, tmp_path):
    cv2.imwrite(str(tmp_path / "pair.png"), pair[..., ::-1])
    with pytest.warns(
        UserWarning, match=r"pair.png: shows 2 faces; the largest and most central is taken, --source-face N"
    ):
        default = read_picture(tmp_path / "pair.png", ANY)
    other = read_picture(tmp_path / "pair.png", ANY, 2)
    assert default.landmarks[:, 0].min() > SMALL > other.landmarks[:, 0].max()
    with pytest.raises(UserError, match=r"pair.png: shows 2 faces, so there is no --source-face 3"):
        read_picture(tmp_path / "pair.png", ANY, 3)
    cv2.imwrite(str(tmp_path / "nobody.png"), np.full((200, 200, 3), 90, np.uint8))
    with pytest.raises(BadClip, match=r"nobody.png: no face found"):
        read_picture(tmp_path / "nobody.png", ANY)


def test_one_face_needs_no_word():
    assert chosen(1, None, "a.png", "--face") == (0, None) == chosen(1, 1, "a.png", "--face")
    with pytest.raises(UserError, match="shows 1 face, so there is no --face 2"):
        chosen(1, 2, "a.png", "--face")


def test_only_the_chosen_one_is_followed(video):
    """Where the other stands alone in the middle, a tracker would take her; whoever was chosen has gone."""
    from swaptalk_models.data.media.timeline import frames_at_25

    people = people_of(video, ANY)
    assert len(people) == 2 and all(len(one.embeddings) >= 2 for one in people)
    tracks = [track_faces(frames_at_25(video), ANY, whose=tells(people, place)) for place in range(2)]
    larger, smaller = (0, 1) if people[0].face.box[0] > SMALL else (1, 0)
    assert (tracks[larger].confidence[:30] > 0).all() and (tracks[larger].confidence[34:] == 0).all()
    assert tracks[larger].landmarks[:30, :, 0].min() > SMALL
    assert (tracks[smaller].confidence[:30] > 0).all() and (tracks[smaller].confidence[36:] > 0).all()
    assert tracks[smaller].landmarks[:30, :, 0].max() < SMALL


def test_a_picture_shows_which_is_which(pair, video, tmp_path, capsys):
    from pipelines.cli.main import main

    cv2.imwrite(str(tmp_path / "pair.png"), pair[..., ::-1])
    picture, sources, targets = all_numbered(tmp_path / "pair.png", video)
    assert (sources, targets) == (2, 2) and picture.shape[0] == 480
    boxes = (np.abs(picture.astype(int) - (255, 220, 0)).max(axis=2) < 30).sum()
    assert boxes > 4000, "four boxes with their numbers"
    with pytest.raises(SystemExit) as ended:
        given = ["--source", tmp_path / "pair.png", "--target", video, "--faces", tmp_path / "faces.png"]
        main(["generate", *map(str, given)])
    said = capsys.readouterr().out
    assert ended.value.code == 0 and (tmp_path / "faces.png").is_file() and "two.mp4: 2 faces (--face)" in said
