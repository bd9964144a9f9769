"""Preparing data, on phantom clips at 480 px and on an upright HEVC film as telephones make them, in a worker process a core."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from swaptalk_models.data.store.home import Home
from swaptalk_models.settings.preset import load_preset

if TYPE_CHECKING:
    import numpy as np
    from av.container import InputContainer

PEOPLE, SECONDS, SIZE = 4, 4.0, 480
COPIES = 5
"""Of each video, under other names: start-up is paid once, as in a real run."""
FILM_WIDTH, FILM_HEIGHT, FILM_RATE, FILM_COPIES = 1080, 1920, 30, 8
GRAIN = 6.0
"""Standard deviation of the film's noise (0 to 255): without it a drawn face takes a tenth of a telephone's bits."""


def measure(workdir: Path, home: Path) -> dict[str, float | str]:
    """Frames a second over all stages, each stage's share of the time, beside decoding alone and the peers' detector."""
    from assets.support.resources import SwapTalk
    from pipelines.bench.s3fd import seconds_a_frame
    from swaptalk_models.data.phantom.corpus import write_corpus

    drawn = write_corpus(workdir / "drawn", PEOPLE, SECONDS, 0, SIZE)
    videos = _copies(drawn, workdir / "videos", COPIES)
    frames, decoding = _decode(videos)
    workers = SwapTalk().workers
    seconds = _prepare(workdir / "videos", workdir / "home", workers)
    total = sum(seconds.values())
    peers = seconds_a_frame(SIZE)
    found: dict[str, float | str] = {
        "video": f"{len(videos)} x {SECONDS:g} s at {SIZE} px, h264",
        "workers": float(workers),
        "frames_per_second": frames / total,
        "times_real_time": frames / total / 25,
        "plain_decoding_frames_per_second": frames / decoding,
        "times_the_seconds_of_plain_decoding": total / decoding,
        "peers_detector_frames_per_second": 1 / peers,
        "peers_detector": f"S3FD's layers with random weights, one forward pass at {SIZE} px",
        "times_as_fast_as_the_peers_detector": frames / total * peers,
    }
    found |= {f"{stage}_share": value / total for stage, value in seconds.items()}
    return found | _film(drawn[0], workdir, workers)


def _film(drawn: Path, workdir: Path, workers: int) -> dict[str, float | str]:
    film = _write_film(drawn, workdir / "film.mp4")
    films = _copies([film], workdir / "films", FILM_COPIES)
    frames, decoding = _decode(films)
    total = sum(_prepare(workdir / "films", workdir / "film_home", workers).values())
    mbit = film.stat().st_size * 8 / 1e6 / (frames / FILM_COPIES / FILM_RATE)
    return {
        "film": f"{FILM_COPIES} x {frames / FILM_COPIES / FILM_RATE:.1f} s, HEVC {FILM_WIDTH} x {FILM_HEIGHT}, {FILM_RATE} frames/s, {mbit:.1f} Mbit/s",
        "film_frames_per_second": frames / total,
        "film_times_real_time": frames / total / FILM_RATE,
        "film_plain_decoding_times_real_time": frames / decoding / FILM_RATE,
    }


def _prepare(videos: Path, place: Path, workers: int) -> dict[str, float]:
    """Seconds of each stage."""
    from swaptalk_models.data.sources.catalog import write_catalog
    from swaptalk_models.data.stages.registry import DATA_STAGES, run_data_stage
    from swaptalk_models.data.store.ledger import Ledger
    from swaptalk_models.errors import UserError

    home, preset, seconds = Home(place).create(), load_preset("tiny"), {}
    write_catalog(home, preset, videos=str(videos))
    for stage in DATA_STAGES:
        started = time.perf_counter()
        report = run_data_stage(stage, home, preset, workers=workers)
        seconds[stage] = time.perf_counter() - started
        if report.quarantined:
            with Ledger(home.ledger) as ledger:
                first = ledger.quarantine()[0]
            raise UserError(
                f"{stage} put {report.quarantined} of the bench's own clips into quarantine: {first.clip}: {first.reason}"
            )
    return seconds


def _decode(videos: list[Path]) -> tuple[int, float]:
    """(frames, seconds)."""
    from swaptalk_models.data.media.video import read_frames

    started = time.perf_counter()
    return sum(len(batch) for video in videos for batch in read_frames(video)), time.perf_counter() - started


def _copies(videos: list[Path], folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    return [
        Path(shutil.copy(video, folder / f"{video.stem}_{index}.mp4")) for video in videos for index in range(count)
    ]


def _write_film(source: Path, target: Path) -> Path:
    """The same head and sound, upright, larger, with grain, as HEVC."""
    import av

    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        options = {"preset": "ultrafast", "crf": "18", "x265-params": "log-level=none"}
        picture = written.add_stream("libx265", rate=FILM_RATE, options=options)
        picture.width, picture.height, picture.pix_fmt = FILM_WIDTH, FILM_HEIGHT, "yuv420p"
        sound = written.add_stream_from_template(read.streams.audio[0])
        for packet in read.demux(read.streams.audio[0]):
            if packet.size:
                packet.stream = sound
                written.mux(packet)
        read.seek(0)
        for index, image in enumerate(_grown(read)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FILM_RATE)
            written.mux(picture.encode(frame))
        written.mux(picture.encode(None))
    return target


def _grown(read: InputContainer) -> Iterator[np.ndarray]:
    """The square picture as wide as the film, mirrored above and below."""
    import cv2
    import numpy as np

    grain = np.random.default_rng(0).normal(0, GRAIN, (FILM_HEIGHT + 64, FILM_WIDTH, 1)).astype(np.int16)
    rim = (FILM_HEIGHT - FILM_WIDTH) // 2
    for index, frame in enumerate(read.decode(read.streams.video[0])):
        image = cv2.resize(frame.to_ndarray(format="rgb24"), (FILM_WIDTH, FILM_WIDTH), interpolation=cv2.INTER_CUBIC)
        image = cv2.copyMakeBorder(image, rim, rim, 0, 0, cv2.BORDER_REFLECT)
        shift = 13 * index % 64
        yield np.clip(image + grain[shift : shift + FILM_HEIGHT], 0, 255).astype(np.uint8)
