"""Training of the face swapper: L_proxy against the teacher's embeddings; L_id_src, L_id_res and a pixel loss (ours) through the frozen decoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from swaptalk_models.data.faces.regions import REGIONS
from swaptalk_models.modules.arcface import ArcFace
from swaptalk_models.modules.face_swapper import FaceSwapper
from swaptalk_models.modules.identity_encoder import IdentityEncoder
from swaptalk_models.modules.images import to_unit
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.settings.models import FaceSwapperConfig
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.inputs import TrainingInputs
from swaptalk_models.training.objective import Batch, Objective, frozen
from swaptalk_models.training.teacher_pairs import TeacherPairs

_FEATURES = ("brow", "eye", "lip")


class FaceSwapperObjective(Objective):
    """Source and target in, the teacher's swap out, the identity held by a network that is not the judge."""

    model: FaceSwapper

    def __init__(
        self,
        config: FaceSwapperConfig,
        data: TrainingData,
        vqgan: VQGAN,
        vqgan_version: str,
        grid: int,
        identity: IdentityEncoder | ArcFace,
        teacher: Path,
    ) -> None:
        self.config, self.data = config, data
        self.model = FaceSwapper(config, vqgan.config.dim, grid)
        self.vqgan, self.identity = frozen(vqgan), frozen(identity)
        self.upper, self.lower = data.codes(vqgan_version, grid)
        self.labels = data.labels_at(grid)
        self.teacher = TeacherPairs(teacher, data, "face_swapper")
        self.source, self.target, self.pairs = self.teacher.rows["source"], self.teacher.rows["target"], self.teacher.of
        self.of_pair = {
            f"{whose}_{half}": self.teacher.codes(column, grid)
            for half in ("upper", "lower")
            for whose, column in (("made", half), ("source", f"source_{half}"))
        }

    @classmethod
    def build(cls, inputs: TrainingInputs) -> FaceSwapperObjective:
        return cls(inputs.config, inputs.data, *inputs.latents, inputs.identity, inputs.folders["swap_teacher"])

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        return self.read_pairs(rng.choice(self.pairs["train"], size))

    def read_pairs(self, index: np.ndarray) -> Batch:
        """Pairs (N,) of the teacher's table: codes, region labels, and pictures of the source and of the teacher's swap."""
        source, target = self.source[index], self.target[index]
        made, labels = self.teacher.swaps(index), self.data.labels.shape[1]
        arrays = {
            "source_region": self.teacher.source_regions(index, made.shape[1], labels, self.model.grid),
            "target_upper": self.upper[target],
            "target_lower": self.lower[target],
            "target_region": self.labels[target],
        } | {name: codes[index] for name, codes in self.of_pair.items()}
        batch = {name: torch.from_numpy(array.astype(np.int64)) for name, array in arrays.items()}
        batch["source_image"] = torch.from_numpy(to_unit(self.data.crops(source)))
        batch["made_image"] = torch.from_numpy(to_unit(made))
        return batch

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        config = self.config
        swapped = self.swap(self.model, batch)
        wanted = self.vqgan.embed(batch["made_upper"], batch["made_lower"])
        weight_B1hh = self._weight(batch["target_region"])[:, None]
        proxy = (weight_B1hh * (swapped - wanted).abs()).mean()  # a squared error blurs what it is not sure of
        loss, parts = config.proxy_weight * proxy, {"proxy": proxy}
        n = config.decoded_samples
        if config.pixel_weight or config.source_identity_weight or config.teacher_identity_weight:
            image = self.vqgan.decode(swapped[:n])
        if config.pixel_weight:
            error_n1SS = (image - batch["made_image"][:n]).abs().mean(1, keepdim=True)
            pixel = (F.interpolate(weight_B1hh[:n], error_n1SS.shape[2:]) * error_n1SS).mean()
            loss, parts = loss + config.pixel_weight * pixel, parts | {"pixel": pixel}
        if config.source_identity_weight or config.teacher_identity_weight:
            identity = self.identity(image)
            with torch.no_grad():
                of_source, of_made = self.identity(batch["source_image"][:n]), self.identity(batch["made_image"][:n])
            to_source = 1 - (identity * of_source).sum(-1).mean()
            to_made = 1 - (identity * of_made).sum(-1).mean()
            loss = loss + config.source_identity_weight * to_source + config.teacher_identity_weight * to_made
            parts |= {"id_src": to_source, "id_res": to_made}
        return loss, parts

    def _weight(self, region_Bhh: Tensor) -> Tensor:
        """How much each cell counts, (B, h, h): 1 on average."""
        of_region = torch.tensor([self.config.feature_weight if name in _FEATURES else 1.0 for name in REGIONS])
        weight_Bhh = of_region.to(region_Bhh.device)[region_Bhh]
        return weight_Bhh / weight_Bhh.mean((1, 2), keepdim=True)

    def swap(self, model: FaceSwapper, batch: Batch) -> Tensor:
        """Swapped embeddings (N, D, h, h); of a model in evaluation mode as at inference."""
        source = self.vqgan.embed(batch["source_upper"], batch["source_lower"])
        target = self.vqgan.embed(batch["target_upper"], batch["target_lower"])
        regions = batch["source_region"], batch["target_region"]
        if not model.training:
            return model.swap(source, regions[0], target, regions[1])
        return model(source, regions[0], target, regions[1])
