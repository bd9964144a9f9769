"""modules/face_swapper.py"""

import pytest
import torch

from swaptalk_models.data.faces.regions import REGIONS
from swaptalk_models.modules.face_swapper import FaceSwapper
from swaptalk_models.settings.models import FaceSwapperConfig


def make(semantic: bool = True) -> FaceSwapper:
    torch.manual_seed(0)
    swapper = FaceSwapper(FaceSwapperConfig(width=16, depth=2, heads=2, semantic=semantic, skip=False), dim=6, grid=4)
    with torch.no_grad():  # as large as trained ones: position and region must be heard
        for tokens in (swapper.source_tokens, swapper.target_tokens):
            tokens.position.mul_(50)
    return swapper.eval()


@pytest.fixture
def inputs():
    torch.manual_seed(1)
    z = [torch.randn(2, 6, 4, 4) for _ in range(2)]
    region = [torch.randint(0, len(REGIONS), (2, 4, 4)) for _ in range(2)]
    return {"source": z[0], "source_region": region[0], "target": z[1], "target_region": region[1]}


def run(swapper, inputs, **changed):
    given = inputs | changed
    return swapper(given["source"], given["source_region"], given["target"], given["target_region"])


def test_gives_an_embedding_like_the_targets(inputs):
    made = run(make(), inputs)
    assert made.shape == inputs["target"].shape
    assert made.dtype == torch.float32


@pytest.mark.parametrize("name", ["source", "target"])
def test_depends_on_source_and_target(inputs, name):
    swapper = make()
    assert not torch.allclose(
        run(swapper, inputs), run(swapper, inputs, **{name: torch.randn_like(inputs[name])}), atol=1e-2
    )


@pytest.mark.parametrize("name", ["source_region", "target_region"])
def test_depends_on_the_regions_unless_they_are_ablated(inputs, name):
    other = {name: (inputs[name] + 1) % len(REGIONS)}
    with_regions, without = make(), make(semantic=False)
    assert not torch.allclose(run(with_regions, inputs), run(with_regions, inputs, **other), atol=1e-2)
    assert torch.equal(run(without, inputs), run(without, inputs, **other))
    assert not any("region" in name for name, _ in without.named_parameters())


def test_position_tells_the_sources_tokens_apart(inputs):
    """Keys and values are a set: without a position the source's cells could be shuffled unnoticed."""
    swapper = make(semantic=False)
    turned = inputs["source"].flip(-1)
    assert not torch.allclose(run(swapper, inputs), run(swapper, inputs, source=turned), atol=1e-2)
    with torch.no_grad():
        swapper.source_tokens.position.zero_()
    assert torch.allclose(run(swapper, inputs), run(swapper, inputs, source=turned), atol=1e-5)


def test_queries_come_from_the_target(inputs):
    """A target cell reads the source's cells, never other target cells: there is no self-attention in the figure."""
    target = inputs["target"].clone()
    target[:, :, 0, 0] += 3
    swapper = make()
    change = (run(swapper, inputs, target=target) - run(swapper, inputs)).abs().sum(1)
    assert change[:, 0, 0].min() > 1e-2
    change[:, 0, 0] = 0
    assert change.max() < 1e-5


def test_every_weight_learns(inputs):
    swapper = make().train()
    run(swapper, inputs).square().mean().backward()
    assert all(p.grad is not None for p in swapper.parameters())


@pytest.fixture
def refined() -> FaceSwapper:
    torch.manual_seed(0)
    return FaceSwapper(FaceSwapperConfig(width=16, depth=2, heads=2, refine=1), dim=6, grid=4).eval()


def test_refined_training_starts_from_the_skip_alone(refined, inputs):
    plain = FaceSwapper(FaceSwapperConfig(width=16, depth=2, heads=2), dim=6, grid=4).eval()
    assert torch.allclose(run(refined, inputs), run(plain, inputs))


def test_refined_cells_know_their_neighbours_and_no_others(refined, inputs):
    with torch.no_grad():
        torch.nn.init.normal_(refined.local.exit.weight)
    # Far apart in a grid that is larger than what three convolutions of 3 x 3 see.
    target, source = torch.randn(1, 6, 12, 12), torch.randn(1, 6, 12, 12)
    tokens, hidden = torch.randn(1, 144, 16), torch.zeros(1, 12, 12, dtype=torch.bool)
    for block in refined.local.blocks:  # whose statistics are of the whole map
        block.body[0] = block.body[3] = torch.nn.Identity()
    other = target.clone()
    other[:, :, 0, 0] += 3
    change = (
        (refined.local(tokens, source, hidden, other) - refined.local(tokens, source, hidden, target)).abs().sum(1)[0]
    )
    assert change[1, 1] > 1e-3
    assert change[6:, 6:].max() == 0


def test_what_hides_the_sources_face_is_not_taken(refined, inputs):
    """Nothing of it passes by the skip: the share is 0 there, whatever the gate says."""
    hidden = torch.zeros_like(inputs["source_region"])
    with torch.no_grad():
        refined.gate.logit.fill_(9.0)
    assert torch.allclose(run(refined, inputs, source_region=hidden), inputs["target"])


def test_every_weight_of_a_refined_one_learns(refined, inputs):
    with torch.no_grad():
        torch.nn.init.normal_(refined.local.exit.weight)
    run(refined.train(), inputs).square().mean().backward()
    assert all(p.grad is not None for p in refined.parameters())
