"""Training of the restorer: cross-entropy of the codes that a face had before it was harmed.

**[ours]** a label is spread over the codes right beside it: with several codes a cell, of few channels each, neighbours look nearly the same, and a
short training cannot afford to call them as wrong as any other. A pixel loss through the frozen decoder sees where codes that are likely each for
itself do not fit together.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from swaptalk_models.modules.images import to_unit
from swaptalk_models.modules.quantizer import VectorQuantizer
from swaptalk_models.modules.restorer import Restorer, expected, standardised
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.settings.models import RestorerConfig
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.degradation import degrade
from swaptalk_models.training.inputs import TrainingInputs
from swaptalk_models.training.objective import Batch, Objective, frozen


class RestorerObjective(Objective):
    """Harmed faces in; the stored codes of the same faces unharmed are the labels."""

    model: Restorer

    def __init__(self, config: RestorerConfig, data: TrainingData, vqgan: VQGAN, vqgan_version: str, grid: int) -> None:
        self.config, self.data = config, data
        latent = vqgan.config
        self.model = Restorer(config, latent.factor, grid, latent.dim, latent.groups, latent.codes)
        self.vqgan = frozen(vqgan)
        self.upper, self.lower = data.codes(vqgan_version, grid)
        self.rows = data.rows_of(data.of("train"))

    @classmethod
    def build(cls, inputs: TrainingInputs) -> RestorerObjective:
        return cls(inputs.config, inputs.data, *inputs.latents)

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        rows = rng.choice(self.rows, size)
        return self.read(rows, degrade(self.data.crops(rows), self.config, rng))

    def read(self, rows: np.ndarray, harmed: np.ndarray) -> Batch:
        """Of rows (N,) of the data: the faces harmed, (N, S, S, 3) uint8, as images, and the codes of both halves (N, G, h / 2, h)."""
        batch = {"image": torch.from_numpy(to_unit(harmed))}
        for name, codes in (("upper", self.upper), ("lower", self.lower)):
            batch[name] = torch.from_numpy(codes[rows].astype(np.int64))
        return batch

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        found = list(zip(self.model(batch["image"], self.vqgan), (batch["upper"], batch["lower"]), strict=True))
        losses, right = [], []
        for (odds_BGKhw, codes_BGhw), quantizer in zip(found, (self.vqgan.upper, self.vqgan.lower), strict=True):
            labels_BGhwK = spread_labels(quantizer, self.config.neighbours, codes_BGhw)
            losses.append(-(labels_BGhwK * F.log_softmax(odds_BGKhw.movedim(2, -1), dim=-1)).sum(-1).mean())
            right.append((odds_BGKhw.detach().argmax(2) == codes_BGhw).float().mean())
        entropy = torch.stack(losses).mean()
        loss, parts = entropy, {"entropy": entropy, "accuracy": torch.stack(right).mean()}
        if self.config.pixel_weight:
            pixel = self._pixel_loss(found, batch)
            loss, parts = loss + self.config.pixel_weight * pixel, parts | {"pixel": pixel}
        return loss, parts

    def _pixel_loss(self, found: list[tuple[Tensor, Tensor]], batch: Batch) -> Tensor:
        """Absolute error of decoded faces against the same unharmed, of some of the samples."""
        n = self.config.decoded_samples
        quantizers = (self.vqgan.upper, self.vqgan.lower)
        halves = [
            standardised(expected(odds[:n], quantizer), quantizer)
            for (odds, _), quantizer in zip(found, quantizers, strict=True)
        ]
        with torch.no_grad():
            real = self.vqgan.decode(self.vqgan.embed(batch["upper"][:n], batch["lower"][:n]))
        return F.l1_loss(self.vqgan.decode(torch.cat(halves, dim=2)), real)


def spread_labels(quantizer: VectorQuantizer, width: float, codes_BGhw: Tensor) -> Tensor:
    """(B, G, h, w, K) probabilities, a Gaussian of ``width`` standard deviations of the codebook around each code."""
    book_GKd = quantizer.codebook
    if not width:
        return F.one_hot(codes_BGhw, book_GKd.shape[1]).float()
    _, deviation = quantizer.statistics()
    apart_GKK = torch.cdist(book_GKd, book_GKd).square() / (book_GKd.shape[2] * deviation.flatten().square())
    near_GKK = torch.softmax(-apart_GKK / (2 * width**2), dim=-1)
    group = torch.arange(len(book_GKd), device=codes_BGhw.device)[None, :, None, None]
    return near_GKK[group, codes_BGhw]
