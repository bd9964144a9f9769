"""Guidance at inference: one changes nothing, more takes a longer step, and only around the mouth for the lips."""

import torch

from swaptalk_models.modules.face_swapper import FaceSwapper
from swaptalk_models.modules.lip_sync import LipSync
from swaptalk_models.settings.models import FaceSwapperConfig, LipSyncConfig

DIM, GRID = 8, 8
SILENCE = torch.full((1, 16, 80), -4.0)


def lip_sync(guidance):
    torch.manual_seed(0)
    module = LipSync(LipSyncConfig(width=8, warp_width=8, heads=2, audio_dim=8, guidance=guidance), DIM, GRID, 8).eval()
    for parameter in module.parameters():  # the last layers start at zero
        torch.nn.init.normal_(parameter, std=0.2)
    return module


def test_lips_move_further_around_the_mouth_and_nowhere_else():
    upper, reference, mel = torch.randn(2, DIM, 4, 8), torch.randn(2, DIM, 8, 8), torch.randn(2, 16, 80)
    with torch.no_grad():
        plain, guided = lip_sync(1.0), lip_sync(3.0)
        made, silent = plain(upper, reference, mel), plain(upper, reference, SILENCE.expand(2, -1, -1))
        assert torch.equal(plain.speak(upper, reference, mel), made)
        mouth = guided.mouth.bool().expand_as(made)
        spoken = guided.speak(upper, reference, mel)
    assert mouth.any() and not mouth.all()
    assert torch.allclose(spoken[~mouth], made[~mouth], atol=1e-5)
    assert torch.allclose((spoken - silent)[mouth], 3 * (made - silent)[mouth], atol=1e-4)


def test_guidance_leaves_silent_lips_alone():
    upper, reference, mel = torch.randn(2, DIM, 4, 8), torch.randn(2, DIM, 8, 8), SILENCE.expand(2, -1, -1)
    with torch.no_grad():
        guided = lip_sync(3.0)
        assert torch.allclose(guided.speak(upper, reference, mel), guided(upper, reference, mel), atol=1e-5)


def test_swap_goes_further():
    torch.manual_seed(0)
    module = FaceSwapper(FaceSwapperConfig(width=8, depth=1, heads=2, guidance=1.5), DIM, GRID).eval()
    source, target = torch.randn(2, DIM, 8, 8), torch.randn(2, DIM, 8, 8)
    region = torch.randint(0, 6, (2, 8, 8))
    with torch.no_grad():
        step = module(source, region, target, region) - target
        assert torch.allclose(module.swap(source, region, target, region) - target, 1.5 * step, atol=1e-5)


def test_swap_starts_as_the_source_inside_of_the_face_and_the_target_outside():
    module = FaceSwapper(FaceSwapperConfig(width=8, depth=1, heads=2), DIM, GRID).eval()
    source, target = torch.ones(1, DIM, 8, 8), torch.zeros(1, DIM, 8, 8)
    region = torch.zeros(1, 8, 8, dtype=torch.long)
    region[:, 4:] = 5  # lips
    with torch.no_grad():
        swapped = module(source, region, target, region)
    assert (swapped[:, :, :4] < 0.05).all() and (swapped[:, :, 4:] > 0.9).all()
