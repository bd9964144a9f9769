"""modules/device.py"""

import pytest
import torch

from swaptalk_models.errors import UserError
from swaptalk_models.modules.device import pick_device, pick_dtype


def test_auto_is_what_there_is():
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert pick_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cpuu", "3"])
def test_unknown_devices_are_named(name):
    with pytest.raises(UserError, match=name):
        pick_device(name)


def test_cuda_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="cuda:1.*no CUDA device"):
        pick_device("cuda:1")


def test_precision(monkeypatch):
    cpu = torch.device("cpu")
    assert pick_dtype("bfloat16", cpu) == torch.bfloat16
    assert pick_dtype("float32", cpu) == torch.float32
    for capable, wanted in (({"amx_bf16": True}, torch.bfloat16), ({"avx2": True}, torch.float32)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda capable=capable: capable, raising=False)
        assert pick_dtype("auto", cpu) == wanted
