"""JPEG XL files: samples of the first frame at their own depth, alpha apart."""

from __future__ import annotations

import numpy as np

from forensics.errors import PictureError
from forensics.pictures import jpeg_file, jpegxl_header
from forensics.pictures.depth_in_use import spread
from forensics.pictures.samples import Samples, damaged, decoding, scale_to_eight


def decode(data: bytes) -> Samples:
    """Samples of a JPEG XL file's first frame as stored, 8 bits, or 16 where it has more; floating-point ones are
    scaled from [0, 1] to 8 bits.

    Raises
    ------
    PictureError
        The data are damaged, or the samples are of a kind that is not analysed.
    """
    header = jpegxl_header.read(data)
    if header.kept_jpeg and (jpeg := kept_jpeg(data)):
        inner = jpeg_file.decode(jpeg)
        inner.notes.append("the JPEG was taken out whole and decoded as one")
        return inner
    with decoding("its JPEG XL data"):
        import imagecodecs

        first = 0 if header.animated else None
        samples = np.asarray(imagecodecs.jpegxl_decode(data, index=first, keeporientation=True, numthreads=1))
        count = _frames(data, samples) if header.animated else 1
    if samples.ndim not in (2, 3):
        raise PictureError(f"its JPEG XL samples have the shape {samples.shape}, which is not read")
    colours = 1 if header.grey else 3
    samples = samples[:, :, None] if samples.ndim == 2 else samples
    if not header.grey and samples.shape[2] == 4 and header.extra_channels and not header.alpha:
        samples = samples[:, :, :3]
    kept = samples[:, :, : colours + (header.alpha and samples.shape[2] > colours)]
    array = _integers(kept, header.bit_depth)
    return Samples(
        array[:, :, 0] if array.shape[2] == 1 else array,
        notes=[] if count == 1 else [f"the first of {count or 'several'} pictures in the file was read"],
        facts={"integrity": "the decoder checks its own end state", **({"pages": count} if count else {})},
    )


MOST_COUNTED = 24_000_000
"""Pixels of all frames that are decoded to count them: a bound on work."""
_UNTOUCHED = 0xA5
"""Fills an array that a frame is decoded into; no frame consists of it alone."""


def _frames(data: bytes, first: np.ndarray) -> int:
    """How many frames an animation has, by halving, as a frame that is not there leaves its array untouched; 0 where
    counting would cost too much.
    """
    import imagecodecs

    left = MOST_COUNTED // (first.shape[0] * first.shape[1])

    def there(index: int) -> bool:
        nonlocal left
        left -= 1
        out = np.full_like(first, _UNTOUCHED)
        imagecodecs.jpegxl_decode(data, index=index, keeporientation=True, numthreads=1, out=out)
        return bool((out != _UNTOUCHED).any())

    low, high = 1, 2
    while left > 0 and there(high - 1):
        low, high = high, 2 * high
    while left > 0 and high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if there(middle - 1) else (low, middle)
    return low if high - low == 1 and left >= 0 and high < 1 << 20 else 0


def kept_jpeg(data: bytes) -> bytes:
    """The JPEG that a file keeps, byte for byte as it was; empty where it cannot be put together again."""
    try:
        import imagecodecs

        found = bytes(imagecodecs.jpegxl_decode_jpeg(data, numthreads=1))
    except Exception:  # the reconstruction data may be spoilt; the picture itself is decoded then
        return b""
    return found if found[:2] == b"\xff\xd8" else b""


def _integers(samples: np.ndarray, bits: int) -> np.ndarray:
    if samples.dtype.kind == "f":
        if not np.isfinite(samples).all():
            raise damaged("it holds samples that are not finite")
        return np.round(np.clip(samples.astype(np.float32), 0, 1) * 255).astype(np.uint8)
    if bits in (8, 16):
        return samples
    return scale_to_eight(samples, (1 << bits) - 1) if bits < 8 else spread(samples, bits)
