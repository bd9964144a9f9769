"""What an mp4's index may say, and that hardly a flipped bit of it goes unnoticed where it does harm."""

import random
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from swaptalk_models.data.media.container import open_media, video_stream
from swaptalk_models.data.media.decoding import decode_frames
from swaptalk_models.data.media.mp4_audit import SLACK_S, check_index
from swaptalk_models.data.media.mp4_index import read_index
from swaptalk_models.errors import BadClip

from ..damage import boxes, overwritten, overwritten_code, span, write

FRAMES = 60
RATE = 25
LARGEST_SHIFT = SLACK_S + 0.08
"""Of picture or sound (s) in a file that passes: the slack, or two pictures that an edit list may say to wait for."""


def source() -> tuple[np.ndarray, np.ndarray]:
    mosaic = np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    return np.stack([np.roll(mosaic, 2 * k, 1) for k in range(FRAMES)]), 0.3 * np.sin(np.arange(FRAMES * 640) / 12)


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> bytes:
    """H.264 with B-frames, several key frames, and AAC."""
    return write(tmp_path_factory.mktemp("good") / "good.mp4", *source(), options={"g": "12", "bf": "2"}).read_bytes()


def why(path: Path, data: bytes) -> str:
    """The reason why data are refused; empty if they are not."""
    path.write_bytes(data)
    try:
        check_index(path)
    except BadClip as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)
        return str(error)
    return ""


def renamed(data: bytes, old: bytes, new: bytes) -> bytes:
    start = span(data, old)[0]
    return data[: start - 4] + new + data[start:]


