"""Following one speaker's face through a clip.

A detection every few frames, landmarks in every frame from the box around the last ones. In between, a small patch of
the face is compared with its predecessor: a regression of landmarks returns a face-like shape for any picture, so its
output alone cannot tell that the face has gone. On doubt the frame is searched again; when a detection fails, so are
the frames since the last one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import cv2
import numpy as np

from swaptalk_models.data.faces.alignment import TEMPLATE
from swaptalk_models.data.faces.detection import SURE, Detection, FaceBackend, box_overlap, make_backend
from swaptalk_models.data.faces.face_track import DETECTED, INTERPOLATED, MEASURE_EVERY, MISSING, TRACKED, FaceTrack
from swaptalk_models.data.faces.looks import Looks
from swaptalk_models.data.faces.several import prominence
from swaptalk_models.errors import BadClip
from swaptalk_models.settings.data import FacesConfig

_INTERPOLATED_CONFIDENCE = 0.25
_LOOK_AROUND = 5  # every so many detections the whole frame is searched, to see who else is there
_RIVAL = 2.0  # a face this many times as prominent as the followed one ...
_RIVAL_LOOKS = 2  # ... in so many looks in a row is the main speaker after all


Whose = Callable[[np.ndarray, np.ndarray], bool]
"""(image, landmarks (68, 2)) -> whether this is the face of who is followed."""


def track_faces(
    frames: Iterable[np.ndarray],
    config: FacesConfig,
    name: str = "clip",
    total: int | None = None,
    whose: Whose | None = None,
    looks: Looks | None = None,
) -> FaceTrack:
    """Track the main speaker through batches (n, H, W, 3) of uint8 RGB frames, in order.

    Memory is independent of the length but for the track itself. `total`, if known, lets a hopeless clip end early.
    BadClip, naming `name`: no frames, a face in too few of them (`face_tracks.min_found`), or too small (`face_tracks.min_face`).

    Args:
        whose: tells the one who is followed from others; asked wherever the face might have become another's.
        looks: keeps pictures of the face on the way.
    """
    tracker = _Tracker(make_backend(config), config, whose, looks)
    for batch in frames:
        for image in batch:
            tracker.step(image)
        if total and tracker.missing > (1 - config.min_found) * total:
            break
    return tracker.finish(name, total)


class _Tracker:
    """State of one track: the frames since the last detection, the last landmarks, and the growing arrays."""

    def __init__(self, backend: FaceBackend, config: FacesConfig, whose: Whose | None, looks: Looks | None):
        self.backend, self.config, self.whose, self.looks = backend, config, whose, looks
        self.landmarks: list[np.ndarray | None] = []
        self.confidence: list[float] = []
        self.status = bytearray()
        self.followed: np.ndarray | None = None  # landmarks of the previous frame, None when lost
        self.last_box: np.ndarray | None = None  # where the face was last seen, kept when lost
        self.patch: np.ndarray | None = None
        self.score = 0.0
        self.since_detection = 0
        self.detections = 0
        self.rival_looks = 0
        self.recent: list[np.ndarray] = []  # images since the last detection, searched again if the next one fails
        self.doubts: dict[int, float] = {}  # by frame

    @property
    def missing(self) -> int:
        """Frames without a face so far."""
        return self.status.count(MISSING)

    def step(self, image: np.ndarray) -> None:
        self._append(None, 0.0, MISSING)
        self._find(image)
        frame = len(self.status) - 1
        if frame % MEASURE_EVERY == 0 and self.followed is not None:
            assert self.last_box is not None
            self.doubts[frame] = _doubt(self.backend, image, self.last_box)
        if self.looks is not None and self.followed is not None:
            self.looks.see(frame, image, self.followed)

    def _find(self, image: np.ndarray) -> None:
        if self.followed is None:
            self._search(image)
            return
        self.since_detection += 1
        if self.since_detection < self.config.detect_every and self._follow(image):
            self.recent.append(image)
            return
        jumped = self.since_detection < self.config.detect_every
        box = self.backend.box_around(self.followed)
        found = self._best_near(self.backend.detect(image, near=box), box)
        if found is None or not self._accept(image, found, box, sure=not jumped):
            self._lose()
            self._search(image)
        elif self.detections % _LOOK_AROUND == 0:
            self._look_around(image)

    def _append(self, landmarks: np.ndarray | None, confidence: float, status: int) -> None:
        self.landmarks.append(landmarks)
        self.confidence.append(confidence)
        self.status.append(status)

    def _set(self, frame: int, landmarks: np.ndarray | None, confidence: float, status: int) -> None:
        self.landmarks[frame], self.confidence[frame], self.status[frame] = landmarks, confidence, status

    def _follow(self, image: np.ndarray) -> bool:
        """Landmarks from the previous ones; False, and nothing changed, where they cannot be trusted."""
        assert self.followed is not None and self.patch is not None
        landmarks = self.backend.landmarks(image, self.backend.box_around(self.followed))
        patch = _face_patch(image, landmarks)
        likeness = _likeness(patch, self.patch)
        if likeness < 0.6 or _jump(landmarks, self.followed) > 0.25 or _shape_error(landmarks) > 0.2:
            return False
        self._set(-1, landmarks, self.score * min(1.0, 0.3 + 0.7 * likeness), TRACKED)
        self.followed, self.last_box, self.patch = landmarks, self.backend.box_around(landmarks), patch
        return True

    def _accept(self, image: np.ndarray, found: Detection, predicted: np.ndarray | None, sure: bool = False) -> bool:
        """Take a detection over as this frame's face; False where the landmarks in it are no face's, or, unless it is
        ``sure`` who it is, another's.
        """
        # Detectors' boxes come in coarse steps: where the tracked box agrees with one, it is the steadier start.
        if predicted is not None and box_overlap(found.box, predicted) > 0.6:
            landmarks = self.backend.landmarks(image, predicted)
        else:
            landmarks = self.backend.landmarks(image, found.box)
            landmarks = self.backend.landmarks(image, self.backend.box_around(landmarks))
        if _shape_error(landmarks) > 0.25 or not (sure or self.whose is None or self.whose(image, landmarks)):
            return False
        self._set(-1, landmarks, found.score, DETECTED)
        self.followed, self.last_box = landmarks, self.backend.box_around(landmarks)
        self.patch, self.score = _face_patch(image, landmarks), found.score
        self.since_detection, self.recent = 0, []
        self.detections += 1
        return True

    def _best_near(self, found: list[Detection], box: np.ndarray) -> Detection | None:
        """The detection that continues the track: where a face is expected, a weak one will do."""
        near = [d for d in found if box_overlap(d.box, box) > 0.3]
        return max(near, key=lambda d: box_overlap(d.box, box), default=None)

    def _lose(self) -> None:
        """The detector no longer sees the face: search the frames since its last success, forget those without."""
        first = len(self.status) - 1 - len(self.recent)
        for frame, image in enumerate(self.recent, start=first):
            landmarks = self.landmarks[frame]
            assert landmarks is not None
            box = self.backend.box_around(landmarks)
            found = self._best_near(self.backend.detect(image, near=box), box)
            if found is None:
                self._set(frame, None, 0.0, MISSING)
            else:
                self._set(frame, landmarks, found.score, DETECTED)
        self.followed, self.patch, self.recent = None, None, []

    def _search(self, image: np.ndarray) -> None:
        """Look for a face in the whole frame: the one that continues a lost track, else the most prominent."""
        if self.last_box is not None:
            continued = self._best_near(self.backend.detect(image, near=self.last_box), self.last_box)
            if continued is not None and self._accept(image, continued, None):
                return
        if (len(self.status) - 1) % self.config.detect_every:  # the whole frame costs more: every few frames only
            return
        found = [d for d in self.backend.detect(image) if d.score >= SURE]
        found.sort(key=lambda d: -prominence(d.box, image.shape))
        any(self._accept(image, d, None) for d in found)  # stops at the first that is a face

    def _look_around(self, image: np.ndarray) -> None:
        """The track may have begun on a bystander or a false alarm while the speaker's own face was hidden.

        A track is one person: when a far more prominent face shows up and stays, the track starts anew with it and the
        frames before become face-less.
        """
        assert self.last_box is not None
        if self.whose is not None:  # nobody is a rival; but where two faces met, the track may have gone over
            assert self.followed is not None
            if not self.whose(image, self.followed):
                self._set(-1, None, 0.0, MISSING)
                self.followed, self.patch, self.last_box = None, None, None
            return
        rivals = [d for d in self.backend.detect(image) if d.score >= SURE and box_overlap(d.box, self.last_box) < 0.1]
        best = max(rivals, key=lambda d: prominence(d.box, image.shape), default=None)
        own = prominence(self.last_box, image.shape)
        if best is None or not prominence(best.box, image.shape) > _RIVAL * own:
            self.rival_looks = 0
            return
        self.rival_looks += 1
        if self.rival_looks >= _RIVAL_LOOKS and self._accept(image, best, None):
            self.rival_looks = 0
            for frame in range(len(self.status) - 1):
                self._set(frame, None, 0.0, MISSING)

    def finish(self, name: str, total: int | None) -> FaceTrack:
        num_frames = len(self.status)
        if not num_frames:
            raise BadClip(f"{name}: no frames")
        if num_frames - self.missing < self.config.min_found * num_frames or self.missing == num_frames:
            of = "of the first" if total and num_frames < total else "of"
            raise BadClip(f"{name}: no face found in {self.missing} {of} {num_frames} frames")
        status = np.frombuffer(self.status, np.uint8).copy()
        confidence = np.array(self.confidence, np.float32)
        seen = np.flatnonzero(status != MISSING)
        known = np.stack([points for i in seen if (points := self.landmarks[i]) is not None])
        landmarks = _fill_gaps(known, seen, num_frames)
        box = np.stack([self.backend.box_around(points) for points in landmarks])
        for before, after in itertools.pairwise(seen):
            if 1 < after - before <= self.config.max_gap + 1 and box_overlap(box[before], box[after]) > 0.1:
                status[before + 1 : after] = INTERPOLATED
                confidence[before + 1 : after] = _INTERPOLATED_CONFIDENCE
        for frame in np.flatnonzero(status == MISSING):  # too long to bridge: hold the nearest
            nearest = seen[np.abs(seen - frame).argmin()]
            landmarks[frame], box[frame] = landmarks[nearest], box[nearest]
        width = float(np.median(box[seen, 2] - box[seen, 0]))
        if width < self.config.min_face:
            raise BadClip(f"{name}: median face {width:.0f} px wide, below face_tracks.min_face {self.config.min_face}")
        doubts = [value for frame, value in self.doubts.items() if status[frame] in (DETECTED, TRACKED)]
        doubt = np.array(doubts, np.float32)
        kept = self.looks.of(status) if self.looks is not None else {}
        return FaceTrack(box=box, landmarks=landmarks, confidence=confidence, status=status, doubt=doubt, **kept)


def _fill_gaps(known: np.ndarray, seen: np.ndarray, num_frames: int) -> np.ndarray:
    """Landmarks (K, 68, 2) of the frames `seen`, interpolated linearly to (num_frames, 68, 2); the ends are held."""
    frames = np.arange(num_frames)
    after = np.clip(np.searchsorted(seen, frames), 0, len(seen) - 1)
    before = np.clip(np.searchsorted(seen, frames, side="right") - 1, 0, len(seen) - 1)
    span = np.maximum(seen[after] - seen[before], 1)
    weight = np.clip((frames - seen[before]) / span, 0, 1).astype(np.float32)[:, None, None]
    return known[before] * (1 - weight) + known[after] * weight


def _jump(landmarks: np.ndarray, previous: np.ndarray) -> float:
    """Mean movement between two frames, as a share of the face's width."""
    return float(np.linalg.norm(landmarks - previous, axis=1).mean() / max(np.ptp(previous[:, 0]), 1))


