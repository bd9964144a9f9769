"""Judges that take no time. A rehearsal asks how large a pass is, not how good a model: dlib would look at every frame for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np

from swaptalk_models.evaluation.held_out import lip_sync, swap_teacher, swapper, wav2lip, wav_sync_swap
from swaptalk_models.settings.data import FacesConfig

_EMBEDDING = 128


def _landmarks(crops: np.ndarray, around: np.ndarray, config: FacesConfig | None = None) -> np.ndarray:
    return np.repeat(around[None], len(crops), axis=0).astype(np.float32)


def _openings(crops: np.ndarray, around: np.ndarray | None = None) -> np.ndarray:
    return np.linspace(0, 1, len(crops))


def _identities(crops: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    return np.eye(len(crops), _EMBEDDING, dtype=np.float32)


@contextmanager
def indifferent_judges() -> Iterator[None]:
    """Within, held-out measuring gets answers of the right shape at once."""
    with ExitStack() as stack:
        patches: dict[ModuleType, dict[str, Any]] = {
            lip_sync: {"crop_openings": _openings},
            wav2lip: {"crop_openings": _openings},
            wav_sync_swap: {"crop_openings": _openings, "crop_identities": _identities},
            swapper: {"crop_identities": _identities, "crop_landmarks": _landmarks},
            swap_teacher: {"crop_identities": _identities},
        }
        for module, judges in patches.items():
            stack.enter_context(mock.patch.multiple(module, **judges))
        yield
