"""One clock for all videos and sounds."""

import numpy as np
import pytest

from swaptalk_models.data.media.timeline import frames_at_25, length_at_25
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.sound.mel import mel_likeness


@pytest.mark.parametrize(("fps", "count"), [(25, 30), (30, 36), (50, 60), (12.5, 15)])
def test_any_rate_gives_the_frame_on_show_at_each_25th(tmp_path, fps, count):
    path = tmp_path / "ramp.mp4"
    with VideoWriter(path, 32, 32, fps=fps, crf=0) as writer:
        for frame in range(count):
            writer.write(np.full((32, 32, 3), 4 * frame, np.uint8))
    batches = list(frames_at_25(path, batch=8))
    assert all(len(batch) == 8 for batch in batches[:-1])
    grey = np.concatenate(batches)[:, 16, 16, 1]
    assert len(grey) == length_at_25(path) == 30
    shown = np.floor(np.arange(30) / 25 * fps + 1e-6)
    assert np.abs(grey - 4 * shown).max() <= 2


def test_sounds_are_told_apart_and_known_again():
    rng = np.random.default_rng(0)
    mel = rng.normal(size=(300, 80))
    assert mel_likeness(mel, mel) == pytest.approx(1)
    assert mel_likeness(mel, mel[12:] + 0.1 * rng.normal(size=(288, 80))) > 0.95  # 150 ms later, and a little noise
    assert mel_likeness(mel, rng.normal(size=(300, 80))) < 0.2
