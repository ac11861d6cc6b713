"""DICOM (PS3.5, PS3.10) by pydicom, an extra: one frame, at its native depth, decoded by this package's own readers
where it is compressed.

The file says whether it was ever lossily compressed (LossyImageCompression, 0028,2110) and how; that is a fact to hold
the pixels against.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from forensics.errors import CodecUnavailable, PictureError
from forensics.pictures.depth_in_use import spread
from forensics.pictures.format import Format, chosen_number
from forensics.pictures.samples import Samples, damaged, decoding, scale_to_eight
from forensics.pictures.stated import Stated

_Found = TypeVar("_Found")
_SYNTAXES = {
    "1.2.840.10008.1.2.4.50": ("jpeg", True),
    "1.2.840.10008.1.2.4.51": ("jpeg", True),
    "1.2.840.10008.1.2.4.53": ("jpeg", True),
    "1.2.840.10008.1.2.4.55": ("jpeg", True),
    "1.2.840.10008.1.2.4.57": ("lossless jpeg", False),
    "1.2.840.10008.1.2.4.70": ("lossless jpeg", False),
    "1.2.840.10008.1.2.4.80": ("jpegls", False),
    "1.2.840.10008.1.2.4.81": ("jpegls", None),
    "1.2.840.10008.1.2.4.90": ("jpeg2000", False),
    "1.2.840.10008.1.2.4.91": ("jpeg2000", None),
    "1.2.840.10008.1.2.4.110": ("jpegxl", False),
    "1.2.840.10008.1.2.4.111": ("jpegxl", True),
    "1.2.840.10008.1.2.4.112": ("jpegxl", None),
    "1.2.840.10008.1.2.4.201": ("jpeg2000", False),
    "1.2.840.10008.1.2.4.202": ("jpeg2000", False),
    "1.2.840.10008.1.2.4.203": ("jpeg2000", None),
    "1.2.840.10008.1.2.5": ("run lengths", False),
    "1.2.840.10008.1.2": ("none", False),
    "1.2.840.10008.1.2.1": ("none", False),
    "1.2.840.10008.1.2.1.99": ("none", False),
    "1.2.840.10008.1.2.2": ("none", False),
}
"""Coding and lossiness by transfer syntax (PS3.5 annex A.4, PS3.6 table A-1); of those that are retired the progressive
JPEGs of Huffman codes, which DCMTK still writes."""
_VIDEO = re.compile(r"1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?")
_REFERENCED = ("1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205")
"""Transfer syntaxes of video streams, and of pictures that lie on a server (JPIP)."""
_COLOURS = {"MONOCHROME1": "grey", "MONOCHROME2": "grey", "RGB": "rgb", "PALETTE COLOR": "palette"}
_CODECS = {"jpeg": "jpeg", "jpeg2000": "jpeg2000", "jpegxl": "jpegxl"}


def _dataset(data: bytes) -> Any:
    try:
        import pydicom
    except ImportError:
        raise CodecUnavailable("the package pydicom is not installed (extra dicom)") from None
    with decoding("its DICOM elements"):
        found = pydicom.dcmread(io.BytesIO(data))
        if "PixelData" not in found or "Rows" not in found:
            raise PictureError("the DICOM file holds no picture")
        return found


def _value(dataset: Any, name: str, default: int) -> int:
    value = dataset.get(name, None)
    return default if value in (None, "") else int(value)


def _stated(data: bytes, which: str) -> Stated:
    try:
        dataset = _dataset(data)
    except CodecUnavailable as error:
        raise PictureError(f"DICOM files cannot be read here: {error}") from None
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", "1.2.840.10008.1.2"))
    if syntax not in _SYNTAXES:
        raise PictureError(_not_read(syntax))
    coding, lossy = _SYNTAXES[syntax]
    frames = max(_value(dataset, "NumberOfFrames", 1), 1)
    number = chosen_number(which, frames)
    photometric = str(dataset.get("PhotometricInterpretation", "MONOCHROME2"))
    facts: dict[str, Any] = {"compression": coding, "photometric": photometric}
    if coding in _CODECS and lossy is not False:
        facts["codec"] = _CODECS[coding]
    before = str(dataset.get("LossyImageCompression", ""))
    if before:
        facts["stated_lossy_before"] = before == "01"
    for name, key in (
        ("LossyImageCompressionMethod", "stated_lossy_method"),
        ("LossyImageCompressionRatio", "stated_lossy_ratio"),
    ):
        if name in dataset:
            facts[key] = str(dataset.get(name))
    stated = Stated(
        _value(dataset, "Columns", 0),
        _value(dataset, "Rows", 0),
        _value(dataset, "BitsStored", 8),
        _COLOURS.get(photometric, "ycbcr" if photometric.startswith("YBR") else photometric.lower()),
        pages=frames,
        lossy=lossy,
        facts=facts,
    )
    if number:
        facts["frame"] = number
    if before == "01" and lossy is False:
        stated.notes.append(
            "the DICOM file states that the picture was compressed with loss before (LossyImageCompression 01)"
        )
    if before == "00" and lossy:
        stated.notes.append(
            "the DICOM file states no lossy compression (LossyImageCompression 00) and is coded with loss itself"
        )
    return stated


def _not_read(syntax: str) -> str:
    if _VIDEO.fullmatch(syntax):
        return "it holds a video stream in DICOM, which is not read: take the stream out first"
    if syntax in _REFERENCED:
        return "the DICOM file names a server (JPIP) in the place of its pixels"
    from pydicom.uid import UID

    name = UID(syntax).name
    return f"its DICOM transfer syntax {syntax}{f' ({name})' if name != syntax else ''} is not read"


def _decode(data: bytes, which: str) -> Samples:
    dataset = _dataset(data)
    coding, _ = _SYNTAXES[str(dataset.file_meta.get("TransferSyntaxUID", "1.2.840.10008.1.2"))]
    frames = max(_value(dataset, "NumberOfFrames", 1), 1)
    number = chosen_number(which, frames)
    photometric = str(dataset.get("PhotometricInterpretation", "MONOCHROME2"))
    if photometric == "PALETTE COLOR":
        raise PictureError("it holds palette samples in DICOM, which are not read")
    if coding == "none":
        return _native(dataset, number, photometric)
    samples = _coded(_frame(dataset, number, frames), coding, dataset)
    return _finished(samples, dataset, photometric)


def _frame(dataset: Any, number: int, frames: int) -> bytes:
    from pydicom.encaps import generate_frames

    with decoding("its DICOM frames"):
        for index, frame in enumerate(generate_frames(dataset.PixelData, number_of_frames=frames)):
            if index == number:
                return bytes(frame)
    raise damaged(f"frame {number} is missing")


def _coded(frame: bytes, coding: str, dataset: Any) -> Samples:
    from forensics.pictures import jpeg2000_file, jpeg_file, jpegxl_file
    from forensics.pictures.containers import jpegls

    if coding in ("jpeg", "lossless jpeg"):
        return jpeg_file.decode(frame)
    if coding == "jpeg2000":
        return jpeg2000_file.decode(frame)
    if coding == "jpegxl":
        return jpegxl_file.decode(frame)
    if coding == "jpegls":
        return jpegls.FORMAT.decode(frame, "")
    with decoding("its DICOM run lengths"):
        import imagecodecs

        rows, columns, count = (
            _value(dataset, "Rows", 0),
            _value(dataset, "Columns", 0),
            _value(dataset, "SamplesPerPixel", 1),
        )
        kind = np.dtype("<u2" if _value(dataset, "BitsAllocated", 8) > 8 else np.uint8)
        raw = np.frombuffer(imagecodecs.dicomrle_decode(frame, kind), kind)
        if raw.size < rows * columns * count:
            raise damaged(f"{raw.size} of {rows * columns * count} samples are there")
        planes = raw[: rows * columns * count].reshape(count, rows, columns)
    array = np.ascontiguousarray(np.moveaxis(planes, 0, 2)) if count > 1 else planes[0]
    return Samples(_scaled(array, dataset))


def _native(dataset: Any, number: int, photometric: str) -> Samples:
    """Uncompressed samples at their stored depth; signed ones are moved up by half their range."""
    rows, columns, count = (
        _value(dataset, "Rows", 0),
        _value(dataset, "Columns", 0),
        _value(dataset, "SamplesPerPixel", 1),
    )
    allocated = _value(dataset, "BitsAllocated", 8)
    if allocated not in (8, 16):
        raise PictureError(f"it holds {allocated}-bit samples in DICOM; 8 and 16 are read")
    if photometric.startswith("YBR") and "422" in photometric:
        raise PictureError("it holds uncompressed YCbCr 4:2:2 samples in DICOM, which are not read")
    size = rows * columns * count * allocated // 8
    raw = bytes(dataset.PixelData)[number * size : (number + 1) * size]
    if len(raw) < size:
        raise damaged(f"{100 * len(raw) // max(size, 1)} % of frame {number} is there")
    little = bool(getattr(dataset, "original_encoding", (None, True))[1])
    array = np.frombuffer(raw, np.dtype(np.uint8 if allocated == 8 else "<u2" if little else ">u2"))
    if count > 1 and _value(dataset, "PlanarConfiguration", 0):
        array = np.moveaxis(array.reshape(count, rows, columns), 0, 2)
    else:
        array = array.reshape((rows, columns, count) if count > 1 else (rows, columns))
    return _finished(Samples(_scaled(array, dataset)), dataset, photometric)


def _scaled(array: np.ndarray, dataset: Any) -> np.ndarray:
    """Samples of the stored bits at the full range of 8 or 16."""
    bits = min(_value(dataset, "BitsStored", 8 * array.itemsize), 8 * array.itemsize)
    wide = array.astype(np.uint16)
    if _value(dataset, "PixelRepresentation", 0):
        wide = wide + np.uint16(1 << (bits - 1))
    wide = wide & np.uint16((1 << bits) - 1)
    return scale_to_eight(wide, (1 << bits) - 1) if bits <= 8 else spread(wide, bits)


def _finished(samples: Samples, dataset: Any, photometric: str) -> Samples:
    if _value(dataset, "PixelRepresentation", 0):
        samples.notes.append("signed samples were moved up by half their range")
    if photometric == "MONOCHROME1":
        samples.array = np.iinfo(samples.array.dtype).max - samples.array
        samples.notes.append("the samples are stored inverted (MONOCHROME1) and were turned round")
    if photometric.startswith("YBR_FULL") and samples.array.ndim == 3 and "compression" not in samples.facts:
        from forensics.pictures.samples import ycbcr_to_rgb

        if _SYNTAXES[str(dataset.file_meta.get("TransferSyntaxUID", "1.2.840.10008.1.2"))][0] in (
            "none",
            "run lengths",
        ):
            samples.array = ycbcr_to_rgb(samples.array, 8)
    return samples


def _quietly(function: Callable[[bytes, str], _Found]) -> Callable[[bytes, str], _Found]:
    """The function without pydicom's warnings, which name no file."""

    def quiet(data: bytes, which: str) -> _Found:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(data, which)

    return quiet


FORMAT = Format(
    "dicom", (".dcm", ".dicom"), lambda data: data[128:132] == b"DICM", _quietly(_stated), _quietly(_decode)
)
