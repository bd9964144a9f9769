"""raw_videos: every source video, fetched if need be, opened and examined. Nothing is made but facts in the ledger."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from swaptalk_models.data.engine.items import Item, Needs, Result
from swaptalk_models.data.media.video_info import VideoInfo
from swaptalk_models.data.sources.catalog import catalog_rows
from swaptalk_models.data.sources.source_files import fetch_missing, local_file
from swaptalk_models.data.stages.data_stage import DataStage
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.errors import BadClip
from swaptalk_models.settings.preset import Preset

DAMAGE_SHOWN = 20
"""Moments of damage that the ledger keeps of one video."""


def video_items(home: Home, preset: Preset, videos: list[str]) -> list[Item]:
    """An item a video; it depends on the file's content, or on why there is none. Downloads what is not here."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in catalog_rows(home, videos):
        rows.setdefault(row["video"], []).append(row)
    used = {video: own for video, own in rows.items() if any(row["clip"] for row in own)}
    addresses = {video: own[0]["source"] for video, own in used.items()}
    missing = fetch_missing(home, addresses, preset.download)
    items = []
    with Ledger(home.ledger) as ledger:
        ledger.recall_files(
            path for video in used if video not in missing and (path := local_file(home, video, addresses[video]))
        )
        for video, own in rows.items():
            if video not in used:
                items.append(Item(video, video, ["unused", own[0]["note"]], {"reason": f"{video}: {own[0]['note']}"}))
            elif video in missing:
                items.append(Item(video, video, ["missing", *missing[video]], {"reason": missing[video][1]}))
            else:
                items.append(_file_item(home, ledger, video, own))
    return items


def _file_item(home: Home, ledger: Ledger, video: str, rows: list[dict[str, Any]]) -> Item:
    path = local_file(home, video, rows[0]["source"])
    assert path is not None, video
    find_cuts = any(row["start_s"] is None for row in rows)
    try:
        content = ledger.file_hash(path)
    except BadClip as error:
        return Item(video, video, ["unreadable", str(error)], {"reason": str(error)})
    payload = {"path": str(path), "content": content, "find_cuts": find_cuts, "reason": ""}
    return Item(video, video, [content, find_cuts], payload)


def examine(item: Item, home: Home, params: None) -> Result:
    """What a source video is, and, if nobody has said where its clips are, where its shots end and what of it is
    damaged: the clips with damage will be refused, the others need not suffer for it.
    """
    from swaptalk_models.data.media.mp4_audit import check_index
    from swaptalk_models.data.media.probing import check_trainable, probe
    from swaptalk_models.data.media.shots import Shots, scan_video

    if item.payload["reason"]:
        raise BadClip(item.payload["reason"])
    path = Path(item.payload["path"])
    info = probe(path)
    check_trainable(info)
    check_index(path)
    shots = scan_video(path) if item.payload["find_cuts"] else Shots([], [])
    damaged = {"frames": len(shots.damaged), "at_s": [round(moment, 2) for moment in shots.damaged[:DAMAGE_SHOWN]]}
    found = {"damaged": damaged} if shots.damaged else {}
    return Result({"info": _without_path(info), "cuts": shots.cuts, "content": item.payload["content"]} | found)


def _without_path(info: VideoInfo) -> dict[str, Any]:
    """The file may be moved."""
    return {key: value for key, value in dataclasses.asdict(info).items() if key != "path"}


def source_file(home: Home, item: Item) -> tuple[Path, ...]:
    """What is read of one item; nothing where it is refused unread."""
    return (Path(item.payload["path"]),) if "path" in item.payload else ()


RAW_VIDEOS = DataStage("raw_videos", video_items, examine, needs=Needs(source_file), given=None)
