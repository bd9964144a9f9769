"""inference/target.py"""

import numpy as np
import pytest

from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.inference import target
from swaptalk_models.inference.target import _back_and_forth, target_frames


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """12 frames, each a shade brighter, red on the left."""
    path = tmp_path_factory.mktemp("target") / "target.mp4"
    with VideoWriter(path, 64, 48, crf=4) as writer:
        for number in range(12):
            frame = np.full((48, 64, 3), 20 * number + 10, np.uint8)
            frame[:, :32] = (200, 20, 20)
            writer.write(frame)
    return path


def shade(frame) -> int:
    return round((float(frame[24, 50].mean()) - 10) / 20)


@pytest.mark.parametrize("count", [1, 7, 12])
def test_a_long_enough_video_comes_as_it_is(video, count):
    given = list(target_frames(video, count))
    assert [number for number, _ in given] == list(range(count))
    assert [shade(frame) for _, frame in given] == list(range(count))


def test_a_short_one_goes_back_and_forth(video):
    given = list(target_frames(video, 40))
    numbers = [number for number, _ in given]
    assert len(numbers) == 40
    assert numbers[:12] == list(range(12))
    assert numbers[12:23] == list(range(10, -1, -1)), "back, without showing the last frame twice"
    assert numbers[23:34] == list(range(1, 12))
    assert [shade(frame) for _, frame in given] == numbers, "each frame is the one its number says"
    for _, frame in given:
        assert np.abs(frame[24, 10].astype(int) - (200, 20, 20)).max() < 12, "colours are kept"


def test_only_the_end_is_kept(video, monkeypatch):
    """Memory does not grow with the length: what lies further back than the kept frames is not shown again."""
    monkeypatch.setattr(target, "_KEPT", 4)
    numbers = [number for number, _ in target_frames(video, 24)]
    assert numbers == [*range(12), 10, 9, 8, 9, 10, 11, 10, 9, 8, 9, 10, 11]
    assert [shade(frame) for _, frame in target_frames(video, 24)] == numbers


def test_back_and_forth_over_one_frame():
    assert list(_back_and_forth(1, 1, 3)) == [0, 0, 0]
    assert list(_back_and_forth(5, 2, 4)) == [3, 4, 3, 4]
    assert list(_back_and_forth(5, 3, 0)) == []
