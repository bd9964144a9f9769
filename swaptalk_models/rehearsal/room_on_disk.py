"""What a run will still write into its home, estimated from lengths and settings alone."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.data.store.storage_address import storage_of
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import MODELS, needed_models
from swaptalk_models.modules.model_folder import current
from swaptalk_models.rehearsal.corpus_size import Corpus
from swaptalk_models.rehearsal.network_sizes import parameters
from swaptalk_models.settings.methods import chosen_methods
from swaptalk_models.settings.preset import Preset

# Measured; a share is of the pixels' bytes.
_CLIP_BYTES_PX = 0.04  # of h264 at crf 16: drawn people 0.018, HDTF's clips 0.007 to 0.11, on average 0.034
_SOUND_BYTES_S = 32_000  # 16 bits at 16 kHz
_PNG_SHARE = 0.5  # of a crop (HDTF at 256 px: 0.47)
_TRACK_BYTES = 600  # of a frame: 68 points, box, names
_MEL_BYTES_S = 80 * 80 * 4
_PHANTOM_BYTES_S = 60_000  # a drawn video with its truth
_DOWNLOAD_BYTES_S = 800_000  # 3 Mbit/s, and as much again of each video that no clip is taken of
_EVENT_BYTES = 12_000  # of Dagster, for a video in a stage
_FPS = 25
_AT_WORK = 5
"""Times its weights that a checkpoint takes: with two moments, the moving average and the best so far."""


def room_needed(home: Home, preset: Preset, corpus: Corpus, assets: Collection[str]) -> dict[str, float]:
    """{what: bytes} that making these assets still takes, beside what the home has already."""
    frame_bytes = _frame_bytes(preset, corpus)
    left = _shares_left(home, corpus)
    frames = _FPS * corpus.total_seconds
    found = {name: left[name] * frames * size for name, size in frame_bytes.items()}
    if storage_of(home.root) is not None:  # tables are written there
        found = {name: size for name, size in found.items() if name == "clips"}
    if "hdtf_catalog" in assets and corpus.drawn:
        drawn = {path.stem for path in home.phantom.glob("*.mp4")}
        seconds = sum(length for video, length in corpus.seconds.items() if video not in drawn)
        found["hdtf_catalog"] = seconds * _PHANTOM_BYTES_S
    if corpus.fetched:
        found["raw_videos"] = left["raw_videos"] * corpus.total_seconds * _DOWNLOAD_BYTES_S
    missing = [name for name in missing_models(home, preset) if name in assets]
    if missing:
        found["models"] = _models_bytes(preset, missing)
    if "test_videos" in assets and not home.evaluation.is_dir():
        found["evaluation"] = _evaluation_bytes(preset, corpus)
    if missing:
        found["Dagster's events"] = _EVENT_BYTES * len(corpus.persons) * len(frame_bytes)
    kept = {"models", "evaluation", "Dagster's events"}
    return {name: size for name, size in found.items() if size and (name in assets or name in kept)}


def free_bytes(home: Home) -> tuple[float, Path]:
    """What is free where the home is or will be, and the folder that was asked."""
    place = next(folder for folder in (home.root, *home.root.absolute().parents) if folder.exists())
    return float(shutil.disk_usage(place).free), place


def missing_models(home: Home, preset: Preset) -> list[str]:
    """Models that a run of this preset trains and that this home has not got in any version."""
    found = []
    for spec in needed_models(preset):
        try:
            done = current(home.root, spec.name).done
        except UserError:
            done = False
        found += [] if done else [spec.name]
    return found


def _frame_bytes(preset: Preset, corpus: Corpus) -> dict[str, float]:
    """Of each stage, for a frame of video."""
    crops = preset.face_crops
    return {
        "clips": corpus.frame_px * _CLIP_BYTES_PX + _SOUND_BYTES_S / _FPS,
        "face_tracks": _TRACK_BYTES,
        "face_crops": 3 * crops.size**2 * _PNG_SHARE + crops.label_grid**2 + _TRACK_BYTES,
        "mels": _MEL_BYTES_S / _FPS,
        "vq_latents": 2 * preset.vqgan.groups * preset.grid**2,
    }


def _shares_left(home: Home, corpus: Corpus) -> dict[str, float]:
    """Of each stage, the share of the videos that it has not been through, 0 to 1."""
    done: dict[str, int] = {}
    if home.has_ledger:
        with Ledger(home.ledger) as ledger:
            for (stage, _), (_, videos, _) in ledger.counts().items():
                done[stage] = done.get(stage, 0) + videos
    stages = ("raw_videos", "clips", "face_tracks", "face_crops", "mels", "vq_latents")
    return {name: max(0.0, 1 - done.get(name, 0) / max(1, len(corpus.persons))) for name in stages}


def _models_bytes(preset: Preset, names: Collection[str]) -> float:
    """Their weights, those of a release once more, the largest checkpoint, and the teacher's pictures."""
    weights = {name: 4.0 * parameters(name, preset) for name in names}
    total = sum(size * (2 if MODELS[name].released else 1) for name, size in weights.items())
    total += _AT_WORK * max(weights.values(), default=0.0)
    if "swap_teacher" in names:
        pairs = preset.swap_teacher.pairs + preset.swap_teacher.held_out_pairs
        total += pairs * 3 * preset.face_crops.size**2 * _PNG_SHARE
    return total


def _evaluation_bytes(preset: Preset, corpus: Corpus) -> float:
    """Videos of two settings by every method, and once more inside of the report."""
    config = preset.evaluation
    seconds = min(config.chunk_seconds, corpus.total_seconds / max(1, len(corpus.seconds)))
    videos = 2 * config.pairs * (len(chosen_methods(config.methods)) + 1)
    return 2 * videos * seconds * (_FPS * corpus.frame_px * _CLIP_BYTES_PX + _SOUND_BYTES_S)
