"""evaluation/measure/encoding.py"""

import numpy as np

from swaptalk_models.data.media.video import probe, read_frames
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.evaluation.measure.encoding import encoded, encoded_files
from swaptalk_models.evaluation.measure.video_files import VideoFiles
from swaptalk_models.metrics.further_inputs import FurtherInputs

NOISE = np.random.default_rng(0).integers(0, 255, (6, 64, 64, 3), np.uint8)


def write(path, crf, sound=None):
    with VideoWriter(path, 64, 64, crf=crf, audio=sound) as writer:
        for frame in NOISE:
            writer.write(frame)
    return path


def frames(path):
    return np.concatenate(list(read_frames(path))).astype(float)


def test_every_video_has_the_same_last_codec_and_is_written_once(tmp_path):
    fine, folder = write(tmp_path / "fine.mp4", 1), tmp_path / "encoded"
    made = encoded(fine, folder)
    assert made.parent == folder and probe(made).frames == 6 and not probe(made).has_audio
    assert made.stat().st_size < 0.7 * fine.stat().st_size
    assert 1 < np.abs(frames(made) - frames(fine)).mean() < 20
    stamp = made.stat().st_mtime_ns
    assert encoded(fine, folder) == made and made.stat().st_mtime_ns == stamp
    write(fine, 30)
    assert encoded(fine, folder) != made, "another file of the same name"


def test_sounds_stay_those_of_the_originals(tmp_path):
    sound = np.full(6 * 640, 0.1, np.float32)
    video, target = write(tmp_path / "made.mp4", 12, sound), write(tmp_path / "target.mp4", 12, sound)
    again = encoded_files(VideoFiles(video, target, further=FurtherInputs(silent=video, own=video)), tmp_path / "e")
    assert again.audio == video and again.further.target_audio == target
    assert again.further.silent == again.generated != video and again.target.parent == tmp_path / "e"
    assert probe(again.further.own).has_audio and not probe(again.generated).has_audio, "which drives it"
    real = encoded_files(VideoFiles(target, target, audio=tmp_path / "x.wav"), tmp_path / "e")
    assert real.generated == real.target and real.audio == tmp_path / "x.wav", "the real thing stays one with itself"
