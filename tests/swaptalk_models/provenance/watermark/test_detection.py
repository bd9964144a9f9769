"""provenance/watermark/detection.py: read after what people do to videos, and not where it is not."""

import itertools

import cv2
import numpy as np
import pytest

from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.errors import BadClip
from swaptalk_models.provenance.watermark.detection import (
    FALSE_ALARMS,
    STRETCH,
    STRETCHES,
    _starts,
    chance_of,
    read_patches,
    read_watermark,
    recognise,
)
from swaptalk_models.provenance.watermark.embedding import Watermark
from swaptalk_models.provenance.watermark.following import PATCH
from swaptalk_models.provenance.watermark.grid import CELLS, carrier, pattern
from swaptalk_models.provenance.watermark.payload import encode

BITS = "deadbeef"


@pytest.fixture(scope="module")
def marked(talking, track):
    watermark = Watermark(BITS, track)
    return [watermark.on(frame, number, number) for number, frame in enumerate(talking)]


@pytest.fixture(scope="module")
def first(marked, write_video, frames_of, tmp_path_factory):
    """As ``generate`` writes them."""
    return frames_of(write_video(tmp_path_factory.mktemp("first") / "a.mp4", marked))


def half(frames):
    return [cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in frames]


def cropped(frames):
    return [np.ascontiguousarray(frame[40:270, 40:250]) for frame in frames]


def darker(frames):
    return [np.clip(0.8 * frame.astype(np.float32) + 5, 0, 255).astype(np.uint8) for frame in frames]


