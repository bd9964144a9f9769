"""Which target, source picture and sound belong to which generated video of a folder: told by the names of the files.

A partner's file is called like the video (`a.mp4` and `a.png`), whatever their suffixes; or the video is called
SOURCE__TARGET or SOURCE__TARGET__AUDIO, and each partner by its part; videos of the leak test also by SOURCE__TARGET. A file in the place of a folder is everybody's partner.
"""

from __future__ import annotations

from pathlib import Path

from swaptalk_models.data.media.suffixes import PICTURES, SOUNDS, VIDEOS
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.measure.video_files import VideoFiles
from swaptalk_models.metrics.further_inputs import FurtherInputs

_SOUNDS = (*SOUNDS, *VIDEOS)


def pair_files(
    generated: Path,
    target: Path | None,
    source: Path | None,
    audio: Path | None,
    gallery: Path | None,
    silent: Path | None = None,
    own: Path | None = None,
) -> list[tuple[str, VideoFiles]]:
    """(method, files) of each video in the folder `generated`; videos in its sub-folders belong to the method that the sub-folder is
    called, those beside them to the method "". `silent` and `own`, of the leak test, are the method's own videos: a
    sub-folder of the method's name comes first.

    Raises:
        UserError: no video, a video without its partner, or two files that could be it.
    """
    beside = sorted(path for path in generated.iterdir() if _is(path, VIDEOS))
    folders = sorted(path for path in generated.iterdir() if path.is_dir() and not path.name.startswith("."))
    videos = [("", path) for path in beside]
    videos += [(folder.name, path) for folder in folders for path in sorted(folder.iterdir()) if _is(path, VIDEOS)]
    if not videos:
        raise UserError(f"{generated}: no videos in there or in its sub-folders ({', '.join(VIDEOS)})")
    pairs = []
    for method, video in videos:
        parts = video.stem.split("__")
        of_target, of_source = parts[1:2] if 2 <= len(parts) <= 3 else [], parts[:1] if 2 <= len(parts) <= 3 else []
        of_audio = parts[2:3] or of_target
        of_both = ["__".join(parts[:2]), *of_target] if of_target else []
        files = VideoFiles(
            video,
            _partner(video, target, of_target, VIDEOS, "--target"),
            _partner(video, source, of_source, PICTURES, "--source"),
            _partner(video, audio, of_audio, _SOUNDS, "--audio"),
            gallery,
            further=FurtherInputs(
                _partner(video, _of_method(silent, method), of_both, VIDEOS, "--silence-driven"),
                _partner(video, _of_method(own, method), of_both, VIDEOS, "--self-driven"),
            ),
        )
        pairs.append((method, files))
    return pairs


def _partner(video: Path, place: Path | None, part: list[str], suffixes: tuple[str, ...], option: str) -> Path | None:
    if place is None or place.is_file():
        return place
    for name in (video.stem, *part):
        found = sorted(path for path in place.iterdir() if path.stem == name and _is(path, suffixes))
        if len(found) > 1:
            raise UserError(
                f"{option} {place}: both {found[0].name} and {found[1].name} could belong to {video.name}: keep one"
            )
        if found:
            return found[0]
    names = " or ".join(f"{name}{suffixes[0]}" for name in (video.stem, *part))
    raise UserError(
        f"{option} {place}: nothing belongs to {video.name}: expected {names} (or another of {', '.join(suffixes)})"
    )


def _of_method(place: Path | None, method: str) -> Path | None:
    return place / method if place is not None and method and (place / method).is_dir() else place


def _is(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.is_file() and path.suffix.lower() in suffixes and not path.name.startswith(".")
