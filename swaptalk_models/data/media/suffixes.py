"""How files of each kind are usually called: where files are told by their names. What is in one tells the door."""

from __future__ import annotations

VIDEOS = (
    ".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg",
    ".mpeg", ".mts", ".m2ts", ".ts", ".mxf", ".3gp", ".flv", ".wmv", ".asf", ".ogv", ".vob", ".dv",
)  # fmt: skip
PICTURES = (
    ".png", ".jpg", ".jpeg", ".bmp", ".webp",
    ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif", ".jp2", ".ppm", ".tga",
)  # fmt: skip
SOUNDS = (
    ".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg",
    ".oga", ".opus", ".wma", ".aif", ".aiff", ".caf", ".au", ".ac3", ".eac3", ".wv", ".amr",
)  # fmt: skip
