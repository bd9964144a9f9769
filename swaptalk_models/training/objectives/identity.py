"""Training of the identity encoder: who of the training people is it, with a margin."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from swaptalk_models.modules.identity_encoder import CosineMarginHead, IdentityEncoder
from swaptalk_models.modules.images import to_unit
from swaptalk_models.settings.models import IdentityEncoderConfig
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.inputs import TrainingInputs
from swaptalk_models.training.objective import Batch, Objective


class IdentityObjective(Objective):
    """CosFace over the training people; measured as verification (same person or not) on held-out people."""

    extras: CosineMarginHead

    def __init__(self, config: IdentityEncoderConfig, data: TrainingData) -> None:
        self.data = data
        self.model = IdentityEncoder(config)
        people = sorted({clip.person for clip in data.of("train")})
        self.class_of = {person: index for index, person in enumerate(people)}
        self.extras = CosineMarginHead(config.dim, len(people), config.margin, config.scale)
        self.rows = data.rows_of(data.of("train"))

    @classmethod
    def build(cls, inputs: TrainingInputs) -> IdentityObjective:
        return cls(inputs.config, inputs.data)

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        rows = rng.choice(self.rows, size)
        images = torch.from_numpy(to_unit(self.data.crops(rows)))
        person = torch.tensor([self.class_of[p] for p in self.data.person_of_row[rows]])
        return {"image": augment(images, rng), "person": person}

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        logits = self.extras(self.model(batch["image"]), batch["person"])
        accuracy = (logits.argmax(1) == batch["person"]).float().mean()
        return F.cross_entropy(logits.float(), batch["person"]), {"accuracy": accuracy}


def augment(images_B3SS: Tensor, rng: np.random.Generator) -> Tensor:
    """Mirrored, brightened, tinted and slightly moved copies, in [-1, 1]: what identity must not hang on."""
    size = len(images_B3SS)
    turn, scale = rng.normal(0, 0.05, size), np.exp(rng.normal(0, 0.04, size))
    mirror = np.where(rng.random(size) < 0.5, -1.0, 1.0)
    theta = np.zeros((size, 2, 3), np.float32)
    theta[:, 0, 0], theta[:, 0, 1] = scale * np.cos(turn) * mirror, -np.sin(turn)
    theta[:, 1, 0], theta[:, 1, 1] = np.sin(turn) * mirror, scale * np.cos(turn)
    theta[:, :, 2] = rng.normal(0, 0.03, (size, 2))
    grid = F.affine_grid(torch.from_numpy(theta), list(images_B3SS.shape), align_corners=False)
    moved = F.grid_sample(images_B3SS, grid, padding_mode="border", align_corners=False)
    gain = torch.from_numpy(np.exp(rng.normal(0, 0.2, (size, 1, 1, 1))).astype(np.float32))
    tint = torch.from_numpy(rng.normal(0, 0.15, (size, 3, 1, 1)).astype(np.float32))
    return (moved * gain + tint).clamp(-1, 1)
