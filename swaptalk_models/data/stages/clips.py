"""clips: one 25 fps mp4 and one 16 kHz wav of the same length, HOME/clips/CLIP.mp4 and .wav."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from swaptalk_models.data.engine.items import Item, Needs, Result
from swaptalk_models.data.media.clip_spans import plan_clips
from swaptalk_models.data.media.video_info import VideoInfo
from swaptalk_models.data.sources.catalog import catalog_rows
from swaptalk_models.data.sources.source_files import local_file
from swaptalk_models.data.stages.data_stage import DataStage, finished
from swaptalk_models.data.store.fingerprint import hash_file, hash_params
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Entry
from swaptalk_models.errors import BadClip
from swaptalk_models.settings.data import ClipsConfig
from swaptalk_models.settings.preset import Preset

_CROP = ("crop_x", "crop_y", "crop_w", "crop_h")


def clip_items(home: Home, preset: Preset, videos: list[str]) -> list[Item]:
    """Annotated clips as they are; a whole video is divided by its shots and into chunks."""
    sources = finished(home, "raw_videos", videos)
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in catalog_rows(home, list(sources)):
        if row["clip"] is not None:
            rows.setdefault(row["video"], []).append(row)
    return [item for v, source in sources.items() for item in _items_of(home, source, rows.get(v, []), preset)]


def _items_of(home: Home, source: Entry, rows: list[dict[str, Any]], preset: Preset) -> list[Item]:
    """Where HDTF has a zoom ratio but no window, the window is found when the clip is cut: then it depends on the
    detector as well.
    """
    path = local_file(home, source.video, rows[0]["source"]) if rows else None
    faces = dataclasses.replace(preset.face_tracks, detect_every=1, max_gap=0)  # frames half a second apart
    items = []
    for row in rows:
        window = tuple(row[key] for key in _CROP)
        crop = None if None in window else window
        spans, reason = [(row["start_s"], row["end_s"])], ""
        if row["start_s"] is None:
            spans, reason = _planned(str(path), source, preset.clips)
        for index, (start_s, end_s) in enumerate(spans):
            clip = row["clip"] if row["start_s"] is not None else f"{source.video}_{index:03d}"
            where = {"start_s": start_s, "end_s": end_s, "crop": crop, "reference_height": row["resolution"]}
            inputs = [source.output["content"], list(where.values())]
            zoom = row["zoom"] if crop is None else None
            if zoom is not None:
                inputs += [zoom, hash_params(faces)]
            payload = where | {"path": str(path), "reason": reason, "zoom": zoom, "faces": faces}
            items.append(Item(clip, source.video, inputs, payload))
    return items


def _planned(path: str, source: Entry, config: ClipsConfig) -> tuple[list[tuple[float | None, float | None]], str]:
    """(spans, why there are none); the one span (None, None) is the whole video."""
    info = VideoInfo(path=Path(path), **source.output["info"])
    try:
        spans = plan_clips(info, config, source.output["cuts"])
    except BadClip as error:
        return [(None, None)], str(error)
    return ([(None, None)] if len(spans) == 1 and not source.output["cuts"] else [*spans]), ""


def cut(item: Item, home: Home, params: ClipsConfig) -> Result:
    """One clip's mp4 and wav."""
    from swaptalk_models.data.faces.hdtf_window import face_window
    from swaptalk_models.data.media.cutting import cut_clip

    where = item.payload
    if where["reason"]:
        raise BadClip(where["reason"])
    video, audio = clip_files(home, item.clip)
    crop, height, span = where["crop"], where["reference_height"], (where["start_s"], where["end_s"])
    if where["zoom"] is not None:
        crop, height = face_window(where["path"], *span, where["zoom"], where["faces"]), None
    clip = cut_clip(where["path"], video, audio, *span, params, crop, height)
    found = {} if where["zoom"] is None else {"window": crop}
    return Result({"video": hash_file(video), "audio": hash_file(audio)} | dataclasses.asdict(clip) | found)


def clip_files(home: Home, clip: str) -> tuple[Path, Path]:
    """(mp4, wav)."""
    return home.clip_video(clip), home.clip_audio(clip)


def source_video(home: Home, item: Item) -> tuple[Path, ...]:
    """What is read of one item."""
    return (Path(item.payload["path"]),)


CLIPS = DataStage(
    "clips",
    clip_items,
    cut,
    ("raw_videos",),
    lambda preset: preset.clips,
    files=clip_files,
    needs=Needs(source_video),
)
