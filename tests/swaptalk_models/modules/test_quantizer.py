"""modules/quantizer.py"""

import pytest
import torch

from swaptalk_models.modules import quantizer as quantizer_module
from swaptalk_models.modules.quantizer import VectorQuantizer


@pytest.fixture
def quantizer():
    torch.manual_seed(0)
    return VectorQuantizer(codes=8, dim=4, groups=1, decay=0.5, revive_below=0.1)


def clusters(n: int, centres: torch.Tensor, noise: float = 0.01) -> torch.Tensor:
    """(1, D, 1, n) embeddings around the centres (K, D), evenly."""
    flat = centres.repeat(n // len(centres), 1)
    return (flat + noise * torch.randn_like(flat)).T[None, :, None]


def test_takes_the_nearest_code(quantizer):
    quantizer.eval()
    z = torch.randn(2, 4, 3, 5)
    made = quantizer(z)
    flat = z.movedim(1, -1).reshape(-1, 4)
    assert torch.equal(made.codes.flatten(), torch.cdist(flat, quantizer.codebook[0]).argmin(1))
    assert torch.equal(quantizer.nearest(z), made.codes)
    assert torch.allclose(made.embedding, quantizer.embed(made.codes), atol=1e-6)
    assert made.embedding.shape == z.shape and made.codes.shape == (2, 1, 3, 5)


def test_gradient_passes_straight_through(quantizer):
    quantizer.eval()
    z = torch.randn(2, 4, 3, 5, requires_grad=True)
    weight = torch.randn(2, 4, 3, 5)
    (quantizer(z).embedding * weight).sum().backward()
    assert torch.equal(z.grad, weight)


def test_commitment_pulls_the_encoder_only(quantizer):
    quantizer.eval()
    z = torch.randn(2, 4, 3, 5, requires_grad=True)
    made = quantizer(z)
    made.commitment.backward()
    towards = 2 * (z - quantizer.embed(made.codes)).detach() / z.numel()
    assert torch.allclose(z.grad, towards, atol=1e-6)
    assert not list(quantizer.parameters()), "the codebook follows averages, never a gradient"
    assert quantizer.codebook.grad is None


def test_starts_on_the_data(quantizer):
    quantizer.train()
    z = clusters(64, torch.full((1, 4), 20.0), noise=0.5)
    assert (quantizer.codebook - 20).norm(dim=-1).min() > 10
    quantizer(z)
    assert (quantizer.codebook - 20).norm(dim=-1).max() < 3


def test_codebook_follows_the_data(quantizer):
    torch.manual_seed(1)
    quantizer.train()
    centres = torch.randn(8, 4) * 5
    for step in range(40):
        made = quantizer(clusters(80, centres + 0.1 * step))
    assert made.commitment < 0.1
    assert made.codes.unique().numel() == 8


def use_after_a_move(revive_below: float) -> tuple[float, float]:
    """Share of codes in use and mean squared error, on data far away from those of the first steps."""
    torch.manual_seed(1)
    quantizer = VectorQuantizer(codes=32, dim=4, groups=1, decay=0.8, revive_below=revive_below).train()
    for _ in range(3):
        quantizer(clusters(128, torch.zeros(1, 4)))
    for _ in range(40):
        made = quantizer(clusters(128, torch.full((1, 4), 100.0), noise=10.0))
    return made.codes.unique().numel() / 32, made.commitment.item()


def test_dead_codes_are_revived():
    revived, collapsed = use_after_a_move(0.1), use_after_a_move(0.0)
    assert revived[0] > 0.9
    assert collapsed[0] < 0.7, "what the revival is for"
    assert revived[1] < 0.8 * collapsed[1]


def test_codes_are_the_nearest_in_blocks_as_at_once_and_in_half_precision_as_in_full(monkeypatch):
    torch.manual_seed(0)
    book = VectorQuantizer(codes=64, dim=8, groups=2, decay=0.5, revive_below=0.0).eval()
    z = torch.randn(3, 8, 5, 7)
    distance = (
        (z.unflatten(1, (2, 4)).permute(1, 0, 3, 4, 2).flatten(1, 3)[:, :, None] - book.codebook[:, None])
        .square()
        .sum(-1)
    )
    wanted = distance.argmin(-1).view(2, 3, 5, 7).movedim(0, 1)
    assert torch.equal(book.nearest(z), wanted)
    with torch.autocast("cpu", torch.bfloat16):  # as trainings run
        assert torch.equal(book(z).codes, wanted)
    monkeypatch.setattr(quantizer_module, "_CPU_BLOCK", 3 * 64 * 2)
    assert torch.equal(book.nearest(z), wanted)


def test_groups_are_quantisers_of_their_own():
    """Product quantisation: each part of the channels as if it were alone."""
    torch.manual_seed(0)
    both = VectorQuantizer(codes=8, dim=6, groups=2, decay=0.5, revive_below=0.0).eval()
    z = torch.randn(2, 6, 3, 5)
    made = both(z)
    assert made.codes.shape == (2, 2, 3, 5) and made.embedding.shape == z.shape
    for group in range(2):
        alone = VectorQuantizer(codes=8, dim=3, groups=1, decay=0.5, revive_below=0.0).eval()
        alone.codebook.copy_(both.codebook[group : group + 1])
        part = alone(z[:, 3 * group : 3 * group + 3])
        assert torch.equal(part.codes[:, 0], made.codes[:, group])
        assert torch.equal(part.embedding, made.embedding[:, 3 * group : 3 * group + 3])


def test_groups_learn_each_from_its_own_channels():
    torch.manual_seed(0)
    quantizer = VectorQuantizer(codes=4, dim=4, groups=2, decay=0.5, revive_below=0.1).train()
    for _ in range(20):
        z = torch.randn(4, 4, 4, 4)
        z[:, 2:] = 0.1 * z[:, 2:] + 50
        quantizer(z)
    assert quantizer.codebook[0].abs().max() < 5
    assert (quantizer.codebook[1] - 50).abs().max() < 1


def test_statistics_are_of_the_codebook():
    torch.manual_seed(0)
    quantizer = VectorQuantizer(codes=64, dim=4, groups=2, decay=0.5, revive_below=0.1)
    quantizer.codebook[1] = 3 * quantizer.codebook[1] + 7
    mean, deviation = quantizer.statistics()
    assert mean.shape == (1, 4, 1, 1) and deviation.numel() == 1
    assert torch.allclose(mean[0, 2:, 0, 0], quantizer.codebook[1].mean(0))
    assert torch.allclose(deviation.square(), quantizer.codebook.var(1).mean())


def test_evaluation_changes_nothing(quantizer):
    quantizer.eval()
    before = {name: tensor.clone() for name, tensor in quantizer.state_dict().items()}
    quantizer(torch.randn(2, 4, 3, 5))
    assert all(torch.equal(before[name], tensor) for name, tensor in quantizer.state_dict().items())


def test_half_precision_input_is_quantised_in_full(quantizer):
    quantizer.eval()
    made = quantizer(torch.randn(1, 4, 2, 2, dtype=torch.bfloat16))
    assert made.embedding.dtype == torch.float32
