"""Pictures as PNG bytes and back: nothing is lost."""

from __future__ import annotations

import cv2
import numpy as np


def encode_png(image: np.ndarray) -> bytes:
    """A uint8 RGB image as PNG."""
    done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 3])
    assert done
    return data.tobytes()


def decode_png(data: bytes) -> np.ndarray:
    """The uint8 RGB image (H, W, 3) of a PNG."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
