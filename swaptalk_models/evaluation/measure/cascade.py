"""The paper's competitors on pixels, to be compared with swapping and lip-sync in one latent space: cascades of RGB models that run one
behind the other, and one network that does both at once.

    swap             the swap teacher's classical warp (classical/warp_swap.py)
    speak            the Wav2Lip-style network (modules/wav2lip.py)
    swap_and_speak   the end-to-end network (modules/wav_sync_swap.py)
    restore          the CodeFormer-style restorer (modules/restorer.py)

``RGBModels`` are ``FaceModels`` (inference/face_models.py) as our networks are, so one generator makes all videos: the stages
work on the same aligned crops as ours, decoded pixels go from one stage to the next, and the face is pasted back and
compressed once. A cascade of programs would follow, paste and compress the face at every stage; leaving that out is in the
cascades' favour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from swaptalk_models.classical.warp_swap import SwapColour, warp_swap
from swaptalk_models.errors import UserError
from swaptalk_models.inference.networks import Networks
from swaptalk_models.modules.restorer import restore_pixels
from swaptalk_models.modules.wav2lip import speak_pixels
from swaptalk_models.modules.wav_sync_swap import swap_and_speak_pixels
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

    def __init__(
        self,
        networks: Networks,
        folders: Mapping[str, Path],
        neutral: np.ndarray,
        frame_as_reference: bool = False,
    ) -> None:
        """
        Args:
            networks: ours, whose crops and VQGAN are shared.
            folders: of the trained networks that the stages need: wav2lip, wav_sync_swap (and identity_encoder with it), restorer.
            neutral: the target's resting shape (68, 2), see ``neutral_landmarks``.
            frame_as_reference: see ``Method.frame_as_reference``.
        """
        self.crops, self.faces, self.grid = networks.crops, networks.faces, networks.grid
        self.vqgan, self.device = networks.vqgan, networks.device
        self.trained: dict[str, nn.Module] = {
            name: load_model(name, folder, str(self.device)) for name, folder in folders.items()
        }
        self.neutral, self.frame_as_reference = neutral, frame_as_reference
        self._colour: SwapColour | None = None

    def encode(self, crops: np.ndarray, landmarks: np.ndarray) -> PixelFaces:
        return PixelFaces(crops, landmarks)

    def encode_source(self, crop: np.ndarray, landmarks: np.ndarray, neutral: np.ndarray) -> PixelFaces:
        """The source as it is: where its features go, ``warp_swap`` reckons for each frame."""
        return self.encode(crop[None], landmarks[None])

    def repeated(self, face: PixelFaces, count: int) -> PixelFaces:
        crops, landmarks = (np.repeat(one, count, axis=0) for one in (face.crops, face.landmarks))
        return PixelFaces(crops, landmarks, face.spoken)

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
        """Lips from mel windows (T, 16, 80), looking as on ``reference``; or, with ``frame_as_reference``, as on the frame itself.

        Raises:
            UserError: no trained network was given.
        """
        looks = target.crops if self.frame_as_reference else reference.crops
        spoken = speak_pixels(self._network("wav2lip"), target.crops, looks, windows)
        return PixelFaces(spoken, target.landmarks, spoken=True)

    def swap_and_speak(self, source: PixelFaces, target: PixelFaces, windows: np.ndarray) -> PixelFaces:
        """The source's face and lips from mel windows (T, 16, 80), by one network.

        Raises:
            UserError: no trained network was given.
        """
        model, identity = self._network("wav_sync_swap"), self._network("identity_encoder")
        made = swap_and_speak_pixels(model, identity, target.crops, source.crops[0], windows)
        return PixelFaces(made, target.landmarks, spoken=True)

    def copy_lips(self, target: PixelFaces, reference: PixelFaces) -> PixelFaces:
        """Not done on pixels: the copied reference is tried in latent space only (settings/methods.py)."""
        raise UserError("lips are copied in latent space only: no cascade has such a stage")

    def restore(self, target: PixelFaces) -> PixelFaces:
        """Each face as the codes say that are most likely behind it.

        Raises:
            UserError: no trained network was given.
        """
        restored = restore_pixels(self._network("restorer"), self.vqgan, target.crops)
        return PixelFaces(restored, target.landmarks, target.spoken)

    def decode(self, faces: PixelFaces) -> np.ndarray:
        """(T, S, S, 3) uint8."""
        return faces.crops

    def _network(self, name: str) -> Any:
        if name not in self.trained:
            raise UserError(
                f"no trained {name} was given: its methods have to be listed in evaluation.methods when the graph is run"
            )
        return self.trained[name]


def _landmarks_of_lips(faces: PixelFaces) -> np.ndarray:
    """Landmarks (T, 68, 2) with those of the mouth found again: the lips have moved."""
    from swaptalk_models.metrics.crop_judges import crop_landmarks

    landmarks = faces.landmarks.copy()
    landmarks[:, _MOUTH] = crop_landmarks(faces.crops)[:, _MOUTH]
    return landmarks
