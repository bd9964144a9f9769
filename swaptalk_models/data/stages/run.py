"""The data stages: which clips each should have, and what these depend on. The work on one clip is in `work`, the rest in `stage`.

Every stage's inputs are hashes of what the stages before it have *made*. So what did not come out differently recomputes nothing: the sound
does not care how the picture is compressed, and a stricter limit does not touch the clips that pass it anyway.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from swaptalk_models.data.engine.runner import Item, Result, run_stage
from swaptalk_models.data.sources.source_videos import catalog_rows, fetch_missing, local_file
from swaptalk_models.data.store.fingerprint import hash_params
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Entry, Ledger, StageReport
from swaptalk_models.errors import BadClip
from swaptalk_models.settings.preset import Preset

STAGES = ("raw_videos", "clips", "face_tracks", "face_crops", "mels")
"""In an order in which they can be run."""
_CROP = ("crop_x", "crop_y", "crop_w", "crop_h")


def run_data_stage(
    name: str, home: Home, preset: Preset, videos: Iterable[str] | None = None, *, workers: int = 1, run: str = ""
) -> StageReport:
    """Bring one of STAGES up to date for these videos of the catalog (None: all of them). See `stage.run_stage`."""
    return _RUN[name](home, preset, _videos(home, videos), workers=workers, run=run, time_limit=preset.limits.item_seconds)


def _videos(home: Home, videos: Iterable[str] | None) -> list[str]:
    if videos is not None:
        return list(dict.fromkeys(videos))
    return list(dict.fromkeys(row["video"] for row in catalog_rows(home)))


def _raw_videos(home: Home, preset: Preset, videos: list[str], **how: Any) -> StageReport:
    where = {"home": home, "params": None, "work": _Work("look_at_video")}
    return run_stage("raw_videos", lambda: _raw_items(home, preset, videos), videos, **where, **how)


def _raw_items(home: Home, preset: Preset, videos: list[str]) -> list[Item]:
    rows: dict[str, list[dict]] = {}
    for row in catalog_rows(home, videos):
        rows.setdefault(row["video"], []).append(row)
    used = {video: own for video, own in rows.items() if any(row["clip"] for row in own)}
    addresses = {video: own[0]["source"] for video, own in used.items()}
    missing = fetch_missing(home, addresses, preset.download)
    items = []
    with Ledger(home.ledger) as ledger:
        for video, own in rows.items():
            if video not in used:
                items.append(Item(video, video, ["unused", own[0]["note"]], {"reason": f"{video}: {own[0]['note']}"}))
            elif video in missing:
                items.append(Item(video, video, ["missing", *missing[video]], {"reason": missing[video][1]}))
            else:
                items.append(_raw_item(home, ledger, video, own))
    return items


def _raw_item(home: Home, ledger: Ledger, video: str, rows: list[dict]) -> Item:
    path = local_file(home, video, rows[0]["source"])
    find_cuts = any(row["start_s"] is None for row in rows)
    try:
        content = ledger.file_hash(path)
    except BadClip as error:
        return Item(video, video, ["unreadable", str(error)], {"reason": str(error)})
    return Item(
        video,
        video,
        [content, find_cuts],
        {"path": str(path), "content": content, "find_cuts": find_cuts, "reason": ""},
    )


def _clips(home: Home, preset: Preset, videos: list[str], **how: Any) -> StageReport:
    def items() -> list[Item]:
        sources = _done(home, "raw_videos", videos)
        rows: dict[str, list[dict]] = {}
        for row in catalog_rows(home, list(sources)):
            if row["clip"] is not None:
                rows.setdefault(row["video"], []).append(row)
        return [item for v, source in sources.items() for item in _clip_items(home, source, rows.get(v, []), preset)]

    where = {"reads": ("raw_videos",), "there": _clip_is_there}
    return run_stage("clips", items, videos, home=home, params=preset.clips, work=_Work("cut"), **where, **how)


def _clip_items(home: Home, source: Entry, rows: list[dict], preset: Preset) -> list[Item]:
    """Annotated clips as they are; a whole video is divided by its shots and into chunks.

    Where HDTF has a zoom ratio but no window, the window is found when the clip is cut: then it depends on the detector as well.
    """
    path = local_file(home, source.video, rows[0]["source"]) if rows else None
    faces = dataclasses.replace(preset.face_tracks, detect_every=1, max_gap=0)  # frames half a second apart
    items = []
    for row in rows:
        window = tuple(row[key] for key in _CROP)
        crop = None if None in window else window
        spans, reason = [(row["start_s"], row["end_s"])], ""
        if row["start_s"] is None:
            spans, reason = _plan(str(path), source, preset)
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


def _plan(path: str, source: Entry, preset: Preset) -> tuple[list[tuple[float | None, float | None]], str]:
    from swaptalk_models.data.media.cutting import plan_clips
    from swaptalk_models.data.media.video import VideoInfo

    info = VideoInfo(path=Path(path), **source.output["info"])
    try:
        spans = plan_clips(info, preset.clips, source.output["cuts"])
    except BadClip as error:
        return [(None, None)], str(error)
    return ([(None, None)] if len(spans) == 1 and not source.output["cuts"] else spans), ""


def _clip_is_there(home: Home, item: Item) -> bool:
    return home.clip_video(item.clip).is_file() and home.clip_audio(item.clip).is_file()


def _face_tracks(home: Home, preset: Preset, videos: list[str], **how: Any) -> StageReport:
    def items() -> list[Item]:
        return [
            Item(e.clip, e.video, e.output["video"], {"frames": e.output["frames"]})
            for e in _done(home, "clips", videos).values()
        ]

    return run_stage(
        "face_tracks",
        items,
        videos,
        home=home,
        params=preset.face_tracks,
        work=_Work("track"),
        table=True,
        reads=("clips",),
        **how,
    )


def _face_crops(home: Home, preset: Preset, videos: list[str], **how: Any) -> StageReport:
    def items() -> list[Item]:
        clips, tracks = _done(home, "clips", videos), _done(home, "face_tracks", videos)
        wanted = [entry for clip, entry in tracks.items() if clip in clips]
        return [Item(e.clip, e.video, [clips[e.clip].output["video"], e.output["rows"]]) for e in wanted]

    reads = ("clips", "face_tracks")
    return run_stage(
        "face_crops",
        items,
        videos,
        home=home,
        params=preset.face_crops,
        work=_Work("crop"),
        table=True,
        reads=reads,
        **how,
    )


def _mels(home: Home, preset: Preset, videos: list[str], **how: Any) -> StageReport:
    def items() -> list[Item]:
        return [
            Item(e.clip, e.video, [e.output["audio"], e.output["frames"]], {"frames": e.output["frames"]})
            for e in _done(home, "clips", videos).values()
        ]

    return run_stage(
        "mels", items, videos, home=home, params=preset.mels, work=_Work("mel"), table=True, reads=("clips",), **how
    )


def _done(home: Home, stage: str, videos: list[str]) -> dict[str, Entry]:
    with Ledger(home.ledger) as ledger:
        return ledger.entries(stage, videos, OK)


class _Work:
    """A function of `work`, by name: it is imported, with all of OpenCV, where it runs and only if there is something to do."""

    def __init__(self, name: str):
        self.name = name

    def __call__(self, item: Item, home: Home, params: Any) -> Result:
        from swaptalk_models.data.stages import work

        return getattr(work, self.name)(item, home, params)


_RUN: dict[str, Callable[..., StageReport]] = {
    "raw_videos": _raw_videos,
    "clips": _clips,
    "face_tracks": _face_tracks,
    "face_crops": _face_crops,
    "mels": _mels,
}
