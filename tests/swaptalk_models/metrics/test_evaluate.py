"""A whole evaluation with judges whose answers are known."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from swaptalk_models.data.media.timeline import frames_at_25
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.sound.mel import MEL_RATE
from swaptalk_models.errors import BadClip, UserError
from swaptalk_models.metrics.evaluate import METRICS, evaluate_video, score_video
from swaptalk_models.metrics.judges import Judges
from swaptalk_models.metrics.picture_figures import PICTURE_FIGURES
from swaptalk_models.settings.data import FacesConfig
from swaptalk_models.settings.evaluation import EvaluationConfig

FRAMES = 45
QUICK = EvaluationConfig(identity_frames=4, identity_neighbours=3, crop_size=128, max_offset=8)
LOUDNESS = np.random.default_rng(0).uniform(0, 1, FRAMES + 40)  # what picture and sound share, one value a frame


class BrightnessJudge:
    """A SyncNet that hears loudness and sees brightness."""

    name = "brightness@1"
    crop_size = 64

    def video_embeddings(self, crops):
        brightness = np.array([crop.mean() for crop in crops])
        return (np.lib.stride_tricks.sliding_window_view(brightness, 5) - 105) / 12

    def audio_embeddings(self, mel):
        frames = int(len(mel) * 25 / MEL_RATE)
        loudness = np.array([mel[round(i * 3.2) + 1 : round(i * 3.2) + 3].mean() for i in range(frames)])
        loudness = (loudness - loudness.mean()) / loudness.std()
        return np.lib.stride_tricks.sliding_window_view(loudness, 5)

    def features(self, crops):
        return np.stack([cv2.resize(crop, (3, 3), interpolation=cv2.INTER_AREA).ravel() for crop in crops]).astype(
            np.float32
        )


def colour_identity(pictures, landmarks):
    """Embeds a face by the picture around its nose."""
    vectors = []
    for picture, points in zip(pictures, landmarks, strict=True):
        x, y = points[30].astype(int)
        vectors.append(
            cv2.resize(picture[y - 40 : y + 40, x - 40 : x + 40], (6, 6), interpolation=cv2.INTER_AREA).ravel() - 128.0
        )
    vectors = np.stack(vectors)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def judges() -> Judges:
    judge = BrightnessJudge()
    return Judges(colour_identity, "colour", FacesConfig(), judge, judge)


def portrait() -> np.ndarray:
    return cv2.resize(astronaut()[:240, 110:350], (224, 224), interpolation=cv2.INTER_AREA)


def write(path: Path, frames=FRAMES, size=224, faceless=(), blinking=True, sound_late=0, sound=True, fps=25) -> Path:
    """A portrait that lights up with its sound; `sound_late` frames of silence before it."""
    samples = np.repeat(LOUDNESS[:FRAMES], 640)
    noise = np.random.default_rng(1).normal(size=len(samples)) * 10 ** (-2.2 + 1.4 * samples)
    audio = (
        np.concatenate([np.random.default_rng(2).normal(size=640 * sound_late) * 0.02, np.clip(noise, -1, 1)])
        if sound
        else None
    )
    still = cv2.resize(portrait(), (size, size), interpolation=cv2.INTER_AREA).astype(float)
    with VideoWriter(path, size, size, fps=fps, audio=audio, crf=10) as writer:
        for frame in range(frames):
            image = still + (60 * (LOUDNESS[int(frame * 25 / fps)] - 0.5) if blinking else 0)
            if frame in faceless:
                image = np.full_like(still, 90)
            writer.write(np.clip(image, 0, 255).astype(np.uint8))
    return path


@pytest.fixture(scope="module")
def target(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("videos") / "target, señor.mp4")


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "source.png"
    cv2.imwrite(str(path), portrait()[..., ::-1])
    return path


@pytest.fixture(scope="module")
def gallery(tmp_path_factory, source) -> Path:
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "a.png").write_bytes(source.read_bytes())
    cv2.imwrite(str(folder / "b.png"), portrait())  # red and blue exchanged: another "person"
    return folder


def test_identical_videos(judges, target, source, gallery):
    result = evaluate_video(target, target, source, None, gallery, judges, QUICK)
    metrics = result["metrics"]
    assert list(metrics) == list(METRICS)
    assert (
        metrics["ssim"] == 1
        and metrics["psnr"] == 100
        and metrics["lmd"] == 0
        and metrics["fid"] == pytest.approx(0, abs=1e-3)
    )
    assert metrics["av_offset"] == 0 and metrics["lse_c"] > 0.5
    assert metrics["id_retrieve"] == 100 and metrics["id_similarity"] > 0.9
    assert result["frames"] == FRAMES and result["excluded"] == {}
    assert result["judges"]["identity"] == "colour" and result["judges"]["sync"] == "brightness@1"
    assert "not Inception" in result["judges"]["fid"] and result["judges"]["landmarks"] == "dlib, mean of 7 boxes"
    assert result["details"]["sampled_identity_frames"] == 4 and result["details"]["gallery_size"] == 2
    found = {name: result["details"][name] for name in (*PICTURE_FIGURES, "opening_range")}
    ratios = ("tiles", "sharpness", "sharpness_mouth", "opening_range")
    assert found == {name: pytest.approx(float(name in ratios), abs=1e-6) for name in found}
    assert result["details"]["sampled_picture_frames"] == FRAMES
    json.dumps(result, allow_nan=False)


def test_sound_that_lags_gives_a_negative_offset_and_no_sound_none(judges, target, tmp_path):
    late = write(tmp_path / "late.mp4", sound_late=5)
    result = evaluate_video(late, target, None, None, None, judges, QUICK)
    assert result["metrics"]["av_offset"] == -5
    assert result["metrics"]["lmd"] is not None  # the same sound, only later: still self-driven
    silent = write(tmp_path / "silent.mp4", sound=False)
    assert evaluate_video(silent, target, None, None, None, judges, QUICK)["metrics"]["lse_c"] is None
    assert evaluate_video(silent, target, None, target, None, judges, QUICK)["metrics"]["av_offset"] == 0


def test_a_smaller_and_shorter_video_with_lost_faces_is_compared_where_both_exist(judges, target, tmp_path):
    small = write(tmp_path / "small.mp4", frames=40, size=160, faceless=range(10, 26))
    result = evaluate_video(small, target, None, None, None, judges, QUICK)
    assert result["details"]["alignment"] == "target" and result["metrics"]["fid"] > 0
    assert result["excluded"]["beyond the end of the generated video"] == FRAMES - 40
    missing = sum(count for reason, count in result["excluded"].items() if "face" in reason)
    assert missing >= 16 and result["frames"] == 40 - missing
    assert 0.8 < result["metrics"]["ssim"] < 1 and result["metrics"]["lmd"] < 3


def test_another_sound_makes_it_cross_driven_without_lmd(judges, target, tmp_path):
    speech = np.random.default_rng(5).normal(size=32000) * np.repeat(np.random.default_rng(6).uniform(0, 0.3, 50), 640)
    other = tmp_path / "other.wav"
    from swaptalk_models.data.media.audio import write_wav

    write_wav(other, speech)
    result = evaluate_video(target, target, None, other, None, judges, QUICK)
    assert result["details"]["setting"] == "cross" and result["metrics"]["lmd"] is None
    forced = score_video(target, target, None, other, None, judges, QUICK, setting="self")
    assert forced.metrics["lmd"] == 0


def test_blur_shows_in_the_details(judges, target, tmp_path):
    soft = tmp_path / "soft.mp4"
    with VideoWriter(soft, 224, 224, fps=25, crf=10) as writer:
        for batch in frames_at_25(target):
            for frame in batch:
                writer.write(cv2.GaussianBlur(frame, (0, 0), 2))
    details = evaluate_video(soft, target, None, target, None, judges, QUICK)["details"]
    assert details["sharpness"] < 0.7 and details["sharpness_mouth"] < 0.7 and details["tiles"] < 1.1
    cross = score_video(soft, target, None, target, None, judges, QUICK, setting="cross").details
    assert "opening_range" not in cross and cross["sharpness"] == details["sharpness"]


def test_without_a_target_only_what_needs_none(judges, source, tmp_path):
    still = write(tmp_path / "still.mp4", blinking=False, frames=25)
    scores = score_video(still, None, source, None, None, judges, QUICK)
    assert scores.metrics["ssim"] is scores.metrics["fid"] is scores.metrics["lmd"] is None
    assert scores.metrics["cpbd"] > 0 and scores.metrics["consistency"] == pytest.approx(100, abs=0.5)
    assert len(scores.similarity) == 4 and scores.similarity[0][0] == 0


def test_fifty_frames_a_second_are_compared_by_time(judges, target, tmp_path):
    fast = write(tmp_path / "fast.mp4", frames=2 * FRAMES, fps=50)
    result = evaluate_video(fast, target, None, None, None, judges, QUICK)
    assert result["frames"] == FRAMES and result["metrics"]["ssim"] > 0.95 and result["metrics"]["av_offset"] == 0


def test_bad_input_is_named(judges, target, source, tmp_path):
    text = tmp_path / "notes.mp4"
    text.write_text("no video")
    with pytest.raises(BadClip, match="notes.mp4"):
        evaluate_video(text, target, None, None, None, judges, QUICK)
    blank = write(tmp_path / "blank.mp4", frames=8, faceless=range(8))
    with pytest.raises(BadClip, match="no face"):
        evaluate_video(blank, None, None, None, None, judges, QUICK)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no pictures"):
        evaluate_video(target, None, source, None, tmp_path / "empty", judges, QUICK)


def test_sound_that_comes_five_frames_early_has_offset_five(judges, target, tmp_path):
    from swaptalk_models.data.media.audio import read_audio, write_wav

    early = tmp_path / "early.wav"
    write_wav(early, read_audio(target)[5 * 640 :])
    assert evaluate_video(target, target, None, early, None, judges, QUICK)["metrics"]["av_offset"] == 5


def test_re_encoding_hardly_moves_identity_and_blur_lowers_sharpness(source, tmp_path):
    from swaptalk_models.metrics.dlib_judge import identity_embeddings

    judges = Judges(identity_embeddings, "dlib")
    still = portrait()
    found = {}
    for name, crf, sigma in (("good", 10, 0), ("poor", 33, 0), ("blurred", 10, 2)):
        with VideoWriter(tmp_path / f"{name}.mp4", 224, 224, crf=crf) as writer:
            for frame in range(12):
                image = np.roll(still, frame // 2, axis=1)  # a head that moves a little
                writer.write(cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image)
        found[name] = evaluate_video(tmp_path / f"{name}.mp4", None, source, None, None, judges, QUICK)
    good, poor, blurred = (found[name]["metrics"] for name in ("good", "poor", "blurred"))
    assert good["id_similarity"] > 0.95 and good["id_similarity"] - poor["id_similarity"] < 0.02
    assert abs(good["consistency"] - poor["consistency"]) < 1
    assert blurred["cpbd"] < 0.5 * good["cpbd"]
    details = found["good"]["details"]
    assert details["sampled_neighbours"] == 3, "the last sampled frame has no next one"
    assert details["mean_to_source"] == pytest.approx(100 * good["id_similarity"]) and details["frame_to_frame"] > 98


def test_memory_hardly_grows_with_the_length(judges, tmp_path):
    import tracemalloc

    peaks = []
    for frames in (40, 160):
        path = tmp_path / f"{frames}.mp4"
        sound = np.random.default_rng(0).normal(size=640 * frames) * 0.1
        with VideoWriter(path, 320, 320, audio=sound, crf=20) as writer:
            still = cv2.resize(portrait(), (320, 320))
            for frame in range(frames):
                writer.write(np.roll(still, frame % 5, axis=1))
        tracemalloc.start()
        evaluate_video(path, path, None, None, None, judges, QUICK)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 120 * 15_000, (
        "landmarks, embeddings and what is reckoned from them; a frame has 307,200 bytes"
    )


class OwnWays(BrightnessJudge):
    """A judge with a crop and features of its own, as the official SyncNet."""

    name = "own@1"

    def affines(self, landmarks):
        self.asked = landmarks.shape
        return np.tile(np.float32([[0.5, 0, 0], [0, 0.5, 0]]), (len(landmarks), 1, 1))

    def sound_embeddings(self, samples):
        from swaptalk_models.data.sound.mel import log_mel

        self.heard = samples.dtype, len(samples) / 16000
        return super().audio_embeddings(log_mel(samples))


def test_a_judge_with_its_own_preprocessing(target):
    judge = OwnWays()
    result = evaluate_video(
        target, None, None, None, None, Judges(colour_identity, "colour", FacesConfig(), judge), QUICK
    )
    assert judge.asked == (FRAMES, 68, 2) and judge.heard == (np.float32, pytest.approx(FRAMES / 25, abs=0.1))
    assert result["metrics"]["av_offset"] == 0 and result["judges"]["sync"] == "own@1"


class SingleFrames:
    """A feature judge that takes its time."""

    name, crop_size, single_frames = "Inception-v3 pool3 of pytorch-fid, weights sha256 x", 32, True

    def features(self, crops):
        return np.stack([crop.mean(axis=(0, 1)) for crop in crops])


def test_a_slow_feature_judge_sees_a_sample(target, judges):
    config = EvaluationConfig(identity_frames=2, crop_size=128, fid_frames=7)
    result = evaluate_video(
        target, target, None, None, None, Judges(colour_identity, "colour", features=SingleFrames()), config
    )
    assert result["details"]["feature_frames"] == 7 and result["metrics"]["fid"] == pytest.approx(0, abs=1e-6)
    assert result["judges"]["fid"] == SingleFrames.name
