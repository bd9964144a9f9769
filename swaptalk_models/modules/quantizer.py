"""Vector quantisation with a codebook learned by moving averages.

Codes start on encoder outputs and follow the mean of what is assigned to them (van den Oord et al. 2017, appendix A.1); a code that is
hardly ever chosen is set on a fresh encoder output (Dhariwal et al. 2020), which is what keeps the whole codebook in use.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn import functional as F


class Quantized(NamedTuple):
    """What quantising a map of embeddings gives."""

    embedding: Tensor
    """(B, D, H, W): the chosen codes' embeddings; gradients pass straight through to the input."""
    codes: Tensor
    """(B, H, W) int64: the chosen codes."""
    commitment: Tensor
    """Scalar: mean squared distance of the input to its (detached) code."""


class VectorQuantizer(nn.Module):
    """Nearest-code quantiser of ``dim``-channel embeddings with ``codes`` entries."""

    def __init__(self, codes: int, dim: int, decay: float, revive_below: float) -> None:
        super().__init__()
        self.decay, self.revive_below = decay, revive_below
        self.register_buffer("codebook", torch.randn(codes, dim))
        self.register_buffer("average_count", torch.ones(codes))
        self.register_buffer("average_sum", self.codebook.clone())
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    def forward(self, z_BDHW: Tensor) -> Quantized:
        z_BDHW = z_BDHW.float()  # distances and averages are kept out of half precision
        flat_ND = z_BDHW.detach().movedim(1, -1).flatten(0, 2)
        if self.training and not self.started:
            self._start(flat_ND)
        codes_N = self.nearest(flat_ND)
        if self.training:
            self._update(flat_ND, codes_N)
        codes_BHW = codes_N.view(z_BDHW.shape[0], *z_BDHW.shape[2:])
        chosen_BDHW = self.embed(codes_BHW)
        commitment = F.mse_loss(z_BDHW, chosen_BDHW)
        return Quantized(z_BDHW + (chosen_BDHW - z_BDHW).detach(), codes_BHW, commitment)

    def nearest(self, flat_ND: Tensor) -> Tensor:
        """(N,) index of the code nearest to each of (N, D)."""
        distance_NK = self.codebook.square().sum(1) - 2 * flat_ND @ self.codebook.T
        return distance_NK.argmin(1)

    def embed(self, codes_BHW: Tensor) -> Tensor:
        """(B, H, W) codes -> (B, D, H, W) embeddings."""
        return F.embedding(codes_BHW, self.codebook).movedim(-1, 1)

    @torch.no_grad()
    def _start(self, flat_ND: Tensor) -> None:
        self.codebook.copy_(self._draw(flat_ND, len(self.codebook)))
        self.average_sum.copy_(self.codebook)
        self.average_count.fill_(1.0)
        self.started.fill_(True)

    @torch.no_grad()
    def _update(self, flat_ND: Tensor, codes_N: Tensor) -> None:
        count_K = torch.bincount(codes_N, minlength=len(self.codebook)).float()
        sum_KD = torch.zeros_like(self.codebook).index_add_(0, codes_N, flat_ND)
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(count_K)
            dist.all_reduce(sum_KD)
        self.average_count.lerp_(count_K, 1 - self.decay)
        self.average_sum.lerp_(sum_KD, 1 - self.decay)
        self.codebook.copy_(self.average_sum / self.average_count.clamp(min=1e-6)[:, None])
        dead_K = self.average_count < self.revive_below * self.average_count.mean()
        if dead_K.any():
            # Back in the middle of the field: with the average count it is not called dead again before it had its chance.
            fresh = self._draw(flat_ND, int(dead_K.sum()))
            self.codebook[dead_K] = fresh
            self.average_count[dead_K] = self.average_count.mean()
            self.average_sum[dead_K] = fresh * self.average_count[dead_K][:, None]

    def _draw(self, flat_ND: Tensor, n: int) -> Tensor:
        """``n`` of the rows, the same on every process; with a little noise where there are fewer rows than wanted."""
        index = torch.randint(len(flat_ND), (n,), device=flat_ND.device) if n > len(flat_ND) else torch.randperm(
            len(flat_ND), device=flat_ND.device
        )[:n]
        drawn = flat_ND[index]
        if n > len(flat_ND):
            drawn = drawn + 0.01 * flat_ND.std() * torch.randn_like(drawn)
        if dist.is_available() and dist.is_initialized():
            dist.broadcast(drawn, src=0)
        return drawn
