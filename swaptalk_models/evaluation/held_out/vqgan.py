"""The VQGAN on held-out people: reconstruction, codes in use, and the seam between the halves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from swaptalk_models.evaluation.held_out.batches import Mean, pieces, spread, step_samples
from swaptalk_models.evaluation.held_out.picture_grid import save_grid
from swaptalk_models.modules.images import from_unit, to_unit
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.settings.models import VQGANConfig
from swaptalk_models.training.objective import Outcome
from swaptalk_models.training.objectives.vqgan import VQGANObjective

_FRAMES = 256  # validated on; four times as many are tested on
_SHOWN = 12


@dataclass
class Reconstruction:
    """What held-out faces look like after the VQGAN; sums only, whatever their number."""

    used: tuple[list[set[int]], list[set[int]]]
    """Codes that occur, a set a group, of the upper and of the lower half."""
    psnr: Mean = field(default_factory=Mean)
    thumbnail_psnr: Mean = field(default_factory=Mean)
    seam: Mean = field(default_factory=Mean)
    real_seam: Mean = field(default_factory=Mean)
    shown: list[np.ndarray] = field(default_factory=list)
    """A few faces, (2, S, S, 3) uint8 each: real and reconstructed."""

    def figures(self, codes: int) -> dict[str, float]:
        """psnr_db, and the share of each codebook in use, averaged over groups."""
        upper, lower = (float(np.mean([len(group) / codes for group in half])) for half in self.used)
        return {"psnr_db": self.psnr.value, "upper_use": upper, "lower_use": lower}

    @property
    def seam_ratio(self) -> float:
        """Mean absolute step between the two rows where the halves meet, reconstruction over original: 1 where no seam is added."""
        return self.seam.value / max(self.real_seam.value, 1e-6)


class VQGANHeldOut:
    """PSNR, use of the codebooks, and the seam."""

    def __init__(self, objective: VQGANObjective) -> None:
        self.config, self.data = objective.config, objective.data

    def validate(self, model: VQGAN) -> dict[str, float]:
        rows = spread(self.data.rows_of(self.data.of("validation")), _FRAMES)
        figures = self.reconstruct(model, rows).figures(self.config.codes)
        return figures | {"score": figures["psnr_db"]}

    def finish(self, model: VQGAN, folder: Path) -> Outcome:
        rows = spread(self.data.rows_of(self.data.of("test")), 4 * _FRAMES)
        found = self.reconstruct(model, rows)
        save_grid(list(np.stack(found.shown, axis=1)), folder / "samples" / "reconstruction.png")
        metrics = found.figures(self.config.codes) | {"seam_ratio": found.seam_ratio}
        return Outcome(metrics=metrics, baselines={"psnr_db": found.thumbnail_psnr.value})

    @torch.no_grad()
    def reconstruct(self, model: VQGAN, rows: np.ndarray) -> Reconstruction:
        """Encode and decode these rows of the data."""
        device = next(model.parameters()).device
        shown = set(rows[np.linspace(0, len(rows) - 1, min(_SHOWN, len(rows))).astype(int)].tolist())
        groups = self.config.groups
        found = Reconstruction(([set() for _ in range(groups)], [set() for _ in range(groups)]))
        for part in pieces(rows, min(64, step_samples(self.config.train))):
            real = torch.from_numpy(to_unit(self.data.crops(part)))
            upper, lower = model.tokenize(real.to(device))
            made = model.decode(model.embed(upper, lower)).float().cpu()
            found.psnr.add(psnr(real, made))
            found.thumbnail_psnr.add(psnr(real, thumbnail(real, self.config)))
            found.seam.add(seam(made))
            found.real_seam.add(seam(real))
            for half, codes in zip(found.used, (upper, lower), strict=True):
                for group, of_group in zip(half, codes.cpu().unbind(1), strict=True):
                    group.update(torch.unique(of_group).tolist())
            both = np.stack([from_unit(real.numpy()), from_unit(made.numpy())], axis=1)
            found.shown += [pair for row, pair in zip(part.tolist(), both, strict=True) if row in shown]
        return found


def seam(images_B3SS: Tensor) -> Tensor:
    """Mean absolute step between the two rows where the halves meet, (B,)."""
    middle = images_B3SS.shape[2] // 2
    return (images_B3SS[:, :, middle] - images_B3SS[:, :, middle - 1]).abs().mean((1, 2))


def psnr(real_B3SS: Tensor, made_B3SS: Tensor) -> Tensor:
    """(B,) PSNR (dB) of images in [-1, 1]."""
    return -10 * torch.log10((real_B3SS - made_B3SS).square().mean((1, 2, 3)) / 4)


def thumbnail(images_B3SS: Tensor, config: VQGANConfig) -> Tensor:
    """Bicubic down and up again through as many values as there are codes: what the VQGAN has to beat."""
    side = max(1, round((images_B3SS.shape[-1] / config.factor) * (config.groups / 3) ** 0.5))
    small = F.interpolate(images_B3SS, size=(side, side), mode="bicubic", antialias=True)
    return F.interpolate(small, size=images_B3SS.shape[-2:], mode="bicubic").clamp(-1, 1)
