"""modules/lip_sync.py"""

import inspect
import math

import pytest
import torch
from torch.nn import functional as F

from swaptalk_models.modules.lip_sync import FaceWarping, LipSync
from swaptalk_models.modules.vqgan import cosine_basis
from swaptalk_models.settings.models import LipSyncConfig

GRID, DIM = 8, 6


def make(**changed) -> LipSync:
    torch.manual_seed(0)
    return LipSync(LipSyncConfig(width=16, heads=2, audio_dim=8, **changed), dim=DIM, grid=GRID, factor=8).eval()


@pytest.fixture
def inputs():
    torch.manual_seed(1)
    return torch.randn(2, DIM, GRID // 2, GRID), torch.randn(2, DIM, GRID, GRID), torch.randn(2, 16, 80)


def shaken(network: LipSync) -> LipSync:
    """With weights where a fresh network has zeros."""
    with torch.no_grad():
        for layer in (network.transform.last[-1], network.warping.offset[-1]):
            layer.weight.normal_(std=0.2)
    return network


def test_the_targets_lower_half_is_no_input():
    assert list(inspect.signature(LipSync.forward).parameters) == ["self", "target_upper", "reference", "mel_BTF"]
    assert list(inspect.signature(FaceWarping.forward).parameters)[1:] == [
        "target_upper",
        "reference_upper",
        "reference_lower",
    ]


def test_starts_as_the_reference_itself(inputs):
    upper, reference, mel = inputs
    lower = reference.chunk(2, dim=2)[1]
    network = make()
    assert torch.allclose(network.warp(upper, reference), lower, atol=1e-5)
    made = network(upper, reference, mel)
    assert made.shape == (2, DIM, GRID // 2, GRID)
    assert torch.allclose(made, lower, atol=1e-5)


def test_everything_given_changes_the_lips(inputs):
    network = shaken(make())
    made = network(*inputs)
    for number, value in enumerate(inputs):
        other = list(inputs)
        other[number] = torch.randn_like(value)
        assert not torch.allclose(network(*other), made, atol=1e-3), f"input {number} is not heard"


def test_gradient_reaches_audio_and_warping(inputs):
    network = shaken(make())
    network(*inputs).square().mean().backward()
    for part in (network.audio, network.warping, network.transform):
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in part.parameters())
        assert sum(p.grad.abs().sum() for p in part.parameters()) > 0


def test_offsets_are_bounded(inputs):
    warping = make().warping
    upper, reference, _ = inputs
    with torch.no_grad():
        warping.offset[-1].bias.fill_(1e6)
    offsets = warping.offsets(upper, reference.chunk(2, dim=2)[0])
    assert offsets.shape == (2, GRID // 2, GRID, 2)
    assert torch.allclose(offsets, torch.full_like(offsets, 2 * warping.reach))


def test_an_offset_moves_the_reference(inputs):
    """One cell to the right in x: every cell shows its right neighbour."""
    network = make()
    upper, reference, _ = inputs
    with torch.no_grad():
        network.warping.offset[-1].bias[0] = math.atanh(2 / GRID / (2 * network.warping.reach))
    lower = reference.chunk(2, dim=2)[1]
    moved = network.warp(upper, reference)
    assert torch.allclose(moved[..., :-1], lower[..., 1:], atol=1e-4)


def test_half_a_cell_moves_pixels_and_does_not_blend_patches():
    """Embeddings that are the cosine transform of a picture's patches: moved, they are those of the moved picture."""
    factor, dim = 8, 3 * 8**2
    ramp = torch.linspace(0, 6 * math.pi, 72)
    picture = (torch.sin(ramp)[None, None, None] + torch.cos(0.7 * ramp)[None, None, :, None]).expand(1, 3, -1, -1)[
        :, :, :32
    ]
    basis = cosine_basis(factor, dim)[:, :, None, None]

    def cells(image: torch.Tensor) -> torch.Tensor:
        return F.conv2d(F.pixel_unshuffle(image, factor), basis)

    warping = FaceWarping(dim, 8, factor).eval()
    lower, wanted = cells(picture[..., :64]), cells(picture[..., 4:68])
    with torch.no_grad():
        warping.offset[-1].bias[0] = math.atanh(1 / 8 / (2 * warping.reach))  # half of one of eight cells
        moved = warping(torch.zeros_like(lower), torch.zeros_like(lower), lower)
    blended = 0.5 * (lower[..., :-1] + lower[..., 1:])
    error, blend_error = ((x - wanted[..., :-1]).square().mean() for x in (moved[..., :-1], blended))
    assert error < 0.01 * blend_error


def test_channels_beyond_the_pixels_are_kept(inputs):
    """A cell of 2 x 2 pixels has room for 12 channels; what else there is must not be lost."""
    lower = torch.randn(2, 32, 4, 8)
    assert torch.allclose(FaceWarping(32, 8, 2)(lower, lower, lower), lower, atol=1e-5)


def test_same_pose_same_offsets(inputs):
    """The warp is read off the difference of the two upper halves: none, where they are the same frame."""
    network = shaken(make())
    _, reference, _ = inputs
    first, second = reference.chunk(2, dim=2)[0]
    same = network.warping.offsets(torch.stack([first, second]), torch.stack([first, second]))
    assert torch.allclose(same[0], same[1], atol=1e-5)
    apart = network.warping.offsets(torch.stack([first, second]), torch.stack([second, second]))
    assert not torch.allclose(apart[0], apart[1], atol=1e-3)


def test_without_warping_the_reference_stays(inputs):
    network = make(warping=False)
    upper, reference, mel = inputs
    assert torch.equal(network.warp(upper, reference), reference.chunk(2, dim=2)[1])
    assert network(upper, reference, mel).shape == (2, DIM, GRID // 2, GRID)
    assert not any("warping" in name for name, _ in network.named_parameters())


@pytest.mark.parametrize("grid", [8, 16, 32])
def test_what_is_made_holds_the_template_faces_lips_and_chin(grid):
    network = LipSync(LipSyncConfig(width=8, heads=2, audio_dim=8), 6, grid, 8)
    cells = network.region[0, 0]
    assert (cells[network.mouth[0, 0] > 0] == 1).all() and (cells[-1, grid // 4 : -grid // 4] == 1).all()
    assert not cells[:, : grid // 4].any() and not cells[:, -grid // 4 :].any(), "cheeks stay the target's"


def test_the_rest_is_the_targets():
    made, lower = torch.randn(2, 6, 4, 8), torch.randn(2, 6, 4, 8)
    placed, inside = make().place(made, lower), make().region.expand_as(made) > 0
    assert torch.equal(placed[inside], made[inside]) and torch.equal(placed[~inside], lower[~inside])
    assert torch.equal(make(region="half").place(made, lower), made)
