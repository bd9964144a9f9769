"""The judges: networks that measure and that no generator was trained against. Every result names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face
from swaptalk_models.data.faces.detection import detect_face, make_backend
from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.data.faces.tracking import track_faces
from swaptalk_models.data.media.suffixes import PICTURES
from swaptalk_models.data.media.timeline import frames_at_25, length_at_25
from swaptalk_models.data.media.video import read_image
from swaptalk_models.errors import UserError
from swaptalk_models.metrics.lip_reading import LipReaderJudge
from swaptalk_models.metrics.steady_landmarks import JITTER, steady_landmarks
from swaptalk_models.settings.data import CropsConfig, FacesConfig

IDENTITY_CROP = CropsConfig(size=384, margin=0.5, smooth_frames=0)
"""What the identity judge is shown: the face with as much around it as dlib's own face chip wants."""
IMAGE_SUFFIXES = set(PICTURES)
_TRACKS_KEPT = 64
IdentityJudge = Callable[[Sequence[np.ndarray], np.ndarray], np.ndarray]
"""Pictures (N of uint8 RGB) and their landmarks (N, 68, 2) to unit-norm embeddings (N, D)."""
FileKey = tuple[str, int, int]
"""Path, time of the last change, and size."""


class _VideoJudge(Protocol):
    name: str
    crop_size: int

    def video_embeddings(self, crops: np.ndarray) -> np.ndarray:
        """uint8 RGB aligned crops (T, S, S, 3) to one embedding a 5-frame window, (T - 4, D)."""


class SyncJudge(_VideoJudge, Protocol):
    """A SyncNet in pixel space, fed with the aligned crop and the mel that everything here shares."""

    def audio_embeddings(self, mel: np.ndarray) -> np.ndarray:
        """Log-mel (T_mel, 80) to (N, D), the i-th for the sound that goes with frames i to i + 4."""


class RawSyncJudge(_VideoJudge, Protocol):
    """A SyncNet with a preprocessing of its own: see `syncnet.py`."""

    def affines(self, landmarks: np.ndarray) -> np.ndarray:
        """Its crop (T, 2, 3), from landmarks (T, 68, 2)."""

    def sound_embeddings(self, samples: np.ndarray) -> np.ndarray:
        """Samples (S,) at 16 kHz to (N, D), the i-th for the sound that goes with frames i to i + 4."""


class NamedIdentityJudge(Protocol):
    """An identity judge with a name."""

    name: str

    def __call__(self, pictures: Sequence[np.ndarray], landmarks: np.ndarray) -> np.ndarray:
        """As `IdentityJudge`."""


class LandmarkJudge(Protocol):
    """Landmarks of a whole video."""

    name: str

    def video(self, batches: Iterable[np.ndarray], track: FaceTrack) -> np.ndarray:
        """(T, 68, 2) in px, iBUG order, of the frames of ``track``."""


@runtime_checkable
class FeatureJudge(Protocol):
    """A feature extractor for the Frechet distance. `single_frames = True`: a row a frame, and a sample of the frames will do."""

    name: str
    crop_size: int

    def features(self, crops: np.ndarray) -> np.ndarray:
        """uint8 RGB aligned crops (T, S, S, 3), T at least 5, to features of frames (T, D) or of windows (T - 4, D)."""