def _shape_error(landmarks: np.ndarray) -> float:
    """Root mean square distance from the template after the best similarity, in units of the shape's rms radius."""
    shape = landmarks[:, 0] + 1j * landmarks[:, 1]
    goal = TEMPLATE[:, 0] + 1j * TEMPLATE[:, 1]
    shape, goal = shape - shape.mean(), goal - goal.mean()
    power = max(float(np.vdot(shape, shape).real * np.vdot(goal, goal).real), 1e-12)
    return float(np.sqrt(max(0.0, 1 - abs(np.vdot(shape, goal)) ** 2 / power)))


_SHIFT = 0.08  # of the box's width: twice what detectors are off by


def _doubt(backend: FaceBackend, image: np.ndarray, box: np.ndarray) -> float:
    """How far the landmarks of nose or mouth move with the box they are sought in, as a share of its width.

    From two boxes, one moved to the left and one to the right, visible features are found at the same place within a
    pixel; a regression that sees a hand or a microphone there puts them somewhere else each time.
    """
    width = float(box[2] - box[0])
    shift = np.array([_SHIFT * width, 0, _SHIFT * width, 0], np.float32)
    left, right = (backend.landmarks(image, box + sign * shift) for sign in (-1, 1))
    moved = np.linalg.norm(left - right, axis=1) / 2 / max(width, 1e-6)
    return float(max(moved[27:36].mean(), moved[48:].mean()))


_PATCH = 24


def _face_patch(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Grey picture (24, 24) of brows to mouth, normalised to mean 0 and length 1."""
    x0, y0 = landmarks[17:].min(axis=0).astype(int)
    x1, y1 = landmarks[17:].max(axis=0).astype(int) + 1
    height, width = image.shape[:2]
    y0, x0 = np.clip(y0, 0, height - 1), np.clip(x0, 0, width - 1)
    part = image[y0 : max(y1, 1), x0 : max(x1, 1), 1]
    if min(part.shape) < 2:
        return np.zeros((_PATCH, _PATCH), np.float32)
    step = max(1, min(part.shape) // (2 * _PATCH))  # every n-th pixel is enough for a likeness
    part = np.ascontiguousarray(part[::step, ::step])
    patch = cv2.resize(part, (_PATCH, _PATCH), interpolation=cv2.INTER_AREA).astype(np.float32)
    patch -= patch.mean()
    return patch / max(float(np.linalg.norm(patch)), 1e-6)


def _likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Normalised cross-correlation of two patches, -1 to 1."""
    return float((a * b).sum())
