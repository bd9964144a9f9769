"""What turns faces into faces: the seam between a generation and the models that it runs on.

``Networks`` (networks.py) works in the latent space of one VQGAN, ``RGBModels`` (evaluation/measure/cascade.py) on pixels. A generation
knows neither: it encodes aligned crops, applies stages to what comes out, and decodes once; with detail a second time, before lips are made.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np

from swaptalk_models.settings.data import CropsConfig, FacesConfig

Faces = TypeVar("Faces")
"""Some faces as the models hold them: latents, or pixels."""


class FaceModels(Protocol[Faces]):
    """Models for every stage of a generation.

    T faces go through each stage together; a source or a reference is a single face, which serves all of them. T is small: the caller
    gives a long video in batches.
    """

    @property
    def crops(self) -> CropsConfig:
        """How the aligned crops are cut that ``encode`` takes."""

    @property
    def grid(self) -> int:
        """Cells across a crop: what is finer than these the models cannot say."""

    @property
    def faces(self) -> FacesConfig:
        """How faces are found."""

    def encode(self, crops: np.ndarray, landmarks: np.ndarray) -> Faces:
        """Aligned crops (T, S, S, 3) uint8 RGB and landmarks (T, 68, 2) in their pixels."""

    def encode_source(self, crop: np.ndarray, landmarks: np.ndarray, neutral: np.ndarray) -> Faces:
        """One source: its aligned crop (S, S, 3) uint8 RGB in the target's light, landmarks (68, 2) in its pixels, and the target's resting
        shape (68, 2), in any pixels.
        """

    def repeated(self, face: Faces, count: int) -> Faces:
        """A single face, so many times."""

    def swap(self, source: Faces, target: Faces) -> Faces:
        """The targets with the source's identity."""

    def speak(self, target: Faces, reference: Faces, windows: np.ndarray) -> Faces:
        """The targets with lips made from mel windows (T, 16, 80) float32 in [-4, 4]; the reference shows what the mouth looks like."""

    def swap_and_speak(self, source: Faces, target: Faces, windows: np.ndarray) -> Faces:
        """The targets with the source's identity and lips made from mel windows (T, 16, 80), both at once."""

    def copy_lips(self, target: Faces, reference: Faces) -> Faces:
        """The targets with the reference's lips moved into their pose: what lip-sync has to beat."""

    def restore(self, target: Faces) -> Faces:
        """The targets without blur, noise and what compression does, as CodeFormer-class restorers make them."""

    def decode(self, faces: Faces) -> np.ndarray:
        """Crops (T, S, S, 3) uint8 RGB."""
