"""Open any picture file safely: content decides what it is, the header decides whether to decode, one line says why
not.

What a file becomes is a `Picture`: its pixels as stored, its alpha apart, its SHA-256 and the facts its container
states. The rules, all of which end up in `Picture.notes` where they apply:

- The first page of a multi-page TIFF, of an animated GIF, PNG or WebP is read.
- EXIF orientation is not applied: the coding grid lies in the pixels as stored.
- 16-bit samples of PNG, TIFF and PNM stay 16 bits wide; coded files are decoded to 8 bits.
- Palettes and 1-, 2- and 4-bit samples are expanded to 8 bits; a palette of greys becomes a grey picture.
- An alpha channel is kept apart and never composited.
- ICC profiles are not applied.

Refused, each with one `PictureError`: missing and empty files, folders, other formats, truncated or damaged files,
pictures of more than `max_pixels` (judged by the header, before decoding), floating-point, signed and 32-bit samples,
CMYK, Lab and other spaces that are neither RGB nor grey. Pictures of any size from 1x1 can be opened; the analysis sets
its own minimum.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from forensics_models.classes import CLASSES

from forensics.codecs import registry
from forensics.errors import CodecError, CodecUnavailable, PictureError
from forensics.pictures import (
    avif_file,
    bmp_file,
    coded_end,
    container,
    depth_in_use,
    formats,
    frames,
    guarded,
    jpeg2000_file,
    jpeg_file,
    jpegxl_file,
    jpegxr_file,
    pillow_samples,
    png_file,
    pnm_file,
    tiff_file,
    tiff_samples,
)
from forensics.pictures.format import chosen_number
from forensics.pictures.samples import ENDS_CHECKED, LENGTHS_ONLY, Samples, damaged, decoding, reason
from forensics.pictures.stated import Stated
from forensics.pixels import MAX_PIXELS

_BYTES_PER_PIXEL = 8
"""Bytes of the largest pixel that is read, four samples of 16 bits: a bound on a file's size."""
_BYTES_BESIDE = 1 << 26
"""Bytes that a file may hold in addition to its pixels, such as profiles and previews: a bound on memory."""


@dataclass(frozen=True)
class Picture:
    """An opened picture.

    Attributes
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or uint16]
        Grey or RGB samples as stored.
    alpha : np.ndarray [shape=(height, width), dtype=uint8 or uint16] or None
        The alpha channel, where the decoder gives one.
    sha256 : str
        SHA-256 of the file's bytes (of the samples for a picture given as an array).
    name : str
        Path or other name of the source.
    container : dict
        What the container states: `format`, `bytes`, `width`, `height`, `bit_depth`, `colour`, `alpha`, `pages`,
        `lossy` (True, False or None for not known), `codec` (a class, for coded files), `exif_orientation`,
        `icc_profile`, `suffix_fits`, and facts of the format's own.
    notes : tuple of str
        What was done to get these pixels, or left undone, that a reader of the result must know.

    Examples
    --------
    >>> import forensics
    >>> picture = forensics.open_picture("examples/jpeg.png")
    >>> picture.pixels.shape, picture.pixels.dtype.name, picture.container["lossy"]
    ((251, 253, 3), 'uint8', False)
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    sha256: str
    name: str
    container: dict[str, Any]
    notes: tuple[str, ...] = field(default=())

    @property
    def width(self) -> int:
        """Width in pixels, as stored."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels, as stored."""
        return int(self.pixels.shape[0])


def open_picture(
    source: str | Path | bytes | BinaryIO, *, max_pixels: int = MAX_PIXELS, name: str | None = None, frame: str = ""
) -> Picture:
    """Open a picture file.

    Parameters
    ----------
    source : str, Path, bytes or binary file object
        A path, a file's content, or an open file (read from where it stands).
    max_pixels : int
        Larger pictures are refused before they are decoded.
    name : str, optional
        What to call the source; its path by default.
    frame : str
        Which picture of a file with several: a number from 0, for videos also a time (`2.5s`, `1:02.5`). By default the
        first, the first key frame of a video, the largest of an icon or a PDF.

    Returns
    -------
    Picture

    Raises
    ------
    PictureError
        The source cannot be read, is not a picture, is damaged or truncated, is too large, or holds samples of a kind
        that cannot be analysed. The message is one line and does not repeat the name.

    Examples
    --------
    >>> import forensics
    >>> picture = forensics.open_picture("examples/jpeg.png")
    >>> picture.pixels.shape, picture.pixels.dtype.name
    ((251, 253, 3), 'uint8')
    >>> picture.container["format"]
    'png'
    """
    limit = max_pixels * _BYTES_PER_PIXEL + _BYTES_BESIDE
    data = _read(source, limit)
    if len(data) > limit:
        raise PictureError(f"the file is larger than a picture of {max_pixels} pixels can be (--max-pixels)")
    form, stated = container.read_stated(data, frame)
    if stated.width * stated.height > max_pixels:
        raise PictureError(
            f"{stated.width}x{stated.height} pixels are more than the {max_pixels} allowed (--max-pixels)"
        )
    samples = _decode(data, form, stated, frame)
    (pixels, alpha), used = _split(samples.array), None
    if pixels.dtype == np.uint16:
        pixels, used = depth_in_use.scaled(pixels)
    title = name or (str(source) if isinstance(source, str | Path) else getattr(source, "name", None) or "data")
    suffix = Path(title).suffix.lower() if isinstance(source, str | Path) else ""
    facts = {**_facts(data, form, stated, suffix), **samples.facts}
    notes = _notes(form, stated, facts, pixels, alpha is not None, suffix)
    notes = tuple(dict.fromkeys([*notes, *stated.notes, *samples.notes, *([used] if used else [])]))
    return Picture(pixels, alpha, hashlib.sha256(data).hexdigest(), str(title), facts, notes)


