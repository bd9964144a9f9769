"""LipScore: whether a lipreader sees the same speech on the made lips as on the real ones.

Source     LipScore of Bigata et al., "KeyFace" (2024) and "KeySync" (2025): cosine of a lipreading network's features. Their
           network (auto_avsr) is not ours to ship: whoever has weights gives them, as a TorchScript file.
Input      what such a file is called with: float32 (1, T, 1, 88, 88), the mouths of T consecutive frames at 25 a second, grey,
           (level / 255 - 0.421) / 0.165, the crop 1.31 eye distances wide, turned upright. It gives (1, T, D) or (T, D), a row a frame.
Definition the mean over frames of the cosine of both sides' rows; the network sees windows of 100 frames. Self-driven only.
Units      -1 to 1, higher is better; the ground truth has 1. Numbers of different networks do not compare.
Judge      the file, named by its SHA-256.
Excludes   windows that are not whole but for a last one of at least 25 frames; frames without a face, after the network has seen them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from swaptalk_models.data.faces.alignment import crop_affines
from swaptalk_models.errors import UserError
from swaptalk_models.metrics.lip_reading import SHORTEST, SIDE
from swaptalk_models.metrics.weights import sha256
from swaptalk_models.settings.data import CropsConfig

_MEAN, _DEVIATION = 0.421, 0.165
_CROP = 240  # px: side of an aligned face whose eyes are 67 px apart, of which the mouth's 88 px are a part
_MOUTH = (0.5, 0.705)  # its middle in the template


class LipReader:
    """A lipreading network of the user's, as features of mouths."""

    def __init__(self, path: Path) -> None:
        """UserError: no TorchScript file, or one that does not do what the module's text asks for."""
        self.path = Path(path)
        try:
            self._network = torch.jit.load(  # type: ignore[no-untyped-call]  # torch has no types here
                str(self.path), map_location="cpu"
            ).eval()
        except (OSError, RuntimeError, ValueError) as error:
            reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
            raise UserError(
                f"{self.path}: no lipreader: not a TorchScript file ({reason}); write one with torch.jit.save"
            ) from None
        self.name = f"lipreader, sha256 {sha256(self.path)}"
        self.rows(np.zeros((SHORTEST, SIDE, SIDE), np.uint8))

    def affines(self, landmarks: np.ndarray) -> np.ndarray:
        """Frame to mouth crop (T, 2, 3) from landmarks (T, 68, 2)."""
        affines = crop_affines(landmarks, CropsConfig(size=_CROP))
        affines[..., 2] += np.float32((SIDE - 1) / 2) - np.array(_MOUTH, np.float32) * _CROP + np.float32(0.5)
        return affines

    @torch.inference_mode()
    def rows(self, mouths: np.ndarray) -> np.ndarray:
        """Features (T, D) of grey mouths (T, 88, 88) uint8. UserError: the network cannot take them, or gives something else."""
        levels = (torch.from_numpy(mouths).float() / 255 - _MEAN) / _DEVIATION
        try:
            found = self._network(levels[None, :, None])
        except Exception as error:  # noqa: BLE001  (whatever a foreign network raises)
            said = " ".join(str(error).split())[-160:]
            raise UserError(
                f"{self.path}: no lipreader: cannot take (1, {len(mouths)}, 1, {SIDE}, {SIDE}): {said}"
            ) from None
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        if not isinstance(found, torch.Tensor) or found.dim() not in (2, 3) or found.shape[-2] != len(mouths):
            raise UserError(
                f"{self.path}: no lipreader: gave {shape} for {len(mouths)} frames instead of (1, {len(mouths)}, D)"
            )
        return found.reshape(len(mouths), -1).float().numpy()
