"""The networks that a generation runs on, and the crop they were trained for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from swaptalk_models.classical.outline import in_outline_of
from swaptalk_models.classical.posing import posed_as
from swaptalk_models.data.faces.regions import REGIONS, downsample_labels, region_labels
from swaptalk_models.errors import UserError
from swaptalk_models.inference.deblock import deblock
from swaptalk_models.inference.engines.engine import Engine, TorchEngine
from swaptalk_models.inference.engines.graphs import Graph, graphs_of, halves_of
from swaptalk_models.inference.token_memo import TokenMemo
from swaptalk_models.modules.device import pick_device
from swaptalk_models.modules.face_swapper import FaceSwapper, hidden_cells
from swaptalk_models.modules.images import from_unit
from swaptalk_models.modules.lip_sync import LipSync, PreparedReference
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.weights import load_model, load_shape
from swaptalk_models.settings.data import CropsConfig, FacesConfig


class Still(NamedTuple):
    """A source before it is posed."""

    crop: np.ndarray
    """(S, S, 3) uint8, in the target's light."""
    landmarks: np.ndarray
    """(68, 2) in its pixels."""
    neutral: np.ndarray
    """(68, 2) the target's resting shape, in any pixels."""


@dataclass
class Latents:
    """Faces in the VQ-embedding space."""

    z: Tensor
    """(T, D, h, h) standardised embeddings."""
    region: Tensor
    """(T, h, h) int64 region labels."""
    made: Tensor | None = None
    """(h, h) bool, the cells that a network has made; None: none, they are a real face's."""
    codes: Tensor | None = None
    """(T, G, h, h) int64, of which the embeddings are; None: they are no codes'."""
    landmarks: np.ndarray | None = None
    """(T, 68, 2), in pixels of the crops; None: not known, and no source is posed after them."""
    crops: np.ndarray | None = field(default=None, repr=False)
    """(T, S, S, 3) uint8, as long as the mouth is still theirs."""
    still: Still | None = field(default=None, repr=False)
    """Of a source: what is posed."""
    prepared: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """Of a source or a reference, what serves all frames: reckoned when it is first wanted."""


