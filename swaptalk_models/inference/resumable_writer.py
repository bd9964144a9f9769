"""A video that is written in pieces, each whole or not there, so that what was finished survives a kill.

    FOLDER/track.npz       the target's face, as it was followed
    FOLDER/000000.mp4      the first piece: pictures alone
    FOLDER/000000.json     what was counted up to its end; written last, it says that the piece is whole

Each piece begins with a key frame and refers to nothing outside of it (closed groups of pictures), and its encoder knows nothing of the pieces
before: a job that was interrupted at any place writes the same pictures, to the bit, as one that was not. At the end the pieces are put behind
each other without being encoded again, and the sound is put beside them.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.data.media.joining import join_videos
from swaptalk_models.data.media.video_info import VideoInfo
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.media.voice import Voice
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.errors import UserError
from swaptalk_models.inference.marking import Marking

PIECE = 240
"""Frames: ten batches and more, so that each piece is made in the same batches; about as far apart as key frames are anyway."""
_TRACK = "track.npz"


class ResumableWriter:
    """Writes frames to an mp4 that appears whole, or not at all. Without a folder it is written at once."""

    def __init__(self, path: Path, info: VideoInfo, voice: Voice, marking: Marking, folder: Path | None) -> None:
        """
        Args:
            info: gives the size.
            marking: is told of the whole file before it appears.
            folder: where finished pieces lie, perhaps from an earlier attempt at the very same video.
        """
        self.path, self._info, self._voice, self._marking, self._folder = path, info, voice, marking, folder
        self._pieces = finished_pieces(folder) if folder is not None else []
        self.done = PIECE * len(self._pieces)
        """Frames that need not be made again."""
        self.noted: dict[str, Any] = json.loads(_note(self._pieces[-1]).read_text()) if self._pieces else {}
        """What was given with the last of them."""
        self._writer: VideoWriter | None = None

    def __enter__(self) -> Self:
        if self._folder is None:
            whole = VideoWriter(
                self.path, self._info.width, self._info.height, audio=self._voice, finish=self._marking.on_file
            )
            self._writer = whole.__enter__()
        return self

    def write(self, frame: np.ndarray, note: dict[str, Any]) -> None:
        """The next frame (height, width, 3) uint8 RGB, and what is to be known if the work goes on behind it."""
        if self._writer is None:
            self._writer = VideoWriter(self._next(), self._info.width, self._info.height).__enter__()
        self._writer.write(frame)
        if self._folder is not None and self._writer.frames == PIECE:
            self._close(note)

    def finish(self, note: dict[str, Any]) -> None:
        """After the last frame."""
        if self._folder is not None and self._writer is not None:
            self._close(note)

    def _close(self, note: dict[str, Any]) -> None:
        assert self._writer is not None
        piece = self._next()
        self._writer.__exit__(None, None, None)
        self._writer = None
        with atomic_write(_note(piece)) as aside:
            aside.write_text(json.dumps(note))
        self._pieces.append(piece)

    def _next(self) -> Path:
        assert self._folder is not None
        return self._folder / f"{len(self._pieces):06d}.mp4"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            assert kind is not None or self._folder is None, "finish() comes first"
            self._writer.__exit__(kind, error, trace)
        elif kind is None:
            try:
                with atomic_write(self.path) as aside:
                    join_videos(self._pieces, aside, self._voice)
                    self._marking.on_file(aside)
            except OSError as fault:
                raise UserError(f"{self.path}: cannot be written: {fault.strerror or fault}") from fault


def finished_pieces(folder: Path) -> list[Path]:
    """The whole pieces in a folder, in order."""
    found: list[Path] = []
    while _note(piece := folder / f"{len(found):06d}.mp4").is_file() and piece.is_file():
        found.append(piece)
    return found


def keep_track(folder: Path, track: FaceTrack) -> None:
    """Put a track beside the pieces."""
    with atomic_write(folder / _TRACK) as aside, open(aside, "wb") as file:
        np.savez(file, **{one.name: getattr(track, one.name) for one in fields(track)})


def kept_track(folder: Path) -> FaceTrack | None:
    """The track beside the pieces; None where there is none."""
    if not (folder / _TRACK).is_file():
        return None
    with np.load(folder / _TRACK) as kept:
        return FaceTrack(**{one.name: kept[one.name] for one in fields(FaceTrack)})


def _note(piece: Path) -> Path:
    return piece.with_suffix(".json")
