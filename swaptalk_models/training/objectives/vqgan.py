"""Training of the VQGAN: reconstruction, perceptual, identity, commitment and, late, adversarial loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from swaptalk_models.data.faces.regions import REGIONS
from swaptalk_models.modules.arcface import ArcFace
from swaptalk_models.modules.discriminator import PatchDiscriminator, discriminator_loss, generator_loss
from swaptalk_models.modules.identity_encoder import IdentityEncoder, perceptual_loss
from swaptalk_models.modules.images import to_unit
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.settings.models import VQGANConfig
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.inputs import TrainingInputs
from swaptalk_models.training.objective import Batch, Objective, average_gradients, frozen

_FEATURES = [REGIONS.index(name) for name in ("brow", "eye", "nose", "lip")]


class VQGANObjective(Objective):
    """One encoder, two codebooks, one decoder, judged by PSNR and by the share of codes in use on held-out people."""

    model: VQGAN
    keep_best = False  # the adversarial phase buys sharpness with a little PSNR

    def __init__(self, config: VQGANConfig, data: TrainingData, identity: IdentityEncoder | ArcFace) -> None:
        self.config, self.data = config, data
        self.model = VQGAN(config)
        self.identity = frozen(identity)
        self.discriminator = PatchDiscriminator(config.discriminator_channels)
        self.discriminator_optimiser = torch.optim.AdamW(
            self.discriminator.parameters(), lr=config.train.lr / 2, betas=(0.5, 0.99), weight_decay=0.0
        )
        self.rows = data.rows_of(data.of("train"))

    @classmethod
    def build(cls, inputs: TrainingInputs) -> VQGANObjective:
        return cls(inputs.config, inputs.data, inputs.identity)

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
        total: Tensor | float = 0.0
        for batch in micro_batches:
            loss = discriminator_loss(
                self.discriminator(batch["image"]).float(), self.discriminator(batch["fake"]).float()
            )
            (loss / len(micro_batches)).backward()  # type: ignore[no-untyped-call]  # torch does not say
            total += loss.detach() / len(micro_batches)
        average_gradients(self.discriminator.parameters())
        self.discriminator_optimiser.step()
        return {"discriminator": torch.as_tensor(total)}

    def state(self) -> dict[str, Any]:
        return {
            "discriminator": self.discriminator.state_dict(),
            "discriminator_optimiser": self.discriminator_optimiser.state_dict(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.discriminator.load_state_dict(state["discriminator"])
        self.discriminator_optimiser.load_state_dict(state["discriminator_optimiser"])

    def _adversarial(self, progress: float) -> bool:
        return self.config.adversarial_weight > 0 and progress >= self.config.adversarial_start

    def _adaptive_weight(self, reconstruction: Tensor, adversarial: Tensor) -> Tensor:
        """Ratio of the two losses' gradients at the decoder's last layer (Esser et al. 2021), so that neither drowns the other."""
        last = self.model.decoder.last_layer
        (wanted,) = torch.autograd.grad(reconstruction, last, retain_graph=True)
        (adverse,) = torch.autograd.grad(adversarial, last, retain_graph=True)
        return (wanted.norm() / (adverse.norm() + 1e-4)).clamp(0, 1e3).detach()
