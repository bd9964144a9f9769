"""Vector quantisation with a codebook learned by moving averages.

Codes start on encoder outputs and follow the mean of what is assigned to them (van den Oord et al. 2017, appendix A.1); a code that is
hardly ever chosen is set on a fresh encoder output (Dhariwal et al. 2020), which is what keeps the whole codebook in use.

With several groups the channels are cut into equal parts, each with a codebook of its own (product quantisation, Jégou et al. 2011).
Shapes: B batch, D channels, G groups, K codes, d = D / G, N cells of the whole batch.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn import functional as F

from swaptalk_models.modules.codebook_remedies import cluster_centres, rotated
from swaptalk_models.modules.device import full_precision

_CPU_BLOCK, _BLOCK = 1 << 17, 1 << 26
"""Distances that are held at a time: on a CPU half a megabyte, which a core's own cache holds however busy the machine's memory is (measured beside
other work: twice as fast as 4 MB, which were 5 times as fast as all at once), else a quarter of a gigabyte."""


class Quantized(NamedTuple):
    """What quantising a map of embeddings gives."""

    embedding: Tensor
    """(B, D, H, W): the chosen codes' embeddings; gradients pass through to the input."""
    codes: Tensor
    """(B, G, H, W) int64: the chosen codes."""
    commitment: Tensor
    """Scalar: mean squared distance of the input to its (detached) code."""


