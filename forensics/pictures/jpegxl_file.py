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

        samples = np.asarray(imagecodecs.jpegxl_decode(data, keeporientation=True, numthreads=1))
    count = 1
    if samples.ndim == 4 or (
        samples.ndim == 3 and header.animated and samples.shape[1:] == (header.height, header.width)
    ):
        count, samples = len(samples), samples[0]
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
        notes=[f"the first of {count} pictures in the file was read"] if count > 1 else [],
        facts={"integrity": "the decoder checks its own end state", "pages": count},
    )


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
