"""Finding faces and their 68 landmarks in one image. Two backends; nothing here knows about time.

`dlib` comes with its weights from the package index and is quick enough for a CPU: a HOG detector that slides a window
of 80 px over a pyramid, and a cascade of regression trees for the landmarks. `face-alignment` (S3FD and FAN) is better
on turned and hidden faces, wants a GPU, and fetches its weights from its authors' site.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from swaptalk_models.errors import BadClip, UserError
from swaptalk_models.settings.data import FacesConfig

SURE = 0.5
"""Score from which a detection counts as a face by itself; weaker ones count only where a face is expected."""


@dataclass(frozen=True)
class Detection:
    """One face box."""

    box: np.ndarray
    """float32 (4,): x0, y0, x1, y1 in pixels of the image."""
    score: float
    """0 to 1."""


@dataclass(frozen=True)
class Face:
    """The face of a still image."""

    box: np.ndarray
    """float32 (4,): x0, y0, x1, y1 in pixels."""
    landmarks: np.ndarray
    """float32 (68, 2): x, y in pixels, iBUG order."""
    confidence: float
    """0 to 1."""


class FaceBackend(Protocol):
    """What the tracker needs of a detector. Images are uint8 RGB (H, W, 3), boxes and landmarks float32 in pixels."""

    def detect(self, image: np.ndarray, near: np.ndarray | None = None) -> list[Detection]:
        """Faces in the image, best first; with `near` (a box) only those around it, which is quicker."""

    def landmarks(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        """The 68 landmarks of the face in `box`, (68, 2)."""

    def box_around(self, landmarks: np.ndarray) -> np.ndarray:
        """The box this backend's detector would draw around a face with these landmarks, (4,)."""


def make_backend(config: FacesConfig) -> FaceBackend:
    """The backend named in the configuration. UserError: its package or its weights are not there."""
    if config.backend == "dlib":
        return DlibBackend(config.detect_height)
    return FaceAlignmentBackend(config.device, config.detect_height)


