"""rehearsal/live_memory.py and rehearsal/without_values.py"""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from swaptalk_models.rehearsal.live_memory import LiveMemory, tensor_bytes
from swaptalk_models.rehearsal.without_values import device_without_values

KIB = 1024


def test_the_peak_by_hand():
    """Two maps are alive at a time: of three in a row the first has gone when the third comes."""
    with LiveMemory(traced=False) as memory, torch.no_grad():
        x = torch.zeros(256)  # 1 KiB
        x = x + 1
        x = x + 1
        del x
        torch.zeros(64)
    assert (memory.peak, memory.host_peak, memory.device_peak) == (2 * KIB, 2 * KIB, 0)


def test_views_and_what_was_there_before_count_nothing():
    before = torch.zeros(256)
    with LiveMemory(traced=False) as memory:
        views = [before[:10], before.view(16, 16).T, before.numpy()]
        before.add_(1)
    assert memory.peak == 0 and len(views) == 3
    with LiveMemory(traced=False) as memory:
        memory.hold(before)
    assert memory.peak == KIB


def test_what_waits_for_the_backward_pass_is_alive():
    weight = torch.ones(256, requires_grad=True)
    with LiveMemory(traced=False) as memory:
        loss = (weight.exp() * 2).sin().sum()  # kept: exp's result and the doubled one, the cosine's argument
        assert memory._alive[False] == 2 * KIB + 4
        loss.backward()
    assert weight.grad is not None and memory.peak >= 3 * KIB


def test_arrays_of_numpy_count_on_the_host():
    with LiveMemory() as memory:
        array = np.zeros(1 << 20, np.uint8)
        torch.from_numpy(array)[1:].view(-1)  # shares the array's memory
    assert 1 << 20 <= memory.host_peak < 1.1 * (1 << 20) and memory.peak == memory.host_peak


def test_with_and_without_values_the_same_is_alive():
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.GroupNorm(2, 16), nn.SiLU(), nn.Conv2d(16, 4, 3, padding=1)
    )

    def forward(device: torch.device) -> LiveMemory:
        network.to(device)
        image = torch.zeros(4, 3, 32, 32).to(device)
        with LiveMemory(traced=False) as memory, torch.no_grad():
            made = network(image).float().cpu().numpy()
        assert made.shape == (4, 4, 32, 32)
        return memory

    real = forward(torch.device("cpu"))
    with device_without_values() as device:
        promised = [forward(device) for _ in range(2)]  # the second time shapes are remembered
    assert promised[0].device_peak == promised[1].device_peak == real.peak > 2 * 4 * 16 * 32 * 32 * 4
    assert promised[0].host_peak == 4 * 4 * 32 * 32 * 4, "what was brought home"


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_device_without_values_answers_with_zeros(mode):
    with device_without_values() as device, mode():
        x = torch.ones(3, 4, device=device)
        assert float(x.mean()) == 0.0 and not bool((x > 0).any()) and int(x.argmax()) == 0
        assert x.bfloat16().float().cpu().tolist() == [[0.0] * 4] * 3
        assert (
            (x * 2).dtype == torch.float32
            and (x.long() * 2.0).dtype == torch.float32
            and (x.long() * 2).dtype == torch.int64
        )


def test_attention_is_one_kernel_there():
    with device_without_values() as device, LiveMemory(traced=False) as memory, torch.no_grad():
        query = torch.empty(1, 2, 512, 8, device=device)
        assert F.scaled_dot_product_attention(query, query, query).shape == query.shape
    matrix = 2 * 512 * 512 * 4
    assert memory.device_peak < matrix / 4


def test_a_storage_is_counted_once():
    x = torch.zeros(256)
    assert tensor_bytes([x, x[:3], x.view(16, 16), torch.zeros(256)]) == 2 * KIB
