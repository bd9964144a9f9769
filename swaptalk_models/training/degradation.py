"""Harms faces as cameras, networks and codecs do: blur, low resolution, noise, compression, in this order.

The first-order degradation that face restorers are trained with (GFPGAN, Wang et al. 2021; CodeFormer, Zhou et al. 2022), in sizes that fit small
crops.
"""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.settings.models import RestorerConfig

_BEST_JPEG = 95


def degrade(crops: np.ndarray, config: RestorerConfig, rng: np.random.Generator) -> np.ndarray:
    """Crops (N, S, S, 3) uint8, each harmed by chance of its own; ``config.unharmed`` of them are as they were."""
    return np.stack([crop if rng.random() < config.unharmed else _harmed(crop, config, rng) for crop in crops])


def _harmed(crop: np.ndarray, config: RestorerConfig, rng: np.random.Generator) -> np.ndarray:
    size = crop.shape[0]
    image: np.ndarray = crop.astype(np.float32)
    deviation = rng.uniform(0, config.blur) * size
    if deviation > 0.1:  # px: less is no blur
        image = cv2.GaussianBlur(image, (0, 0), deviation, borderType=cv2.BORDER_REPLICATE)
    side = max(4, round(size / rng.uniform(1, config.shrink)))
    if side < size:
        image = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    image = image + rng.normal(0, rng.uniform(0, config.noise), image.shape)
    harmed = _compressed(np.clip(image, 0, 255).astype(np.uint8), int(rng.integers(config.jpeg, _BEST_JPEG + 1)))
    return harmed if side == size else cv2.resize(harmed, (size, size), interpolation=cv2.INTER_CUBIC)


def _compressed(image: np.ndarray, quality: int) -> np.ndarray:
    """(H, W, 3) uint8 as JPEG makes it."""
    _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    seen = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    assert seen is not None
    return seen