VIDEO, SOUND = 0, 1
CONTRADICTIONS = {
    "a box too long": (lambda d: overwritten(d, b"mdia", -8, 0x7FFF, VIDEO), "does not fit"),
    "a box's name": (lambda d: renamed(d, b"ctts", b"cttr"), "is called 'cttr'"),
    "no sizes": (lambda d: renamed(d, b"stsz", b"free"), "0 stsz boxes"),
    "rows beyond their box": (lambda d: overwritten(d, b"stts", 4, 9, VIDEO), "its stts promises"),
    "rows left over": (lambda d: overwritten(d, b"ctts", 4, 3), "its ctts promises"),
    "another number of time steps": (lambda d: overwritten(d, b"stts", 8, FRAMES - 1, VIDEO), "59 samples"),
    "another number of display times": (lambda d: overwritten(d, b"ctts", 8, 5), "its ctts tells"),
    "another number in a chunk": (lambda d: overwritten(d, b"stsc", 12, 2, VIDEO), "its stsc tells"),
    "a chunk that there is not": (lambda d: overwritten(d, b"stsc", 8, 2, VIDEO), "its stsc does not go"),
    "a description that there is not": (lambda d: overwritten(d, b"stsc", 16, 3, VIDEO), "not in stsd"),
    "a key frame that there is not": (lambda d: overwritten(d, b"stss", 8, 999), "its stss"),
    "a smaller sample": (lambda d: overwritten(d, b"stsz", 12 + 4 * 9, 4, VIDEO), "belong to nothing"),
    "a larger sample": (lambda d: overwritten(d, b"stsz", 12 + 4 * 9, 9999, VIDEO), "several pieces"),
    "a chunk beyond the end": (lambda d: overwritten(d, b"stco", 8, 0x7FFFFFFF, VIDEO), "beyond the end"),
    "a quicker time scale": (lambda d: overwritten(d, b"mdhd", 12, 12800 ^ 2048, VIDEO), "its edit list"),
    "another time step": (lambda d: overwritten(d, b"stts", 12, 640, VIDEO), "its mdhd"),
    "sound of another time scale": (lambda d: overwritten(d, b"mdhd", 12, 16001, SOUND), "of its speed"),
    "another length of the track": (lambda d: overwritten(d, b"tkhd", 20, 2000, VIDEO), "its tkhd"),
    "an edit beyond the end": (lambda d: overwritten(d, b"elst", 12, 9216, VIDEO), "its edit list"),
    "a picture far away": (lambda d: overwritten(d, b"ctts", 8 + 8 * 20 + 4, 1 << 20), "from its place"),
    "a distorting matrix": (lambda d: overwritten(d, b"tkhd", 40, 0x12000, VIDEO), "matrix"),
    "another width of the screen": (lambda d: overwritten(d, b"tkhd", 76, 65 << 16, VIDEO), "to be shown as"),
    "another size of the picture": (lambda d: overwritten(d, b"stsd", 40, 66 << 16 | 48), "its decoder"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_an_index_that_contradicts_itself_is_refused(good, tmp_path, name):
    damage, said = CONTRADICTIONS[name]
    reason = why(tmp_path / "a.mp4", damage(good))
    assert said in reason


HEALTHY = {
    "as it comes": {},
    "index in front": {"movflags": "+faststart"},
    "negative offsets": {"movflags": "+negative_cts_offsets"},
    "fragments": {"movflags": "frag_keyframe+empty_moov"},
    "fragments behind an index": {"movflags": "frag_keyframe"},
    "no B-frames": {"options": {"bf": "0"}},
    "many B-frames": {"options": {"bf": "8", "b_strategy": "0"}},
    "open groups of pictures": {"options": {"x264-params": "open-gop=1:keyint=12:bframes=3"}},
    "a varying rate": {"pts": np.cumsum(np.random.default_rng(1).integers(15, 66, FRAMES)).tolist()},
    "a hole": {"pts": [40 * k + 2000 * (k > 30) for k in range(FRAMES)]},
    "dropped pictures": {"pts": np.delete(40 * np.arange(FRAMES + 4), [20, 21, 30, 50]).tolist()},
    "trimmed": {"edit": 1900},
    "a joint": {"pts": [40 * k + 13 * (k > 57) for k in range(FRAMES)]},
    "rotated": {"rotation": 90},
    "turned": {"rotation": 30},
    "MPEG-4": {"codec": "mpeg4"},
    "PCM": {"sound_codec": "pcm_s16le", "suffix": ".mov"},
    "mp3": {"sound_codec": "libmp3lame"},
    "eight channels": {"layout": "7.1", "sound_rate": 48000},
    "Matroska": {"suffix": ".mkv"},
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_file_is_not_refused(tmp_path, name):
    how = {"options": {"preset": "ultrafast", "bf": "2"}} | HEALTHY[name]
    how = how if how.get("codec") is None else how | {"options": {}}
    edit = how.pop("edit", None)
    path = write(tmp_path / f"a{how.pop('suffix', '.mp4')}", *source(), **how)
    if edit is not None:  # a shorter one, as phones write it
        data = overwritten(overwritten(path.read_bytes(), b"elst", 8, edit), b"tkhd", 20, edit)
        path.write_bytes(data)
    check_index(path)


def _late(*pictures: int) -> list[int]:
    return [40 * k + 17 * (k in pictures) for k in range(FRAMES)]


UNSTEADY = {
    "a late frame": _late(30),
    "a very late frame": [40 * k + 39 * (k == 30) for k in range(FRAMES)],
    "three late frames": _late(11, 30, 47),
    "three late frames in a row": _late(29, 30, 31),
    "a dropped frame": [40 * (k + (k > 30)) for k in range(FRAMES)],
    "a late frame and a dropped one": [40 * (k + (k > 30)) + 17 * (k == 20) for k in range(FRAMES)],
}


@pytest.mark.parametrize("b_frames", ["0", "2"])
@pytest.mark.parametrize("name", UNSTEADY)
def test_a_recorder_may_drop_a_picture_or_be_late_with_it(tmp_path, name, b_frames):
    options = {"preset": "ultrafast", "bf": b_frames, "b_strategy": "0"}
    path = write(tmp_path / "a.mp4", *source(), pts=UNSTEADY[name], options=options)
    assert bool(read_index(path).tracks[VIDEO].offsets.any()) == (b_frames != "0")
    check_index(path)
    assert len(pictures(path)) == FRAMES


@pytest.mark.parametrize("box, scale", [(b"mdhd", 12800 ^ 512), (b"mvhd", 1000 ^ 1024)])
def test_a_damaged_time_scale_that_looks_like_a_trim_gives_the_first_pictures_in_order(good, tmp_path, box, scale):
    """Known, and not told from a healthy trim: all is slower (`mdhd`), or ends earlier (`mvhd`)."""
    path = _written(tmp_path / "a.mp4", good)
    whole, pace = pictures(path), 12800 / scale if box == b"mdhd" else 1
    assert not why(path, overwritten(good, box, 12, scale, VIDEO))
    shown = pictures(path)
    assert FRAMES // 3 < len(shown) <= FRAMES
    assert np.allclose(shown, np.multiply(whole[: len(shown)], pace), atol=2e-3)


@pytest.mark.parametrize("length", [2400 ^ 64, 2400 - 1000, 2400 - 40])
def test_a_trim_of_any_length_is_healthy(good, tmp_path, length):
    for tkhd in (length, 2400):  # some writers give the length of all there is
        data = overwritten(overwritten(good, b"elst", 8, length, VIDEO), b"tkhd", 20, tkhd, VIDEO)
        assert not why(tmp_path / "a.mp4", data)


def test_a_clean_aperture_explains_another_size_on_the_screen(good, tmp_path):
    """`tkhd` may be of what `clap` leaves; that `stsd` and the decoder agree is asked for all the same."""
    smaller = overwritten(overwritten(good, b"tkhd", 76, 60 << 16, VIDEO), b"tkhd", 80, 36 << 16, VIDEO)
    assert "to be shown as" in why(tmp_path / "a.mp4", smaller)
    path = tmp_path / "b.mp4"
    assert not why(path, with_clean_aperture(smaller, 60, 36))
    assert read_index(path).tracks[VIDEO].clean_aperture
    assert len(pictures(path)) == FRAMES
    assert not why(path, with_clean_aperture(good, 60, 36))
    assert "its decoder" in why(path, with_clean_aperture(overwritten(good, b"stsd", 40, 66 << 16 | 48), 60, 36))


def with_clean_aperture(data: bytes, width: int, height: int) -> bytes:
    """A `clap` put behind all else in the description of the pictures."""
    box = struct.pack(">I4s8I", 40, b"clap", width, 1, height, 1, 0, 1, 0, 1)
    start, end = span(data, b"stsd", VIDEO)
    entry = int.from_bytes(data[start + 8 : start + 12], "big") + len(box)
    return replaced(data, b"stsd", data[start : start + 8] + entry.to_bytes(4, "big") + data[start + 12 : end] + box)


def replaced(data: bytes, name: bytes, content: bytes) -> bytes:
    """Another content of the first box of a name, and the boxes around it as long (`moov` is the last: no data move)."""
    start, end = span(data, name)
    changed = bytearray(data)
    for _, first, last in boxes(data):
        if first <= start and end <= last:
            changed[first - 8 : first - 4] = (last - first + 8 + len(content) - (end - start)).to_bytes(4, "big")
    return bytes(changed[:start]) + content + bytes(changed[end:])


def pictures(path: Path) -> list[float]:
    """Display times (s) of all pictures, as a clip is cut from."""
    with open_media(path) as container:
        return [float(frame.pts * frame.time_base) for frame in decode_frames(container, video_stream(container))]


@pytest.mark.parametrize("to", ["its neighbour's moment", "behind its neighbour"])
def test_pictures_shown_at_once_or_in_another_order_are_refused_where_they_are_read(good, tmp_path, to):
    """The audit leaves this to the decoder, which knows the order."""
    path = _written(tmp_path / "a.mp4", good)
    track = read_index(path).tracks[VIDEO]
    moments = np.cumsum(track.steps) - track.steps + track.offsets
    step = int(track.steps[0])
    for sample in (10, 11, 12, 13, 20):
        following = np.flatnonzero(moments == moments[sample] + step)[0]
        offsets = track.offsets.copy()
        offsets[sample] += moments[following] - moments[sample] + (step // 4 if "behind" in to else 0)
        rows = np.stack([np.ones_like(offsets), offsets], 1).astype(">i4").tobytes()
        path.write_bytes(replaced(good, b"ctts", struct.pack(">II", 0, len(offsets)) + rows))
        with pytest.raises(BadClip, match="falling time stamps"):
            pictures(path)


@pytest.mark.parametrize("movflags", ["frag_keyframe+empty_moov", "+faststart"])
def test_only_an_index_in_one_piece_is_read(tmp_path, movflags):
    index = read_index(write(tmp_path / "a.mp4", *source(), movflags=movflags))
    assert (index is None) == ("frag" in movflags)


def test_two_boxes_of_data(good, tmp_path):
    """A break between two `mdat` is no gap: a camera begins another one every few minutes."""
    start, end = span(good, b"mdat")
    index = read_index(_written(tmp_path / "a.mp4", good))
    cut = int(np.sort(np.concatenate([track.extents[:, 0] for track in index.tracks]))[10])
    head = (8 + cut - start).to_bytes(4, "big") + b"mdat"
    second = (8 + end - cut).to_bytes(4, "big") + b"mdat"
    data = good[: start - 8] + head + good[start:cut] + second + good[cut:]
    moved = bytearray(data)
    for number in (VIDEO, SOUND):
        first, last = span(data, b"stco", number)
        for place in range(first + 8, last, 4):
            offset = int.from_bytes(data[place : place + 4], "big")
            moved[place : place + 4] = (offset + 8 * (offset >= cut)).to_bytes(4, "big")
    assert not why(tmp_path / "b.mp4", bytes(moved))


@pytest.mark.real
def test_every_real_clip_passes(real_clips):
    paths = sorted(path for path in real_clips.rglob("*.mp4"))
    assert paths
    for path in paths:
        check_index(path)


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


Packets = dict[str, dict[tuple[int, int], float]]


def packets(path: Path) -> Packets:
    """{kind of stream: {(place, size): display time in s from the first picture}} of all shown, as decoded."""
    with av.open(str(path)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        found = [packet for packet in container.demux(video, sound) if packet.size and not packet.is_discard]
        zero = min(float(packet.pts * packet.time_base) for packet in found if packet.stream is video)
        return {
            stream.type: {(p.pos, p.size): float(p.pts * p.time_base) - zero for p in found if p.stream is stream}
            for stream in (video, sound)
        }


def test_a_flipped_bit_of_an_index_is_noticed_or_does_little(good, tmp_path):
    """A bit of every seventh byte. What passes gives some or all of the same data, in the same order and time.

    Not all of them, because a damaged edit list looks like that of a video that was trimmed without being copied. A
    picture further from its moment than its neighbours is refused where it is read. Left out are the bytes that no
    container knows the meaning of, and the times of the last pictures: a copy may lack some.
    """
    path = tmp_path / "a.mp4"
    wanted = packets(_written(path, good))
    rng, refused, passed = random.Random(0), 0, 0
    for place in range(*span(good, b"moov"), 7):
        damaged = bytearray(good)
        damaged[place] ^= 1 << rng.randrange(8)
        if overwritten_code(good, bytes(damaged)):
            continue
        if why(path, bytes(damaged)):
            refused += 1
            continue
        passed += 1
        for kind, found in packets(path).items():
            assert [key for key in wanted[kind] if key in found] == list(found), place
            shifts = {key: abs(moment - wanted[kind][key]) for key, moment in found.items()}
            inner = [shifts[key] for key in list(wanted[kind])[:-4] if key in found]
            if kind == "video" and max(inner, default=0) >= LARGEST_SHIFT:
                with pytest.raises(BadClip, match="falling time stamps"):
                    pictures(path)
            else:
                assert max(inner, default=0) < LARGEST_SHIFT, place
    assert refused > passed > 50
