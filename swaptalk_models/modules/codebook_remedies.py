"""Remedies against codes that nobody uses, beside moving averages and revival: to be compared by `vqgan.gradient` and `vqgan.codebook_start`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import distributed as dist
from torch.nn import functional as F

_LLOYD_STEPS = 10


def rotated(z_BDHW: Tensor, chosen_BDHW: Tensor, groups: int) -> Tensor:
    """The chosen codes, with the gradient of the input turned and scaled onto them (the rotation trick, Fifty et al. 2024, eq. 4).

    Value: ``chosen``. Gradient: that of the linear map which takes each input vector to its code, held constant, so that gradients keep their
    angle to the code where the straight-through estimator keeps their direction in space. Each group's vector is turned on its own.
    """
    z, q = (torch.unflatten(tensor, 1, (groups, -1)) for tensor in (z_BDHW, chosen_BDHW))  # (B, G, d, H, W)
    with torch.no_grad():
        z_unit, q_unit = F.normalize(z, dim=2), F.normalize(q, dim=2)
        middle = F.normalize(z_unit + q_unit, dim=2)  # the reflections at it and at z turn z onto q
        scale = q.norm(dim=2, keepdim=True) / z.norm(dim=2, keepdim=True).clamp(min=1e-6)

    def along(unit: Tensor) -> Tensor:
        return (unit * z).sum(2, keepdim=True)

    turned = scale * (z - 2 * middle * along(middle) + 2 * q_unit * along(z_unit))
    return turned.flatten(1, 2)


@torch.no_grad()
def cluster_centres(z_Nd: Tensor, start_Kd: Tensor) -> Tensor:
    """Lloyd's k-means from ``start``, over the rows of all processes; a centre without rows stays where it is. (N, d), (K, d) -> (K, d)."""
    centres_Kd = start_Kd.clone()
    for _ in range(_LLOYD_STEPS):
        nearest_N = torch.cdist(z_Nd, centres_Kd).argmin(1)
        count_K = torch.bincount(nearest_N, minlength=len(centres_Kd)).to(z_Nd.dtype)
        sum_Kd = torch.zeros_like(centres_Kd).index_add_(0, nearest_N, z_Nd)
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(count_K)
            dist.all_reduce(sum_Kd)
        centres_Kd = torch.where(count_K[:, None] > 0, sum_Kd / count_K.clamp(min=1)[:, None], centres_Kd)
    return centres_Kd
