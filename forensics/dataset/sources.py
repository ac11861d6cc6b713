"""Source pictures of a data set: a folder of lossless files, each read to 8-bit pixels, hashed, split and checked.

- Files: PNG, TIFF, PPM/PGM, BMP, lossless WebP and lossless JPEG XL, found in all sub-folders. A lossy file is refused.
- Pixels: 8-bit RGB or grey; of 16-bit samples the high byte is kept; an alpha channel must be opaque and is dropped.
- Identity: SHA-256 of the pixel bytes, rows from the top, so the same picture in another container is the same source.
- Split: a sub-folder named `train`, `val` or `test...` decides; elsewhere the hash does, with given shares.
- Origin: the file name up to `__`, or the name of its folder.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, UnidentifiedImageError

from forensics.codecs.base import check_pixels
from forensics.dataset.earlier_compression import traces_of
from forensics.errors import PictureError, UsageError

SUFFIXES = (".png", ".tif", ".tiff", ".ppm", ".pgm", ".pnm", ".bmp", ".webp", ".jxl")
"""Suffixes, in lower case, of the files that are looked at."""

SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}
"""Shares of the splits for sources whose folder names none."""

_PILLOW_FORMATS = ("PNG", "TIFF", "PPM", "BMP", "WEBP")
_LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp")


@dataclass(frozen=True)
class Source:
    """One source picture.

    `name` is its path below the folder of sources, with forward slashes, or `synthetic/...`; `traces` the findings of
    `forensics.dataset.earlier_compression.traces_of`, joined by `+`, empty for a clean picture.
    """

    name: str
    sha256: str
    split: str
    origin: str
    width: int
    height: int
    channels: int
    traces: str


def find(folder: Path) -> list[str]:
    """Names of all files below `folder` that can be sources, sorted; raises `UsageError` when it is no folder."""
    if not folder.is_dir():
        raise UsageError(f"sources are a folder of lossless pictures, and {str(folder)!r} is none")
    paths = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def load(path: Path) -> np.ndarray:
    """Pixels of one lossless file, uint8 RGB or grey; raises `PictureError` with the reason where it cannot be used."""
    data = path.read_bytes()
    if not data:
        raise PictureError("the file is empty")
    if data.startswith((b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")):
        return _load_jpegxl(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and not webp_is_lossless(data):
        raise PictureError("a source must be lossless, and this WebP is lossy")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=_PILLOW_FORMATS) as picture:
                if str(picture.info.get("compression")) in _LOSSY_TIFF:
                    raise PictureError("a source must be lossless, and this TIFF holds lossy data")
                picture.load()
                return _eight_bit(picture)
    except UnidentifiedImageError:
        raise PictureError("the file is none of PNG, TIFF, PPM, BMP, WebP, JPEG XL") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureError(f"the file cannot be read: {error}") from None


def describe(name: str, pixels: np.ndarray, shares: Mapping[str, float]) -> Source:
    """Facts of one source: hash, split, origin, size and traces of earlier compression."""
    digest = pixels_sha256(pixels)
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else 3
    split = split_of_folder(name) or split_of_hash(digest, shares)
    return Source(name, digest, split, origin_of(name), width, height, channels, "+".join(traces_of(pixels)))


def pixels_sha256(pixels: np.ndarray) -> str:
    """Hexadecimal SHA-256 of the pixel bytes in C order."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def split_of_folder(name: str) -> str | None:
    """The split that a source's sub-folder names: `train`, `val` or a name that starts with `test`."""
    for part in PurePosixPath(name).parts[:-1]:
        if part in ("train", "val") or part.startswith("test"):
            return part
    return None


def of_split(folder: Path, split: str) -> list[str]:
    """Names of the files of a folder's split, as far as folders say it."""
    return [name for name in find(folder) if split_of_folder(name) == split]


def split_of_hash(sha256: str, shares: Mapping[str, float]) -> str:
    """The split of a source by its hash, so that it stays in it whatever else the folder holds."""
    total = sum(shares.values())
    if total <= 0 or min(shares.values()) < 0:
        raise UsageError(f"shares of the splits are positive numbers, not {dict(shares)}")
    position = int(sha256[:16], 16) / 2.0**64 * total
    for split, share in shares.items():
        position -= share
        if position < 0:
            return split
    return next(reversed([split for split, share in shares.items() if share > 0]))


def origin_of(name: str) -> str:
    """Where a source comes from: its file name up to `__`, or its folder's name, or `sources` at the top."""
    path = PurePosixPath(name)
    prefix, separator, _ = path.stem.partition("__")
    if separator and prefix:
        return prefix
    return path.parent.name or "sources"


def webp_is_lossless(data: bytes) -> bool:
    """Whether a WebP file's picture is coded losslessly: a `VP8L` chunk and no `VP8 ` (RFC 9649, 2.5 and 2.6)."""
    found, position = set(), 12
    while position + 8 <= len(data):
        found.add(data[position : position + 4])
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8 + size + size % 2
    return b"VP8L" in found and b"VP8 " not in found and b"ANMF" not in found


