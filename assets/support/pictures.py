"""Small pictures of the data for the UI. Everything heavy is imported when a picture is drawn."""

from pathlib import Path
from typing import Any

import dagster as dg

from assets.support.metadata import markdown_picture
from assets.support.resources import SwapTalk
from swaptalk_models.data.quality.gates import GATES
from swaptalk_models.data.store.ledger import OK, Entry, Ledger

FACES_SHOWN = 8
FACE_PX = 64
THUMBNAIL_PX = 480


def spread(entries: list[Entry], count: int) -> list[Entry]:
    """A few entries, evenly from first to last."""
    step = max(1, len(entries) // count)
    return entries[::step][:count]


def _finished(swaptalk: SwapTalk, stage: str) -> list[Entry]:
    with Ledger(swaptalk.home_folder().ledger) as ledger:
        return list(ledger.entries(stage, status=OK).values())


def contact_sheet(swaptalk: SwapTalk) -> dict[str, dg.MetadataValue]:
    """The middle crop of some clips, with its landmarks."""
    import cv2
    import numpy as np

    from swaptalk_models.data.media.png import decode_png
    from swaptalk_models.data.store import tables

    faces = []
    for entry in spread(_finished(swaptalk, "face_crops"), FACES_SHOWN):
        rows = tables.open_table(swaptalk.home_folder(), "face_crops").to_table(
            columns=["crop", "landmarks"], filter=f"clip = '{entry.clip}' AND frame = {entry.rows // 2}"
        )
        if rows.num_rows != 1:
            continue  # the check of the rows tells what is wrong with them
        image = decode_png(rows["crop"][0].as_py())
        scale = 2 * FACE_PX / len(image)
        face = cv2.resize(
            image, (2 * FACE_PX, 2 * FACE_PX), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        )
        for x, y in tables.as_array(rows["landmarks"]).reshape(68, 2) * scale:
            cv2.circle(face, (int(x), int(y)), 1, (80, 255, 120), -1, cv2.LINE_AA)
        faces.append(face)
    return {"contact sheet": markdown_picture(_grid(faces, np), "face crops with landmarks")} if faces else {}


def _grid(images: list, np: Any) -> Any:
    """Two rows."""
    blank = np.full_like(images[0], 255)
    half = (len(images) + 1) // 2
    rows = [images[:half], images[half:] + [blank] * (2 * half - len(images))]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows if row], axis=0)


def track_quality(swaptalk: SwapTalk) -> dict[str, Any]:
    """Mean confidence, share of frames without a face, and a histogram of the confidence."""
    import numpy as np

    from swaptalk_models.data.store import tables

    clips = [entry.clip for entry in spread(_finished(swaptalk, "face_tracks"), 500)]
    if not clips:
        return {}
    table = tables.open_table(swaptalk.home_folder(), "face_tracks")
    confidence = table.to_table(columns=["confidence"], filter=tables.clips_filter(clips))["confidence"].to_numpy()
    histogram, _ = np.histogram(confidence, bins=20, range=(0, 1))
    return {
        "mean_confidence": float(confidence.mean()),
        "faceless_share": float((confidence == 0).mean()),
        "confidence": markdown_picture(_bars(histogram, np), "histogram of the confidence, 0 to 1"),
    }


def _bars(values: Any, np: Any, limit: float | None = None) -> Any:
    """A bar chart, 240 x 60 px; with a red line at `limit`, a place from 0 (left) to 1 (right)."""
    picture = np.full((60, 12 * len(values), 3), 255, np.uint8)
    for index, height in enumerate(np.ceil(58 * values / max(values.max(), 1)).astype(int)):
        picture[60 - height :, 12 * index + 1 : 12 * index + 11] = (70, 110, 170)
    if limit is not None:
        x = min(max(int(limit * picture.shape[1]), 2), picture.shape[1] - 2)
        picture[:, x - 2 : x + 2] = (200, 40, 40)  # JPEG halves the width of colours
    return picture


def quality_histograms(swaptalk: SwapTalk, stage: str) -> dict[str, Any]:
    """For each quality measure of this stage: its median over the clips, and a histogram with the gate's limit in it."""
    import numpy as np

    config = swaptalk.load().quality
    entries = _finished(swaptalk, stage)
    found: dict[str, Any] = {}
    for gate in GATES:
        values = [q[gate.measure] for entry in entries if gate.measure in (q := entry.output.get("quality", {}))]
        if gate.stage != stage or not values:
            continue
        limit = getattr(config, gate.setting)
        low, high = min(*values, limit), max(*values, limit)
        room = 0.05 * (high - low) or 1.0
        low, high = low - room, high + room
        histogram, _ = np.histogram(values, bins=20, range=(low, high))
        said = f"{gate.measure} of {len(values)} clips, {low:.3g} to {high:.3g}; red: quality.{gate.setting} {limit:g}"
        found[f"{gate.measure} median"] = float(np.median(values))
        picture = _bars(histogram, np, (limit - low) / (high - low))
        found[f"{gate.measure} histogram"] = markdown_picture(picture, said, caption=True)
    return found


def sound(swaptalk: SwapTalk) -> dict[str, dg.MetadataValue]:
    """Waveform and log-mel of one clip."""
    import cv2
    import numpy as np

    from swaptalk_models.data.media.audio import read_audio
    from swaptalk_models.data.store import tables
    from swaptalk_models.data.store.stored_files import present

    entries = _finished(swaptalk, "mels")
    if not entries:
        return {}
    home, clip = swaptalk.home_folder(), entries[len(entries) // 2].clip
    row = tables.read_clip(home, "mels", clip, ["steps", "mel"])
    mel = np.frombuffer(row["mel"][0].as_py(), "<f4").reshape(row["steps"][0].as_py(), -1)[:320]
    levels = (255 * (mel.T[::-1] + 4) / 8).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    samples = read_audio(present(home.clip_audio(clip)), stop_s=len(mel) / 80)
    peaks = np.abs(samples[: len(samples) // 200 * 200]).reshape(-1, 200).max(axis=1)
    wave = np.full((40, len(mel), 3), 255, np.uint8)
    for x, peak in enumerate(peaks[: len(mel)]):
        half = int(19 * peak)
        wave[20 - half : 21 + half, x] = (70, 110, 170)
    picture = np.concatenate([wave, colours], axis=0)
    return {"sound": markdown_picture(picture, f"waveform and log-mel of {clip}")}


def thumbnail(path: Path) -> dg.MetadataValue:
    """A picture file, small enough to be kept with an event."""
    import cv2

    image = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    scale = min(1.0, THUMBNAIL_PX / max(image.shape[:2]))
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return markdown_picture(image, path.stem)
