"""Whether what an mp4's index says can all be true.

mp4 has no checksums, but its index says most things twice (ISO/IEC 14496-12): a sample's place is bounded by its
neighbours', counts stand in several tables, lengths in several headers. Where two disagree, one has been damaged, and
nobody knows which, so the file is refused. A healthy file may be sloppy: no limit is one that files of the usual
writers have been seen to break.

What cannot be told, because nothing contradicts it:

- bits of coded data: a sample in `mdat` that decodes to another valid picture or sound, or a setting of the decoder
  (`avcC`, `esds`) that is another valid one. H.264 and AAC have no checksums. What FFmpeg notices, `decoding` refuses.
- times to `SLACK_S`, or to the picture or three that an edit list may begin early; and where the last pictures stand.
- a single picture that is shown early or late, or is missing: recorders drop pictures and are late with some. Two that
  are shown at once or in another order than the decoder's are refused where they are read (`decoding.decode_frames`).
- an edit list that leaves out more, as of a video that was trimmed without being copied. So it seems where its length
  has been damaged, and where a time scale has, so that pictures come more slowly than they did or all ends earlier.
- the tables of fragments (`moof`), and the indexes of other containers.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np

from swaptalk_models.data.media.container import open_media
from swaptalk_models.data.media.mp4_boxes import DamagedIndex
from swaptalk_models.data.media.mp4_index import Index, Track, read_index
from swaptalk_models.errors import BadClip

SLACK_S = 0.05
"""Lengths of one track that several boxes state may differ by this (s), or by a sample and a half: some writers count
the last sample, or the encoder's run-in, and some do not. So much may what passes be out of place."""
REORDERED = 17
"""No codec shows a picture further than this many pictures from where it is decoded (H.264 holds 16 back)."""
FEW = 3
"""So many pieces of data out of place are damage; more are a habit of the file's writer."""
MANY = 20
"""So many samples make a habit."""
SAME_PACE = 2e-5
"""Half a tick of the finest time scale in use (10 MHz), and a tenth of a second in an hour."""
ROUNDED = 1e-3
"""What rounding to whole pixels does to a shape."""
_ONE = 1 << 30
"""1.0 in the last column of a matrix."""


def check_index(path: str | os.PathLike[str]) -> None:
    """Whether an mp4's index can be true. Other containers are taken as they are.

    Raises:
        BadClip: it contradicts itself, or what FFmpeg found in the streams that it describes; the message says in what.
    """
    path = Path(path)
    with open_media(path) as container:
        if "mp4" not in container.format.name:
            return
        try:
            index = read_index(path)
            if index is None:
                entries = [entry for stream in container.streams for entry in stream.index_entries if entry.size]
                places = [(entry.pos, entry.pos + entry.size) for entry in entries]
                _check_apart(_in_order(np.array(places, np.int64).reshape(-1, 2)), os.path.getsize(path))
            else:
                _check(index, path, {stream.id: stream.codec_context for stream in container.streams})
        except DamagedIndex as error:
            raise BadClip(f"{path}: damaged, or cut off: {error}") from error


def _check(index: Index, path: Path, decoders: dict[int, av.CodecContext | None]) -> None:
    _check_matrix(index.matrix)
    for track in index.tracks:
        decoder = decoders.get(track.number)
        if track.kind not in ("vide", "soun") or not len(track.steps) or decoder is None:
            continue
        _check_lengths(track, index)
        if track.kind == "soun":
            _check_rate(track, cast("av.AudioCodecContext", decoder))  # FFmpeg, too, goes by `hdlr`
            continue
        _check_matrix(track.matrix)
        _check_shape(track, cast("av.VideoCodecContext", decoder))
    _check_places(index, path)


def _check_matrix(matrix: tuple[int, ...]) -> None:
    a, b, u, c, d, v, _, _, w = matrix
    if any(matrix) and (u, v, w) != (0, 0, _ONE) or abs(abs(a) - abs(d)) > 2 or abs(abs(b) - abs(c)) > 2:
        raise DamagedIndex("its display matrix distorts the picture")


