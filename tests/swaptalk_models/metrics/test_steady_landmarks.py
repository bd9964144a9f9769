"""Landmarks for measuring, against the exact truth of a phantom."""

import numpy as np
import pytest

from swaptalk_models.data.faces.detection import DlibBackend
from swaptalk_models.data.faces.face_track import DETECTED, MISSING, FaceTrack
from swaptalk_models.data.faces.landmarks import mouth_opening
from swaptalk_models.data.faces.tracking import track_faces
from swaptalk_models.data.media.video import read_frames
from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.metrics.mouth import opening_correlation
from swaptalk_models.metrics.steady_landmarks import steady_landmarks
from swaptalk_models.settings.data import FacesConfig


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    path = sorted(write_corpus(folder, 3, 2.0, seed=0))[2]  # the third wears glasses: dlib's hardest
    frames = np.concatenate(list(read_frames(path)))
    return frames, np.load(folder / "truth" / f"{path.stem}.npz")["opening"]


def test_mouth_follows_the_truth_more_closely_than_the_tracks(phantom):
    frames, truth = phantom
    track = track_faces([frames], FacesConfig(), "phantom", len(frames))
    steady = steady_landmarks([frames[:30], frames[30:]], track, DlibBackend())
    before, after = (opening_correlation(mouth_opening(landmarks), truth) for landmarks in (track.landmarks, steady))
    assert after > 0.8 and after > before


def test_frames_without_a_face_are_left_as_they_are(phantom):
    frames, _ = phantom
    track = track_faces([frames], FacesConfig(), "phantom", len(frames))
    status = np.full(len(frames), MISSING, np.uint8)
    status[5] = DETECTED
    steady = steady_landmarks([frames], FaceTrack(track.box, track.landmarks, track.confidence, status), DlibBackend())
    changed = (steady != track.landmarks).any((1, 2))
    assert changed[5] and changed.sum() == 1
