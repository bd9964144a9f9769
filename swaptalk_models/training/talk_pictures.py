"""What trainings that speak in pixels share: five frames as pictures, and L_sync from the very expert that ours is trained with.

Wav2Lip trains a pixel-space expert of its own. Here faces in pixels go through the frozen VQGAN encoder to the frozen VQ-lip expert instead: all
methods then have the same teacher, the same snapshot and the same budget, and what differs is the space they work in. The sync judge, which measures
them, trains none.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from swaptalk_models.data.faces.regions import REGIONS
from swaptalk_models.modules.images import to_unit
from swaptalk_models.modules.lip_expert import LipExpert
from swaptalk_models.modules.sync_net import SYNC_FRAMES
from swaptalk_models.modules.talking_unet import TalkingUNet
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.objective import Batch
from swaptalk_models.training.talk_samples import TalkSamples


def talk_pictures(data: TrainingData, drawn: TalkSamples, lip_weight: float) -> Batch:
    """Per sample: "target" (N, 5, 3, S, S), "weight" (N, 5, g, g) of the pixels of each frame, "reference" (N, 3, S, S), another frame of the same
    clip, "mel" (N, 5, 16, 80) and "mel_expert" (N, 16, 80).
    """
    rows = drawn.target.ravel()
    arrays = {"target": to_unit(data.crops(rows)), "weight": lip_weights(data, rows, lip_weight)}
    # The five frames of a sample stay together when a batch is shared out.
    batch = {name: torch.unflatten(torch.from_numpy(array), 0, (-1, SYNC_FRAMES)) for name, array in arrays.items()}
    batch["reference"] = torch.from_numpy(to_unit(data.crops(drawn.reference)))
    return batch | {"mel": torch.from_numpy(drawn.mel), "mel_expert": torch.from_numpy(drawn.mel_expert)}


def lip_weights(data: TrainingData, rows: np.ndarray, lip_weight: float) -> np.ndarray:
    """(N, g, g) float32, ``lip_weight`` on the lips of these frames and 1 elsewhere, over its mean."""
    weight = np.where(data.labels[rows] == REGIONS.index("lip"), np.float32(lip_weight), np.float32(1))
    return weight / weight.mean((1, 2), keepdims=True)


def weighted_l1(made_B3SS: Tensor, wanted_B3SS: Tensor, weight_Bgg: Tensor) -> Tensor:
    """Mean absolute error of pictures, each pixel weighted."""
    weight = F.interpolate(weight_Bgg[:, None], size=made_B3SS.shape[2:], mode="nearest")
    return (weight * (made_B3SS - wanted_B3SS).abs()).mean()


def sync_of_pictures(vqgan: VQGAN, expert: LipExpert, made: Tensor, mel_expert: Tensor) -> Tensor:
    """L_sync of faces (N * 5, 3, S, S), seen as the expert sees: their lower halves' standardised embeddings, before quantisation."""
    mean, deviation = vqgan.lower.statistics()
    lower = (vqgan.encoder(made.chunk(2, dim=2)[1]) - mean) / deviation
    return expert.sync_loss(lower.unflatten(0, (-1, SYNC_FRAMES)), mel_expert)


def hear_like(model: TalkingUNet, expert: LipExpert, audio_dim: int) -> None:
    """Take over the expert's audio encoder where the widths agree: it has learned already what in a sound moves lips."""
    if expert.config.width == audio_dim:
        model.audio.load_state_dict(expert.audio.encoder.state_dict())
