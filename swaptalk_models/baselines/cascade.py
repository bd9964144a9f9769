"""The cascades of the paper: RGB models run one behind the other, to be compared with swapping and lip-sync in one latent space.

    swap      the swap teacher's classical warp (baselines/warp_swap.py)
    speak     the Wav2Lip-style network (modules/wav2lip.py)
    restore   re-encoding through the VQGAN, as CodeFormer-class restorers do with a codebook of their own

``RGBModels`` has the methods of inference/networks.py's ``Networks``, so one generator makes all videos: the stages work on the same
aligned crops as ours, decoded pixels go from one stage to the next, and the face is pasted back and compressed once. A cascade of programs
would follow, paste and compress the face at every stage; leaving that out is in the cascades' favour.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from swaptalk_models.baselines.warp_swap import SwapColour, warp_swap
from swaptalk_models.errors import UserError
from swaptalk_models.inference.networks import Networks
from swaptalk_models.modules.wav2lip import Wav2Lip
from swaptalk_models.training.data import from_unit, to_unit
from swaptalk_models.training.folder import load_model

_MOUTH = slice(48, 68)
_COLOUR_FRAMES = 8  # enough for a median
_BATCH = 32


@dataclass(frozen=True)
class Faces:
    """Aligned faces in pixels."""

    crops: np.ndarray
    """(T, S, S, 3) uint8 RGB."""
    landmarks: np.ndarray
    """(T, 68, 2) in pixels of the crops."""
    spoken: bool = False
    """Whether the lips are no longer those that the landmarks were found on."""


class RGBModels:
    """The stages of a cascade over one target video."""

    def __init__(self, networks: Networks, wav2lip: Path | None, neutral: np.ndarray) -> None:
        """``neutral``: the target's resting shape (68, 2), see ``neutral_landmarks``; ``wav2lip``: folder of the trained network."""
        self.crops, self.faces = networks.crops, networks.faces
        self.vqgan, self.device = networks.vqgan, networks.device
        self.wav2lip: Wav2Lip | None = load_model("wav2lip", wav2lip, str(self.device)) if wav2lip else None
        self.neutral = neutral
        self._colour: SwapColour | None = None

    def encode(self, crops: np.ndarray, landmarks: np.ndarray) -> Faces:
        return Faces(crops, landmarks)

    def swap(self, source: Faces, target: Faces) -> Faces:
        """The source's face on each target, at the colour that the generator has given the source already."""
        landmarks = _landmarks_of_lips(target) if target.spoken else target.landmarks
        picture, points = source.crops[0], source.landmarks[0]
        if self._colour is None:  # once a video, or it would flicker
            self._colour = SwapColour.measure(target.crops[:_COLOUR_FRAMES], landmarks[:_COLOUR_FRAMES])
        swapped = [
            warp_swap(picture, points, crop, shape, self.neutral, colour=self._colour, colour_strength=0.0)[0]
            for crop, shape in zip(target.crops, landmarks, strict=True)
        ]
        return Faces(np.stack(swapped), landmarks)

    def speak(self, target: Faces, reference: Faces, windows: np.ndarray) -> Faces:
        """Lips from mel windows (T, 16, 80). As in Wav2Lip's published inference code, the reference of a frame is the frame itself: its
        pose fits, and its own lips are seen; ``reference`` is not used.
        """
        if self.wav2lip is None:
            raise UserError("no trained wav2lip was given: its methods have to be listed in evaluation.methods when the graph is run")
        return Faces(speak_pixels(self.wav2lip, target.crops, target.crops, windows), target.landmarks, spoken=True)

    @torch.inference_mode()
    def restore(self, target: Faces) -> Faces:
        """Each face as the nearest that the VQGAN's codebooks can say."""
        codes = self.vqgan.tokenize(torch.from_numpy(to_unit(target.crops)).to(self.device))
        images = self.vqgan.decode(self.vqgan.embed(*codes))
        return Faces(from_unit(images.float().cpu().numpy()), target.landmarks, target.spoken)

    def decode(self, faces: Faces) -> np.ndarray:
        """(T, S, S, 3) uint8."""
        return faces.crops


@torch.inference_mode()
def speak_pixels(model: Wav2Lip, crops: np.ndarray, references: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Crops (T, S, S, 3) uint8 with the lips of mel windows (T, 16, 80); references: as many crops, or one for all."""
    device = next(model.parameters()).device
    references = np.broadcast_to(references, crops.shape)
    made = []
    for first in range(0, len(crops), _BATCH):
        some = slice(first, first + _BATCH)
        images, refs = (torch.from_numpy(to_unit(pixels[some])).to(device) for pixels in (crops, references))
        made.append(from_unit(model(images, refs, torch.from_numpy(windows[some]).to(device)).float().cpu().numpy()))
    return np.concatenate(made)


def _landmarks_of_lips(faces: Faces) -> np.ndarray:
    """Landmarks (T, 68, 2) with those of the mouth found again: the lips have moved."""
    from swaptalk_models.metrics.crop_judges import crop_landmarks

    landmarks = faces.landmarks.copy()
    landmarks[:, _MOUTH] = crop_landmarks(faces.crops)[:, _MOUTH]
    return landmarks