def jpegxl_is_lossless(data: bytes) -> bool:
    """Whether a JPEG XL file can be lossless: its samples are not XYB and it does not hold a recompressed JPEG.

    XYB is what every lossy encoder stores (ISO/IEC 18181-1, image metadata, `xyb_encoded`); a box `jbrd` marks the
    JPEG (18181-2). A file whose header goes beyond the common forms counts as not lossless.
    """
    codestream = data
    if data.startswith(b"\x00\x00\x00\x0cJXL "):
        boxes = dict(_boxes(data))
        if b"jbrd" in boxes:
            return False
        codestream = boxes.get(b"jxlc") or boxes.get(b"jxlp", b"")[4:]
    try:
        return codestream[:2] == b"\xff\x0a" and not _xyb_encoded(_Bits(codestream[2:66]))
    except ValueError:
        return False


def _load_jpegxl(data: bytes) -> np.ndarray:
    import imagecodecs

    if not jpegxl_is_lossless(data):
        raise PictureError("a source must be lossless, and this JPEG XL is lossy or cannot be shown to be lossless")
    try:
        pixels = np.asarray(imagecodecs.jpegxl_decode(data))
    except RuntimeError as error:
        raise PictureError(f"the file cannot be read: {error}") from None
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
        raise PictureError(f"a source has one frame of 8 or 16 bit samples, not {pixels.dtype} {pixels.shape}")
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        pixels = _without_alpha(pixels)
    return check_pixels(pixels)


def _eight_bit(picture: Image.Image) -> np.ndarray:
    """Pixels of a loaded picture, uint8 RGB or grey; alpha must be opaque."""
    if picture.mode.startswith("I;16") or picture.mode == "I":
        samples = np.asarray(picture).astype(np.int64)
        if samples.min() < 0 or samples.max() > 65535:
            raise PictureError("grey samples lie beyond 16 bits")
        return (samples >> 8).astype(np.uint8)
    if picture.mode in ("P", "PA"):
        picture = picture.convert("RGBA")
    elif picture.mode == "1":
        picture = picture.convert("L")
    elif picture.mode not in ("L", "LA", "RGB", "RGBA"):
        raise PictureError(f"a source is RGB or grey, not {picture.mode}")
    pixels = np.asarray(picture)
    return check_pixels(_without_alpha(pixels) if picture.mode in ("LA", "RGBA") else pixels)


def _without_alpha(pixels: np.ndarray) -> np.ndarray:
    if pixels[:, :, -1].min() < 255:
        raise PictureError("a source must be opaque, and this one has transparent pixels")
    return np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 2 else pixels[:, :, :3])


def _boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """Types and contents of the boxes of a file, the first of each type last so that it wins in a dictionary."""
    found, position = [], 0
    while position + 8 <= len(data):
        size, start = int.from_bytes(data[position : position + 4], "big"), position + 8
        if size == 1:
            size, start = int.from_bytes(data[start : start + 8], "big"), start + 8
        end = len(data) if size == 0 else position + size
        if end < start:
            break
        found.append((data[position + 4 : position + 8], data[start:end]))
        position = end
    return found[::-1]


class _Bits:
    """Bits of a JPEG XL header, least significant first."""

    def __init__(self, data: bytes) -> None:
        self._bits, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def u(self, count: int) -> int:
        """An unsigned number of `count` bits; raises `ValueError` at the end of the data."""
        if count > self._left:
            raise ValueError("the header is truncated")
        value = self._bits & ((1 << count) - 1)
        self._bits >>= count
        self._left -= count
        return value

    def u32(self, *choices: tuple[int, int]) -> int:
        """One of four (offset, bits) forms, chosen by two bits."""
        offset, bits = choices[self.u(2)]
        return offset + self.u(bits)


def _skip_size(bits: _Bits) -> None:
    lengths = ((1, 9), (1, 13), (1, 18), (1, 30))
    small = bits.u(1)
    _ = bits.u(5) if small else bits.u32(*lengths)
    if bits.u(3) == 0:
        _ = bits.u(5) if small else bits.u32(*lengths)


def _xyb_encoded(bits: _Bits) -> bool:
    """The flag of that name in the header; raises `ValueError` for headers beyond the common forms."""
    _skip_size(bits)
    if bits.u(1):
        return True
    if bits.u(1):
        bits.u(3)
        if bits.u(1):
            _skip_size(bits)
        if bits.u(1) or bits.u(1):
            raise ValueError("previews and animations are not sources")
    if bits.u(1):
        raise ValueError("float samples are not sources")
    bits.u32((8, 0), (10, 0), (12, 0), (1, 6))
    bits.u(1)
    for _ in range(bits.u32((0, 0), (1, 0), (2, 4), (1, 12))):
        if not bits.u(1):
            raise ValueError("only plain alpha is read")
    return bool(bits.u(1))
