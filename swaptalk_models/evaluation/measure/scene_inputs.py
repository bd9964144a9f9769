"""What goes into test videos: pieces of held-out clips, their sounds in step, and one source picture of each person."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.snapshot import Snapshot
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.stored_files import present
from swaptalk_models.data.store.tables import open_table
from swaptalk_models.evaluation.files import CHUNKS_FOLDER
from swaptalk_models.evaluation.measure.protocol import Chunk

_CHUNK_CRF = 10  # a chunk is cut from a clip that was compressed before


def chunk_files(home: Home, chunk: Chunk, folder: Path) -> tuple[Path, Path]:
    """Video and sound of a chunk, cut once; of a whole clip, the clip's own files, unless its sound has to be moved into step.

    Args:
        folder: of the test videos.
    """
    video, audio = home.clip_video(chunk.clip), home.clip_audio(chunk.clip)
    if chunk.frames is not None:
        video = folder / CHUNKS_FOLDER / f"{chunk.name}.mp4"
        if not video.is_file():
            _cut_video(home, chunk, video)
    if chunk.frames is not None or chunk.sound_offset:
        # Another name, so that no comparison takes it for the sound as it was.
        audio = (
            folder
            / CHUNKS_FOLDER
            / (f"{chunk.name}_moved{chunk.sound_offset:+d}.wav" if chunk.sound_offset else f"{chunk.name}.wav")
        )
        if not audio.is_file():
            _cut_sound(home, chunk, audio)
    return present(video), present(audio)


def _cut_video(home: Home, chunk: Chunk, path: Path) -> None:
    from swaptalk_models.data.media.video import probe, read_frames
    from swaptalk_models.data.media.video_writer import VideoWriter

    assert chunk.frames is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    clip = present(home.clip_video(chunk.clip))
    info = probe(clip)
    with VideoWriter(path, info.width, info.height, crf=_CHUNK_CRF) as writer:
        frames = itertools.chain.from_iterable(read_frames(clip))
        for frame in itertools.islice(frames, chunk.first, chunk.first + chunk.frames):
            writer.write(frame)


def _cut_sound(home: Home, chunk: Chunk, path: Path) -> None:
    from swaptalk_models.data.media.audio import read_audio, write_wav
    from swaptalk_models.data.media.cutting import SAMPLE_RATE, SAMPLES_PER_FRAME

    path.parent.mkdir(parents=True, exist_ok=True)
    sound = read_audio(present(home.clip_audio(chunk.clip)), SAMPLE_RATE)
    length = len(sound) if chunk.frames is None else chunk.frames * SAMPLES_PER_FRAME
    first = (chunk.first - chunk.sound_offset) * SAMPLES_PER_FRAME
    # Moved, a sound may begin before its first sample or end behind its last one: there is silence.
    sound = np.pad(sound, (max(0, -first), max(0, first + length - len(sound))))[max(0, first) :]
    write_wav(path, sound[:length])


def source_pictures(home: Home, snapshot: Snapshot, folder: Path) -> dict[str, Path]:
    """{person: picture} of each held-out person: a frame with a typical pose, open eyes and a closed mouth, written once into
    the folder.
    """
    from swaptalk_models.data.faces.reference import reference_frame
    from swaptalk_models.data.media.timeline import frames_at_25

    pictures: dict[str, Path] = {}
    tracks = open_table(home, "face_crops", snapshot.table_version("face_crops"))
    for clip in snapshot.clips("test"):
        if clip["person"] in pictures:
            continue
        pictures[clip["person"]] = path = folder / f"{clip['person']}.png"
        if path.is_file():
            continue
        rows = tracks.to_table(columns=["frame", "landmarks"], filter=f"clip = '{clip['clip']}'").sort_by("frame")
        landmarks = rows["landmarks"].combine_chunks().flatten().to_numpy().reshape(-1, 68, 2)
        wanted = reference_frame(landmarks)
        for batch in frames_at_25(present(home.clip_video(clip["clip"]))):
            if wanted < len(batch):
                with atomic_write(path) as aside:
                    aside.write_bytes(encode_png(batch[wanted]))
                break
            wanted -= len(batch)
    return pictures
