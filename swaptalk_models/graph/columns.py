"""The columns of every table: name, type, and what is in them. The Lance and Parquet schemas are built from here (`data/store/schemas.py`), and the
UI shows the meanings. Light: read while Dagster's definitions load.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    type: str
    """Of Arrow; "float32[4]" is a list of four, "uint16[cells]" one whose length hangs on the settings."""
    meaning: str
    nullable: bool = True


_CLIP = Column("clip", "string", "Clip: its video's key and a number, as in VIDEO_000.")
_VIDEO = Column("video", "string", "Source video, which is the partition.")
_FRAME = Column("frame", "int32", "Number of the frame in its clip, from 0, 25 a second.")
_KEY = (_CLIP, _VIDEO)

COLUMNS: dict[str, tuple[Column, ...]] = {
    "hdtf_catalog": (
        Column(
            "video", "string", "Key of the source video, safe everywhere: [A-Za-z0-9_.-]. It is the partition.", False
        ),
        Column("clip", "string", "VIDEO_000 and so on; null: nothing of this video is to be used, see note."),
        Column("group", "string", "HDTF's RD, WDA or WRA; else empty.", False),
        Column("person", "string", "Who is to be seen; the split is by person.", False),
        Column("source", "string", "Absolute path, path in the home, or address.", False),
        Column("clip_index", "int32", "Number of the clip in its video, from 0."),
        Column("start_s", "float64", "Begin in the source (s); null: the whole video, to be planned."),
        Column("end_s", "float64", "End in the source (s)."),
        Column("crop_x", "int32", "Left of the window (px at a picture height of resolution)."),
        Column("crop_y", "int32", "Top of the window (px)."),
        Column("crop_w", "int32", "Width of the window (px)."),
        Column("crop_h", "int32", "Height of the window (px)."),
        Column(
            "zoom", "float64", "Side of the window over that of all face boxes; where there is no window it is cut so."
        ),
        Column("resolution", "int32", "Picture height that the window is of (px)."),
        Column("note", "string", "What is odd about it; else empty.", False),
    ),
    "face_tracks": (
        *_KEY,
        _FRAME,
        Column("box", "float32[4]", "Face box: x0, y0, x1, y1 (px of the clip's frame)."),
        Column("landmarks", "float32[136]", "68 landmarks, x and y each (px of the clip's frame)."),
        Column("confidence", "float32", "Of the detection, 0 to 1; 0 where no face was seen."),
        Column("status", "uint8", "0 missing, 1 detected, 2 tracked, 3 interpolated."),
    ),
    "face_crops": (
        *_KEY,
        _FRAME,
        Column("crop", "large_binary", "The aligned face as PNG, square, RGB."),
        Column("affine", "float32[6]", "2 x 3 matrix, frame px to crop px; its inverse pastes the face back."),
        Column("landmarks", "float32[136]", "68 landmarks, x and y each (px of the crop)."),
        Column("labels", "binary", "Regions of the face, uint8, label_grid x label_grid, row by row."),
        Column("confidence", "float32", "Of the face's track, 0 to 1."),
    ),
    "mels": (
        *_KEY,
        Column("steps", "int32", "Steps of the clip, 80 a second."),
        Column("mel", "large_binary", "Log-mel in [-4, 4], float32 little-endian, (steps, 80) row by row."),
    ),
    "vq_latents": (
        *_KEY,
        _FRAME,
        Column("upper", "uint16[cells]", "Codes of the face's upper half, (groups, grid / 2, grid) row by row."),
        Column("lower", "uint16[cells]", "Codes of its lower half, likewise."),
        Column("vqgan", "string", "Version of the VQGAN that made them."),
    ),
    "training_snapshot": (
        *_KEY,
        Column("person", "string", "Who is to be seen."),
        Column("split", "string", "train, validation or test: a person is in one of them only."),
        Column("frames", "int32", "Frames of the clip."),
        Column("sound_offset", "int32", "Frames by which its sound comes too early; a training moves it back."),
        Column("sound", "bool", "Whether its sound may be used; in earlier manifests it is missing, and may."),
        Column(
            "twin",
            "string",
            "A clip of somebody else's with the same recording; both people are in one split. Else empty.",
        ),
        Column("twin_by", "string", "By what it was found: sound (also where by both), or picture. Else empty."),
        Column("face_tracks_hash", "string", "Hash of the clip's rows in face_tracks."),
        Column("face_crops_hash", "string", "Hash of the clip's rows in face_crops."),
        Column("mels_hash", "string", "Hash of the clip's row in mels."),
        Column("face_tracks_version", "int64", "Lance version of face_tracks that holds them."),
        Column("face_crops_version", "int64", "Lance version of face_crops that holds them."),
        Column("mels_version", "int64", "Lance version of mels that holds it."),
    ),
    "metrics": (
        Column("scene", "string", "Source, target and voice: the same for all methods."),
        Column("setting", "string", "self (the target's own voice) or cross (another's)."),
        Column("method", "string", "What made the video."),
        Column("path", "string", "File of the video."),
        Column("target", "string", "File of the target video."),
        Column("source", "string", "File of the source picture."),
        Column("audio", "string", "File of the voice."),
        Column("frames", "int64", "Frames that were measured."),
        Column("excluded", "int64", "Frames that could not be."),
    ),
}
"""{asset: its columns}; behind those of `metrics` comes one of each metric (metrics/table.py)."""
