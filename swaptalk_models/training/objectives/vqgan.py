"""Training of the VQGAN: reconstruction, perceptual, identity, commitment and, late, adversarial loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swaptalk_models.data.faces.regions import REGIONS
from swaptalk_models.modules.discriminator import PatchDiscriminator, discriminator_loss, generator_loss
from swaptalk_models.modules.identity_encoder import IdentityEncoder, perceptual_loss
from swaptalk_models.settings.models import VQGANConfig
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.training.data import TrainingData
from swaptalk_models.modules.images import from_unit, to_unit
from swaptalk_models.training.objective import Batch, Objective, Outcome, average_gradients, frozen
from swaptalk_models.training.samples import save_grid

_HELD_OUT_FRAMES = 256
_FEATURES = [REGIONS.index(name) for name in ("brow", "eye", "nose", "lip")]


class VQGANObjective(Objective):
    """One encoder, two codebooks, one decoder, judged by PSNR and by the share of codes in use on held-out people."""

    keep_best = False  # the adversarial phase buys sharpness with a little PSNR

    def __init__(self, config: VQGANConfig, data: TrainingData, identity: IdentityEncoder) -> None:
        self.config, self.data = config, data
        self.model = VQGAN(config)
        self.identity = frozen(identity)
        self.discriminator = PatchDiscriminator(config.discriminator_channels)
        self.discriminator_optimiser = torch.optim.AdamW(
            self.discriminator.parameters(), lr=config.train.lr / 2, betas=(0.5, 0.99), weight_decay=0.0
        )
        self.rows = data.rows_of(data.of("train"))

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        rows = rng.choice(self.rows, size)
        images, labels = to_unit(self.data.crops(rows)), self.data.labels[rows]
        mirrored = rng.random(size) < 0.5
        images[mirrored] = images[mirrored, ..., ::-1]
        labels[mirrored] = labels[mirrored, :, ::-1]
        weight = np.where(np.isin(labels, _FEATURES), self.config.feature_weight, 1.0).astype(np.float32)
        weight /= weight.mean((1, 2), keepdims=True)
        return {"image": torch.from_numpy(images), "weight": torch.from_numpy(weight)}

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        config, image = self.config, batch["image"]
        made = self.model(image, quantise=progress >= config.quantise_from)
        fake = made.image.float()
        weight = F.interpolate(batch["weight"][:, None], size=image.shape[-2:])
        difference = fake - image
        absolute, squared = (weight * difference.abs()).mean(), (weight * difference.square()).mean()
        pixel = config.pixel_weight * absolute + config.l2_weight * squared
        maps = self.identity.features(fake)
        with torch.no_grad():
            real_maps = self.identity.features(image)
        perceptual = perceptual_loss(maps, real_maps)
        identity = 1 - (self.identity.embed(maps) * self.identity.embed(real_maps)).sum(-1).mean()
        reconstruction = pixel + config.perceptual_weight * perceptual + config.identity_weight * identity
        parts = {
            "pixel": pixel,
            "perceptual": perceptual,
            "identity": identity,
            "psnr_db": -10 * torch.log10(F.mse_loss(fake, image) / 4),
        }
        loss = reconstruction
        if made.upper is not None:
            parts["commitment"] = made.upper.commitment + made.lower.commitment
            loss = loss + config.commitment * parts["commitment"]
        if self._adversarial(progress):
            adversarial = generator_loss(self.discriminator(fake))
            weight = self._adaptive_weight(reconstruction, adversarial)
            loss = loss + config.adversarial_weight * weight * adversarial
            parts |= {"adversarial": adversarial, "adaptive_weight": weight}
            batch["fake"] = fake.detach()
        return loss, parts

    def after_step(self, micro_batches: list[Batch], progress: float) -> dict[str, Tensor]:
        if not self._adversarial(progress):
            return {}
        self.discriminator_optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for batch in micro_batches:
            loss = discriminator_loss(self.discriminator(batch["image"]).float(), self.discriminator(batch["fake"]).float())
            (loss / len(micro_batches)).backward()
            total += loss.detach() / len(micro_batches)
        average_gradients(self.discriminator.parameters())
        self.discriminator_optimiser.step()
        return {"discriminator": total}

    def state(self) -> dict[str, Any]:
        return {
            "discriminator": self.discriminator.state_dict(),
            "discriminator_optimiser": self.discriminator_optimiser.state_dict(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.discriminator.load_state_dict(state["discriminator"])
        self.discriminator_optimiser.load_state_dict(state["discriminator_optimiser"])

    def validate(self, model: nn.Module) -> dict[str, float]:
        rows = _spread(self.data.rows_of(self.data.of("validation")), _HELD_OUT_FRAMES)
        real, made, upper, lower = self._reconstruct(model, rows)
        figures = _figures(real, made, upper, lower, self.config.codes)
        return figures | {"score": figures["psnr_db"]}

    def finish(self, model: nn.Module, folder: Path) -> Outcome:
        rows = self.data.rows_of(self.data.of("test"))
        real, made, upper, lower = self._reconstruct(model, _spread(rows, 4 * _HELD_OUT_FRAMES))
        shown = np.linspace(0, len(real) - 1, 12).astype(int)
        save_grid([from_unit(real[shown].numpy()), from_unit(made[shown].numpy())], folder / "samples" / "reconstruction.png")
        metrics = _figures(real, made, upper, lower, self.config.codes) | {"seam_ratio": seam_ratio(real, made)}
        return Outcome(metrics=metrics, baselines={"psnr_db": _psnr(real, _thumbnail(real, self.config))})

    def _adversarial(self, progress: float) -> bool:
        return self.config.adversarial_weight > 0 and progress >= self.config.adversarial_start

    def _adaptive_weight(self, reconstruction: Tensor, adversarial: Tensor) -> Tensor:
        """Ratio of the two losses' gradients at the decoder's last layer (Esser et al. 2021), so that neither drowns the other."""
        last = self.model.decoder.last_layer
        (wanted,) = torch.autograd.grad(reconstruction, last, retain_graph=True)
        (adverse,) = torch.autograd.grad(adversarial, last, retain_graph=True)
        return (wanted.norm() / (adverse.norm() + 1e-4)).clamp(0, 1e3).detach()

    @torch.no_grad()
    def _reconstruct(self, model: nn.Module, rows: np.ndarray) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        device = next(self.model.parameters()).device
        real, made, uppers, lowers = [], [], [], []
        for part in np.array_split(rows, max(1, len(rows) // 64)):
            image = torch.from_numpy(to_unit(self.data.crops(part)))
            upper, lower = model.tokenize(image.to(device))
            real.append(image)
            made.append(model.decode(model.embed(upper, lower)).float().cpu())
            uppers.append(upper.cpu())
            lowers.append(lower.cpu())
        return torch.cat(real), torch.cat(made), torch.cat(uppers), torch.cat(lowers)


def seam_ratio(real_B3SS: Tensor, made_B3SS: Tensor) -> float:
    """Mean absolute step between the two rows where the halves meet, reconstruction over original: 1 where no seam is added."""
    middle = real_B3SS.shape[2] // 2

    def step(images: Tensor) -> Tensor:
        return (images[:, :, middle] - images[:, :, middle - 1]).abs().mean()

    return float(step(made_B3SS) / step(real_B3SS).clamp(min=1e-6))


def _figures(real: Tensor, made: Tensor, upper: Tensor, lower: Tensor, codes: int) -> dict[str, float]:
    return {
        "psnr_db": _psnr(real, made),
        "upper_use": _use(upper, codes),
        "lower_use": _use(lower, codes),
    }


def _use(codes_BGhw: Tensor, codes: int) -> float:
    """Share of a codebook's entries that occur, averaged over groups."""
    return float(np.mean([len(group.unique()) / codes for group in codes_BGhw.unbind(1)]))


def _psnr(real: Tensor, made: Tensor) -> float:
    """Mean over images of the PSNR (dB) of images in [-1, 1]."""
    return float((-10 * torch.log10((real - made).square().mean((1, 2, 3)) / 4)).mean())


def _thumbnail(images: Tensor, config: VQGANConfig) -> Tensor:
    """Bicubic down and up again through as many values as there are codes: what the VQGAN has to beat."""
    side = max(1, round((images.shape[-1] / config.factor) * (config.groups / 3) ** 0.5))
    small = F.interpolate(images, size=(side, side), mode="bicubic", antialias=True)
    return F.interpolate(small, size=images.shape[-2:], mode="bicubic").clamp(-1, 1)


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """At most ``most`` of the rows, evenly spaced."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(int)]
