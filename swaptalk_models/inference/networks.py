"""The networks that a generation runs on, and the crop they were trained for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from swaptalk_models.data.faces.regions import downsample_labels, region_labels
from swaptalk_models.errors import UserError
from swaptalk_models.inference.deblock import deblock
from swaptalk_models.modules.device import pick_device
from swaptalk_models.modules.face_swapper import FaceSwapper
from swaptalk_models.modules.images import from_unit, to_unit
from swaptalk_models.modules.lip_sync import LipSync
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.weights import load_model, load_shape
from swaptalk_models.settings.data import CropsConfig, FacesConfig


@dataclass
class Latents:
    """Faces in the VQ-embedding space."""

    z: Tensor
    """(T, D, h, h) standardised embeddings."""
    region: Tensor
    """(T, h, h) int64 region labels."""
    made: Tensor | None = None
    """(h, h) bool, the cells that a network has made; None: none, they are a real face's."""


class Networks:
    """Frozen VQGAN, face swapper and lip-sync module: ``FaceModels`` in latent space."""

    def __init__(self, folders: dict[str, Path], crops: CropsConfig, faces: FacesConfig, device: str = "auto") -> None:
        self.device = pick_device(device)
        self.crops, self.faces = crops, faces
        self.grid = load_shape(folders["vqgan"])["grid"]
        self.vqgan: VQGAN = load_model("vqgan", folders["vqgan"], str(self.device))
        self.face_swapper: FaceSwapper = load_model("face_swapper", folders["face_swapper"], str(self.device))
        self.lip_sync: LipSync = load_model("lip_sync", folders["lip_sync"], str(self.device))

    @torch.inference_mode()
    def encode(self, crops: np.ndarray, landmarks: np.ndarray) -> Latents:
        """Crops (T, S, S, 3) uint8 and landmarks (T, 68, 2) in their pixels -> latents."""
        upper, lower = self.vqgan.tokenize(torch.from_numpy(to_unit(crops)).to(self.device))
        labels = np.stack([region_labels(points, self.crops.size, self.crops.label_grid) for points in landmarks])
        labels = np.stack([downsample_labels(label, self.grid) for label in labels]).astype(np.int64)
        return Latents(self.vqgan.embed(upper, lower), torch.from_numpy(labels).to(self.device))

    @torch.inference_mode()
    def swap(self, source: Latents, target: Latents) -> Latents:
        """The target's latents with the source's face."""
        z = source.z.expand(len(target.z), -1, -1, -1)
        region = source.region.expand(len(target.z), -1, -1)
        made = torch.ones(target.z.shape[2:], dtype=torch.bool, device=self.device)
        return Latents(self.face_swapper.swap(z, region, target.z, target.region), target.region, made)

    @torch.inference_mode()
    def speak(self, target: Latents, reference: Latents, windows: np.ndarray) -> Latents:
        """The target's latents with lips made from mel windows (T, 16, 80)."""
        upper, lower = target.z.chunk(2, dim=2)
        made = self.lip_sync.speak(
            upper, reference.z.expand(len(upper), -1, -1, -1), torch.from_numpy(windows).to(self.device)
        )
        return self._with_lower(target, self.lip_sync.place(made, lower))

    @torch.inference_mode()
    def copy_lips(self, target: Latents, reference: Latents) -> Latents:
        """The target's latents with the reference's lips moved into its pose: what lip-sync has to beat."""
        upper, lower = target.z.chunk(2, dim=2)
        moved = self.lip_sync.warp(upper, reference.z.expand(len(upper), -1, -1, -1))
        return self._with_lower(target, self.lip_sync.place(moved, lower))

    def swap_and_speak(self, source: Latents, target: Latents, windows: np.ndarray) -> Latents:
        """Not done in latent space: our modules are two."""
        raise UserError("one network swaps and speaks on pixels only: no latent method has such a stage")

    def restore(self, target: Latents) -> Latents:
        """Not done in latent space: what is restored are pixels."""
        raise UserError("faces are restored on pixels only: no latent method has such a stage")

    def _with_lower(self, target: Latents, lower: Tensor) -> Latents:
        """The target's latents with another lower half, of which the region of the lip-sync module is made."""
        upper = target.z.chunk(2, dim=2)[0]
        lips = self.lip_sync.region[0, 0] > 0
        made = torch.cat([torch.zeros_like(lips), lips])
        return Latents(
            torch.cat([upper, lower], dim=2), target.region, made if target.made is None else made | target.made
        )

    @torch.inference_mode()
    def decode(self, faces: Latents) -> np.ndarray:
        """Latents -> crops (T, S, S, 3) uint8."""
        crops = from_unit(self.vqgan.decode(faces.z).float().cpu().numpy())
        return crops if faces.made is None else deblock(crops, faces.made.cpu().numpy())
