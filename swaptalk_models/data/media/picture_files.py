"""Pictures in files of their own: stills of any kind, and animations, which are videos as well."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from swaptalk_models.errors import BadClip, UserError

if TYPE_CHECKING:
    from PIL.Image import Image

STILL_S = Fraction(1, 25)
"""How long a still lasts as a video: one frame."""
LARGEST_STILL = 4096
"""px: longer side of a still as a video; no player shows larger ones."""
_BEGINNINGS = (
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"8BPS", b"qoif", b"\xff\x0a",
    b"\0\0\0\x0cJXL ", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", b"P5\n", b"P6\n", b"P3\n",
)  # fmt: skip
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF = (b"avif", b"avis")
_BY_NAME = (".tga", ".ico", ".pcx")
"""Kinds that begin like anything."""
_NOT_PICTURES = (".mjpeg", ".mjpg")
"""Many pictures one behind the other: a video."""
_SOONER_IS_SLOWER_MS = 10
"""What asks for less time a frame gets ``_SLOW_MS``, as in all browsers."""
_SLOW_MS = 100


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a picture, still or animated, by how it begins."""
    path = Path(path)
    try:
        with open(path, "rb") as file:
            head = file.read(16)
    except OSError:
        return False
    suffix = path.suffix.lower()
    if suffix in _NOT_PICTURES:
        return False
    brand = head[8:12] if head[4:8] == b"ftyp" else b""
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return head.startswith(_BEGINNINGS) or webp or brand in _HEIF + _AVIF or suffix in _BY_NAME


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Reads a still image, upright by its EXIF orientation: uint8 RGB (H, W, 3), in sRGB. Of an animation, the first.

    Raises:
        UserError: no such file, no image, or cut off.
    """
    from PIL import Image

    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: {'is a folder' if path.is_dir() else 'no such image file'}")
    _allow_heif(path)
    try:
        with Image.open(path) as image:
            return _upright_rgb(image)
    except PermissionError:
        raise UserError(f"{path}: may not be read: permission denied") from None
    except Image.DecompressionBombError:
        raise UserError(f"{path}: too large a picture: make it smaller than {Image.MAX_IMAGE_PIXELS} px") from None
    except (OSError, ValueError, SyntaxError, ArithmeticError, LookupError, NotImplementedError) as error:
        other = _by_opencv(path)  # it knows kinds of 16-bit TIFF that Pillow does not
        if other is not None:
            return other
        said = " ".join(str(error).split())[:120]
        raise UserError(f"{path}: not an image that can be read ({said}); save it as PNG or JPEG") from error


def animation_frames(path: str | os.PathLike[str]) -> Iterator[tuple[Fraction, np.ndarray]]:
    """The frames of an animation, or the one of a still, as (time at which it appears (s), uint8 RGB (H, W, 3)); the
    last one comes once more, with the time at which it ends. Memory does not grow with their number.

    Raises:
        BadClip: it cannot be read.
    """
    from PIL import Image, ImageSequence

    path = Path(path)
    moment = Fraction(0)
    try:
        _allow_heif(path)
        with Image.open(path) as image:
            moves = bool(getattr(image, "is_animated", False)) and image.format in ("GIF", "PNG", "WEBP", "AVIF")
            if moves:
                for frame in ImageSequence.Iterator(image):
                    shown = _upright_rgb(frame)
                    yield moment, shown
                    asked = float(frame.info.get("duration") or 0)
                    asked = asked if asked > _SOONER_IS_SLOWER_MS else _SLOW_MS
                    moment += Fraction(asked).limit_denominator(1000) / 1000
                yield moment, shown
                return
        still = _not_too_large(read_image(path))
    except UserError as error:
        raise BadClip(str(error)) from None
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        if moment:
            raise BadClip(f"{path}: damaged after {float(moment):.2f} s") from None
        try:
            still = _not_too_large(read_image(path))
        except UserError as error:
            raise BadClip(str(error)) from None
    yield Fraction(0), still
    yield STILL_S, still


def _not_too_large(image: np.ndarray) -> np.ndarray:
    import cv2

    scale = LARGEST_STILL / max(image.shape[:2])
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image


def _upright_rgb(image: Image) -> np.ndarray:
    from PIL import ImageOps

    profile = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        return _eight_bits(np.asarray(image))
    if profile:
        image = _in_srgb(image, profile)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        from PIL import Image as Images

        image = image.convert("RGBA")
        if np.asarray(image)[..., 3].min() < 255:  # what is transparent has colours that nobody is to see
            image = Images.alpha_composite(Images.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))


def _in_srgb(image: Image, profile: bytes) -> Image:
    """The colours of another space (print, wide gamut) as a screen shows them."""
    from PIL import ImageCms

    if image.mode not in ("RGB", "CMYK", "L", "LAB"):
        return image
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if image.mode == "RGB" and "sRGB" in ImageCms.getProfileDescription(own):
            return image
        return ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # a profile for something else


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Grey of 16 bits, or of floats in [0, 1], as RGB."""
    if values.dtype.kind == "f":
        grey = 255 * np.clip(values, 0, 1)
    else:
        grey = np.clip(values.astype(np.float32), 0, 65535) / 257
    return np.repeat(np.round(grey).astype(np.uint8)[..., None], 3, axis=2)


def _by_opencv(path: Path) -> np.ndarray | None:
    import cv2

    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        if path.suffix.lower() not in (".tif", ".tiff"):
            return None  # it takes cut-off files for whole ones
        image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except (OSError, cv2.error):
        return None
    if image is None or image.dtype not in (np.uint8, np.uint16):
        return None
    image = np.round(image.astype(np.float32) / 257).astype(np.uint8) if image.dtype == np.uint16 else image
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _allow_heif(path: Path) -> None:
    """Lets Pillow read HEIC, if its usual library is here.

    Raises:
        UserError: the file is one, and the library is not here.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(12)
    except OSError:
        return  # said by who opens it
    if head[4:8] != b"ftyp" or head[8:12] not in _HEIF:
        return
    try:
        import pillow_heif
    except ImportError:
        raise UserError(
            f"{path}: a HEIC picture, as phones write them, needs the package pillow-heif: install it with "
            "`pip install pillow-heif`, or save the picture as JPEG"
        ) from None
    pillow_heif.register_heif_opener()
