"""One codec for all that is compared: every video, the ground truth too, is compressed once more in the same way.

Methods write with other encoders and settings, and the codec alone moves figures (LSE by up to 1: Quignon et al., "THEval",
2025). After the same last compression no method owes a figure to its encoder.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

from swaptalk_models.data.store.fingerprint import hash_values
from swaptalk_models.evaluation.measure.video_files import VideoFiles

CRF = 18
ENCODING = f"x264, crf {CRF}, preset veryfast, yuv420p, 25 frames a second"
"""As the report's header says it."""


def encoded(video: Path, folder: Path, voiced: bool = False) -> Path:
    """The video in the common encoding, made once for a file, as long as that is not changed. `voiced`: with its sound.

    Raises:
        BadClip: no video.
    """
    from swaptalk_models.data.media.timeline import frames_at_25
    from swaptalk_models.data.media.video_writer import VideoWriter
    from swaptalk_models.data.media.voice import open_voice

    state = video.stat()
    key = hash_values([str(video.resolve()), state.st_size, state.st_mtime_ns, ENCODING, voiced])[:12]
    path = folder / f"{video.stem}_{key}.mp4"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        frames = chain.from_iterable(frames_at_25(video))
        first = next(frames)
        voice = open_voice(video) if voiced else None
        with VideoWriter(path, first.shape[1], first.shape[0], crf=CRF, audio=voice) as writer:
            for frame in chain([first], frames):
                writer.write(frame)
    return path


def encoded_files(files: VideoFiles, folder: Path) -> VideoFiles:
    """The same with all pictures in the common encoding; sounds are taken from where they were."""
    from swaptalk_models.data.media.probing import probe

    again = partial(encoded, folder=folder)
    audio = files.audio or (files.generated if probe(files.generated).has_audio else None)
    further = files.further
    own_sound = further.target_audio
    if own_sound is None and files.target is not None and probe(files.target).has_audio:
        own_sound = files.target
    silent = again(further.silent) if further.silent else None
    own = again(further.own, voiced=True) if further.own else None
    return replace(
        files,
        generated=again(files.generated),
        target=again(files.target) if files.target else None,
        audio=audio,
        further=replace(further, target_audio=own_sound, silent=silent, own=own),
    )
