"""HDTF's fifteen annotation files (RD, WDA, WRA times five kinds; MRzzm/HDTF, CC BY 4.0), joined into one catalog."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa

from swaptalk_models.data.sources.catalog_table import catalog_table
from swaptalk_models.data.sources.names import safe_name
from swaptalk_models.errors import UserError

GROUPS = ("RD", "WDA", "WRA")
KINDS = ("annotion_time", "crop_ratio", "crop_wh", "resolution", "video_url")  # HDTF's spelling
FILES = tuple(f"{group}_{kind}.txt" for group in GROUPS for kind in KINDS)

USUAL_ZOOM = 1.2
"""Of 342 of the 421 published windows; taken for the clips without one."""
# What a row holds after the name, one pattern a kind: spans in minutes and seconds; zoom; x, width, y, height (in this
# order); px; address.
_VALUES = {
    "annotion_time": re.compile(r"(\d+:\d\d-\d+:\d\d)(\s+\d+:\d\d-\d+:\d\d)*"),
    "crop_ratio": re.compile(r"\d+(\.\d+)?"),
    "crop_wh": re.compile(r"\d+\s+\d+\s+\d+\s+\d+"),
    "resolution": re.compile(r"\d+"),
    "video_url": re.compile(r"https?://\S+"),
}


def hdtf_catalog(folder: str | os.PathLike[str]) -> tuple[pa.Table, list[str]]:
    """Reads the annotation files of a folder as published.

    A row a clip; a video without a time span keeps one row with a null clip, so that no video is lost. Trailing digits
    of a name tell a person's videos apart and are no part of ``person``; videos at the same address show the same
    person, whatever they are called.

    Returns:
        the catalog, and one sentence for each disagreement between the files.

    Raises:
        UserError: a file is missing or a line cannot be understood.
    """
    folder = Path(folder)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise UserError(
            f"{folder}: {len(missing)} of HDTF's {len(FILES)} annotation files are missing: {', '.join(missing)}; "
            "they are fetched into a new or empty folder only"
        )
    rows, disagreements = [], []
    for group in GROUPS:
        found, odd = _group_rows(group, {kind: _entries(folder / f"{group}_{kind}.txt", kind) for kind in KINDS})
        rows += found
        disagreements += odd
    disagreements += _merge_persons(rows)
    return catalog_table(rows), disagreements


def _entries(path: Path, kind: str) -> dict[str, str]:
    """Name -> value. The byte-order mark, `.mp4` and stray blanks go."""
    entries = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        name, _, value = line.strip().partition(" ")
        name, value = name.removesuffix(".mp4"), value.strip()
        if not _VALUES[kind].fullmatch(value):
            raise UserError(f"{path}, line {number}: cannot be understood: {line.strip()[:80]!r}")
        if name in entries:
            raise UserError(f"{path}, line {number}: {name} stands there twice")
        entries[name] = value
    return entries


def _group_rows(group: str, files: dict[str, dict[str, str]]) -> tuple[list[dict[str, Any]], list[str]]:
    rows, odd = [], []
    spans, addresses = files["annotion_time"], files["video_url"]
    for name in sorted({*addresses, *spans, *files["resolution"]}):
        resolution = int(files["resolution"].get(name, 0)) or None
        video = {
            "video": safe_name(f"{group}_{name}"),
            "group": group,
            "person": safe_name(f"{group}_{name}".rstrip("0123456789")),
            "source": _clean_address(addresses.get(name, "")),
            "resolution": resolution,
        }
        notes = [] if resolution else [f"no resolution in {group}_resolution.txt"]
        if name not in addresses:
            notes.append(f"no address in {group}_video_url.txt")
        if name not in spans:
            rows.append({**video, "note": "; ".join([*notes, f"no time span in {group}_annotion_time.txt: not used"])})
            odd.append(f"{group}_{name}: {rows[-1]['note']}.")
            continue
        odd += [f"{group}_{name}: {note}." for note in notes]
        for index, span in enumerate(spans[name].split()):
            row, clip_notes = _clip_row(video, name, index, span, files)
            rows.append({**row, "note": "; ".join([*notes, *clip_notes])})
            odd += [f"{row['clip']}: {note}." for note in clip_notes]
    clips = {f"{name}_{index}" for name, value in spans.items() for index in range(len(value.split()))}
    for kind in ("crop_ratio", "crop_wh"):
        odd += [
            f"{group}_{name}: in {group}_{kind}.txt, but it is no clip of {group}_annotion_time.txt."
            for name in files[kind]
            if name not in clips
        ]
    return rows, odd


def _clip_row(
    video: dict[str, Any], name: str, index: int, span: str, files: dict[str, dict[str, str]]
) -> tuple[dict[str, Any], list[str]]:
    start, end = (_seconds(moment) for moment in span.split("-"))
    row = {**video, "clip": f"{video['video']}_{index:03d}", "clip_index": index, "start_s": start, "end_s": end}
    notes = [] if start < end else [f"its time span {span} is empty"]
    window, zoom = (files[kind].get(f"{name}_{index}") for kind in ("crop_wh", "crop_ratio"))
    if window is None:
        row["zoom"] = USUAL_ZOOM
        notes.append(f"no crop window; it is cut around its face boxes, at HDTF's usual zoom of {USUAL_ZOOM:g}")
    else:
        x, width, y, height = (int(value) for value in window.split())
        row |= {"crop_x": x, "crop_y": y, "crop_w": width, "crop_h": height}
        if video["resolution"] and y + height > video["resolution"]:
            notes.append(f"its crop window ends at row {y + height}, below the picture's {video['resolution']} rows")
    if zoom is not None:
        row["zoom"] = float(zoom)
    elif window is not None:
        notes.append("a crop window, but no zoom ratio")
    return row, notes


def _seconds(moment: str) -> float:
    minutes, seconds = moment.split(":")
    return 60.0 * int(minutes) + int(seconds)


def _clean_address(address: str) -> str:
    """Takes `&t=6s` and the like off a YouTube address: where its player starts is no matter of ours, and the address
    names the video.
    """
    query = parse_qs(urlsplit(address).query)
    return f"https://www.youtube.com/watch?v={query['v'][0]}" if "youtube.com" in address and "v" in query else address


def _merge_persons(rows: list[dict[str, Any]]) -> list[str]:
    """Gives one person to all videos of people who share an address: else the same face could be in training and
    test."""
    persons = defaultdict(set)
    for row in rows:
        if row["source"]:
            persons[row["source"]].add(row["person"])
    sentences = []
    for address, names in sorted(persons.items()):
        if len(names) > 1:
            first, *others = sorted(names)
            sentences.append(
                f"{', '.join([first, *others])}: share the address {address}; taken as one person, {first}."
            )
            for row in rows:
                row["person"] = first if row["person"] in others else row["person"]
    return sentences
