"""face_crops: the aligned face, a row a frame of every clip."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa

from swaptalk_models.data.engine.items import Item, Needs, Result
from swaptalk_models.data.faces.face_track import MEASURE_EVERY
from swaptalk_models.data.stages.data_stage import DataStage, finished, key_columns
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.schemas import table_schema
from swaptalk_models.data.store.spool import spool_rows
from swaptalk_models.errors import BadClip
from swaptalk_models.settings.data import CropsConfig
from swaptalk_models.settings.preset import Preset

SCHEMA = table_schema("face_crops")
BATCH_FRAMES = 32
"""Crops made, hashed and written at a time; another number is another hash of the same rows."""


def crop_items(home: Home, preset: Preset, videos: list[str]) -> list[Item]:
    """An item a tracked clip; it depends on the clip's picture and on its track."""
    clips, tracks = finished(home, "clips", videos), finished(home, "face_tracks", videos)
    wanted = [entry for clip, entry in tracks.items() if clip in clips]
    return [Item(e.clip, e.video, [clips[e.clip].output["video"], e.output["rows"]]) for e in wanted]


def crop(item: Item, home: Home, params: CropsConfig) -> Result:
    """The rows of one clip, spooled."""
    from swaptalk_models.data.faces.alignment import apply_affine, crop_affines
    from swaptalk_models.data.faces.regions import region_labels
    from swaptalk_models.data.media.png import encode_png
    from swaptalk_models.data.media.video import read_frames
    from swaptalk_models.data.quality.measures import blur, crop_measures

    tracks = tables.read_clip(home, "face_tracks", item.clip, ["frame", "landmarks", "confidence"]).sort_by("frame")
    landmarks = tables.as_array(tracks["landmarks"]).reshape(-1, 68, 2)
    affines = crop_affines(landmarks, params)
    inside = apply_affine(landmarks, affines)
    frames, confidence = (tracks[name].combine_chunks() for name in ("frame", "confidence"))
    blurs: list[float] = []
    with spool_rows(home, "face_crops", item.clip, SCHEMA) as spool:
        images = itertools.chain.from_iterable(read_frames(home.clip_video(item.clip), BATCH_FRAMES))
        cut = (_cut(image, affines, number, params.size, item.clip) for number, image in enumerate(images))
        while faces := list(itertools.islice(cut, BATCH_FRAMES)):
            rows = slice(spool.num_rows, spool.num_rows + len(faces))
            blurs += [blur(face) for number, face in enumerate(faces, rows.start) if number % MEASURE_EVERY == 0]
            labels = [region_labels(points, params.size, params.label_grid).tobytes() for points in inside[rows]]
            columns = [
                frames[rows],
                pa.array([encode_png(face) for face in faces], pa.large_binary()),
                tables.float_list(affines[rows]),
                tables.float_list(inside[rows]),
                pa.array(labels, pa.binary()),
                confidence[rows],
            ]
            spool.write(pa.RecordBatch.from_arrays([*key_columns(item, len(faces)), *columns], schema=SCHEMA))
        if spool.num_rows != len(affines):
            raise BadClip(f"{item.clip}: {spool.num_rows} of its {len(affines)} frames can be read")
        spooled = spool.close()
    quality = crop_measures(affines, blurs)
    return Result({"rows": spooled.hash, "frames": spooled.num_rows, "quality": quality}, spooled)


def _cut(image: np.ndarray, affines: np.ndarray, number: int, size: int, clip: str) -> np.ndarray:
    from swaptalk_models.data.faces.alignment import crop_face

    if number >= len(affines):
        raise BadClip(f"{clip}: more frames than its track has")
    return crop_face(image, affines[number], size)


FACE_CROPS = DataStage(
    "face_crops",
    crop_items,
    crop,
    ("clips", "face_tracks"),
    lambda preset: preset.face_crops,
    SCHEMA,
    needs=Needs(lambda home, item: (home.clip_video(item.clip),), ("face_tracks",)),
)
