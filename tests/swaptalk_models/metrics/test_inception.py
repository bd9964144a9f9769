"""Inception-v3 for FID: its file's layout, its variant's pools, and its name. The weights here are random."""

import numpy as np
import pytest
import torch

from swaptalk_models.errors import UserError
from swaptalk_models.metrics import inception
from swaptalk_models.metrics.inception import Inception, load_inception
from swaptalk_models.metrics.judges import Judges

# Some tensors of the published file (torchvision's names, as pytorch-fid kept them).
PUBLISHED = {
    "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
    "Conv2d_4a_3x3.bn.running_var": (192,),
    "Mixed_5b.branch_pool.conv.weight": (32, 192, 1, 1),
    "Mixed_5d.branch3x3dbl_3.bn.weight": (96,),
    "Mixed_6a.branch3x3.conv.weight": (384, 288, 3, 3),
    "Mixed_6c.branch7x7dbl_4.conv.weight": (160, 160, 7, 1),
    "Mixed_7a.branch7x7x3_2.conv.weight": (192, 192, 1, 7),
    "Mixed_7c.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1),
    "Mixed_7c.branch_pool.conv.weight": (192, 2048, 1, 1),
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    network = Inception()
    for parameter in network.parameters():
        if parameter.ndim == 4:
            torch.nn.init.kaiming_normal_(parameter)
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    state = {key: value for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")}
    torch.save(state | {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}, path)
    return path


def test_published_layout_without_its_classifier():
    state = Inception().state_dict()
    assert {key: tuple(state[key].shape) for key in PUBLISHED} == PUBLISHED
    assert sum(key.endswith("conv.weight") for key in state) == 94
    assert sum(value.numel() for key, value in state.items() if "weight" in key or "bias" in key) == 21_785_568


def test_a_row_of_2048_a_picture_that_no_neighbour_changes(weights):
    judge = load_inception(weights)
    crops = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), dtype=np.uint8)
    rows = judge.features(crops)
    assert rows.shape == (2, 2048) and (rows >= 0).all() and rows.std() > 0
    assert judge.features(crops[1:])[0] == pytest.approx(rows[1], abs=1e-4)


def test_pools_are_those_of_the_2015_graph():
    x = torch.ones(1, 192, 4, 4)
    mean, highest = Inception().Mixed_5b._pooled(x), Inception().Mixed_7c._pooled(x * torch.arange(4.0))
    assert torch.equal(mean, x), "the padding does not count: a flat plane stays flat at its rim"
    assert highest[0, 0, 0].tolist() == [1, 2, 3, 3]


def test_only_the_published_file_makes_it_an_fid(weights, monkeypatch):
    judge = load_inception(weights)
    assert "not Inception FID" in Judges(None, "x", features=judge).names()["fid"]
    monkeypatch.setattr(inception, "PUBLISHED", inception.sha256(weights)[:8])
    assert (
        Judges(None, "x", features=load_inception(weights))
        .names()["fid"]
        .startswith("Inception-v3 pool3 of pytorch-fid, weights sha256")
    )


def test_another_networks_file_is_refused(tmp_path):
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "resnet.pth")
    with pytest.raises(UserError, match="resnet.pth: not the weights of pytorch-fid's Inception-v3"):
        load_inception(tmp_path / "resnet.pth")
