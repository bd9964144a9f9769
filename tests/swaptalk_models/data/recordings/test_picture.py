"""data/recordings/picture.py: copies are found however their picture was treated, silent or dubbed, and nothing else is."""

import cv2
import numpy as np
import pytest

from swaptalk_models.data.faces.alignment import crop_affines, crop_face
from swaptalk_models.data.faces.tracking import track_faces
from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.media.video import read_frames
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.data.recordings.fingerprint import Fingerprint, disagreement
from swaptalk_models.data.recordings.picture import EVERY, GRID, PICTURE, luminance_grid, picture_fingerprint
from swaptalk_models.data.recordings.same_recording import same_recordings
from swaptalk_models.settings.data import CropsConfig, FacesConfig

SECONDS, CLIP = 13.6, 170  # frames a clip: two clips of each person
LEAST = round(PICTURE.least_seconds * PICTURE.words_a_second)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> dict[str, np.ndarray]:
    """Frames of two clips each of two drawn people: {"0a": (170, H, W, 3)}."""
    videos = write_corpus(tmp_path_factory.mktemp("people"), people=2, seconds=SECONDS, size=256)
    whole = [np.concatenate(list(read_frames(video))) for video in videos]
    return {
        f"{number}{half}": frames[i * CLIP :][:CLIP]
        for number, frames in enumerate(whole)
        for i, half in enumerate("ab")
    }


@pytest.fixture(scope="module")
def known(clips) -> dict[str, Fingerprint]:
    return {name: seen(frames) for name, frames in clips.items()}


def seen(frames: np.ndarray) -> Fingerprint:
    """As the stages would: the face is found and aligned anew."""
    track = track_faces(iter([frames]), FacesConfig(), "clip", len(frames))
    affines = crop_affines(track.landmarks, CropsConfig())
    crops = (crop_face(frames[i], affines[i], 64) for i in range(0, len(frames), EVERY))
    return picture_fingerprint(np.array([luminance_grid(encode_png(crop)) for crop in crops]))


def compressed(frames: np.ndarray, path, crf: int) -> np.ndarray:
    """Through a video file without a sound, and back."""
    with VideoWriter(path, frames.shape[2], frames.shape[1], crf=crf) as writer:
        for frame in frames:
            writer.write(frame)
    return np.concatenate(list(read_frames(path)))


def treated(frames: np.ndarray, how: str, path) -> np.ndarray:
    high, wide = frames.shape[1:3]
    if how == "compressed, cut":
        return compressed(frames[22:], path, crf=26)
    if how == "smaller, brighter":
        size = (wide * 3 // 4 // 2 * 2, high * 3 // 4 // 2 * 2)
        small = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])
        return compressed((255 * (small / 255) ** 0.7).astype(np.uint8), path, crf=24)
    assert how == "another window, late"
    inside = frames[:, high // 20 : -high // 20, wide // 20 : -wide // 10]
    return compressed(np.concatenate([inside[:1].repeat(13, axis=0), inside]), path, crf=24)


@pytest.mark.parametrize("how", ["compressed, cut", "smaller, brighter", "another window, late"])
def test_a_copy_is_found_and_nobody_else(clips, known, tmp_path, how):
    copy = seen(treated(clips["0b"], how, tmp_path / "x.mp4"))
    everybody = known | {"copy": copy}
    (found,) = same_recordings(everybody, {name: name for name in everybody}, PICTURE)
    assert (found.first, found.second, found.kind) == ("0b", "copy", "picture")
    assert PICTURE.least_seconds <= found.seconds <= CLIP / 25 and found.disagreement <= PICTURE.alike


def test_other_clips_even_of_the_same_person_disagree_in_more_than_any_copy(known):
    names = sorted(known)
    apart = [
        disagreement(known[one], known[other], shift)
        for number, one in enumerate(names)
        for other in names[:number]
        for shift in range(-20, 21)
    ]
    enough = [unlike for unlike, words in apart if words >= LEAST]
    assert len(enough) > 100 and min(enough) > PICTURE.alike + 0.02
    assert same_recordings(known, {name: name for name in known}, PICTURE) == []


def test_what_does_not_move_tells_nothing(clips):
    still = clips["0a"][50]
    grain = np.random.default_rng(0).normal(0, 4, (60, *still.shape))
    face = np.array([luminance_grid(encode_png(still))])
    faded = face * np.linspace(0.1, 1, 40)[:, None, None]
    noisy = np.array([luminance_grid(encode_png(np.clip(still + one, 0, 255).astype(np.uint8))) for one in grain])
    for grids in (face.repeat(40, axis=0), faded, noisy, np.full((40, *GRID), 90.0)):
        assert len(picture_fingerprint(grids).words) and not picture_fingerprint(grids).telling.any()


def test_one_that_is_too_short_has_no_words():
    for frames in range(5):
        assert len(picture_fingerprint(np.zeros((frames, *GRID))).words) == 0


def test_blocks_are_means_in_grey_levels_at_any_size():
    ramp = np.broadcast_to(np.arange(9 * 8)[None, :, None] * 3, (64, 72, 3)).astype(np.uint8)
    for size in ((72, 64), (576, 512)):
        grid = luminance_grid(encode_png(cv2.resize(ramp, size, interpolation=cv2.INTER_NEAREST)))
        assert grid.shape == GRID and np.allclose(grid, [np.arange(9) * 24 + 10.5] * 4, atol=0.5)


def test_a_copy_may_begin_between_two_frames_that_are_looked_at():
    """Smooth movement seen at 5 frames a second, two or three frames apart: the nearest shift is a tenth of a second."""
    time = np.arange(0, 10, 1 / 25)
    rng = np.random.default_rng(3)
    waves = [np.sin(2 * np.pi * (f * time[:, None] + rng.random(36))) for f in (0.3, 0.7, 1.1, 1.6)]
    movie = 128 + 20 * (np.stack(waves, 2) @ rng.normal(size=4)).reshape(-1, *GRID)
    whole = picture_fingerprint(movie[::EVERY])
    for start in range(EVERY):
        late = picture_fingerprint(movie[start::EVERY])
        assert min(disagreement(late, whole, shift)[0] for shift in (0, 1)) < 0.12
    assert disagreement(whole, whole, 5)[0] > 0.3
