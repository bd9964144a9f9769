"""What the data stages do to one video or one clip. Each function runs in a worker process: module-level, plain values in and out."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from swaptalk_models.data.engine.runner import Item, Result
from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face
from swaptalk_models.data.faces.regions import region_labels
from swaptalk_models.data.faces.tracking import track_faces
from swaptalk_models.data.faces.zoom_window import face_window
from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.cutting import SAMPLES_PER_FRAME, cut_clip
from swaptalk_models.data.media.mp4_audit import check_index
from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.media.shots import Shots, look_through
from swaptalk_models.data.media.video import VideoInfo, probe, read_frames
from swaptalk_models.data.quality.measures import LOOK_EVERY, blur, crop_measures, sound_measures, track_measures
from swaptalk_models.data.sound.mel import FRAME_RATE, MEL_RATE, log_mel
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.fingerprint import hash_file, hash_table
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import BadClip
from swaptalk_models.settings.data import ClipsConfig, CropsConfig, FacesConfig, MelConfig

DAMAGE_SHOWN = 20
CROP_BATCH = 32
"""Crops made, hashed and written at a time; another number is another hash of the same rows."""


def look_at_video(item: Item, home: Home, params: None) -> Result:
    """What a source video is, and, if nobody has said where its clips are, where its shots end and what of it is
    damaged: the clips with damage will be refused, the others need not suffer for it.
    """
    if item.payload["reason"]:
        raise BadClip(item.payload["reason"])
    path = Path(item.payload["path"])
    info = probe(path)
    if not info.has_audio:
        raise BadClip(f"{path}: no audio stream")
    check_index(path)
    shots = look_through(path) if item.payload["find_cuts"] else Shots([], [])
    damaged = {"frames": len(shots.damaged), "at_s": [round(moment, 2) for moment in shots.damaged[:DAMAGE_SHOWN]]}
    found = {"damaged": damaged} if shots.damaged else {}
    return Result({"info": _plain(info), "cuts": shots.cuts, "content": item.payload["content"]} | found)


def _plain(info: VideoInfo) -> dict[str, Any]:
    """Without the path: the file may be moved."""
    return {key: value for key, value in dataclasses.asdict(info).items() if key != "path"}


def cut(item: Item, home: Home, params: ClipsConfig) -> Result:
    """One clip's mp4 and wav."""
    where = item.payload
    if where["reason"]:
        raise BadClip(where["reason"])
    video, audio = home.clip_video(item.clip), home.clip_audio(item.clip)
    crop, height, span = where["crop"], where["reference_height"], (where["start_s"], where["end_s"])
    if where["zoom"] is not None:
        crop, height = face_window(where["path"], *span, where["zoom"], where["faces"]), None
    clip = cut_clip(where["path"], video, audio, *span, params, crop, height)
    found = {} if where["zoom"] is None else {"window": crop}
    return Result({"video": hash_file(video), "audio": hash_file(audio)} | dataclasses.asdict(clip) | found)


def track(item: Item, home: Home, params: FacesConfig) -> Result:
    """Rows of face_tracks."""
    frames = item.payload["frames"]
    found = track_faces(read_frames(home.clip_video(item.clip)), params, item.clip, frames)
    if len(found.status) != frames:
        raise BadClip(f"{item.clip}: {len(found.status)} of its {frames} frames can be read")
    columns = [
        tables.float_list(found.box),
        tables.float_list(found.landmarks),
        pa.array(found.confidence),
        pa.array(found.status),
    ]
    return _rows(item, "face_tracks", [pa.array(range(frames), pa.int32()), *columns], frames, track_measures(found))


def crop(item: Item, home: Home, params: CropsConfig) -> Result:
    """Rows of face_crops."""
    tracks = tables.read_clip(home, "face_tracks", item.clip, ["frame", "landmarks", "confidence"]).sort_by("frame")
    landmarks = tables.as_array(tracks["landmarks"]).reshape(-1, 68, 2)
    affines = crop_affines(landmarks, params)
    inside = apply_affine(landmarks, affines)
    frames, confidence = (tracks[name].combine_chunks() for name in ("frame", "confidence"))
    schema = tables.SCHEMAS["face_crops"]
    blurs: list[float] = []
    with tables.spool_rows(home, "face_crops", item.clip, schema) as spool:
        for batch in read_frames(home.clip_video(item.clip), CROP_BATCH):
            rows = slice(spool.num_rows, spool.num_rows + len(batch))
            if rows.stop > len(affines):
                raise BadClip(f"{item.clip}: more frames than its track has")
            faces = [crop_face(image, affine, params.size) for image, affine in zip(batch, affines[rows])]
            blurs += [blur(face) for number, face in enumerate(faces, rows.start) if number % LOOK_EVERY == 0]
            labels = [region_labels(points, params.size, params.label_grid).tobytes() for points in inside[rows]]
            columns = [
                frames[rows],
                pa.array([encode_png(face) for face in faces], pa.large_binary()),
                tables.float_list(affines[rows]),
                tables.float_list(inside[rows]),
                pa.array(labels, pa.binary()),
                confidence[rows],
            ]
            spool.write(pa.RecordBatch.from_arrays([*_keys(item, len(batch)), *columns], schema=schema))
        if spool.num_rows != len(affines):
            raise BadClip(f"{item.clip}: {spool.num_rows} of its {len(affines)} frames can be read")
        spooled = spool.close()
    quality = crop_measures(affines, blurs)
    return Result({"rows": spooled.hash, "frames": spooled.num_rows, "quality": quality}, spooled)


def mel(item: Item, home: Home, params: MelConfig) -> Result:
    """The row of mels. Its steps cover the clip's frames exactly: ceil(3.2 * frames)."""
    frames = item.payload["frames"]
    audio = read_audio(home.clip_audio(item.clip), params.rate)
    audio = np.pad(audio, (0, max(0, frames * SAMPLES_PER_FRAME - len(audio))))
    steps = math.ceil(frames * MEL_RATE / FRAME_RATE)
    features = np.ascontiguousarray(log_mel(audio, params)[:steps], "<f4")
    assert len(features) == steps, (len(features), steps)
    columns = [pa.array([steps], pa.int32()), pa.array([features.tobytes()], pa.large_binary())]
    return _rows(item, "mels", columns, frames, sound_measures(audio))


def _rows(item: Item, name: str, columns: list[pa.Array], frames: int, quality: dict[str, float]) -> Result:
    table = pa.Table.from_arrays([*_keys(item, len(columns[0])), *columns], schema=tables.SCHEMAS[name])
    return Result({"rows": hash_table(table), "frames": frames, "quality": quality}, table)


def _keys(item: Item, count: int) -> list[pa.Array]:
    return [pa.array([item.clip] * count), pa.array([item.video] * count)]
