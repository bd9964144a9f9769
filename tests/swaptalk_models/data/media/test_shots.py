"""Cuts and damage of a whole video."""

import av
import numpy as np
import pytest

from swaptalk_models.data.media.shots import scan_video


def write(path, images, size=(128, 96), codec="libx264", **options):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={key: str(value) for key, value in options.items()})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def scenes(number, frames):
    """Each a mosaic that drifts by a pixel a frame."""
    mosaics = np.random.default_rng(1).integers(0, 255, (number, 6, 8, 3), np.uint8).repeat(16, 1).repeat(16, 2)
    return [np.roll(mosaics[k // frames], k % frames, 1) for k in range(number * frames)]


def test_cuts_and_no_flashes(tmp_path):
    images = scenes(3, 25)
    for k in (10, 11, 60):
        images[k] = np.full_like(images[k], 255)
    shots = scan_video(write(tmp_path / "a.mp4", images))
    assert shots.cuts == pytest.approx([1.0, 2.0]) and shots.damaged == []


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_damage_is_told_and_the_rest_is_looked_at(tmp_path, codec):
    path = write(tmp_path / "a.mp4", scenes(3, 25), codec=codec, g=5)
    with av.open(str(path)) as container:
        entries = [(entry.pos, entry.size) for entry in container.streams.video[0].index_entries]
    data = bytearray(path.read_bytes())
    position, size = entries[40]
    for at in range(position + size // 4, position + size, 7):
        data[at] ^= 0x5A
    path.write_bytes(data)
    shots = scan_video(path)
    assert shots.damaged and all(1.2 < moment < 2.0 for moment in shots.damaged)
    assert shots.cuts == pytest.approx([1.0, 2.0])


@pytest.mark.real
def test_real_clips_are_one_take(real_clips):
    for path in sorted((real_clips / "clips").glob("*.mp4"))[::3]:
        assert scan_video(path).cuts == scan_video(path).damaged == []


@pytest.mark.real
def test_real_cuts(real_clips, tmp_path):
    """Half a second of each of twelve clips of different people, one after the other."""
    import cv2

    images = []
    for path in sorted((real_clips / "compared").glob("*.mp4")) + sorted((real_clips / "clips").glob("*.mp4"))[:3]:
        with av.open(str(path)) as container:
            for k, frame in enumerate(container.decode(video=0)):
                if k == 12:
                    break
                images.append(cv2.resize(frame.to_ndarray(format="rgb24"), (128, 96)))
    shots = scan_video(write(tmp_path / "a.mp4", images))
    truth = np.arange(12, len(images), 12) / 25
    found = [moment for moment in truth if np.abs(np.array(shots.cuts) - moment).min() < 0.02]
    assert len(shots.cuts) == len(found), "no cut where there is none"
    assert len(found) >= 0.8 * len(truth)
