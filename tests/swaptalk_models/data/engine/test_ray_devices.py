"""Which processes get a GPU of a cluster, and what is said where there are too few."""

from types import SimpleNamespace

import pytest

from swaptalk_models.data.engine.ray_devices import device_there, gpus_each
from swaptalk_models.errors import UserError


def cluster(**resources: float) -> SimpleNamespace:
    return SimpleNamespace(cluster_resources=lambda: resources)


@pytest.mark.parametrize(
    ("device", "gpus", "share", "processes", "found"),
    [
        ("auto", 0, 1, 8, 0.0),
        ("cpu", 4, 1, 8, 0.0),
        ("auto", 2, 0.5, 4, 0.5),
        ("cuda", 1, 1, 1, 1.0),
        ("cuda:1", 2, 1, 2, 1.0),
        ("auto", 3, 0.34, 6, 0.34),
    ],
)
def test_a_device_is_reserved(device: str, gpus: int, share: float, processes: int, found: float):
    assert gpus_each(cluster(GPU=gpus, CPU=8), device, share, processes, "x") == found
    assert device_there(found) == ("cuda" if found else "cpu")


@pytest.mark.parametrize(
    ("device", "gpus", "share", "processes", "said"),
    [
        ("cuda", 0, 1, 1, "1 of a GPU is needed for each of 1 process, and the Ray cluster has no GPU:"),
        ("auto", 1, 1, 2, "1 of a GPU is needed for each of 2 processes, and the Ray cluster has 1 GPU:"),
        ("auto", 2, 0.34, 5, "0.34 of a GPU .* has 2 GPU:"),
    ],
)
def test_too_few_are_told(device: str, gpus: int, share: float, processes: int, said: str):
    with pytest.raises(UserError, match=f"^vqgan.train.device={device}: {said}"):
        gpus_each(cluster(GPU=gpus), device, share, processes, f"vqgan.train.device={device}")
