"""Videos small enough to be put into a page."""

from __future__ import annotations

from pathlib import Path

import cv2

from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.video import probe, read_frames
from swaptalk_models.data.media.video_writer import VideoWriter

_LARGEST = 800_000  # bytes; a page holds dozens
_HEIGHT = 320  # px
_RATE = 16000


def small_video(path: Path, audio: Path, folder: Path) -> Path:
    """``path`` itself where it is small and has sound; else a copy in ``folder``, made once, at most _HEIGHT px high and with ``audio``."""
    info = probe(path)
    if info.has_audio and path.stat().st_size <= _LARGEST:
        return path
    output = folder / f"{path.stem}__{audio.stem}.mp4"
    if not output.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        scale = min(1.0, _HEIGHT / info.height)
        size = round(info.width * scale), round(info.height * scale)
        with VideoWriter(output, *size, info.fps, read_audio(audio, _RATE), _RATE, crf=24) as writer:
            for batch in read_frames(path):
                for frame in batch:
                    writer.write(frame if scale == 1 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
    return output
