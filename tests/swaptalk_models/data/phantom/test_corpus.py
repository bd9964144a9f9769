import json
import os
from importlib.util import find_spec
from pathlib import Path

import av
import dlib
import numpy as np
import pytest

from swaptalk_models.data.phantom.corpus import write_corpus, write_person
from swaptalk_models.errors import UserError

SECONDS = 1.6


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    write_corpus(folder, people=1, seconds=SECONDS)
    return folder


def _frames(video: Path) -> list[np.ndarray]:
    with av.open(str(video)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def _audio(video: Path) -> np.ndarray:
    with av.open(str(video)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def test_a_phantom_is_an_ordinary_video_with_sound_and_truth(corpus):
    video = corpus / "phantom_000.mp4"
    with av.open(str(video)) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert picture.codec_context.name == "h264" and picture.codec_context.pix_fmt == "yuv420p"
        assert picture.average_rate == 25 and sound.codec_context.name == "aac"
    frames = _frames(video)
    assert len(frames) == 40 and frames[0].shape == (256, 256, 3)
    assert np.sqrt(np.mean(_audio(video) ** 2)) > 0.03
    with np.load(corpus / "truth" / "phantom_000.npz") as truth:
        assert truth["landmarks"].shape == (40, 68, 2) and truth["opening"].shape == (40,)
        assert truth["opening"].min() >= 0 and truth["opening"].max() <= 1
    note = json.loads((corpus / "truth" / "phantom_000.json").read_text())
    assert note["person"]["index"] == 0 and note["phonemes"][-1][2] == pytest.approx(SECONDS)


def test_the_sound_starts_with_the_picture(corpus):
    from swaptalk_models.data.phantom.people import make_person
    from swaptalk_models.data.phantom.speech import speak

    said = speak(make_person(0).voice, SECONDS, np.random.default_rng([0, 0, 1])).audio
    heard = _audio(corpus / "phantom_000.mp4")
    n = min(len(said), len(heard))
    lags = np.arange(-2048, 2049, 64)
    match = [np.dot(said[4096 : n - 4096], heard[4096 + lag : n - 4096 + lag]) for lag in lags]
    assert abs(int(lags[int(np.argmax(match))])) <= 64


def test_the_real_detector_finds_the_face_and_its_mouth(corpus):
    detect = dlib.get_frontal_face_detector()
    models = Path(find_spec("face_recognition_models").submodule_search_locations[0]) / "models"
    landmarks = dlib.shape_predictor(str(models / "shape_predictor_68_face_landmarks.dat"))
    truth = np.load(corpus / "truth" / "phantom_000.npz")
    gaps, errors = [], []
    for image in _frames(corpus / "phantom_000.mp4"):
        boxes = detect(image, 0)
        assert len(boxes) == 1
        points = np.array([(p.x, p.y) for p in landmarks(image, boxes[0]).parts()], float)
        eyes = np.linalg.norm(points[36:42].mean(0) - points[42:48].mean(0))
        gaps.append(np.linalg.norm(points[66] - points[62]) / eyes)
        errors.append(np.linalg.norm(points[17:] - truth["landmarks"][len(gaps) - 1, 17:], axis=1).mean() / eyes)
    assert np.corrcoef(gaps, truth["opening"])[0, 1] > 0.6
    assert np.mean(errors) < 0.12


def test_a_person_does_not_depend_on_the_others_nor_on_the_run(corpus, tmp_path):
    write_person(tmp_path / "phantom_000.mp4", 0, SECONDS, 0, 256)
    assert all(
        np.array_equal(a, b)
        for a, b in zip(_frames(tmp_path / "phantom_000.mp4"), _frames(corpus / "phantom_000.mp4"), strict=True)
    )
    assert np.array_equal(_audio(tmp_path / "phantom_000.mp4"), _audio(corpus / "phantom_000.mp4"))


def test_what_is_there_is_kept_and_what_is_damaged_or_different_is_drawn_again(tmp_path):
    def write(seconds: float = 1.0) -> float:
        (video,) = write_corpus(tmp_path, people=1, seconds=seconds, size=128)
        return video.stat().st_mtime_ns

    first = write()
    video = tmp_path / "phantom_000.mp4"
    assert write() == first
    video.write_bytes(video.read_bytes()[:1000])
    second = write()
    assert second != first and len(_frames(video)) == 25
    (tmp_path / "truth" / "phantom_000.npz").unlink()
    third = write()
    assert third != second
    assert write(seconds=1.2) != third and len(_frames(video)) == 30
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_a_larger_corpus_extends_a_smaller_one_in_parallel(corpus):
    before = (corpus / "phantom_000.mp4").stat().st_mtime_ns
    videos = write_corpus(corpus, people=3, seconds=SECONDS)
    assert [video.name for video in videos] == ["phantom_000.mp4", "phantom_001.mp4", "phantom_002.mp4"]
    assert all(video.is_file() for video in videos) and videos[0].stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "bad", [{"people": 0}, {"people": 5000}, {"seconds": 0.5}, {"seed": -1}, {"size": 99}, {"size": 30}]
)
def test_bad_numbers_are_named(tmp_path, bad):
    with pytest.raises(UserError, match=next(iter(bad))):
        write_corpus(tmp_path / "out", **bad)
    assert not (tmp_path / "out").exists()


def test_a_file_as_output_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="it is a file"):
        write_corpus(tmp_path / "out", people=1, seconds=1)
    assert (tmp_path / "out").read_text() == "mine"
