"""Every figure of whose face one video shows: each calls the file that defines it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from swaptalk_models.metrics.consistency import consistency, frame_to_frame, mean_to_source
from swaptalk_models.metrics.drift import by_minute, identity_drift, to_beginning
from swaptalk_models.metrics.embedding import cosine
from swaptalk_models.metrics.frame_pass import Pictures
from swaptalk_models.metrics.id_retrieve import id_retrieve
from swaptalk_models.metrics.id_similarity import id_similarity
from swaptalk_models.metrics.judges import Judges

_FPS = 25
_MINUTE = 60.0  # s


@dataclass
class IdentityFigures:
    """What the identity judge found on the sampled frames."""

    figures: dict[str, Any] = field(default_factory=dict)
    """By key; those of the contract among them."""
    similarity: list[tuple[float, float]] = field(default_factory=list)
    """Cosine to the source over time: (seconds, cosine)."""


def identity_figures(
    pictures: Pictures, frames: int, source: Path | None, gallery: Path | None, judges: Judges
) -> IdentityFigures:
    """`frames`: of the video, at 25 a second. UserError: no face in the source or in the gallery."""
    found = pictures.faces
    embeddings = _rows(found, pictures.sampled)
    times = np.array(pictures.sampled, np.float64) / _FPS
    result = IdentityFigures(
        {
            "sampled_identity_frames": len(embeddings),
            "sampled_neighbours": len(pictures.neighbours),
            "consistency": consistency(embeddings),
        }
    )
    said = result.figures
    said |= _over_time(embeddings, times, frames / _FPS)
    if pictures.neighbours:
        pairs = [_rows(found, [number + step for number in pictures.neighbours]) for step in (0, 1)]
        said["frame_to_frame"] = frame_to_frame(*pairs)
    if pictures.target_faces and len(embeddings):
        person = np.stack(pictures.target_faces).mean(axis=0)
        said["target_similarity"] = id_similarity(embeddings, person)
    second = judges.second_identity
    if second is not None and len(embeddings):
        again = _rows(pictures.second_faces, pictures.sampled)
        said["second_consistency"] = consistency(again)
        if source is not None:
            said["second_id_similarity"] = id_similarity(again, judges.picture_by(second, source))
    if source is None:
        return result
    reference = judges.embed_picture(source)
    likeness = cosine(embeddings, reference) if len(embeddings) else np.zeros(0)
    said["id_similarity"] = id_similarity(embeddings, reference)
    said["mean_to_source"] = mean_to_source(embeddings, reference)
    said["similarity_by_minute"] = by_minute(100 * likeness, times)
    if gallery is not None:
        people, right = judges.gallery(gallery, source)
        said["id_retrieve"] = id_retrieve(embeddings, people, right)
        said["gallery_size"] = len(people)
    result.similarity = list(zip(times.tolist(), likeness.tolist(), strict=True))
    return result


def _over_time(embeddings: np.ndarray, times: np.ndarray, seconds: float) -> dict[str, Any]:
    drift = identity_drift(embeddings, times, seconds)
    found: dict[str, Any] = {"identity_drift": drift}
    if seconds >= _MINUTE:
        found["identity_slope"] = drift * _MINUTE / seconds
    if len(embeddings):
        found["identity_by_minute"] = by_minute(to_beginning(embeddings), times)
    return found


def _rows(found: Mapping[int, np.ndarray], numbers: Sequence[int]) -> np.ndarray:
    """(N, D), of these frames."""
    return np.stack([found[number] for number in numbers]) if numbers else np.zeros((0, 1), np.float32)