ATTACKS = {
    "as written": (lambda frames: frames, 18),
    "crf 28": (lambda frames: frames, 28),
    "half size": (half, 23),
    "crop": (cropped, 23),
    "darker": (darker, 23),
    "cut off at the start": (lambda frames: frames[5:], 20),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_it_survives(first, write_video, tmp_path, name):
    attack, crf = ATTACKS[name]
    reading = read_watermark(write_video(tmp_path / "a.mp4", attack(first), crf))
    assert reading.found and reading.bits == BITS
    assert reading.chance <= FALSE_ALARMS and reading.confidence >= 1 - FALSE_ALARMS


@pytest.mark.parametrize("name", ["as written", "half size"])
def test_nothing_is_found_where_nothing_is(talking, write_video, tmp_path, name):
    attack, crf = ATTACKS[name]
    reading = read_watermark(write_video(tmp_path / "a.mp4", attack(talking), crf))
    assert (reading.found, reading.bits) == (False, None) and reading.chance > 0.01 and reading.frames >= len(talking)


def weak(strength: float) -> np.ndarray:
    """Patches with a mark for BITS that noise nearly covers."""
    grid = cv2.resize(pattern(encode(BITS)), (PATCH, PATCH), interpolation=cv2.INTER_NEAREST)
    turns = np.array([carrier(number) for number in range(50)])[:, None, None]
    return (noise(3, moving=2.0) + strength * turns * grid).astype(np.float32)


def test_a_home_recognises_its_own_job_where_nobody_else_can_read_it():
    jobs = [f"{number:08x}" for number in range(999)] + [BITS]
    read, known = read_patches(weak(0.055)), recognise(weak(0.055), jobs)
    assert chance_of(read.t, 1) > FALSE_ALARMS
    assert known.bits == BITS and chance_of(known.t, 1, len(jobs)) < FALSE_ALARMS
    assert chance_of(recognise(weak(0), jobs).t, 1, len(jobs)) > 0.01
    assert chance_of(recognise(weak(0.055), jobs[:-1]).t, 1, len(jobs)) > 0.001, "another home's job"


def test_three_right_symbols_of_four_are_no_reading():
    """Nor do they make one of the home's jobs of a stranger's."""
    symbols = encode(BITS)
    wrong = [*symbols[:3], (symbols[3] + 1) % 1024]
    grid = cv2.resize(pattern(wrong), (PATCH, PATCH), interpolation=cv2.INTER_NEAREST)
    turns = np.array([carrier(number) for number in range(50)])[:, None, None]
    patches = (noise(3, moving=2.0) + 2 * turns * grid).astype(np.float32)
    assert chance_of(read_patches(patches).t, 1) > FALSE_ALARMS


def test_a_list_of_jobs_changes_nothing_where_all_can_read(first, write_video, tmp_path):
    path = write_video(tmp_path / "a.mp4", first)
    alike = [bits for bits in (f"dead{number:04x}" for number in range(1 << 16)) if bits != BITS]
    assert encode(alike[0])[:1] == encode(BITS)[:1], "one symbol is the same in all, two in many"
    assert read_watermark(path, alike[::16]).bits == BITS


def test_no_face_no_reading(write_video, tmp_path):
    reading = read_watermark(write_video(tmp_path / "a.mp4", [np.full((96, 96, 3), 90, np.uint8)] * 30))
    assert not reading.found and reading.confidence == 0


def test_no_video(tmp_path):
    (tmp_path / "a.mp4").write_text("hello")
    with pytest.raises(BadClip, match=r"a\.mp4"):
        read_watermark(tmp_path / "a.mp4")


@pytest.mark.parametrize("fps", [24, 29.97, 50])
def test_it_survives_another_rate(marked, tmp_path, fps):
    shown = [marked[int(number * 25 / fps)] for number in range(int(len(marked) * fps / 25))]
    with VideoWriter(tmp_path / "a.mp4", 288, 288, fps=fps) as writer:
        for frame in shown:
            writer.write(frame)
    assert read_watermark(tmp_path / "a.mp4").bits == BITS


def noise(seed, frames=50, moving=8.0):
    """Patches that change a lot, slowly as faces do, and know nothing of any mark."""
    rng = np.random.default_rng(seed)
    small = np.cumsum(rng.normal(0, moving, (frames, 36, 36)), axis=0) + rng.normal(0, moving, (frames, 36, 36))
    return np.stack([cv2.resize(image.astype(np.float32), (PATCH, PATCH)) for image in small])


def test_noise_stays_far_below_what_counts_as_found():
    """Of ten pieces of noise none comes near: t of 8.4 is asked for, and the largest of thousands was below 8."""
    found = [read_patches(noise(seed)) for seed in range(10)]
    assert max(evidence.t for evidence in found) < 8.2
    assert min(chance_of(evidence.t, 1) for evidence in found) > 10 * FALSE_ALARMS


def test_the_statistic_is_as_random_as_the_bound_says():
    """t of one word over any patches: as a normal variable, whatever the patches are."""
    from swaptalk_models.provenance.watermark import detection
    from swaptalk_models.provenance.watermark.grid import codebook

    cells = next(detection._placed_cells(noise(1))).real
    values = np.random.default_rng(0).integers(0, 1024, (4000, 4))
    sums = np.stack([signs.astype(float) @ cells[own] for own, signs in codebook()])
    ts = sums[np.arange(4), values].sum(axis=1) / np.linalg.norm(cells)
    assert abs(ts.mean()) < 0.1 and abs(ts.std() - 1) < 0.06 and np.abs(ts).max() < 5


def test_a_mark_in_patches_is_read_moved_and_scaled_a_little():
    grid = cv2.resize(pattern(encode("01234567")), (PATCH, PATCH), interpolation=cv2.INTER_NEAREST)
    for across, down, size in ((0, 0, 1), (0.5, -0.5, 1), (0, 1, 1.04)):
        middle, cell = (PATCH - 1) / 2, PATCH / CELLS
        place = np.float64(
            [[size, 0, middle * (1 - size) + across * cell], [0, size, middle * (1 - size) + down * cell]]
        )
        moved = cv2.warpAffine(grid, place, (PATCH, PATCH))
        patches = (
            noise(2, moving=0.5) + 1.5 * np.array([carrier(number) for number in range(50)])[:, None, None] * moved
        )
        evidence = read_patches(patches.astype(np.float32))
        assert evidence.bits == "01234567" and chance_of(evidence.t, 1) < FALSE_ALARMS, (across, down, size)


def test_chances_are_bounded_by_how_much_was_tried():
    assert chance_of(0, 1) == chance_of(6, 1) == 1
    assert chance_of(9, 1) < chance_of(9, 12) < 1e-4 and chance_of(60, 1) < 1e-200
    assert 8.2 < next(t for t in np.arange(6, 12, 0.01) if chance_of(t, 2) <= FALSE_ALARMS) < 8.7


@pytest.mark.parametrize("count", [1, 24, 50, 150, 151, 374, 900, 901, 100_000])
def test_stretches_cover_short_videos_and_are_spread_over_long_ones(count):
    stretches = _starts(count)
    assert stretches[0][0] == 0 and stretches[-1][1] == count and 1 <= len(stretches) <= STRETCHES
    assert all(0 < end - begin <= 1.5 * STRETCH for begin, end in stretches)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(stretches))
