"""How well the watermark survives, and how often it is seen where it is not: the tables of docs/results/marks.md.

    python docs/scripts/marks.py measure OUT.jsonl VIDEO...     marks each video, attacks it, reads it back; and reads it unmarked
    python docs/scripts/marks.py unmarked OUT.jsonl VIDEO...    reads it unmarked alone: more windows for the second table
    python docs/scripts/marks.py table OUT.jsonl

A video that is in OUT.jsonl already is not measured again. Only figures are written: no frame leaves the machine.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from swaptalk_models.data.faces.detection import make_backend
from swaptalk_models.data.faces.tracking import track_faces
from swaptalk_models.data.media.timeline import frames_at_25
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.errors import BadClip
from swaptalk_models.provenance.watermark.detection import FALSE_ALARMS, chance_of, read_patches, recognise
from swaptalk_models.provenance.watermark.embedding import Watermark
from swaptalk_models.provenance.watermark.following import FACES, Follower
from swaptalk_models.provenance.watermark.payload import JOB_BITS, job_bits
from swaptalk_models.settings.data import FacesConfig

WINDOW, STEP = 50, 5
"""Frames of a window (2 s), and from one unmarked window to the next; marked ones do not overlap."""
JOBS = 1000
"""Of a home that is asked for one of its own."""
LONGEST = 250
"""Frames of a video that are used (10 s)."""
ATTACKS = ("as written", "crf 28", "half size", "crop to the face", "crop, half size, crf 28")
"""Written with crf 18, then written once more after this: with crf 23 where no other is named."""
UNMARKED = ("as it is", "crf 28", "half size")

Frames = list[np.ndarray]


def written(frames: Frames, crf: int) -> Frames:
    """Through x264 (as ``generate`` writes) and back."""
    height, width = frames[0].shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        with VideoWriter(path, width, height, crf=crf) as writer:
            for frame in frames:
                writer.write(frame)
        return [frame for batch in frames_at_25(path) for frame in batch]


def halved(frames: Frames) -> Frames:
    """At half the size, averaged."""
    return [cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in frames]


def cropped(frames: Frames, boxes: np.ndarray) -> Frames:
    """To the face: its boxes (T, 4), all frames the same, with 0.3 of their width around them."""
    room = 0.3 * float(np.max(boxes[:, 2] - boxes[:, 0]))
    height, width = frames[0].shape[:2]
    x0, y0 = np.clip(boxes[:, :2].min(axis=0) - room, 0, None).astype(int)
    x1, y1 = np.minimum(boxes[:, 2:].max(axis=0) + room, [width, height]).astype(int)
    return [np.ascontiguousarray(frame[y0:y1, x0:x1]) for frame in frames]


def attacked(frames: Frames, boxes: np.ndarray) -> dict[str, Callable[[], Frames]]:
    """What is left of written frames after each attack."""
    return {
        "as written": lambda: frames,
        "crf 28": lambda: written(frames, 28),
        "half size": lambda: written(halved(frames), 23),
        "crop to the face": lambda: written(cropped(frames, boxes), 23),
        "crop, half size, crf 28": lambda: written(halved(cropped(frames, boxes)), 28),
    }


def windows(frames: Frames, step: int) -> Iterator[np.ndarray]:
    """Patches of each window of the face that is seen longest."""
    follower = Follower(make_backend(FacesConfig()))
    for frame in frames:
        follower.step(frame)
    for face in follower.faces()[:1]:
        for start in range(0, len(face.patches) - WINDOW + 1, step):
            yield face.patches[start : start + WINDOW]


def readings(frames: Frames, bits: str) -> list[dict[str, object]]:
    """Of each window of marked frames: what is read, how surely, and how surely a home would recognise these bits."""
    found = []
    for patches in windows(frames, WINDOW):
        evidence = read_patches(patches)
        found.append({"t": evidence.t, "right": evidence.bits == bits, "known": recognise(patches, [bits]).t})
    return found


def chance_readings(frames: Frames) -> dict[str, list[float]]:
    """What unmarked frames show by chance: the best of all words in each window, of a home's in every fourth."""
    jobs = [job_bits(str(number)) for number in range(JOBS)]
    found: dict[str, list[float]] = {"t": [], "known": []}
    for number, patches in enumerate(windows(frames, STEP)):
        found["t"].append(read_patches(patches).t)
        if number % 4 == 0:
            found["known"].append(recognise(patches, jobs).t)
    return found


def psnr(frames: Frames, marked: Frames) -> float:
    """dB over whole frames."""
    error = np.mean([np.mean(np.subtract(a, b, dtype=np.float32) ** 2) for a, b in zip(frames, marked, strict=True)])
    return float(10 * np.log10(255**2 / max(float(error), 1e-9)))


