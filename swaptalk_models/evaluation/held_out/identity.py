"""The identity encoder on held-out people: verification, same person or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swaptalk_models.evaluation.held_out.batches import spread_items
from swaptalk_models.modules.images import to_unit
from swaptalk_models.training.objective import Outcome
from swaptalk_models.training.objectives.identity import IdentityObjective, augment

_FRAMES = 24  # of a clip, so one forward pass
_CLIPS = 200  # pairs of frames grow with their square


class IdentityHeldOut:
    """Area under the ROC curve over pairs of frames."""

    def __init__(self, objective: IdentityObjective) -> None:
        self.objective, self.data = objective, objective.data

    def validate(self, model: nn.Module) -> dict[str, float]:
        auc = self.auc(model, "validation")
        return {"auc": auc, "score": auc}

    def finish(self, model: nn.Module, folder: Path) -> Outcome:
        return Outcome(metrics={"auc": self.auc(model, "test")}, baselines={"auc": self.auc(thumbnail, "test")})

    @torch.no_grad()
    def auc(self, embed: Callable[[Tensor], Tensor], split: str) -> float:
        """Verification AUC over pairs of frames, same person against different people, in random light, tint and pose.

        Plain frames would be told apart by the colour of skin and background alone. With a single held-out person there is no "different",
        so people of the training split stand in as the others.
        """
        rng = np.random.default_rng(0)
        clips = spread_items(self.data.of(split), _CLIPS)
        if len({clip.person for clip in clips}) < 2:
            clips = clips + self.data.of("train")[:4]
        device = next(self.objective.model.parameters()).device
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


def thumbnail(images_B3SS: Tensor) -> Tensor:
    """The trivial embedding: 8 x 8 pixels, unit length."""
    return F.normalize(F.adaptive_avg_pool2d(images_B3SS, 8).flatten(1), dim=-1)


def ranking_auc(score: Tensor, positive: Tensor) -> float:
    """Area under the ROC curve: P(a positive scores above a negative). (N,) scores, (N,) bool."""
    rank = torch.empty(len(score), dtype=torch.float64)
    rank[score.argsort()] = torch.arange(1, len(score) + 1, dtype=torch.float64)
    n_pos = int(positive.sum())
    n_neg = len(score) - n_pos
    return float((rank[positive].sum() - n_pos * (n_pos + 1) / 2) / max(1, n_pos * n_neg))
