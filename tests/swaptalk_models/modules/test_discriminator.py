"""modules/discriminator.py"""

import pytest
import torch

from swaptalk_models.modules.discriminator import PatchDiscriminator, discriminator_loss, generator_loss


def test_one_logit_a_patch():
    torch.manual_seed(0)
    assert PatchDiscriminator(8)(torch.randn(2, 3, 32, 32)).shape == (2, 1, 4, 4)


def test_hinge_by_hand():
    real, fake = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-2.0, -0.5, 1.0])
    # max(0, 1 - real) = 0, 0.5, 2 and max(0, 1 + fake) = 0, 0.5, 2
    assert discriminator_loss(real, fake).item() == pytest.approx(2.5 / 3)
    assert discriminator_loss(torch.tensor([1.0]), torch.tensor([-1.0])).item() == 0, "sure enough is enough"
    assert discriminator_loss(torch.zeros(4), torch.zeros(4)).item() == 1
    assert generator_loss(fake).item() == pytest.approx(0.5)


def test_learns_to_tell_two_kinds_of_patches():
    torch.manual_seed(0)
    network = PatchDiscriminator(8)
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(12):
        real, fake = torch.randn(4, 3, 16, 16), torch.randn(4, 3, 16, 16) * 0.3
        loss = discriminator_loss(network(real), network(fake))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.6
