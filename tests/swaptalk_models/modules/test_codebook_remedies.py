"""modules/codebook_remedies.py"""

import torch
from torch.nn import functional as F

from swaptalk_models.modules.codebook_remedies import cluster_centres, rotated
from swaptalk_models.modules.quantizer import VectorQuantizer


def maps(seed: int) -> torch.Tensor:
    return torch.randn(2, 8, 3, 3, generator=torch.Generator().manual_seed(seed))


def vectors(z: torch.Tensor) -> torch.Tensor:
    """(B, 2 * d, H, W) -> one row a group and cell."""
    return z.unflatten(1, (2, -1)).movedim(2, -1).flatten(0, -2)


def test_the_value_is_the_code_and_the_gradient_is_turned_onto_it():
    z, q, gradient = maps(0).requires_grad_(), maps(1), maps(2)
    made = rotated(z, q, groups=2)
    assert torch.allclose(made, q, atol=1e-5)
    (passed,) = torch.autograd.grad(made, z, gradient)
    z, q, gradient, passed = (vectors(t) for t in (z.detach(), q, gradient, passed))
    # The angle between the gradient and the code becomes the angle between what is passed on and the input.
    assert torch.allclose(F.cosine_similarity(passed, z), F.cosine_similarity(gradient, q), atol=1e-5)
    assert torch.allclose(passed.norm(dim=1) / gradient.norm(dim=1), q.norm(dim=1) / z.norm(dim=1), atol=1e-4)


def test_opposite_and_empty_vectors_are_finite():
    z = torch.zeros(1, 4, 1, 2)
    z[..., 0] = torch.tensor([1.0, 0, 0, 0])[None, :, None]
    z.requires_grad_()
    made = rotated(z, -z.detach(), groups=1)
    assert torch.allclose(made, -z, atol=1e-5)
    made.sum().backward()
    assert torch.isfinite(z.grad).all()


def test_centres_are_those_of_the_clusters():
    middles = torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    z = middles.repeat_interleave(50, 0) + 0.1 * torch.randn(150, 2, generator=torch.Generator().manual_seed(0))
    far = torch.tensor([[99.0, 99.0]])
    found = cluster_centres(z, torch.cat([z[[0, 60, 120]], far]))
    assert torch.allclose(found[:3], z.unflatten(0, (3, 50)).mean(1), atol=1e-5)
    assert torch.equal(found[3:], far), "nobody's centre stays"


def test_a_quantiser_takes_either():
    torch.manual_seed(0)
    z = torch.randn(16, 4, 4, 4, requires_grad=True)
    error = {}
    for start in ("sample", "kmeans"):
        torch.manual_seed(1)
        quantizer = VectorQuantizer(16, 4, 1, decay=1.0, revive_below=0.0, start=start, gradient="rotation").train()
        made = quantizer(z)
        error[start] = made.commitment.item()
        assert torch.allclose(made.embedding, quantizer.embed(made.codes), atol=1e-5)
    assert error["kmeans"] < 0.9 * error["sample"]
    made.embedding.sum().backward()
    assert not torch.allclose(z.grad, torch.ones_like(z.grad)), "not straight through"