def _check_shape(track: Track, decoder: av.VideoCodecContext) -> None:
    """`stsd`, `pasp`, `clap` and `tkhd` on how large pictures are, and what the decoder's own setting says."""
    assert track.size is not None
    (width, height), (across, down) = track.size, track.display
    found = decoder.width, decoder.height
    if track.size not in (found, tuple(-(-side // 16) * 16 for side in found)):  # some give the size with its padding
        raise DamagedIndex(f"its stsd says {width} x {height} px, its decoder {found[0]} x {found[1]} px")
    if track.clean_aperture:  # tkhd may be of what it leaves of a picture
        return
    aspects = {Fraction(1), track.pixel_aspect or Fraction(1), decoder.sample_aspect_ratio or Fraction(1)}
    if across and down and all(abs(across * height / (down * width * aspect) - 1) > ROUNDED for aspect in aspects):
        raise DamagedIndex(f"pictures of {width} x {height} px are to be shown as {across:g} x {down:g}")


def _check_rate(track: Track, decoder: av.AudioCodecContext) -> None:
    """Whether sound comes as quickly as it is played, where the writer was exact. SBR doubles a rate unannounced."""
    steps = track.steps[1:-1]
    if len(steps) < MANY or (steps != steps[0]).any() or not (decoder.frame_size > 1 and decoder.sample_rate):
        return
    pace = steps[0] * decoder.sample_rate / (decoder.frame_size * track.time_scale)
    if _apart(pace, [0.5, 1, 2]) > SAME_PACE:
        raise DamagedIndex(f"its sound of {decoder.sample_rate} Hz is to be played at {pace:.4g} of its speed")


def _check_lengths(track: Track, index: Index) -> None:
    """`stts`, `mdhd`, `tkhd` and `elst` on how long a track is."""
    decoded = np.concatenate([[0], np.cumsum(track.steps)])
    shown = decoded[:-1] + track.offsets
    first, last = int(shown.min()), int((shown + track.steps).max())
    lengths = [int(decoded[-1]), last - first, last - int(shown[0]), last]
    tick, movie = 1 / track.time_scale, 1 / index.time_scale
    step = float(np.median(track.steps)) if len(track.steps) >= MANY else 0.0
    slack = max(SLACK_S, 1.5 * step * tick) + movie
    if np.ptp(track.offsets) > REORDERED * np.median(track.steps) + track.steps.max():
        raise DamagedIndex(f"its ctts shows a sample {np.ptp(track.offsets) * tick:.2f} s from its place")
    if track.duration is not None and _apart(track.duration * tick, [t * tick for t in lengths]) > slack:
        raise DamagedIndex(f"its samples last {lengths[0] * tick:.2f} s, its mdhd says {track.duration * tick:.2f} s")
    edited = [(length * movie, start * tick) for length, start in track.edits if length]
    played = [length for length, start in edited if start >= 0]
    end = max(lengths) * tick
    for length, start in edited:
        if start >= 0 and start + length > end + slack:
            raise DamagedIndex(f"its edit list ends at {start + length:.2f} s, its samples at {end:.2f} s")
    if track.shown is not None:
        known = [*(t * tick for t in lengths), sum(played), sum(length for length, _ in edited)]
        if _apart(track.shown * movie, known) > slack:
            raise DamagedIndex(f"its samples last {lengths[0] * tick:.2f} s, its tkhd says {track.shown * movie:.2f} s")


def _apart(value: float, known: list[float]) -> float:
    return min(abs(value - other) for other in known)


def _check_places(index: Index, path: Path) -> None:
    """Whether all chunks lie within `mdat`, apart from each other, and leave nothing out.

    Zeros may be left out; so may whatever stands before the first chunk, or would be a sample or more behind the last:
    what was being written when a camera stopped.
    """
    extents = _in_order(np.concatenate([track.extents for track in index.tracks] or [np.zeros((0, 2), np.int64)]))
    _check_apart(extents, os.path.getsize(path))
    homes = np.full(len(extents), -1)
    for number, (start, end) in enumerate(index.data):
        homes[(extents[:, 0] >= start) & (extents[:, 1] <= end)] = number
    if 0 < (homes < 0).sum() <= FEW < len(homes):
        raise DamagedIndex("it points to data outside mdat")
    gaps = np.stack([extents[:-1, 1], extents[1:, 0]], 1)[homes[1:] == homes[:-1]]
    left_out = [(start, end) for start, end in gaps.tolist() if start < end]
    if len(left_out) > min(FEW, len(gaps) // 4):
        return
    if len(homes) and homes[-1] >= 0:
        start, end = int(extents[-1, 1]), index.data[homes[-1]][1]
        if 0 < end - start < max(track.largest for track in index.tracks):
            left_out.append((start, end))
    with open(path, "rb") as file:
        for start, end in left_out:
            file.seek(start)
            if file.read(end - start).strip(b"\0"):
                raise DamagedIndex(f"{end - start} bytes among its data belong to nothing")


def _in_order(extents: np.ndarray) -> np.ndarray:
    extents = extents[extents[:, 0] < extents[:, 1]]
    return extents[np.argsort(extents[:, 0], kind="stable")]


def _check_apart(extents: np.ndarray, size: int) -> None:
    if len(extents) and extents[:, 1].max() > size:
        raise DamagedIndex("it points beyond the end of the file")
    if (extents[1:, 0] < extents[:-1, 1]).any():
        raise DamagedIndex("it gives the same place to several pieces of data")
