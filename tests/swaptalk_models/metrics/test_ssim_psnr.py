"""SSIM and PSNR: identical pictures, known errors, falling with noise."""

import numpy as np
import pytest
from skimage.data import astronaut
from skimage.metrics import structural_similarity

from swaptalk_models.metrics.psnr import CEILING_DB, psnr
from swaptalk_models.metrics.ssim import ssim


@pytest.fixture
def picture() -> np.ndarray:
    return astronaut()[:128, 160:288]


def test_identical_pictures_score_the_maximum(picture):
    assert ssim(picture, picture) == 1
    assert psnr(picture, picture) == CEILING_DB


def test_psnr_of_a_constant_error_is_the_closed_form():
    dark, light = np.full((16, 16, 3), 100, np.uint8), np.full((16, 16, 3), 110, np.uint8)
    assert psnr(dark, light) == pytest.approx(20 * np.log10(255 / 10))
    assert psnr(np.zeros_like(dark), np.full_like(dark, 255)) == 0


def test_ssim_of_flat_pictures_is_the_luminance_term():
    dark, light = np.full((32, 32, 3), 100, np.uint8), np.full((32, 32, 3), 120, np.uint8)
    c1 = (0.01 * 255) ** 2
    assert ssim(dark, light) == pytest.approx((2 * 100 * 120 + c1) / (100**2 + 120**2 + c1), abs=1e-5)


def test_ssim_is_that_of_scikit_image(picture):
    noisy = np.clip(picture + np.random.default_rng(0).normal(0, 12, picture.shape), 0, 255).astype(np.uint8)
    reference = structural_similarity(
        noisy, picture, data_range=255, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim(noisy, picture) == pytest.approx(reference, abs=1e-5)


def test_both_fall_with_noise(picture):
    rng = np.random.default_rng(0)
    noisy = [np.clip(picture + rng.normal(0, sigma, picture.shape), 0, 255).astype(np.uint8) for sigma in (5, 20)]
    assert 1 > ssim(noisy[0], picture) > ssim(noisy[1], picture) > 0
    assert psnr(noisy[0], picture) > psnr(noisy[1], picture)
