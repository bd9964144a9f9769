"""Peak memory of preparing a video of 10 s and one of 10 minutes, and of a generation on each and on targets of 4K, in a process of its own each time."""

from __future__ import annotations

import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

from assets.support.own_packages import own_environment

SHORT_S, LONG_S, SIZE = 10, 600, 256
# What a frame of 4K takes, a minute or an hour has to do with: a target that is six times as long.
LARGE, LARGE_SHORT_S, LARGE_LONG_S = (3840, 2160), 4, 24
# One annotated clip as long as the video is the worst case; a plain folder's video is cut into chunks.
_RUN = """
import resource, sys
from pathlib import Path
from swaptalk_models.data.sources.catalog import write_catalog
from swaptalk_models.data.stages.registry import DATA_STAGES, run_data_stage
from swaptalk_models.data.store.home import Home
from swaptalk_models.settings.preset import load_preset
home, preset = Home(Path(sys.argv[2])).create(), load_preset("tiny", {"clips.chunk_seconds": float(sys.argv[3])})
write_catalog(home, preset, videos=sys.argv[1])
for stage in DATA_STAGES:
    assert not run_data_stage(stage, home, preset).quarantined, stage
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""

# All but the networks, whose memory does not know how long a video is; without them the rest would show most.
_GENERATE = """
import resource, sys
from pathlib import Path
import torch
from swaptalk_models.inference.generator import Generator
from swaptalk_models.settings.data import CropsConfig, FacesConfig
class Mirror:
    crops, faces, grid = CropsConfig(size=128), FacesConfig(), 32
    def encode(self, crops, landmarks): return crops
    def encode_source(self, crop, landmarks, neutral): return crop[None]
    def repeated(self, face, count): return face.repeat(count, axis=0)
    def swap(self, source, target): return target
    def speak(self, target, reference, windows): return target
    def decode(self, faces): return faces
source, video, work = map(Path, sys.argv[1:4])
work.mkdir()
made = Generator(Mirror()).generate(source, video, video, work / "out.mp4", detail=True, work=work, progress=False)
assert made.tally.made, made
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def measure(workdir: Path, home: Path) -> dict[str, float | str]:
    """Peak resident memory (MiB) of each, and how many times the short one's the long one's are."""
    from swaptalk_models.data.phantom.corpus import write_corpus

    drawn = write_corpus(workdir / "drawn", 1, SHORT_S, 0, SIZE)[0]
    found: dict[str, float | str] = {"video": f"{SIZE} px, {SHORT_S} s and {LONG_S} s, one process"}
    for name, seconds in (("short", SHORT_S), ("long", LONG_S)):
        folder = workdir / name
        folder.mkdir()
        repeat(drawn, folder / "video.mp4", seconds // SHORT_S)
        for cut, chunk in (("in_one_clip", LONG_S), ("in_chunks", 10)):
            if name == "short" and cut == "in_chunks":
                continue
            started = time.perf_counter()
            found[f"{name}_{cut}_mib"] = _peak(folder, workdir / f"home_{name}_{cut}", chunk)
            found[f"{name}_{cut}_seconds"] = time.perf_counter() - started
    for name in ("short", "long"):
        video = workdir / name / "video.mp4"
        found[f"{name}_generate_mib"] = generate_peak(_first_frame(drawn, workdir), video, workdir / f"work_{name}")
    found["long_generate_times_the_short_ones_memory"] = found["long_generate_mib"] / found["short_generate_mib"]
    found |= _large(drawn, workdir)
    for cut in ("in_one_clip", "in_chunks"):
        found[f"long_{cut}_times_the_short_ones_memory"] = found[f"long_{cut}_mib"] / found["short_in_one_clip_mib"]
    return found


def _large(drawn: Path, workdir: Path) -> dict[str, float | str]:
    """Of a generation on a target of 4K, and on one as large that is longer."""
    source, short, long = (workdir / f"{name}.mp4" for name in ("one_large", "large_short", "large_long"))
    enlarge(drawn, source, *LARGE, seconds=1)
    repeat(source, short, LARGE_SHORT_S)
    repeat(source, long, LARGE_LONG_S)
    face = _first_frame(drawn, workdir)
    peaks = [generate_peak(face, video, workdir / f"work_{video.stem}") for video in (short, long)]
    size = f"{LARGE[0]}_x_{LARGE[1]}"
    return {
        f"generate_mib_at_{size}_of_{LARGE_SHORT_S}_s": peaks[0],
        f"generate_mib_at_{size}_of_{LARGE_LONG_S}_s": peaks[1],
        f"generate_at_{size}_times_the_short_ones_memory": peaks[1] / peaks[0],
    }


def enlarge(source: Path, target: Path, width: int, height: int, seconds: int) -> None:
    """The first ``seconds`` of a square film, as high as ``height`` (px), black at its sides."""
    import cv2
    import numpy as np

    from swaptalk_models.data.media.audio import read_audio
    from swaptalk_models.data.media.video import read_frames
    from swaptalk_models.data.media.video_writer import VideoWriter

    frames = np.concatenate(list(read_frames(source)))[: 25 * seconds]
    left = (width - height) // 2
    with VideoWriter(target, width, height, audio=read_audio(source)[: 16000 * seconds]) as writer:
        for frame in frames:
            large = np.zeros((height, width, 3), np.uint8)
            large[:, left : left + height] = cv2.resize(frame, (height, height), interpolation=cv2.INTER_CUBIC)
            writer.write(large)


def generate_peak(source: Path, video: Path, work: Path) -> float:
    """Of a generation with a video as target and voice (MiB)."""
    return _run(_GENERATE, str(source), str(video), str(work))


def _first_frame(video: Path, folder: Path) -> Path:
    from swaptalk_models.data.media.png import encode_png
    from swaptalk_models.data.media.video import read_frames

    (folder / "source.png").write_bytes(encode_png(next(iter(read_frames(video)))[0]))
    return folder / "source.png"


def _peak(videos: Path, home: Path, chunk: float) -> float:
    return _run(_RUN, str(videos), str(home), str(chunk))


def _run(code: str, *arguments: str) -> float:
    from swaptalk_models.data.engine.workers import WORKER_ENVIRONMENT

    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=own_environment() | WORKER_ENVIRONMENT
    )
    return float(done.stdout.split()[-1])


def repeat(source: Path, target: Path, times: int) -> None:
    """The same film ``times`` over in one file, its packets as they are."""
    import av

    with av.open(str(target), "w") as written:
        streams, last, begins = {}, {}, Fraction(0)
        for _ in range(times):
            with av.open(str(source)) as read:
                picture, sound = read.streams.video[0], read.streams.audio[0]
                streams = streams or {
                    stream.type: written.add_stream_from_template(stream) for stream in (picture, sound)
                }
                for packet in read.demux(picture, sound):
                    kind, shift = packet.stream.type, round(begins / packet.time_base)
                    # The sound's first packet lies before its picture: from the second time on it has no room.
                    if packet.size and packet.dts + shift > last.get(kind, -(1 << 40)):
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream, last[kind] = streams[kind], packet.dts
                        written.mux(packet)
                begins += picture.duration * picture.time_base