@dataclass
class Judges:
    """All judges of one evaluation. Remembers the faces of sources, galleries and targets that come again and again."""

    identity: IdentityJudge
    identity_name: str
    """Name and version of the identity judge."""
    faces: FacesConfig = field(default_factory=FacesConfig)
    """Detector and landmarks, the same on every video."""
    sync: SyncJudge | RawSyncJudge | None = None
    """None: LSE-C, LSE-D and AV offset are null."""
    features: FeatureJudge | None = None
    """Features of the Frechet distance; None: null."""
    lipreader: LipReaderJudge | None = None
    """None: no LipScore."""
    second_identity: NamedIdentityJudge | None = None
    """None: identity has one judge."""
    second_landmarks: LandmarkJudge | None = None
    """None: landmarks have one judge."""
    _tracks: dict[FileKey, FaceTrack] = field(default_factory=dict, repr=False)
    _points: dict[FileKey, np.ndarray] = field(default_factory=dict, repr=False)
    _second_points: dict[FileKey, np.ndarray] = field(default_factory=dict, repr=False)
    _pictures: dict[FileKey, np.ndarray] = field(default_factory=dict, repr=False)

    @classmethod
    def default(
        cls,
        faces: FacesConfig | None = None,
        sync: SyncJudge | RawSyncJudge | None = None,
        features: FeatureJudge | None = None,
    ) -> Judges:
        """dlib for identity; the sync judge's own features for the Frechet distance unless others are given."""
        from swaptalk_models.metrics.dlib_judge import DLIB_JUDGE, identity_embeddings

        if features is None and isinstance(sync, FeatureJudge):
            features = sync
        return cls(identity_embeddings, DLIB_JUDGE, faces or FacesConfig(), sync, features)

    def names(self) -> dict[str, str | None]:
        """The `judges` of a result. `fid` says so when the features are not Inception's and the number thus no FID."""
        features = self.features.name if self.features is not None else None
        if features and not features.startswith("Inception-v3 pool3 of pytorch-fid"):
            features += " features (Frechet distance, not Inception FID)"
        return {
            "identity": self.identity_name,
            "sync": self.sync.name if self.sync is not None else None,
            "fid": features,
            "landmarks": f"dlib, mean of {len(JITTER)} boxes" if self.faces.backend == "dlib" else self.faces.backend,
        } | {
            role: judge.name
            for role, judge in (
                ("lipreader", self.lipreader),
                ("second_identity", self.second_identity),
                ("second_landmarks", self.second_landmarks),
            )
            if judge is not None
        }

    def track(self, path: Path) -> FaceTrack:
        """Faces of a video at 25 fps. Frames without a face are marked; BadClip only when there is none at all."""
        key = _file_key(path)
        if key not in self._tracks:
            if len(self._tracks) >= _TRACKS_KEPT:
                self._tracks.pop(next(iter(self._tracks)))
            lenient = replace(self.faces, min_found=1e-6, min_face=1)
            self._tracks[key] = track_faces(frames_at_25(path), lenient, path.name, length_at_25(path))
        return self._tracks[key]

    def points(self, path: Path, wanted: np.ndarray | None = None) -> np.ndarray:
        """Landmarks (T, 68, 2) by which mouths are measured. Crops are cut by the track's, as those that the networks know.

        Where only the frames `wanted`, bool (T,), are asked for, the others may be the track's: a frame takes 10 ms.
        """
        track = self.track(path)
        if self.faces.backend != "dlib":
            return track.landmarks
        key = _file_key(path)
        if wanted is not None and key not in self._points:
            return steady_landmarks(frames_at_25(path), track, make_backend(self.faces), wanted)
        if key not in self._points:
            if len(self._points) >= _TRACKS_KEPT:
                self._points.pop(next(iter(self._points)))
            self._points[key] = steady_landmarks(frames_at_25(path), track, make_backend(self.faces))
        return self._points[key]

    def second_points(self, path: Path) -> np.ndarray:
        """As `points`, by the second judge of landmarks, which has to be there."""
        assert self.second_landmarks is not None
        key = _file_key(path)
        if key not in self._second_points:
            if len(self._second_points) >= _TRACKS_KEPT:
                self._second_points.pop(next(iter(self._second_points)))
            self._second_points[key] = self.second_landmarks.video(frames_at_25(path), self.track(path))
        return self._second_points[key]

    def embed_picture(self, path: Path) -> np.ndarray:
        """Identity (D,) of the largest face of a picture. UserError: no picture, or no face in it."""
        key = _file_key(path)
        if key not in self._pictures:
            self._pictures[key] = self.picture_by(self.identity, path)
        return self._pictures[key]

    def picture_by(self, judge: IdentityJudge, path: Path) -> np.ndarray:
        """The same by any judge, asked anew each time."""
        image = read_image(path)
        face = detect_face(image, replace(self.faces, min_face=1), name=path.name)
        crop, landmarks = identity_crop(image, face.landmarks)
        return np.asarray(judge([crop], landmarks[None]))[0]

    def gallery(self, folder: Path, source: Path) -> tuple[np.ndarray, int]:
        """Identities (G, D) of a folder of pictures, one a person, and the source's row.

        The source's own picture is known by its content; it is added when the folder does not hold it. UserError: no
        picture in there.
        """
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder (a gallery holds one picture a person)")
        pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
        if not pictures:
            raise UserError(f"{folder}: no pictures in the gallery ({', '.join(sorted(IMAGE_SUFFIXES))})")
        content = source.read_bytes()
        same = [
            row
            for row, path in enumerate(pictures)
            if path.stat().st_size == len(content) and path.read_bytes() == content
        ]
        if not same:
            pictures.append(source)
        return np.stack([self.embed_picture(path) for path in pictures]), same[0] if same else len(pictures) - 1


def identity_crop(image: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The crop that the identity judge sees, and the landmarks (68, 2) in it."""
    affine = crop_affines(landmarks[None], IDENTITY_CROP)[0]
    return crop_face(image, affine, IDENTITY_CROP.size), apply_affine(landmarks, affine)


def _file_key(path: Path) -> FileKey:
    state = path.stat()
    return str(path.resolve()), state.st_mtime_ns, state.st_size