def dlib_weights(name: str) -> str:
    """Path of one of dlib's published models. UserError: it is not installed.

    The package that holds them is never imported: it needs pkg_resources, which is gone from new setuptools.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    path = Path(spec.origin).parent / "models" / name if spec and spec.origin else None
    if path is None or not path.is_file():
        raise UserError(f"dlib's model {name} is missing: install the package face_recognition_models")
    return str(path)


@lru_cache(maxsize=1)
def _dlib_models() -> tuple[Any, Any]:
    """(detector, landmark predictor)."""
    import dlib

    return dlib.get_frontal_face_detector(), dlib.shape_predictor(dlib_weights("shape_predictor_68_face_landmarks.dat"))


class DlibBackend:
    """HOG detector and regression-tree landmarks."""

    WINDOW = 80  # px: the detector sees no face smaller than this
    WEAK_MARGIN = -0.3  # SVM margin of the weakest detections that are reported
    # Centre (x, y) and side of the detector's box relative to the landmarks' centroid, in units of their rms radius
    # (mean over 476 frames of 43 clips).
    BOX_FROM_LANDMARKS = (0.0, -0.13, 2.75)

    def __init__(self, detect_height: int = 240):
        self.detect_height = detect_height
        self._detector, self._predictor = _dlib_models()

    def detect(self, image: np.ndarray, near: np.ndarray | None = None) -> list[Detection]:
        if near is not None:
            return self._detect_near(image, near)
        # A face that fills a third of the frame is found at the first size; smaller ones need the next. At the last,
        # a face of a twelfth of the frame is found.
        scale = self.detect_height / min(image.shape[:2])
        found = self._detect_at(image, scale)
        for larger in (2 * scale, 4 * scale):
            if larger > 2 or any(d.score >= SURE for d in found):
                break
            found = self._detect_at(image, larger)
        return found

    def _detect_near(self, image: np.ndarray, near: np.ndarray) -> list[Detection]:
        # Room of half a box on each side, scaled so that the face is well above the detector's window.
        side = float(max(near[2] - near[0], near[3] - near[1], 1))
        x0, y0 = np.maximum(np.floor(near[:2] - 0.5 * side), 0).astype(int)
        x1, y1 = np.ceil(near[2:] + 0.5 * side).astype(int)
        part = image[y0 : max(y1, 0), x0 : max(x1, 0)]
        if min(part.shape[:2]) < 8:
            return []
        found = self._detect_at(part, 1.35 * self.WINDOW / side)
        return [Detection(d.box + np.array([x0, y0, x0, y0], np.float32), d.score) for d in found]

    def _detect_at(self, image: np.ndarray, scale: float) -> list[Detection]:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=interpolation)
        boxes, margins, _ = self._detector.run(small, 0, self.WEAK_MARGIN)
        return [
            # 2.5: a margin of 1, a clear frontal face, is a score of 0.92; 0, dlib's own threshold, is 0.5.
            Detection(
                np.array([b.left(), b.top(), b.right(), b.bottom()], np.float32) / scale,
                float(1 / (1 + np.exp(-2.5 * m))),
            )
            for b, m in zip(boxes, margins, strict=True)
        ]

    def landmarks(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        import dlib

        # dlib reads grey as it is and makes its own from RGB, three times slower.
        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        shape = self._predictor(grey, dlib.rectangle(*(round(float(v)) for v in box)))
        return np.array([(p.x, p.y) for p in shape.parts()], np.float32)

    def box_around(self, landmarks: np.ndarray) -> np.ndarray:
        return _square_around(landmarks, *self.BOX_FROM_LANDMARKS)


class FaceAlignmentBackend:
    """S3FD boxes and FAN landmarks of the package `face-alignment`."""

    WEAK_SCORE = 0.2  # of the weakest detections that are reported
    BOX_FROM_LANDMARKS = (0.0, -0.1, 2.9)  # S3FD's boxes are a little taller than HOG's; FAN is tolerant

    def __init__(self, device: str = "cpu", detect_height: int = 240):
        self.detect_height = detect_height
        try:
            import face_alignment
            import torch
            from face_alignment.detection.sfd import sfd_detector
        except ImportError as error:
            raise UserError(
                f"face_tracks.backend 'face-alignment' needs the package face-alignment ({error}): "
                "install it or set face_tracks.backend=dlib"
            ) from error
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise UserError(f"face_tracks.device is {device} but PyTorch sees no GPU; set face_tracks.device=cpu")
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        try:
            # Handing over the path makes the package load it with weights_only; by itself it would unpickle the file.
            address = sfd_detector.models_urls["s3fd"]
            weights = folder / Path(address).name
            if not weights.is_file():
                folder.mkdir(parents=True, exist_ok=True)
                torch.hub.download_url_to_file(address, str(weights), hash_prefix="619a316812", progress=False)
            self._model = face_alignment.FaceAlignment(
                face_alignment.LandmarksType.TWO_D,
                device=device,
                flip_input=False,
                compile=False,
                face_detector_kwargs={"path_to_detector": str(weights), "filter_threshold": self.WEAK_SCORE},
            )
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"face_tracks.backend 'face-alignment' could not load its weights ({error}): "
                f"put s3fd-619a316812.pth and 2DFAN4-11f355bf06.pth.tar into {folder} or set face_tracks.backend=dlib"
            ) from error

    def detect(self, image: np.ndarray, near: np.ndarray | None = None) -> list[Detection]:
        scale = min(1.0, self.detect_height / min(image.shape[:2]))
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
        boxes = [np.asarray(b, np.float32) for b in self._model.face_detector.detect_from_image(small)]
        found = [Detection(b[:4] / np.float32(scale), float(b[4])) for b in boxes]
        if near is not None:
            found = [d for d in found if box_overlap(d.box, near) > 0.1]
        return sorted(found, key=lambda d: -d.score)

    def landmarks(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        # The package puts its numbers into tensors, and PyTorch takes no numpy.float32.
        exact = np.asarray(box, np.float64)
        return np.asarray(self._model.get_landmarks_from_image(image, detected_faces=[exact])[0], np.float32)

    def box_around(self, landmarks: np.ndarray) -> np.ndarray:
        return _square_around(landmarks, *self.BOX_FROM_LANDMARKS)


def _square_around(landmarks: np.ndarray, dx: float, dy: float, side: float) -> np.ndarray:
    centre = landmarks.mean(axis=0)
    radius = float(np.sqrt(((landmarks - centre) ** 2).sum(axis=1).mean()))
    middle = centre + radius * np.array([dx, dy], np.float32)
    return np.concatenate([middle - side * radius / 2, middle + side * radius / 2]).astype(np.float32)


def box_overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes (4,), 0 to 1."""
    inner = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    if inner.min() <= 0:
        return 0.0
    shared = float(inner[0] * inner[1])
    return shared / (float(np.prod(a[2:] - a[:2])) + float(np.prod(b[2:] - b[:2])) - shared)


def detect_face(image: np.ndarray, config: FacesConfig | None = None, name: str = "image") -> Face:
    """The largest face of a still image. BadClip, naming `name`: no face, or one narrower than `face_tracks.min_face`."""
    config = config or FacesConfig()
    backend = make_backend(config)
    found = [d for d in backend.detect(image) if d.score >= SURE]
    if not found:
        raise BadClip(f"{name}: no face found")
    best = max(found, key=lambda d: float(np.prod(d.box[2:] - d.box[:2])))
    landmarks = backend.landmarks(image, best.box)
    # A second pass from the box of the first landmarks: the pyramid's boxes come in steps of a fifth of their size.
    landmarks = backend.landmarks(image, backend.box_around(landmarks))
    box = backend.box_around(landmarks)
    if box[2] - box[0] < config.min_face:
        raise BadClip(f"{name}: face {box[2] - box[0]:.0f} px wide, below face_tracks.min_face {config.min_face}")
    return Face(box=box, landmarks=landmarks, confidence=best.score)