def from_array(pixels: np.ndarray, *, max_pixels: int = MAX_PIXELS, name: str = "array") -> Picture:
    """A picture from samples in memory; the third axis holds grey, grey + alpha, RGB or RGB + alpha.

    Raises `PictureError` on another shape, another dtype than uint8 or uint16 (floating-point and signed samples are
    refused, NaN among them), or more than `max_pixels` pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.pictures.opened import from_array
    >>> from_array(np.zeros((64, 80), np.uint8), name="mine").name
    'mine'
    """
    try:
        array = np.asarray(pixels)
    except ValueError:
        raise PictureError("pixels are an array of shape (height, width[, 1..4]), not a ragged list") from None
    if array.dtype.newbyteorder("=") in (np.uint8, np.uint16):
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype not in (np.uint8, np.uint16):
        raise PictureError(f"pixels are uint8 or uint16, not {array.dtype}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 2, 3, 4)) or 0 in array.shape:
        raise PictureError(f"pixels have shape (height, width[, 1..4]), not {array.shape}")
    if array.shape[0] * array.shape[1] > max_pixels:
        raise PictureError(f"{array.shape[1]}x{array.shape[0]} pixels are more than the {max_pixels} allowed")
    digest = hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
    colour, alpha = _split(array)
    facts = {
        "format": "array",
        "width": colour.shape[1],
        "height": colour.shape[0],
        "bit_depth": 8 * array.itemsize,
    }
    stated = Stated(colour.shape[1], colour.shape[0], 8 * array.itemsize)
    notes = _notes("array", stated, facts, colour, alpha is not None, "")
    if colour.dtype == np.uint16:
        colour, used = depth_in_use.scaled(colour)
        notes += (used,) if used else ()
    return Picture(colour, alpha, digest, name, facts, notes)


def from_pillow(image: Any, *, max_pixels: int = MAX_PIXELS, name: str | None = None) -> Picture:
    """A picture from a Pillow image: palettes and bits expanded, alpha apart; raises `PictureError` for modes that are
    not analysed.
    """
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N"):
        array = np.array(image, np.uint16)
    else:
        array = pillow_samples.in_strips(pillow_samples.plain(image))
    return from_array(array, max_pixels=max_pixels, name=name or getattr(image, "filename", "") or "image")


def _read(source: str | Path | bytes | BinaryIO, limit: int) -> bytes:
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if not isinstance(source, str | Path):
        if not hasattr(source, "read"):
            raise PictureError(
                f"a picture is a path, bytes, a binary file, an array or a Pillow image, not {type(source).__name__}"
            )
        try:
            content = source.read(limit + 1)
        except (OSError, ValueError) as error:  # a closed file among them
            raise PictureError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
        if not isinstance(content, bytes):
            raise PictureError("the file is open as text; a picture is read from a binary file")
        return content
    if source == "":
        raise PictureError("an empty name is no file")
    path = Path(source)
    try:
        if path.is_dir():
            raise PictureError("is a folder, not a picture, and holds none (--recursive goes through folders)")
        if not path.exists():
            raise PictureError("there is no such file")
        if not path.is_file():
            raise PictureError("is not a regular file")
        with path.open("rb") as file:
            return file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PictureError(f"cannot be read: {reason}") from None


def _decode(data: bytes, form: str, stated: Stated, frame: str = "") -> Samples:
    """Samples of a file; every failure of a decoder becomes one `PictureError`."""
    try:
        with decoding(f"its {form} data"):
            return _read_samples(data, form, stated, frame)
    except CodecUnavailable as error:
        raise PictureError(f"{form} files cannot be decoded here: {error}") from None
    except CodecError as error:
        raise PictureError(f"the {form} decoder refused it: {_plain_words(error)}") from None
    except MemoryError:
        raise PictureError(f"{stated.width}x{stated.height} pixels do not fit in memory") from None


def _plain_words(error: Exception) -> str:
    """A codec's refusal without what only its library understands: addresses, names of C functions, return codes."""
    text = " ".join(str(error).split())
    head, separator, tail = text.partition(": cannot decode: ")
    if not separator:
        return text
    return f"{head}: the data are damaged{reason(Exception(tail))}"


_DECODERS: dict[str, Callable[[bytes], Samples]] = {
    "bmp": bmp_file.decode,
    "gif": lambda data: pillow_samples.decode_palette(data, "GIF"),
    "jpeg": jpeg_file.decode,
    "jpeg2000": jpeg2000_file.decode,
    "jpegxl": jpegxl_file.decode,
    "jpegxr": jpegxr_file.decode,
    "png": png_file.decode,
    "pnm": pnm_file.decode,
}


def _read_samples(data: bytes, form: str, stated: Stated, frame: str) -> Samples:
    further = formats.get(form) if form not in container.SUFFIXES else None
    if further is not None:
        return further.decode(data, frame)
    if form == "tiff":
        return tiff_samples.decode(data, tiff_file.read(data, frame))
    if frame and chosen_number(frame, stated.pages):
        return frames.decode(data, form, frame, stated.pages)
    if form in _DECODERS:
        return _DECODERS[form](data)
    codec = registry.sniff(data)
    if form == "avif":
        return avif_file.decode(data, codec or form)
    array = guarded.decode(codec or form, data)
    if form not in coded_end.CHECKS:
        return Samples(array, facts={"integrity": LENGTHS_ONLY})
    if problem := coded_end.CHECKS[form](data):
        raise damaged(problem)
    return Samples(array, facts={"integrity": ENDS_CHECKED})


def _split(array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Colour and alpha of samples of shape (height, width[, 1..4]), each contiguous."""
    if array.ndim == 2:
        return np.ascontiguousarray(array), None
    channels = array.shape[2]
    alpha = np.ascontiguousarray(array[:, :, -1]) if channels in (2, 4) else None
    colour = array[:, :, 0] if channels < 3 else array[:, :, :3]
    return np.ascontiguousarray(colour), alpha


def _facts(data: bytes, form: str, stated: Stated, suffix: str) -> dict[str, Any]:
    coded = form in CLASSES
    facts: dict[str, Any] = {
        "format": form,
        "bytes": len(data),
        "width": stated.width,
        "height": stated.height,
        "bit_depth": stated.bit_depth,
        "colour": stated.colour,
        "alpha": stated.alpha,
        "pages": stated.pages,
        "lossy": stated.lossy,
        "exif_orientation": stated.orientation,
        "icc_profile": False,
        "suffix_fits": not suffix or suffix in container.suffixes_of(form),
    }
    if coded:
        facts["codec"] = form
    facts.update(stated.facts)
    if form == "jpeg":
        facts["jpeg"] = _jpeg_facts(data)
    facts.update(_coded_facts(data, form) if stated.lossy is not False else {})
    return facts


def _coded_facts(data: bytes, form: str) -> dict[str, Any]:
    """Quantiser and colour coding by name, where the file's bit stream can be read that far."""
    from forensics.codecs.headers import coded_strength

    try:
        return dict(coded_strength.read(form, data))
    except CodecError:
        return {}


def _jpeg_facts(data: bytes) -> dict[str, Any]:
    """Quality, subsampling, tables and switches of a JPEG file."""
    from forensics.codecs.headers.jpeg import read_header

    header = read_header(data)
    return {
        "quality": header.quality,
        "standard_tables": header.standard_tables,
        "subsampling": header.subsampling,
        "progressive": header.progressive,
        "arithmetic": header.arithmetic,
        "adobe_transform": header.adobe_transform,
        "quantization_tables": [table.tolist() for table in header.tables],
    }


def _notes(
    form: str, stated: Stated, facts: dict[str, Any], pixels: np.ndarray, alpha_kept: bool, suffix: str
) -> tuple[str, ...]:
    notes = []
    if not facts.get("suffix_fits", True):
        notes.append(f"the name ends in {suffix} but the content is {form}")
    if stated.pages > 1 and "frame" not in facts and form not in ("video", "pdf"):
        which = "the largest" if form == "ico" else "the first"
        notes.append(f"{which} of {stated.pages} pictures in the file was read")
    if stated.orientation != 1:
        notes.append(f"EXIF orientation {stated.orientation} was not applied: the pixels are analysed as stored")
    if pixels.dtype == np.uint16:
        rounded = "at the 8 bits that they hold" if depth_in_use.is_eight_bit(pixels) else "rounded to 8 bits"
        notes.append(f"16-bit samples are analysed {rounded}")
    elif stated.bit_depth > 8:
        notes.append(f"{stated.bit_depth}-bit samples were decoded to 8 bits")
    if stated.colour == "palette":
        notes.append("the palette was expanded")
    elif stated.bit_depth in (1, 2, 4):
        notes.append(f"{stated.bit_depth}-bit samples were expanded to 8 bits")
    if stated.alpha or alpha_kept:
        notes.append("the alpha channel was left out of the analysis")
    if pixels.shape[:2] != (stated.height, stated.width):
        notes.append(
            f"the header states {stated.width}x{stated.height} and {pixels.shape[1]}x{pixels.shape[0]} were decoded"
        )
    return tuple(notes)


def open_quietly(source: str | BinaryIO, max_pixels: int, name: str, frame: str = "") -> Picture:
    """Open a picture while what C libraries print about damaged files goes nowhere: the error's one line says it."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:
        return open_picture(source, max_pixels=max_pixels, name=name, frame=frame)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        return open_picture(source, max_pixels=max_pixels, name=name, frame=frame)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
