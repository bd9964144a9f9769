"""Choosing among the streams of a file, and what is said of one that surprises."""

import av
import numpy as np
import pytest

from swaptalk_models.data.media.container import open_media
from swaptalk_models.data.media.orientation import Orientation
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.errors import BadClip


@pytest.fixture
def path(tmp_path):
    with VideoWriter(tmp_path / "12:30.mp4", 64, 48) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8))
    return tmp_path / "12:30.mp4"


@pytest.mark.parametrize(
    "fault", [ValueError("Frame does not match\nsetup"), IndexError("7"), ZeroDivisionError(), NotImplementedError("x")]
)
def test_a_librarys_surprise_names_the_file(path, fault):
    with pytest.raises(BadClip) as caught, open_media(path):
        raise fault
    assert str(path) in str(caught.value) and "\n" not in str(caught.value) and "make it anew" in str(caught.value)


def test_a_name_with_a_colon_is_no_protocol(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with open_media("12:30.mp4") as container:
        assert len(list(container.decode(video=0))) == 1


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_arrays_and_filters_turn_alike(rotation, mirrored):
    image = np.random.default_rng(0).integers(0, 255, (8, 12, 3), np.uint8)
    orientation = Orientation(rotation, mirrored)
    graph = av.filter.Graph()
    nodes = [graph.add_buffer(width=12, height=8, format="rgb24", time_base=1)]
    nodes += [graph.add(*each) for each in orientation.filters()] + [graph.add("buffersink")]
    graph.link_nodes(*nodes).configure()
    graph.push(av.VideoFrame.from_ndarray(image, format="rgb24"))
    np.testing.assert_array_equal(graph.pull().to_ndarray(), orientation.upright(image))
