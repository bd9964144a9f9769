"""The cascades of the paper: RGB models run one behind the other, to be compared with swapping and lip-sync in one latent
space.

    swap      the swap teacher's classical warp (classical/warp_swap.py)
    speak     the Wav2Lip-style network (modules/wav2lip.py)
    restore   re-encoding through the VQGAN, as CodeFormer-class restorers do with a codebook of their own

``RGBModels`` are ``FaceModels`` (inference/face_models.py) as our networks are, so one generator makes all videos: the stages
work on the same aligned crops as ours, decoded pixels go from one stage to the next, and the face is pasted back and
compressed once. A cascade of programs would follow, paste and compress the face at every stage; leaving that out is in the
cascades' favour.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from swaptalk_models.classical.warp_swap import SwapColour, warp_swap
from swaptalk_models.errors import UserError
from swaptalk_models.inference.networks import Networks
from swaptalk_models.modules.images import from_unit, to_unit
from swaptalk_models.modules.wav2lip import Wav2Lip, speak_pixels
from swaptalk_models.modules.weights import load_model

_MOUTH = slice(48, 68)
_COLOUR_FRAMES = 8  # enough for a median


@dataclass(frozen=True)
class PixelFaces:
    """Aligned faces in pixels."""

    crops: np.ndarray
    """(T, S, S, 3) uint8 RGB."""
    landmarks: np.ndarray
    """(T, 68, 2) in pixels of the crops."""
    spoken: bool = False
    """Whether the lips are no longer those that the landmarks were found on."""


class RGBModels:
    """The stages of a cascade over one target video: ``FaceModels`` on pixels."""

    def __init__(self, networks: Networks, wav2lip: Path | None, neutral: np.ndarray) -> None:
        """
        Args:
            networks: ours, whose crops and VQGAN are shared.
            wav2lip: folder of the trained network; None where no stage speaks.
            neutral: the target's resting shape (68, 2), see ``neutral_landmarks``.
        """
        self.crops, self.faces, self.grid = networks.crops, networks.faces, networks.grid
        self.vqgan, self.device = networks.vqgan, networks.device
        self.wav2lip: Wav2Lip | None = load_model("wav2lip", wav2lip, str(self.device)) if wav2lip else None
        self.neutral = neutral
        self._colour: SwapColour | None = None

    def encode(self, crops: np.ndarray, landmarks: np.ndarray) -> PixelFaces:
        return PixelFaces(crops, landmarks)

    def swap(self, source: PixelFaces, target: PixelFaces) -> PixelFaces:
        """The source's face on each target, at the colour that the generator has given the source already."""
        landmarks = _landmarks_of_lips(target) if target.spoken else target.landmarks
        picture, points = source.crops[0], source.landmarks[0]
        if self._colour is None:  # once a video, or it would flicker
            some = slice(_COLOUR_FRAMES)
            self._colour = SwapColour.measure(target.crops[some], landmarks[some])
        swapped = [
            warp_swap(picture, points, crop, shape, self.neutral, colour=self._colour, colour_strength=0.0)[0]
            for crop, shape in zip(target.crops, landmarks, strict=True)
        ]
        return PixelFaces(np.stack(swapped), landmarks)

    def speak(self, target: PixelFaces, reference: PixelFaces, windows: np.ndarray) -> PixelFaces:
        """Lips from mel windows (T, 16, 80). As in Wav2Lip's published inference code, the reference of a frame is the frame
        itself: its pose fits, and its own lips are seen; ``reference`` is not used.

        Raises:
            UserError: no trained network was given.
        """
        if self.wav2lip is None:
            raise UserError(
                "no trained wav2lip was given: its methods have to be listed in evaluation.methods when the graph is run"
            )
        spoken = speak_pixels(self.wav2lip, target.crops, target.crops, windows)
        return PixelFaces(spoken, target.landmarks, spoken=True)

    def copy_lips(self, target: PixelFaces, reference: PixelFaces) -> PixelFaces:
        """Not done on pixels: the copied reference is tried in latent space only (settings/methods.py)."""
        raise UserError("lips are copied in latent space only: no cascade has such a stage")

    @torch.inference_mode()
    def restore(self, target: PixelFaces) -> PixelFaces:
        """Each face as the nearest that the VQGAN's codebooks can say."""
        codes = self.vqgan.tokenize(torch.from_numpy(to_unit(target.crops)).to(self.device))
        images = self.vqgan.decode(self.vqgan.embed(*codes))
        return PixelFaces(from_unit(images.float().cpu().numpy()), target.landmarks, target.spoken)

    def decode(self, faces: PixelFaces) -> np.ndarray:
        """(T, S, S, 3) uint8."""
        return faces.crops


def _landmarks_of_lips(faces: PixelFaces) -> np.ndarray:
    """Landmarks (T, 68, 2) with those of the mouth found again: the lips have moved."""
    from swaptalk_models.metrics.crop_judges import crop_landmarks

    landmarks = faces.landmarks.copy()
    landmarks[:, _MOUTH] = crop_landmarks(faces.crops)[:, _MOUTH]
    return landmarks
