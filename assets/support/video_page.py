"""What the page of a partition tells of its video: its clips one by one, with frames, measures, marks, how far its sound is off, and some crops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import dagster as dg

from assets.support.metadata import jpeg, markdown_file, unplotted
from assets.support.resources import SwapTalk
from swaptalk_models.data.quality.gates import SYNC_STAGE, judge
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.ledger import OK, QUARANTINED, Entry, Ledger
from swaptalk_models.settings.data import QualityConfig

Of = Mapping[str, Sequence[Entry]]
"""{video: its entries of one stage}."""
Strips = Callable[[SwapTalk, Sequence[str], Mapping[str, str], Of, float], dict[str, dict[str, Any]]]
"""(swaptalk, videos, {video: data version}, entries, when the stage began) -> {video: pictures of it}."""
_CLIPS_SHOWN = 30
_FACES, _FACE_PX = 3, 64
_DRAWN_UP_TO = 100
"""Videos of which pictures are drawn that should have been there already."""


def video_pages(swaptalk: SwapTalk, stage: str, of_video: Of, started: float) -> dict[str, dict[str, Any]]:
    """{video: metadata of its event}. The figures of a video of which the stage has made nothing since ``started`` are no numbers."""
    config = swaptalk.load().quality
    with Ledger(swaptalk.home_folder().ledger) as ledger:
        offsets = ledger.entries(SYNC_STAGE, list(of_video), OK)
    pages = {}
    for video, entries in of_video.items():
        page = _figures(entries)
        if entries:
            page["this video"] = _clips_table(stage, entries, offsets, config)
        bad = [entry.reason for entry in entries if entry.status == QUARANTINED]
        marks = [why for entry in entries for why in _marks(stage, entry, offsets, config)]
        page |= {"why quarantined": "; ".join(bad)} if bad else {}
        page |= {"why marked": "; ".join(dict.fromkeys(marks))} if marks else {}
        pages[video] = page if _is_new(entries, started) else unplotted(page)
    return pages


def face_strips(
    swaptalk: SwapTalk, videos: Sequence[str], versions: Mapping[str, str], of_video: Of, started: float
) -> dict[str, dict[str, Any]]:
    """Three crops of each video, as one picture of some kilobytes. They are kept in HOME/pages: what has not changed is not drawn again."""
    folder = swaptalk.home_folder().pages
    files = {video: folder / f"{video}@{versions[video]}.jpg" for video in videos}  # no key has an @
    few = len(videos) <= _DRAWN_UP_TO
    missing = [v for v, path in files.items() if not path.is_file() and (few or _is_new(of_video.get(v, []), started))]
    drawn = _draw(swaptalk, {video: of_video.get(video, []) for video in missing})
    for old in [*folder.glob("*@*.jpg")] if drawn else []:
        if old.name.partition("@")[0] in drawn:
            old.unlink(missing_ok=True)
    for video, image in drawn.items():
        with atomic_write(files[video]) as aside:
            aside.write_bytes(jpeg(image))
    shown = {video: path.read_bytes() for video, path in files.items() if path.is_file()}
    return {video: {"crops": markdown_file(data, f"crops of {video}")} for video, data in shown.items()}


def _draw(swaptalk: SwapTalk, of_video: Of) -> dict[str, Any]:
    """{video: crops of its first clip side by side, from its begin, middle and end}."""
    import cv2
    import numpy as np

    from swaptalk_models.data.media.png import decode_png
    from swaptalk_models.data.store import tables

    clips = {
        v: e for v, found in of_video.items() if (e := next((x for x in found if x.status == OK), None)) and e.rows
    }
    if not clips:
        return {}
    table, strips = tables.open_table(swaptalk.home_folder(), "face_crops"), {}
    for video, entry in clips.items():
        frames = sorted({entry.rows * (2 * number + 1) // (2 * _FACES) for number in range(_FACES)})
        where = f"{tables.clips_filter([entry.clip])} AND frame IN ({', '.join(map(str, frames))})"
        rows = table.to_table(columns=["frame", "crop"], filter=where).sort_by("frame")
        faces = [decode_png(data) for data in rows["crop"].to_pylist()]
        if faces:  # else the check of the rows tells what is wrong with them
            small = [cv2.resize(face, (_FACE_PX, _FACE_PX), interpolation=cv2.INTER_AREA) for face in faces]
            strips[video] = np.concatenate(small, axis=1)
    return strips


def _is_new(entries: Sequence[Entry], started: float) -> bool:
    return any(entry.updated_at >= started for entry in entries)


def _figures(entries: Sequence[Entry]) -> dict[str, Any]:
    """Counts, and the median over the clips of each measure."""
    good = [entry for entry in entries if entry.status == OK]
    found: dict[str, Any] = {"clips": float(len(good)), "rows": float(sum(entry.rows for entry in good))}
    found |= {"frames": float(sum(_facts(entry).get("frames", 0) for entry in good))}
    measures = {name: None for entry in good for name in entry.output.get("quality", {})}
    for name in measures:
        values = [value for entry in good if (value := entry.output["quality"].get(name)) is not None]
        found |= {name: float(median(values))} if values else {}
    return found


def _facts(entry: Entry) -> Mapping[str, Any]:
    """Of a source video what was found in it, of a clip what was made of it."""
    return entry.output.get("info", entry.output)


def _marks(stage: str, entry: Entry, offsets: Mapping[str, Entry], config: QualityConfig) -> list[str]:
    """What the gates say of a clip, as far as this stage and the sync judge have measured it."""
    if entry.status != OK:
        return []
    outputs = {stage: entry.output} | ({SYNC_STAGE: offsets[entry.clip].output} if entry.clip in offsets else {})
    return list(judge(outputs, config).reasons.values())


def _clips_table(
    stage: str, entries: Sequence[Entry], offsets: Mapping[str, Entry], config: QualityConfig
) -> dg.MetadataValue:
    """A row a clip."""
    rows = [_row(stage, entry, offsets, config) for entry in entries[:_CLIPS_SHOWN]]
    names = list(dict.fromkeys(name for row in rows for name in row if name != "said")) + ["said"]
    records = [dg.TableRecord({name: row.get(name, "-") for name in names}) for row in rows]
    return dg.MetadataValue.table(
        records=records, schema=dg.TableSchema([dg.TableColumn(name, "string") for name in names])
    )


def _row(stage: str, entry: Entry, offsets: Mapping[str, Entry], config: QualityConfig) -> dict[str, str]:
    facts = _facts(entry)
    row = {"clip": entry.clip, "frames": str(facts.get("frames", "-"))}
    if "width" in facts:
        row["picture"] = f"{facts['width']} x {facts['height']}"
    row |= {name: f"{value:.3g}" for name, value in entry.output.get("quality", {}).items() if value is not None}
    if entry.clip in offsets:
        measured = offsets[entry.clip].output.get("quality", {})
        row["sound too early by (frames)"] = str(measured.get("offset", "-"))
    marks = _marks(stage, entry, offsets, config)
    said = f"quarantined: {entry.reason}" if entry.status == QUARANTINED else "; ".join(marks)
    return row | {"said": said or "ok"}
