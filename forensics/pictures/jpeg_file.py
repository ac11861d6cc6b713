"""JPEG files: what the headers state, whether all blocks are there, and the samples (ITU-T T.81; JFIF; Adobe's
APP14).
"""

from __future__ import annotations

import numpy as np

from forensics.codecs.headers.jpeg import LOSSLESS
from forensics.errors import PictureError
from forensics.pictures import jpeg_scan, jpeg_segments
from forensics.pictures.jpeg_segments import Segments
from forensics.pictures.samples import LENGTHS_ONLY, Samples, damaged, decoding, scale_to_eight

_DIFFERENTIAL = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
_ARITHMETIC = frozenset({0xC9, 0xCA, 0xCB})


def colour(file: Segments) -> str:
    """Colour space of the components, as libjpeg decides it: JFIF means YCbCr, then Adobe's transform, then the
    identifiers. The lossless process codes what its three components hold; that is YCbCr only where Adobe's transform
    says so, since JFIF, which some writers add all the same, knows no lossless process.
    """
    frame = file.frame
    assert frame is not None
    count = len(frame.components)
    if count == 3 and frame.marker in LOSSLESS:
        return "ycbcr" if file.adobe_transform else "rgb"
    if count == 3:
        identifiers = tuple(c.identifier for c in frame.components)
        if file.jfif:
            return "ycbcr"
        if file.adobe_transform is not None:
            return "rgb" if file.adobe_transform == 0 else "ycbcr"
        return "rgb" if identifiers == (0x52, 0x47, 0x42) else "ycbcr"
    return {1: "grey", 4: "cmyk"}.get(count, f"{count} components")


def is_lossless(file: Segments) -> bool:
    """Whether the coding is the lossless process of clause H, with no bit shifted away."""
    assert file.frame is not None
    return file.frame.marker in LOSSLESS and all(scan.low == 0 for scan in file.scans)


def decode(data: bytes) -> Samples:
    """Samples of a whole JPEG, `np.ndarray [shape=(height, width[, 3]), dtype=uint8]`.

    Raises
    ------
    PictureError
        Scans, restart intervals or blocks are missing or cannot be decoded, or the coding process is one that is not
        read.
    """
    file = jpeg_segments.read(data)
    frame = file.frame
    if frame is None:
        raise PictureError("the file is truncated: a JPEG without a frame header")
    if frame.marker in _DIFFERENTIAL:
        raise PictureError("its coding is JPEG's hierarchical process, which is not read")
    if file.cut:
        raise damaged(file.cut)
    if not file.scans:
        raise PictureError("the file is truncated: a JPEG without a scan")
    if not frame.width or not file.height:
        raise PictureError(f"the header states a size of {frame.width}x{file.height}")
    found = jpeg_scan.check(file)
    if found.problem:
        raise damaged(found.problem)
    if not found.walked and not file.ended:
        raise PictureError("the file is truncated: its end-of-image marker is not there")
    return Samples(_pixels(data, file, found.walked), _notes(file, found), _facts(file, found))


def _pixels(data: bytes, file: Segments, walked: bool) -> np.ndarray:
    frame = file.frame
    assert frame is not None
    if frame.marker in LOSSLESS or frame.precision != 8:
        return _other_precision(file)
    from forensics.codecs import registry

    if walked:
        from PIL.JpegImagePlugin import JpegImageFile

        from forensics.codecs.exchange import load_with_pillow

        with decoding("its JPEG data"):
            return load_with_pillow(file.clean, JpegImageFile)
    return registry.get("jpeg").decode(data)


def _other_precision(file: Segments) -> np.ndarray:
    """12-bit and lossless files, which Pillow does not read."""
    frame = file.frame
    assert frame is not None
    if frame.marker in LOSSLESS - {0xC3}:
        raise PictureError("its coding is lossless JPEG by arithmetic codes, which is not read")
    stored = colour(file) if frame.marker in LOSSLESS and len(frame.components) == 3 else None
    if stored == "ycbcr":
        raise PictureError("its colours are YCbCr in lossless JPEG, which are not read")
    with decoding(f"its JPEG data of {frame.precision} bits a sample"):
        import imagecodecs

        samples = imagecodecs.jpeg8_decode(file.clean, colorspace=stored, outcolorspace=stored)
    return samples if samples.dtype == np.uint8 else scale_to_eight(samples, (1 << frame.precision) - 1)


def _notes(file: Segments, found: jpeg_scan.Coverage) -> list[str]:
    notes = []
    if file.frame is not None and file.frame.marker in LOSSLESS and any(scan.low for scan in file.scans):
        notes.append(f"the JPEG is coded without loss but for the lowest {file.scans[0].low} bits of each sample")
    if file.stray:
        notes.append(f"{file.stray} stray bytes between the JPEG's segments were passed over")
    if file.typical_tables:
        notes.append("the JPEG holds no Huffman tables: those of the standard were taken, as in Motion JPEG")
    if file.frame is not None and not file.frame.height:
        notes.append("the JPEG's height stands behind its scan (DNL) and was taken from there")
    if found.walked and not file.ended:
        notes.append("the JPEG's end marker is missing; every block is there")
    if found.stray:
        notes.append(f"{found.stray} stray bytes behind the last block of a scan were passed over")
    return notes


def _facts(file: Segments, found: jpeg_scan.Coverage) -> dict[str, object]:
    facts: dict[str, object] = {"integrity": "every coded block was counted" if found.walked else LENGTHS_ONLY}
    if file.ended and file.end < len(file.data):
        facts["bytes_after_the_end"] = len(file.data) - file.end
    return facts
