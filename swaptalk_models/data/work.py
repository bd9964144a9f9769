"""What the data stages do to one video or one clip. Each function runs in a worker process: module-level, plain values in and out."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from swaptalk_models.data import tables
from swaptalk_models.data.alignment import apply_affine, crop_affines, crop_face
from swaptalk_models.data.audio import read_audio
from swaptalk_models.data.clips import SAMPLES_PER_FRAME, cut_clip
from swaptalk_models.data.face_window import face_window
from swaptalk_models.data.fingerprint import hash_file, hash_table
from swaptalk_models.data.home import Home
from swaptalk_models.data.mel import FRAME_RATE, MEL_RATE, log_mel
from swaptalk_models.data.png import encode_png
from swaptalk_models.data.quality_measures import LOOK_EVERY, blur, crop_measures, sound_measures, track_measures
from swaptalk_models.data.regions import region_labels
from swaptalk_models.data.settings import ClipsConfig, CropsConfig, FacesConfig, MelConfig
from swaptalk_models.data.shots import Shots, look_through
from swaptalk_models.data.stage import Item, Result
from swaptalk_models.data.tracks import track_faces
from swaptalk_models.data.video import VideoInfo, check_index, probe, read_frames
from swaptalk_models.errors import BadClip

DAMAGE_SHOWN = 20


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
    images: list[bytes] = []
    blurs: list[float] = []
    for batch in read_frames(home.clip_video(item.clip)):
        for image in batch:
            if len(images) == len(affines):
                raise BadClip(f"{item.clip}: more frames than its track has")
            face = crop_face(image, affines[len(images)], params.size)
            if len(images) % LOOK_EVERY == 0:
                blurs.append(blur(face))
            images.append(encode_png(face))
    if len(images) != len(affines):
        raise BadClip(f"{item.clip}: {len(images)} of its {len(affines)} frames can be read")
    labels = [region_labels(points, params.size, params.label_grid).tobytes() for points in inside]
    columns = [
        pa.array(images, pa.large_binary()),
        tables.float_list(affines),
        tables.float_list(inside),
        pa.array(labels, pa.binary()),
        tracks["confidence"].combine_chunks(),
    ]
    quality = crop_measures(affines, blurs)
    return _rows(item, "face_crops", [tracks["frame"].combine_chunks(), *columns], len(images), quality)


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
    schema = tables.SCHEMAS[name]
    count = len(columns[0])
    keys = [pa.array([item.clip] * count), pa.array([item.video] * count)]
    table = pa.Table.from_arrays([*keys, *columns], schema=schema)
    return Result({"rows": hash_table(table), "frames": frames, "quality": quality}, table)
