"""face_tracks: where the main speaker's face is, a row a frame of every clip."""

from __future__ import annotations

import pyarrow as pa

from swaptalk_models.data.engine.items import Item, Needs, Result
from swaptalk_models.data.stages.data_stage import DataStage, finished, rows_result
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.schemas import table_schema
from swaptalk_models.errors import BadClip
from swaptalk_models.settings.data import FacesConfig
from swaptalk_models.settings.preset import Preset

SCHEMA = table_schema("face_tracks")


def track_items(home: Home, preset: Preset, videos: list[str]) -> list[Item]:
    """An item a clip; it depends on the clip's picture."""
    clips = finished(home, "clips", videos)
    return [Item(e.clip, e.video, e.output["video"], {"frames": e.output["frames"]}) for e in clips.values()]


def track(item: Item, home: Home, params: FacesConfig) -> Result:
    """The rows of one clip."""
    from swaptalk_models.data.faces.tracking import track_faces
    from swaptalk_models.data.media.video import read_frames
    from swaptalk_models.data.quality.measures import track_measures

    frames = item.payload["frames"]
    found = track_faces(read_frames(home.clip_video(item.clip)), params, item.clip, frames)
    if len(found.status) != frames:
        raise BadClip(f"{item.clip}: {len(found.status)} of its {frames} frames can be read")
    columns = [
        pa.array(range(frames), pa.int32()),
        tables.float_list(found.box),
        tables.float_list(found.landmarks),
        pa.array(found.confidence),
        pa.array(found.status),
    ]
    return rows_result(item, SCHEMA, columns, frames=frames, quality=track_measures(found))


def confidence_summary(home: Home) -> tuple[float, float]:
    """Mean confidence, and share of frames without a face, over the whole table; (0, 1) if there are none."""
    if not tables.has_table(home, "face_tracks"):
        return 0.0, 1.0
    confidence = tables.open_table(home, "face_tracks").to_table(columns=["confidence"])["confidence"].to_numpy()
    return (float(confidence.mean()), float((confidence == 0).mean())) if len(confidence) else (0.0, 1.0)


FACE_TRACKS = DataStage(
    "face_tracks",
    track_items,
    track,
    ("clips",),
    lambda preset: preset.face_tracks,
    SCHEMA,
    needs=Needs(lambda home, item: (home.clip_video(item.clip),)),
)