class VectorQuantizer(nn.Module):
    """Nearest-code quantiser of ``dim``-channel embeddings with ``groups`` codebooks of ``codes`` entries."""

    codebook: Tensor
    average_count: Tensor
    average_sum: Tensor
    started: Tensor

    def __init__(
        self,
        codes: int,
        dim: int,
        groups: int,
        decay: float,
        revive_below: float,
        start: str = "sample",
        gradient: str = "straight",
    ) -> None:
        super().__init__()
        assert dim % groups == 0
        self.start, self.gradient = start, gradient
        self.groups, self.decay, self.revive_below = groups, decay, revive_below
        self.register_buffer("codebook", torch.randn(groups, codes, dim // groups))
        self.register_buffer("average_count", torch.ones(groups, codes))
        self.register_buffer("average_sum", self.codebook.clone())
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    def forward(self, z_BDHW: Tensor) -> Quantized:
        z_BDHW = z_BDHW.float()  # distances and averages are kept out of half precision
        z_GNd = self._cells(z_BDHW.detach())
        if self.training and not self.started:
            self._start(z_GNd)
        codes_GN = self._nearest(z_GNd)
        if self.training:
            self._update(z_GNd, codes_GN)
        codes_BGHW = self._as_map(codes_GN, z_BDHW)
        chosen_BDHW = self.embed(codes_BGHW)
        commitment = F.mse_loss(z_BDHW, chosen_BDHW)
        passed = (
            rotated(z_BDHW, chosen_BDHW, self.groups)
            if self.gradient == "rotation"
            else z_BDHW + (chosen_BDHW - z_BDHW).detach()
        )
        return Quantized(passed, codes_BGHW, commitment)

    def nearest(self, z_BDHW: Tensor) -> Tensor:
        """(B, D, H, W) embeddings -> (B, G, H, W) indices of the nearest codes."""
        return self._as_map(self._nearest(self._cells(z_BDHW.float())), z_BDHW)

    def embed(self, codes_BGHW: Tensor) -> Tensor:
        """(B, G, H, W) codes -> (B, D, H, W) embeddings."""
        parts = [
            F.embedding(codes_BHW, book) for codes_BHW, book in zip(codes_BGHW.unbind(1), self.codebook, strict=True)
        ]
        return torch.cat(parts, dim=-1).movedim(-1, 1)

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean of each channel over the codes, (1, D, 1, 1), and one scale, the root of the channels' mean variance, (1, 1, 1, 1).

        One scale for all: the channels keep their proportions, so that a distance weighs what can be seen and not the finest channel's noise.
        """
        variance_Gd, mean_Gd = torch.var_mean(self.codebook, dim=1)
        return mean_Gd.flatten()[None, :, None, None], variance_Gd.mean().sqrt().clamp(min=1e-4)[None, None, None, None]

    def _cells(self, z_BDHW: Tensor) -> Tensor:
        return torch.unflatten(z_BDHW, 1, (self.groups, -1)).permute(1, 0, 3, 4, 2).flatten(1, 3)

    def _as_map(self, codes_GN: Tensor, like_BDHW: Tensor) -> Tensor:
        batch, _, height, width = like_BDHW.shape
        return codes_GN.view(self.groups, batch, height, width).movedim(0, 1)

    def _nearest(self, z_GNd: Tensor) -> Tensor:
        square_G1K = self.codebook.square().sum(-1)[:, None]
        block = max(1, (_CPU_BLOCK if z_GNd.device.type == "cpu" else _BLOCK) // square_G1K.numel())
        # Autocast would take the products in half precision, in training alone: codes would be others than at inference.
        with full_precision(z_GNd.device):
            # The codes lie side by side, so that the smallest of a cell's distances is found in one go.
            distances = (
                torch.baddbmm(square_G1K, part_GMd, self.codebook.transpose(1, 2), alpha=-2)
                for part_GMd in torch.split(z_GNd, block, dim=1)
            )
            return torch.cat([distance_GMK.min(2).indices for distance_GMK in distances], dim=1)

    @torch.no_grad()
    def _start(self, z_GNd: Tensor) -> None:
        for group, z_Nd in enumerate(z_GNd):
            drawn = self._draw(z_Nd, self.codebook.shape[1])
            self.codebook[group] = cluster_centres(z_Nd, drawn) if self.start == "kmeans" else drawn
        self.average_sum.copy_(self.codebook)
        self.average_count.fill_(1.0)
        self.started.fill_(True)

    @torch.no_grad()
    def _update(self, z_GNd: Tensor, codes_GN: Tensor) -> None:
        count_GK = torch.stack([torch.bincount(codes, minlength=self.codebook.shape[1]) for codes in codes_GN]).float()
        sum_GKd = torch.stack(
            [
                torch.zeros_like(book).index_add_(0, codes, z)
                for book, codes, z in zip(self.codebook, codes_GN, z_GNd, strict=True)
            ]
        )
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(count_GK)
            dist.all_reduce(sum_GKd)
        self.average_count.lerp_(count_GK, 1 - self.decay)
        self.average_sum.lerp_(sum_GKd, 1 - self.decay)
        self.codebook.copy_(self.average_sum / self.average_count.clamp(min=1e-6)[..., None])
        dead_GK = self.average_count < self.revive_below * self.average_count.mean(1, keepdim=True)
        for group in dead_GK.any(1).nonzero().flatten().tolist():
            # Back in the middle of the field: with the average count it is not called dead again before it had its chance.
            dead_K, middle = dead_GK[group], self.average_count[group].mean()
            fresh = self._draw(z_GNd[group], int(dead_K.sum()))
            self.codebook[group, dead_K] = fresh
            self.average_count[group, dead_K] = middle
            self.average_sum[group, dead_K] = fresh * middle

    def _draw(self, z_Nd: Tensor, n: int) -> Tensor:
        """``n`` of the rows, the same on every process; with a little noise where there are fewer rows than wanted."""
        few = n > len(z_Nd)
        index = (
            torch.randint(len(z_Nd), (n,), device=z_Nd.device)
            if few
            else torch.randperm(len(z_Nd), device=z_Nd.device)[:n]
        )
        drawn = z_Nd[index]
        if few:
            drawn = drawn + 0.01 * z_Nd.std() * torch.randn_like(drawn)
        if dist.is_available() and dist.is_initialized():
            dist.broadcast(drawn, src=0)
        return drawn
