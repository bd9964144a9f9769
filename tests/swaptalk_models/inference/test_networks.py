"""inference/networks.py: random weights."""

import dataclasses
import inspect
from typing import get_args

import numpy as np
import pytest
import torch

from swaptalk_models.errors import UserError
from swaptalk_models.inference import networks as networks_module
from swaptalk_models.inference.face_models import FaceModels
from swaptalk_models.inference.networks import Latents, Networks
from swaptalk_models.settings.methods import Stage


def test_guidance_goes_on_in_the_direction_of_the_swap(networks):
    torch.manual_seed(1)
    region = torch.zeros(1, 4, 4, dtype=torch.long)
    source, target = (Latents(torch.randn(n, 8, 4, 4), region.expand(n, -1, -1)) for n in (1, 3))
    plain = networks.swap(source, target).z
    object.__setattr__(networks.face_swapper.config, "guidance", 2.0)
    try:
        twice = networks.swap(source, target).z
    finally:
        object.__setattr__(networks.face_swapper.config, "guidance", 1.0)
    assert torch.allclose(twice - target.z, 2 * (plain - target.z), atol=1e-4)


def test_only_faces_that_were_made_are_deblocked(networks, monkeypatch):
    asked = []
    monkeypatch.setattr(networks_module, "deblock", lambda crops, made: asked.append(made) or crops)
    torch.manual_seed(1)
    region = torch.zeros(1, 4, 4, dtype=torch.long)
    source, target = (Latents(torch.randn(n, 8, 4, 4), region.expand(n, -1, -1)) for n in (1, 3))
    real = networks.decode(target)
    assert asked == []
    swapped = networks.decode(networks.swap(source, target))
    assert asked[0].shape == (4, 4) and asked[0].all() and swapped.shape == real.shape


def test_speaking_leaves_the_upper_half(networks):
    torch.manual_seed(1)
    face = torch.ones(3, 4, 4, dtype=torch.long)
    target, reference = Latents(torch.randn(3, 8, 4, 4), face), Latents(torch.randn(1, 8, 4, 4), face[:1])
    mel = np.random.default_rng(0).uniform(-4, 4, (3, 16, 80)).astype(np.float32)
    spoken, copied = networks.speak(target, reference, mel), networks.copy_lips(target, reference)
    for made in (spoken, copied):
        assert torch.equal(made.z[:, :, :2], target.z[:, :, :2])
    assert not torch.allclose(spoken.z[:, :, 2:], copied.z[:, :, 2:], atol=1e-3)
    # The target's own lower half is no input; around mouth and chin it stays as it is.
    other = Latents(torch.cat([target.z[:, :, :2], torch.randn(3, 8, 2, 4)], dim=2), face)
    lower, made = networks.speak(other, reference, mel).z[:, :, 2:], networks.lip_sync.region.expand(3, 8, -1, -1) > 0
    assert torch.equal(lower[made], spoken.z[:, :, 2:][made])
    assert torch.equal(lower[~made], other.z[:, :, 2:][~made])
    assert torch.equal(spoken.made[2:], networks.lip_sync.region[0, 0] > 0) and not spoken.made[:2].any()


def test_beside_the_targets_face_nothing_is_spoken(networks):
    """The reference's background stays with the reference when the target turns away."""
    torch.manual_seed(1)
    face = torch.ones(2, 4, 4, dtype=torch.long)
    face[1, :, 2:] = 0  # the second frame's head is turned
    target, reference = Latents(torch.randn(2, 8, 4, 4), face), Latents(torch.randn(1, 8, 4, 4), face[:1])
    mel = np.random.default_rng(0).uniform(-4, 4, (2, 16, 80)).astype(np.float32)
    spoken_of = networks.lip_sync.region[0, 0] > 0
    assert spoken_of[:, 2].any() and spoken_of[:, 1].any()
    for made in (networks.speak(target, reference, mel), networks.copy_lips(target, reference)):
        changed = (made.z != target.z).any(dim=1)[:, 2:]
        assert torch.equal(changed[0], spoken_of)
        assert torch.equal(changed[1][:, :2], spoken_of[:, :2]) and not changed[1][:, 2:].any()


def test_some_stages_are_done_on_pixels_only(networks):
    faces = Latents(torch.randn(2, 8, 4, 4), torch.zeros(2, 4, 4, dtype=torch.long))
    with pytest.raises(UserError, match="on pixels only"):
        networks.restore(faces)
    with pytest.raises(UserError, match="on pixels only"):
        networks.swap_and_speak(faces, faces, np.zeros((2, 16, 80), np.float32))


def test_every_stage_is_a_method_of_whatever_makes_faces():
    """A stage that one of the models lacks would show in the middle of a video."""
    from swaptalk_models.evaluation.measure.cascade import RGBModels

    for stage in (*get_args(Stage), "encode", "decode"):
        expected = list(inspect.signature(getattr(FaceModels, stage)).parameters)
        for models in (Networks, RGBModels):
            assert list(inspect.signature(getattr(models, stage)).parameters) == expected, (models, stage)


def test_config_of_the_crops_travels(networks):
    assert dataclasses.asdict(networks.crops)["size"] == 32 and networks.grid == 4
