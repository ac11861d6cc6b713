"""Pixels on their way between this package and the codec libraries.

Libraries fail with exceptions of their own, return alpha, several frames or more than 8 bits, and Pillow wants files;
here these become `CodecError`, uint8 RGB or grey, and bytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics.codecs.base import Codec, Value
from forensics.errors import CodecError, CodecUnavailable, ForensicsError, UsageError

if TYPE_CHECKING:
    from PIL import Image

LUMA_WEIGHTS = np.array([19595, 38470, 7471], dtype=np.int64)
"""BT.601 luma weights of R, G, B in 1/65536, summing to 65536."""


@contextmanager
def library_errors(codec: str, action: str) -> Iterator[None]:
    """Turn whatever a library raises into a one-line `CodecError`, a missing library into `CodecUnavailable`."""
    try:
        yield
    except ForensicsError:
        raise
    except ImportError as error:
        raise CodecUnavailable(f"{codec}: cannot {action} here: {_one_line(error)}") from error
    except Exception as error:
        raise CodecError(f"{codec}: cannot {action}: {_one_line(error)}") from error


def plane_samples(plane: Any, bit_depth: int) -> np.ndarray:
    """Samples of a plane of a PyAV frame without what pads its rows, which is not initialised, `np.ndarray
    [shape=(height, width), dtype=uint8 or uint16]`.
    """
    dtype = np.dtype(np.uint8 if bit_depth == 8 else "<u2")
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height]
    return rows[:, : plane.width * dtype.itemsize].copy().view(dtype)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def strength_value(codec: Codec, parameters: Mapping[str, Value]) -> float:
    """The strength parameter among complete `parameters`; raises `UsageError` when it is outside its range."""
    strength = codec.strength
    low, high = sorted((strength.finest, strength.coarsest))
    value = parameters[strength.parameter]
    if isinstance(value, str) or not low <= value <= high:
        raise UsageError(f"{codec.name}: {strength.parameter} is from {low:g} to {high:g}, not {value!r}")
    if strength.integer and value != int(value):
        raise UsageError(f"{codec.name}: {strength.parameter} is a whole number, not {value!r}")
    return float(value)


def as_picture(samples: np.ndarray, bits: int = 0) -> np.ndarray:
    """Decoded samples as a picture of this package: first frame, no alpha, 8 bits.

    Parameters
    ----------
    samples : np.ndarray [shape=([frames,] height, width[, 1 to 4]), dtype=bool, uint8 or uint16]
        As the library returned them; two and four channels end in alpha.
    bits : int
        Significant bits of a sample; 0 means all bits of the type. Deeper samples are scaled to 8 bits and rounded.

    Returns
    -------
    np.ndarray [shape=(height, width, 3) or (height, width), dtype=uint8]

    Raises
    ------
    CodecError
        When the samples are of another type or shape (floating point, more channels).
    """
    if samples.ndim == 4:
        samples = samples[0]
    if samples.ndim == 3 and samples.shape[2] in (1, 2):
        samples = samples[:, :, 0]
    elif samples.ndim == 3 and samples.shape[2] in (3, 4):
        samples = samples[:, :, :3]
    elif samples.ndim != 2:
        raise CodecError(f"decoded pictures are grey or RGB with or without alpha, not of shape {samples.shape}")
    if samples.dtype == np.bool_:
        bits = 1
    elif samples.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
        raise CodecError(f"decoded pictures are of 8 or 16 bit unsigned samples, not {samples.dtype}")
    return np.ascontiguousarray(_to_8_bits(samples, bits or 8 * samples.dtype.itemsize))


def _to_8_bits(samples: np.ndarray, bits: int) -> np.ndarray:
    if bits == 8:
        return samples.astype(np.uint8)
    top = (1 << bits) - 1
    wide = np.minimum(samples.astype(np.uint32), np.uint32(top))
    return ((wide * 255 + top // 2) // top).astype(np.uint8)


def to_grey(pixels: np.ndarray) -> np.ndarray:
    """BT.601 luma of RGB pixels, rounded to uint8; grey pixels are returned as they are."""
    if pixels.ndim == 2:
        return pixels
    return ((pixels.astype(np.int64) @ LUMA_WEIGHTS + 32768) >> 16).astype(np.uint8)


def to_rgb(pixels: np.ndarray) -> np.ndarray:
    """RGB pixels; grey ones three times over, for formats without a grey mode."""
    return np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels


def save_with_pillow(pixels: np.ndarray, pillow_format: str, **options: Any) -> bytes:
    """The bytes of a file that Pillow writes from uint8 RGB or grey pixels."""
    from PIL import Image, ImageFile

    buffer = io.BytesIO()
    usual = ImageFile.MAXBLOCK
    # A progressive JPEG must fit Pillow's output block, which is too small for noise at a fine setting.
    ImageFile.MAXBLOCK = max(usual, 2 * pixels.nbytes + 65536)
    try:
        Image.fromarray(pixels).save(buffer, pillow_format, **options)
    finally:
        ImageFile.MAXBLOCK = usual
    return buffer.getvalue()


def load_with_pillow(data: bytes, opener: Callable[[io.BytesIO], Image.Image]) -> np.ndarray:
    """Pixels of the first frame, opened by one plugin's own class.

    `Image.open` is passed over on purpose: it guesses among all formats and judges the picture's size, which is the
    business of whoever reads untrusted files.
    """
    with opener(io.BytesIO(data)) as image:
        image.load()
        if image.mode not in ("L", "RGB"):
            grey = image.mode in ("1", "LA", "I;16")
            return as_picture(np.asarray(image if image.mode == "I;16" else image.convert("L" if grey else "RGB")))
        return as_picture(np.asarray(image))


def pillow_version() -> str:
    """Pillow and its version, for `Codec.version`."""
    import PIL

    return f"Pillow {PIL.__version__}"


def pillow_feature(feature: str) -> str:
    """Version of the library behind a Pillow feature (`jpg_2000`, `webp`, ...), empty when it is not built in."""
    from PIL import features

    return (features.version(feature) or "?") if features.check(feature) else ""


def imagecodecs_library(prefix: str) -> str:
    """Name and version of a library inside imagecodecs, for instance `libjxl 0.11.2`."""
    import imagecodecs

    for entry in imagecodecs.version(str).split(", "):
        if entry.startswith(prefix):
            return " ".join(entry.rsplit("-", 1)) + f" (imagecodecs {imagecodecs.__version__})"
    return f"imagecodecs {imagecodecs.__version__}"
