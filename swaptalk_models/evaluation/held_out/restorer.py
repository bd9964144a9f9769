"""The restorer on held-out people: how much of a harmed face comes back, beside the harmed face and one that is only re-encoded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from swaptalk_models.evaluation.held_out.batches import Mean, pieces, spread, step_samples
from swaptalk_models.evaluation.held_out.picture_grid import save_grid
from swaptalk_models.evaluation.held_out.vqgan import psnr
from swaptalk_models.modules.images import from_unit, to_unit
from swaptalk_models.modules.restorer import Restorer
from swaptalk_models.training.degradation import degrade
from swaptalk_models.training.objective import Outcome
from swaptalk_models.training.objectives.restorer import RestorerObjective

_FRAMES = 64  # validated on; four times as many are tested on
_SHOWN = 12
WAYS = ("restored", "harmed", "re-encoded")


class RestorerHeldOut:
    """PSNR, sharpness and codes found again on fixed harms."""

    def __init__(self, objective: RestorerObjective) -> None:
        self.objective, self.data, self.vqgan = objective, objective.data, objective.vqgan
        self.harm = replace(
            objective.config, unharmed=0.0
        )  # of a face that nothing has harmed there is nothing to restore
        self.samples = min(64, step_samples(objective.config.train)) if objective.config.train else 16

    def validate(self, model: Restorer) -> dict[str, float]:
        found = self.figures(model, "validation", _FRAMES)
        return {
            "accuracy": found["accuracy", "restored"],
            "psnr_db": found["psnr_db", "restored"],
            "sharpness": found["sharpness", "restored"],
            "score": found["psnr_db", "restored"],
        }

    def finish(self, model: Restorer, folder: Path) -> Outcome:
        found = self.figures(model, "test", 4 * _FRAMES)
        self._draw(model, folder / "samples" / "restored.png")
        names = {"code_accuracy": "accuracy", "psnr_db": "psnr_db", "sharpness": "sharpness"}
        return Outcome(
            metrics={name: found[key, "restored"] for name, key in names.items()},
            baselines={"code_accuracy": found["accuracy", "re-encoded"]}
            | {name: found[name, "harmed"] for name in ("psnr_db", "sharpness")}
            | {f"{name}_re-encoded": found[name, "re-encoded"] for name in ("psnr_db", "sharpness")},
        )

    @torch.no_grad()
    def figures(self, model: Restorer, split: str, frames: int) -> dict[tuple[str, str], float]:
        """(figure, one of WAYS) -> its mean over at most ``frames`` faces of the split."""
        device = next(model.parameters()).device
        rows = spread(self.data.rows_of(self.data.of(split)), frames)
        means = {(figure, way): Mean() for figure in ("psnr_db", "sharpness", "accuracy") for way in WAYS}
        for part in pieces(rows, self.samples):
            real, looks, codes = self.looks(model, part, device)
            for way, image in looks.items():
                means["psnr_db", way].add(psnr(real, image))
                means["sharpness", way].add(sharpness(image, real))
            truth = torch.cat(codes["truth"], dim=2)
            for way in ("restored", "re-encoded"):
                means["accuracy", way].add((torch.cat(codes[way], dim=2) == truth).float().mean((1, 2, 3)).cpu())
        return {key: mean.value for key, mean in means.items() if mean.count}

    def looks(
        self, model: Restorer, rows: np.ndarray, device: torch.device
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, tuple[Tensor, Tensor]]]:
        """Real faces (N, 3, S, S), way -> what it makes of them, and way or "truth" -> codes of both halves."""
        real = self.data.crops(rows)
        alone = [  # a face's harm does not depend on whom it is looked at with
            degrade(crop[None], self.harm, np.random.default_rng(int(row)))
            for row, crop in zip(rows, real, strict=True)
        ]
        batch = self.objective.read(rows, np.concatenate(alone))
        harmed = batch["image"].to(device)
        codes = {
            "restored": model.codes(harmed, self.vqgan),
            "re-encoded": self.vqgan.tokenize(harmed),
            "truth": (batch["upper"].to(device), batch["lower"].to(device)),
        }
        decoded = {
            way: self.vqgan.decode(self.vqgan.embed(*codes[way])).float().cpu() for way in ("restored", "re-encoded")
        }
        return torch.from_numpy(to_unit(real)), decoded | {"harmed": batch["image"]}, codes

    @torch.no_grad()
    def _draw(self, model: Restorer, path: Path) -> None:
        """Real faces, harmed, re-encoded and restored, below each other."""
        rows = spread(self.data.rows_of(self.data.of("test")), _SHOWN)
        real, looks, _ = self.looks(model, rows, next(model.parameters()).device)
        save_grid(
            [from_unit(image.numpy()) for image in (real, looks["harmed"], looks["re-encoded"], looks["restored"])],
            path,
        )


def sharpness(image_B3SS: Tensor, real_B3SS: Tensor) -> Tensor:
    """(B,) mean absolute difference between neighbouring pixels of the middle of a face, over the real one's: 1 is as sharp, less is blur, more is
    noise or halos.
    """
    size = real_B3SS.shape[-1]
    middle = slice(size // 5, size - size // 5)

    def edges(image: Tensor) -> Tensor:
        face = image[:, :, middle, middle]
        return (face.diff(dim=2).abs().mean((1, 2, 3)) + face.diff(dim=3).abs().mean((1, 2, 3))) / 2

    return edges(image_B3SS) / edges(real_B3SS).clamp(min=1e-4)
