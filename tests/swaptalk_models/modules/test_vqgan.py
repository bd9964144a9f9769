"""modules/vqgan.py"""

import pytest
import torch
from torch import nn

from swaptalk_models.modules.vqgan import VQGAN, Decoder, cosine_basis
from swaptalk_models.settings.models import VQGANConfig
from swaptalk_models.settings.preset import load_preset

GROUPS = 2


def tiny(factor: int = 8, size: int = 32) -> VQGAN:
    torch.manual_seed(0)
    halvings = factor.bit_length() - 1
    network = VQGAN(VQGANConfig(factor=factor, channels=(8,) * halvings, codes=16, dim=8, groups=GROUPS))
    network.train()
    with torch.no_grad():
        network(torch.rand(8, 3, size, size) * 2 - 1)  # puts the codebooks on data
    return network.eval()


@pytest.fixture(scope="module")
def network() -> VQGAN:
    return tiny()


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    torch.manual_seed(1)
    return torch.rand(3, 3, 32, 32) * 2 - 1


@pytest.mark.parametrize("factor, size", [(4, 32), (8, 32), (16, 32), (32, 64)])
def test_shapes(factor, size):
    network, side = tiny(factor, size), size // factor
    image = torch.rand(2, 3, size, size) * 2 - 1
    made = network(image)
    assert made.image.shape == image.shape
    assert made.upper.codes.shape == made.lower.codes.shape == (2, GROUPS, side // 2, side)
    upper, lower = network.tokenize(image)
    assert upper.shape == lower.shape == (2, GROUPS, side // 2, side)
    assert network.embed(upper, lower).shape == (2, 8, side, side)
    assert network.decode(network.embed(upper, lower)).shape == image.shape


def test_tokens_are_those_of_the_forward_pass(network, image):
    made, (upper, lower) = network(image), network.tokenize(image)
    assert torch.equal(made.upper.codes, upper) and torch.equal(made.lower.codes, lower)
    whole = network.decode(network.embed(upper, lower))
    assert torch.allclose(whole, made.image.clamp(-1, 1), atol=1e-4), "codes alone give the reconstruction back"


def test_before_the_codebooks_start_it_is_an_autoencoder(image):
    torch.manual_seed(0)
    network = VQGAN(VQGANConfig(factor=8, channels=(8, 8, 8), codes=16, dim=8)).train()
    made = network(image, quantise=False)
    assert made.image.shape == image.shape and made.upper is None and made.lower is None
    assert not network.upper.started and not network.lower.started
    whole = network.decoder(torch.cat(network.encode_halves(image), dim=2))
    assert torch.allclose(made.image, whole, atol=1e-5)
    network(image)
    assert network.upper.started and network.lower.started


@pytest.mark.parametrize("changed, kept", [("lower", 0), ("upper", 1)])
def test_a_half_knows_nothing_of_the_other(network, image, changed, kept):
    """The lips must not reach the upper half's embedding: lip-sync is given that as an input."""
    other = image.clone()
    rows = slice(16, 32) if changed == "lower" else slice(0, 16)
    other[:, :, rows] = torch.rand_like(other[:, :, rows]) * 2 - 1
    before, after = network.encode_halves(image), network.encode_halves(other)
    assert torch.equal(before[kept], after[kept])
    assert not torch.allclose(before[1 - kept], after[1 - kept], atol=1e-3)


def test_one_encoder_two_codebooks(network):
    image = (torch.rand(1, 3, 16, 32) * 2 - 1).repeat(1, 1, 2, 1)  # two equal halves
    upper, lower = network.encode_halves(image)
    assert torch.allclose(upper, lower, atol=1e-5)
    assert not torch.equal(network.upper.codebook, network.lower.codebook)


def test_embeddings_are_standardised_over_each_codebook(network):
    codes = torch.arange(16).view(1, 1, 4, 4).expand(1, GROUPS, 4, 4)
    for quantizer in (network.upper, network.lower):
        z = network.embed_half(codes, quantizer)[0].flatten(1)
        assert torch.allclose(z.mean(1), torch.zeros(8), atol=1e-5)
        assert torch.allclose(
            z.var(1).mean(), torch.tensor(1.0), atol=1e-4
        )  # one scale: channels keep their proportions


def test_decoded_images_are_in_range(network):
    image = network.decode(100 * torch.randn(1, 8, 4, 4))
    assert image.min() >= -1 and image.max() <= 1


def test_reconstruction_trains_encoder_and_decoder(image):
    network = tiny().train()
    made = network(image)
    (made.image.square().mean() + made.upper.commitment + made.lower.commitment).backward()
    for part in (network.encoder, network.decoder):
        assert all(p.grad is not None for p in part.parameters())
        for path in (part.layers, part.linear):
            assert sum(p.grad.abs().sum() for p in path.parameters()) > 0


@pytest.mark.parametrize("factor, dim", [(4, 24), (8, 16)])
def test_cosine_basis_is_orthonormal_and_goes_from_coarse_to_fine(factor, dim):
    basis = cosine_basis(factor, dim)
    assert basis.shape == (dim, 3 * factor**2)
    assert torch.allclose(basis @ basis.T, torch.eye(dim), atol=1e-5)
    first = basis[0].view(3, -1)
    assert torch.allclose(first, first[:, :1].expand_as(first), atol=1e-6), "the coarsest is flat"
    flat = torch.randn(3, 1).expand(3, factor**2).flatten()
    assert torch.allclose(basis.T @ (basis @ flat), flat, atol=1e-4), "and flat colours are among the first"
    whole = cosine_basis(factor, 3 * factor**2 + 5)
    assert torch.equal(whole[-5:], torch.zeros(5, 3 * factor**2)), "no more frequencies than pixels"


def test_starts_as_a_transform_codec():
    """With as many channels as a patch has values nothing is lost before quantisation, whatever the picture."""
    torch.manual_seed(0)
    network = VQGAN(VQGANConfig(factor=4, channels=(8, 8), codes=16, dim=48))
    image = torch.rand(2, 3, 16, 16) * 2 - 1
    assert torch.allclose(network(image, quantise=False).image, image, atol=1e-4)


def multiply_adds(network: nn.Module, *inputs: torch.Tensor) -> int:
    """Of all convolutions and linear layers in one pass."""
    total = 0

    def count(module, _, output):
        nonlocal total
        channels_in = module.weight[0].numel()  # inputs of one output value
        total += channels_in * output.numel()

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    network(*inputs)
    for hook in hooks:
        hook.remove()
    return total


def test_the_decoder_at_256_px_is_light():
    config = load_preset("base").vqgan
    grid = 256 // config.factor
    assert grid == 32
    with torch.device("meta"):
        decoder = Decoder(config)
        macs = multiply_adds(decoder, torch.empty(1, config.dim, grid, grid))
    assert 1e8 < macs <= 10e9, f"{macs / 1e9:.1f} G"


def test_one_codebook_serves_both_halves(image):
    torch.manual_seed(0)
    network = VQGAN(
        VQGANConfig(factor=8, channels=(8, 8, 8), codes=16, dim=8, one_codebook=True, revive_below=0.0)
    ).train()
    network(image)
    made = network(image)
    assert network.upper is network.lower
    upper, lower = network.tokenize(image)
    # Counts of one update a step, over the cells of both halves.
    cells = 2 * upper.numel()
    before = network.upper.average_count.sum()
    network(image)
    after = network.upper.average_count.sum()
    assert after == pytest.approx(float(before * network.upper.decay + cells * (1 - network.upper.decay)), rel=1e-4)
    assert made.upper.codes.shape == upper.shape and made.lower.codes.shape == lower.shape
