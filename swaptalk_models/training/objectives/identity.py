"""Training of the identity encoder: who of the training people is it, with a margin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swaptalk_models.modules.identity_encoder import CosineMarginHead, IdentityEncoder
from swaptalk_models.settings.models import IdentityEncoderConfig
from swaptalk_models.training.data import TrainingData
from swaptalk_models.modules.images import to_unit
from swaptalk_models.training.objective import Batch, Objective, Outcome

_FRAMES = 24  # frames a clip that a verification figure looks at


class IdentityObjective(Objective):
    """CosFace over the training people; measured as verification (same person or not) on held-out people."""

    def __init__(self, config: IdentityEncoderConfig, data: TrainingData) -> None:
        self.data = data
        self.model = IdentityEncoder(config)
        people = sorted({clip.person for clip in data.of("train")})
        self.class_of = {person: index for index, person in enumerate(people)}
        self.extras = CosineMarginHead(config.dim, len(people), config.margin, config.scale)
        self.rows = data.rows_of(data.of("train"))

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        rows = rng.choice(self.rows, size)
        images = torch.from_numpy(to_unit(self.data.crops(rows)))
        person = torch.tensor([self.class_of[p] for p in self.data.person_of_row[rows]])
        return {"image": augment(images, rng), "person": person}

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        logits = self.extras(self.model(batch["image"]), batch["person"])
        accuracy = (logits.argmax(1) == batch["person"]).float().mean()
        return F.cross_entropy(logits.float(), batch["person"]), {"accuracy": accuracy}

    def validate(self, model: nn.Module) -> dict[str, float]:
        auc = self._auc(lambda images: model(images), "validation")
        return {"auc": auc, "score": auc}

    def finish(self, model: nn.Module, folder: Path) -> Outcome:
        return Outcome(metrics={"auc": self._auc(model, "test")}, baselines={"auc": self._auc(_thumbnail, "test")})

    @torch.no_grad()
    def _auc(self, embed, split: str) -> float:
        """Verification AUC over pairs of frames, same person against different people, in random light, tint and pose.

        Plain frames would be told apart by the colour of skin and background alone. With a single held-out person there is no "different",
        so people of the training split stand in as the others.
        """
        rng = np.random.default_rng(0)
        clips = self.data.of(split)
        if len({clip.person for clip in clips}) < 2:
            clips = clips + self.data.of("train")[:4]
        device = next(self.model.parameters()).device
        embeddings, people = [], []
        for clip in clips:
            rows = clip.first + np.linspace(0, clip.frames - 1, min(_FRAMES, clip.frames)).astype(int)
            images = augment(torch.from_numpy(to_unit(self.data.crops(rows))), rng)
            embeddings.append(embed(images.to(device)).float().cpu())
            people += [clip.person] * len(rows)
        embedding, person = torch.cat(embeddings), torch.tensor(people)
        pair = torch.triu(torch.ones(len(person), len(person), dtype=torch.bool), diagonal=1)
        similarity = (embedding @ embedding.T)[pair]
        return ranking_auc(similarity, (person[:, None] == person[None])[pair])


def _thumbnail(images_B3SS: Tensor) -> Tensor:
    """The trivial embedding: 8 x 8 pixels, unit length."""
    return F.normalize(F.adaptive_avg_pool2d(images_B3SS, 8).flatten(1), dim=-1)


def ranking_auc(score: Tensor, positive: Tensor) -> float:
    """Area under the ROC curve: P(a positive scores above a negative). (N,) scores, (N,) bool."""
    rank = torch.empty(len(score), dtype=torch.float64)
    rank[score.argsort()] = torch.arange(1, len(score) + 1, dtype=torch.float64)
    n_pos = int(positive.sum())
    n_neg = len(score) - n_pos
    return float((rank[positive].sum() - n_pos * (n_pos + 1) / 2) / max(1, n_pos * n_neg))


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