class Networks:
    """Frozen VQGAN, face swapper and lip-sync module: ``FaceModels`` in latent space."""

    def __init__(self, folders: dict[str, Path], crops: CropsConfig, faces: FacesConfig, device: str = "auto") -> None:
        where = pick_device(device)
        modules = {name: load_model(name, folders[name], str(where)) for name in ("vqgan", "face_swapper", "lip_sync")}
        self._hold(modules, crops, faces, load_shape(folders["vqgan"])["grid"], where)

    @classmethod
    def of(
        cls, modules: Mapping[str, Any], crops: CropsConfig, faces: FacesConfig, grid: int, device: torch.device
    ) -> Networks:
        """From modules that are there: vqgan, face_swapper and lip_sync, on ``device``."""
        networks = cls.__new__(cls)
        networks._hold(modules, crops, faces, grid, device)
        return networks

    def _hold(
        self, modules: Mapping[str, Any], crops: CropsConfig, faces: FacesConfig, grid: int, device: torch.device
    ) -> None:
        self.crops, self.faces, self.grid, self.device = crops, faces, grid, device
        self.vqgan: VQGAN = modules["vqgan"]
        self.face_swapper: FaceSwapper = modules["face_swapper"]
        self.lip_sync: LipSync = modules["lip_sync"]
        self.engine: Engine = TorchEngine(self.graphs())
        self.memo: TokenMemo | None = None  # of the last source

    def graphs(self) -> dict[str, Graph]:
        """What an engine runs."""
        return graphs_of(self.vqgan, self.face_swapper, self.lip_sync, self.crops.size)

    @torch.inference_mode()
    def encode(self, crops: np.ndarray, landmarks: np.ndarray) -> Latents:
        """Crops (T, S, S, 3) uint8 and landmarks (T, 68, 2) in their pixels -> latents."""
        pixels = torch.from_numpy(np.ascontiguousarray(crops)).to(self.device)
        coarse = torch.stack(self.vqgan.encoder.linear(halves_of(pixels)).chunk(2), dim=1)
        embeddings = self.engine.run("encode", (pixels,)) + coarse
        upper, lower = self.vqgan.upper.nearest(embeddings[:, 0]), self.vqgan.lower.nearest(embeddings[:, 1])
        labels = np.stack([region_labels(points, self.crops.size, self.crops.label_grid) for points in landmarks])
        labels = np.stack([downsample_labels(label, self.grid) for label in labels]).astype(np.int64)
        region, codes = torch.from_numpy(labels).to(self.device), torch.cat([upper, lower], dim=2)
        return Latents(self.vqgan.embed(upper, lower), region, codes=codes, landmarks=landmarks, crops=crops)

    def encode_source(self, crop: np.ndarray, landmarks: np.ndarray, neutral: np.ndarray) -> Latents:
        """A source in the outline of the target at rest."""
        bent, points = in_outline_of(crop, landmarks, neutral)
        return replace(self.encode(bent[None], points[None]), still=Still(crop, landmarks, neutral))

    def repeated(self, face: Latents, count: int) -> Latents:
        """A single face's latents, so many times."""
        z, region = (values.repeat_interleave(count, dim=0) for values in (face.z, face.region))
        return Latents(z, region, made=face.made)

    @torch.inference_mode()
    def swap(self, source: Latents, target: Latents) -> Latents:
        """The target's latents with the source's face.

        Who the source is, the tokens look up in the source at rest, whose keys and values serve all frames; what stands in the face's cells comes
        from the source as it is posed for the frame (classical/posing.py). In training both are of the posed one; looked up there at inference, too,
        real held-out heads came out as good (mouths 0.91 instead of 0.92, cosine 0.959 both), and keys and values would be reckoned anew each frame.
        """
        if "swap" not in source.prepared:
            memo = TokenMemo() if self.device.type == "cpu" else None
            source.prepared["swap"] = self.face_swapper.prepare(source.z, source.region), memo
        prepared, self.memo = source.prepared["swap"]
        x_nC = self._tokens(target, prepared.keys, prepared.values)
        x_BNC = torch.unflatten(x_nC, 0, (len(target.z), -1))
        posed = self._posed(source, target)
        hidden_Bhh = hidden_cells(posed.region)
        head = self.engine.run("swap_head", (x_BNC, target.z, posed.z, hidden_Bhh.float()))
        swapped = self.face_swapper.mix(head, posed.z, hidden_Bhh, target.z, target.region)
        made = torch.ones(target.z.shape[2:], dtype=torch.bool, device=self.device)
        return replace(target, z=self.face_swapper.guided(swapped, target.z), made=made, codes=None, prepared={})

    def _posed(self, source: Latents, target: Latents) -> Latents:
        """The source as each frame of the target holds its face; where that is not known, as it is."""
        if source.still is None or target.landmarks is None:
            count = len(target.z)
            return Latents(source.z.expand(count, -1, -1, -1), source.region.expand(count, -1, -1))
        crops = target.crops if target.crops is not None else [None] * len(target.landmarks)
        posed = [posed_as(*source.still, *frame) for frame in zip(target.landmarks, crops, strict=True)]
        return self.encode(np.stack([crop for crop, _ in posed]), np.stack([points for _, points in posed]))

    def _tokens(self, target: Latents, keys: Tensor, values: Tensor) -> Tensor:
        """What the swapper's transformer makes of every cell of every frame, (T * h * h, C)."""
        z_nD, region_n = target.z.flatten(2).transpose(1, 2).flatten(0, 1), target.region.flatten().int()
        place_n = torch.arange(self.grid**2, dtype=torch.int32, device=self.device).repeat(len(target.z))

        def make(index: Tensor) -> Tensor:
            return self.engine.run("swap_tokens", (z_nD[index], place_n[index], region_n[index]), (keys, values))

        # With several codes a cell hardly any comes twice.
        if self.memo is None or target.codes is None or target.codes.shape[1] > 1:
            return self.engine.run("swap_tokens", (z_nD, place_n, region_n), (keys, values))
        cell_n = target.codes.flatten() * self.grid**2 + place_n
        return self.memo.rows(cell_n * len(REGIONS) + region_n, make)

    @torch.inference_mode()
    def speak(self, target: Latents, reference: Latents, windows: np.ndarray) -> Latents:
        """The target's latents with lips made from mel windows (T, 16, 80)."""
        upper, lower = target.z.chunk(2, dim=2)
        if "speak" not in reference.prepared:
            silence = self.lip_sync.silence()
            reference.prepared["speak"] = self.lip_sync.prepare(reference.z), () if silence is None else (silence,)
        prepared, heard_else = reference.prepared["speak"]
        warped = self._warped(upper, prepared)
        mel = torch.from_numpy(np.ascontiguousarray(windows)).to(self.device)
        made = warped + self.engine.run("speak", (warped, mel), heard_else)
        return self._with_lips(target, self.lip_sync.place(made, lower))

    def _warped(self, upper: Tensor, reference: PreparedReference) -> Tensor:
        """The reference's lower half in the pose of the targets' upper halves, (T, D, h / 2, h)."""
        if self.lip_sync.warping is None or reference.features is None:
            return reference.lower.expand(len(upper), -1, -1, -1)
        offsets = self.engine.run("warp", (upper,), (reference.features,))
        return self.lip_sync.warping.move(reference, offsets)

    @torch.inference_mode()
    def copy_lips(self, target: Latents, reference: Latents) -> Latents:
        """The target's latents with the reference's lips moved into its pose: what lip-sync has to beat."""
        upper, lower = target.z.chunk(2, dim=2)
        moved = self.lip_sync.warp(upper, reference.z.expand(len(upper), -1, -1, -1))
        return self._with_lips(target, self.lip_sync.place(moved, lower))

    def swap_and_speak(self, source: Latents, target: Latents, windows: np.ndarray) -> Latents:
        """Not done in latent space: our modules are two."""
        raise UserError("one network swaps and speaks on pixels only: no latent method has such a stage")

    def restore(self, target: Latents) -> Latents:
        """Not done in latent space: what is restored are pixels."""
        raise UserError("faces are restored on pixels only: no latent method has such a stage")

    def _with_lips(self, target: Latents, made: Tensor) -> Latents:
        """The target's latents with the lower half that lip-sync has made, (T, D, h / 2, h), where the target has a face: beside it the reference shows
        its own background, which would stand beside a head that has turned away from it.
        """
        upper, lower = target.z.chunk(2, dim=2)
        face = (target.region > REGIONS.index("background"))[:, None].chunk(2, dim=2)[1]
        lower = torch.where(face, made, lower)
        lips = self.lip_sync.region[0, 0] > 0
        made = torch.cat([torch.zeros_like(lips), lips])
        return replace(
            target,
            z=torch.cat([upper, lower], dim=2),
            made=made if target.made is None else made | target.made,
            codes=None,
            crops=None,
            prepared={},
        )

    @torch.inference_mode()
    def decode(self, faces: Latents) -> np.ndarray:
        """Latents -> crops (T, S, S, 3) uint8."""
        z_BDhh = self.vqgan.raw(faces.z)
        images = self.engine.run("decode", (z_BDhh,)) + self.vqgan.decoder.coarse(z_BDhh)
        crops = from_unit(images.clamp(-1, 1).float().cpu().numpy())
        return crops if faces.made is None else deblock(crops, faces.made.cpu().numpy())
