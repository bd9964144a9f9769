"""Videos put behind each other, their pictures as they are, with one sound over all."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av

from swaptalk_models.data.media.container import tick_length
from swaptalk_models.data.media.frame_times import CLIP_RATE
from swaptalk_models.data.media.sound_writer import SoundWriter
from swaptalk_models.data.media.voice import Voice


def join_videos(parts: Sequence[Path], path: str | os.PathLike[str], voice: Voice) -> int:
    """Write an mp4 of the pictures of ``parts``, which ``VideoWriter`` wrote with the same settings at 25 frames a second, and a voice,
    cut or padded to the picture. No picture is encoded again. Gives the number of frames.
    """
    frames = 0
    with av.open(f"file:{path}", "w", format="mp4", options={"movflags": "+faststart"}) as joined:
        with av.open(f"file:{parts[0]}") as first:
            stream = joined.add_stream_from_template(first.streams.video[0])
        sound = SoundWriter(joined, voice)
        for part in parts:
            with av.open(f"file:{part}") as piece:
                source = piece.streams.video[0]
                shift = round(Fraction(frames, CLIP_RATE) / tick_length(source))
                for packet in piece.demux(source):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    joined.mux(packet)
                    frames += 1
                    # Sound goes in beside its picture, so that a player never has to jump about in the file.
                    sound.write(frames * voice.rate // CLIP_RATE)
        sound.end(math.ceil(frames * voice.rate / CLIP_RATE))
    return frames