def measure(path: Path) -> dict[str, object]:
    """All figures of one video. BadClip: no face in it."""
    frames = [frame for batch in frames_at_25(path) for frame in batch][:LONGEST]
    batches = (np.stack(frames[start : start + 16]) for start in range(0, len(frames), 16))
    track = track_faces(batches, FacesConfig(), path.name)
    bits = hashlib.sha256(path.name.encode()).hexdigest()[:8]
    watermark = Watermark(bits, track)
    begun = time.perf_counter()
    marked = [watermark.on(frame, number, number) for number, frame in enumerate(frames)]
    spent = (time.perf_counter() - begun) / len(frames) * 1000
    figures = {"video": path.name, "frames": len(frames), "bits": bits, "ms": spent, "psnr": psnr(frames, marked)}
    figures["face"] = float(np.median(track.box[:, 2] - track.box[:, 0]))
    first = written(marked, 18)
    figures["marked"] = {name: readings(attack(), bits) for name, attack in attacked(first, track.box).items()}
    figures["unmarked"] = unmarked(frames)
    return figures


def measure_unmarked(path: Path) -> dict[str, object]:
    """The figures of one video that ask for no mark."""
    frames = [frame for batch in frames_at_25(path) for frame in batch][:LONGEST]
    return {"video": path.name, "frames": len(frames), "unmarked": unmarked(frames)}


def unmarked(frames: Frames) -> dict[str, dict[str, list[float]]]:
    """{what was done to them: what they show by chance}."""
    plain = {"as it is": frames, "crf 28": written(frames, 28), "half size": written(halved(frames), 23)}
    return {name: chance_readings(plain[name]) for name in UNMARKED}


def table(rows: list[dict]) -> str:
    """Two Markdown tables."""
    least, home = threshold(2**JOB_BITS, FACES), threshold(JOBS, 2 * FACES)
    marked = [row for row in rows if "marked" in row]
    lines = ["| attack | windows | read, all bits right | read, bits wrong | recognised by the home | median t |"]
    lines += ["|---|--:|--:|--:|--:|--:|"]
    for name in ATTACKS:
        found = [one for row in marked for one in row["marked"][name]]
        right = sum(one["t"] >= least and one["right"] for one in found)
        wrong = sum(one["t"] >= least and not one["right"] for one in found)
        known = sum(one["known"] >= home or (one["t"] >= least and one["right"]) for one in found)
        middle = np.median([one["t"] for one in found])
        shares = f"{right / len(found):.1%} | {wrong} | {known / len(found):.1%}"
        lines.append(f"| {name} | {len(found)} | {shares} | {middle:.1f} |")
    lines += ["", "| unmarked | windows | read | largest t | windows | recognised by a home | largest t |"]
    lines += ["|---|--:|--:|--:|--:|--:|--:|"]
    for name in UNMARKED:
        cells = []
        for key, limit in (("t", least), ("known", home)):
            ts = np.array([t for row in rows for t in row["unmarked"][name][key]])
            cells.append(f"{len(ts)} | {int((ts >= limit).sum())} | {ts.max():.2f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    values = {key: np.array([row[key] for row in marked]) for key in ("psnr", "ms", "face")}
    lines += [
        "",
        f"{len(rows)} videos, of which {len(marked)} were marked; their faces {values['face'].min():.0f} to {values['face'].max():.0f} px wide.",
    ]
    lines += [f"t from {least:.2f} on is read, from {home:.2f} on recognised by a home of {JOBS} jobs."]
    lines += [f"PSNR of whole frames {values['psnr'].min():.1f} to {values['psnr'].max():.1f} dB."]
    lines += [f"{np.median(values['ms']):.1f} ms a frame to mark, at most {values['ms'].max():.1f}."]
    return "\n".join(lines)


def threshold(words: int, looks: int) -> float:
    """The smallest t that counts in a video of one stretch."""
    return next(t for t in np.arange(4, 12, 0.01) if chance_of(float(t), looks, words) <= FALSE_ALARMS)


MEASURES: dict[str, Callable[[Path], dict[str, object]]] = {"measure": measure, "unmarked": measure_unmarked}


def main(arguments: list[str]) -> int:
    if len(arguments) < 2 or arguments[0] not in (*MEASURES, "table"):
        print(__doc__, file=sys.stderr)
        return 2
    out = Path(arguments[1])
    rows = [json.loads(line) for line in out.read_text().splitlines()] if out.is_file() else []
    if arguments[0] == "table":
        print(table(rows))
        return 0
    known = {row["video"] for row in rows}
    for path in map(Path, arguments[2:]):
        if path.name in known:
            continue
        try:
            figures = MEASURES[arguments[0]](path)
        except BadClip as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        with open(out, "a") as file:
            file.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
