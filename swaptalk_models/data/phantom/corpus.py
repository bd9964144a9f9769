"""Writes the phantom corpus: one ordinary mp4 a person, and beside it the truth that a pipeline never reads.

OUTPUT/phantom_000.mp4           h264 yuv420p, 25 fps, compressed as the person's camera does it, with AAC speech
OUTPUT/truth/phantom_000.npz     a row a frame: landmarks (T, 68, 2) in pixels (iBUG order), and the fields of Motion
OUTPUT/truth/phantom_000.json    the person's traits, what is said and when, and from what the file was made
"""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np
from tqdm import tqdm

from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.camera import Shooting
from swaptalk_models.data.phantom.motion import FPS, Motion, perform
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.data.phantom.speech import AUDIO_RATE, speak
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.errors import UserError

MAX_WORKERS = 8


def write_corpus(
    output: str | os.PathLike[str], people: int = 64, seconds: float = 4.0, seed: int = 0, size: int = 256
) -> list[Path]:
    """Writes phantoms 0 .. `people` - 1, `seconds` (s) each, as `size` x `size` videos; -> the videos, in order.

    Person k of a seed is the same in a corpus of any number of people. Videos that are already there, whole and made by
    the same code from the same parameters, are kept; others are drawn again. Further videos in the folder are left
    alone. Works in one process a core, so a script that calls this needs the usual `if __name__ == "__main__"`.

    Raises UserError for a bad number or a folder that cannot be written.
    """
    output = Path(output)
    _check(output, people, seconds, seed, size)
    try:
        (output / "truth").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write the phantom corpus to {output}: {error.strerror}") from error
    videos = [output / f"phantom_{index:03d}.mp4" for index in range(people)]
    missing = [
        (video, index, seconds, seed, size)
        for index, video in enumerate(videos)
        if not _is_done(video, index, seconds, seed, size)
    ]
    workers = min(os.cpu_count() or 1, MAX_WORKERS, len(missing))
    with tqdm(
        total=people, initial=people - len(missing), desc="phantom corpus", unit="video", disable=None
    ) as progress:
        if workers < 2:
            for task in missing:
                write_person(*task)
                progress.update()
        else:
            _write_in_parallel(missing, workers, progress)
    return videos


def _check(output: Path, people: int, seconds: float, seed: int, size: int) -> None:
    if not 1 <= people <= 999:
        raise UserError(f"people must be in 1..999, not {people}")
    if not 1 <= seconds <= 600:
        raise UserError(f"seconds must be in 1..600, not {seconds}")
    if seed < 0:
        raise UserError(f"seed must not be negative, but is {seed}")
    if not 128 <= size <= 1024 or size % 4:
        raise UserError(f"size must be a multiple of 4 in 128..1024 (px), not {size}")
    if output.exists() and not output.is_dir():
        raise UserError(f"cannot write the phantom corpus to {output}: it is a file, not a folder")


def _write_in_parallel(tasks: list[tuple[Path, int, float, int, int]], workers: int, progress: tqdm[NoReturn]) -> None:
    # Spawned, not forked: the caller may have threads (torch, Dagster), and a fork of those can hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    try:
        for done in as_completed([pool.submit(write_person, *task) for task in tasks]):
            done.result()
            progress.update()
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle


def write_person(video: Path, index: int, seconds: float, seed: int, size: int) -> None:
    """The video, its truth, and last the JSON that vouches for both, so that a kill does no harm."""
    person = make_person(index, seed)
    frames = math.floor(seconds * FPS + 1e-6)
    speech = speak(person.voice, frames / FPS, np.random.default_rng([seed, index, 1]))
    motion = perform(speech, frames, np.random.default_rng([seed, index, 2]), person.liveliness, person.articulation)
    renderer, shooting = Renderer(person, size), Shooting(person.camera, size, seed * 1000 + index)
    landmarks = np.empty((frames, 68, 2), np.float32)
    truth, note = _truth_files(video)
    note.unlink(missing_ok=True)
    with VideoWriter(video, size, size, FPS, audio=speech.audio, rate=AUDIO_RATE, crf=person.camera.crf) as writer:
        for i in range(frames):
            image, landmarks[i] = renderer.frame(motion.frame(i))
            writer.write(shooting.frame(image, i))
    with atomic_write(truth) as aside, open(aside, "wb") as file:
        np.savez_compressed(
            file, landmarks=landmarks, **{field.name: getattr(motion, field.name) for field in fields(Motion)}
        )
    record = {
        "recipe": _recipe(index, seconds, seed, size),
        "bytes": video.stat().st_size,
        "frames": frames,
        "fps": FPS,
        "size": size,
        "seed": seed,
        "person": asdict(person),
        "text": speech.text,
        "phonemes": [[p.name, round(p.start, 4), round(p.end, 4)] for p in speech.phonemes],
    }
    with atomic_write(note) as aside:
        Path(aside).write_text(json.dumps(record, indent=1))


def _truth_files(video: Path) -> tuple[Path, Path]:
    folder = video.parent / "truth"
    return folder / f"{video.stem}.npz", folder / f"{video.stem}.json"


def _is_done(video: Path, index: int, seconds: float, seed: int, size: int) -> bool:
    truth, note = _truth_files(video)
    try:
        record = json.loads(note.read_text())
        return (
            truth.is_file()
            and record["bytes"] == video.stat().st_size
            and record["recipe"] == _recipe(index, seconds, seed, size)
        )
    except (OSError, ValueError, KeyError):
        return False


def _recipe(index: int, seconds: float, seed: int, size: int) -> str:
    return hashlib.sha256(json.dumps([_code(), index, float(seconds), seed, size]).encode()).hexdigest()[:16]


@cache
def _code() -> str:
    """Changes whenever the drawing does."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
