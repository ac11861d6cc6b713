"""The codings that a TIFF's strips and tiles are stored in, each bounded by the strip's own raw size.

Lossless ones give the strip's bytes, which are then unpacked, put in the machine's byte order and freed of the
predictor; picture codecs (JPEG, JPEG 2000, JPEG XR, JPEG XL, WebP, LERC) give samples at once. A strip that ends early,
holds less than its size or fails a checksum is damage.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics.errors import PictureError
from forensics.pictures import tiff_file, tiff_header
from forensics.pictures.samples import damaged, decoding

if TYPE_CHECKING:
    from forensics.pictures.stated import Stated
    from forensics.pictures.tiff_file import Grid, TiffPicture

_PICTURES = frozenset({"JPEG", "JPEG 2000", "JPEG XR", "JPEG XL", "WebP", "LERC", "PNG"})
_CHECKED = {
    "Deflate": "checksums of every strip or tile",
    "LZMA": "checksums of every strip or tile",
    "JPEG": "every coded block was counted",
    "none": "lengths were checked; nothing in uncompressed data could tell damage",
}


@dataclass
class Coding:
    """How the strips of one picture are coded.

    Attributes
    ----------
    name : str
        A value of `tiff_file.COMPRESSIONS`.
    converts_colour, full_range, keeps_subsampling : bool
        Whether decoding gives RGB for YCbCr, samples of the full range whatever the depth stated, chroma at its stored
        size.
    recoded : int
        Pixels that were coded again to see whether the coding lost any.
    seen : dict
        Facts that the strips tell.
    """

    name: str
    number: int
    order: str
    predictor: int
    reversed_bits: bool
    photometric: int
    tables: bytes
    options: int
    lerc: tuple[int, ...]
    recoded: int = 0
    seen: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, data: bytes, picture: TiffPicture) -> Coding:
        """The coding that a picture's directory names; raises `PictureError` for one that is not read."""
        tags = picture.tags
        number = tags.value(tiff_header.COMPRESSION, 1)
        name = tiff_file.COMPRESSIONS.get(number, f"number {number}")
        if name not in _READ and name not in BY_LIBTIFF:
            raise PictureError(f"its TIFF compression is {name}, which is not read: convert it first")
        return cls(
            name,
            number,
            picture.at.order,
            tags.value(tiff_file.PREDICTOR, 1),
            tags.value(tiff_file.FILL_ORDER, 1) == 2,
            picture.photometric,
            bytes(v & 255 for v in tags.tags.get(tiff_file.JPEG_TABLES, ())),
            tags.value(tiff_file.T4_OPTIONS, 0),
            tags.tags.get(tiff_file.LERC_PARAMETERS, ()),
        )

    def see(self, lossy: bool | None) -> None:
        """Take note of what a strip says of its lossiness: one lossy strip makes a lossy picture, one that does not say
        leaves it open.
        """
        before = self.seen.get("lossy", False)
        self.seen["lossy"] = True if True in (before, lossy) else None if None in (before, lossy) else False

    @property
    def predicts(self) -> bool:
        """Whether a predictor belongs to this coding (TIFF 6.0 section 14)."""
        return self.name in ("LZW", "Deflate", "Zstandard", "LZMA")

    @property
    def converts_colour(self) -> bool:
        """Whether decoding itself turns YCbCr into RGB."""
        return self.name in _PICTURES

    @property
    def full_range(self) -> bool:
        """Whether decoding gives samples of the full range of their type, whatever depth is stated."""
        return False

    @property
    def keeps_subsampling(self) -> bool:
        """Whether chroma lies in the strip at its own size."""
        return self.name not in _PICTURES

    @property
    def integrity(self) -> str:
        """By what damage in the strips would have been noticed."""
        return _CHECKED.get(
            self.name, "every strip or tile was decoded to its full size; damage that keeps the size is not seen"
        )

    def decode(self, strip: bytes, height: int, grid: Grid, subsampling: tuple[int, int], label: str) -> np.ndarray:
        """Samples of one strip or tile, `np.ndarray [shape=(height, across, channels), dtype=uint8 or uint16]`."""
        if self.name in _PICTURES:
            return self._decode_picture(strip, height, grid, label)
        if self.reversed_bits:
            import imagecodecs

            strip = bytes(imagecodecs.bitorder_decode(strip))
        size = _raw_size(height, grid, subsampling)
        with decoding(f"{label} ({self.name})"):
            raw = _READ[self.name](self, strip, size, height, grid)
        if len(raw) < size:
            raise damaged(f"{label} holds {len(raw)} of {size} bytes")
        return self._unpack(bytes(raw[:size]), height, grid, subsampling)

    def _unpack(self, raw: bytes, height: int, grid: Grid, subsampling: tuple[int, int]) -> np.ndarray:
        if subsampling != (1, 1):
            return _spread_chroma(raw, height, grid, subsampling)
        values = grid.across * grid.channels
        height *= grid.tile_depth
        if grid.bits in (8, 16):
            kind = np.dtype(np.uint8) if grid.bits == 8 else np.dtype(self.order + "u2")
            array = np.frombuffer(raw, kind).astype(kind.newbyteorder("="), copy=True).reshape(height, values)
        else:
            import imagecodecs

            rows = np.frombuffer(raw, np.uint8).reshape(height, -1)
            if grid.bits == 1:
                array = np.unpackbits(rows, axis=1)[:, :values]
            else:
                kind = np.dtype(np.uint8 if grid.bits < 8 else np.uint16)
                array = np.stack(
                    [
                        imagecodecs.packints_decode(row.tobytes(), kind, grid.bits, runlen=values)[:values]
                        for row in rows
                    ]
                )
        array = array.reshape(height, grid.across, grid.channels)[: height // grid.tile_depth]
        return self._without_predictor(array, grid)

    def _without_predictor(self, array: np.ndarray, grid: Grid) -> np.ndarray:
        if self.predictor == 1 or not self.predicts:
            return array
        if self.predictor != 2 or grid.bits not in (8, 16):
            raise PictureError(f"its predictor {self.predictor} of {grid.bits}-bit samples is not read")
        return np.cumsum(array, axis=1, dtype=array.dtype)

    def _decode_picture(self, strip: bytes, height: int, grid: Grid, label: str) -> np.ndarray:
        with decoding(f"{label} ({self.name})"):
            array = _READ[self.name](self, strip, 0, height, grid)
        array = np.asarray(array)
        if array.dtype.kind not in "u" or array.dtype.itemsize > 2:
            raise PictureError(f"{label} holds samples of type {array.dtype}, which are not analysed")
        if (
            array.ndim == 2
            and array.shape != (height, grid.across)
            and array.size == height * grid.across * grid.channels
        ):
            array = array.reshape(height, grid.across, grid.channels)
        array = array[:, :, None] if array.ndim == 2 else array
        if self.name == "WebP" and array.ndim == 3 and array.shape[2] == 3 and grid.channels == 4:
            # libwebp leaves out an alpha that is opaque everywhere.
            array = np.dstack([array, np.full_like(array[:, :, 0], np.iinfo(array.dtype).max)])
        if array.ndim == 3 and array.shape[2] > grid.channels:
            array = array[:, :, : grid.channels]
        if (
            array.shape[0] < min(height, grid.height)
            or array.shape[1] < min(grid.across, grid.width)
            or array.shape[2] != grid.channels
        ):
            raise damaged(f"{label} holds a picture of {'x'.join(map(str, array.shape))}")
        wanted = np.uint8 if grid.bits <= 8 else np.uint16
        if array.dtype != wanted:
            raise damaged(f"{label} holds {8 * array.dtype.itemsize}-bit samples and {grid.bits} are stated")
        return array[:height, : grid.across]


def _raw_size(height: int, grid: Grid, subsampling: tuple[int, int]) -> int:
    if subsampling != (1, 1):
        across, down = subsampling
        return -(-grid.across // across) * -(-height // down) * (across * down + 2)
    return -(-grid.across * grid.channels * grid.bits // 8) * height * grid.tile_depth


def _spread_chroma(raw: bytes, height: int, grid: Grid, subsampling: tuple[int, int]) -> np.ndarray:
    """Data units of several luma samples and one pair of chroma, each chroma sample repeated (TIFF 6.0 section 21)."""
    across, down = subsampling
    columns, rows = -(-grid.across // across), -(-height // down)
    if grid.channels != 3 or grid.bits != 8:
        raise PictureError("YCbCr with subsampled chroma is read in 8 bits and three samples together")
    units = np.frombuffer(raw, np.uint8).reshape(rows, columns, across * down + 2)
    luma = (
        units[:, :, :-2]
        .reshape(rows, columns, down, across)
        .transpose(0, 2, 1, 3)
        .reshape(rows * down, columns * across)
    )
    chroma = [units[:, :, k].repeat(down, 0).repeat(across, 1) for k in (-2, -1)]
    return np.stack([luma, *chroma], axis=2)[:height, : grid.across]


def _none(coding: Coding, strip: bytes, size: int, height: int, grid: Grid) -> bytes:
    return strip


def _deflate(coding: Coding, strip: bytes, size: int, height: int, grid: Grid) -> bytes:
    """Inflated to the strip's size; the checksum behind it is compared (RFC 1950, 2.2), which libtiff leaves undone.

    The last strip of some writers is as long as the others; a stream that goes on beyond that is damaged, or one that
    many strips share.
    """
    stream, most = zlib.decompressobj(), max(size, size // max(height, 1) * grid.down)
    try:
        raw = stream.decompress(strip, most + 1)
        if not stream.eof and len(raw) <= most:
            raw += stream.decompress(stream.unconsumed_tail, 1)
    except zlib.error as error:
        raise damaged(f"a strip or tile cannot be inflated: {str(error).partition(': ')[2] or error}") from None
    if len(raw) > most:
        raise damaged("the Deflate data of a strip or tile are longer than it")
    if not stream.eof and len(raw) < size:
        raise damaged("the Deflate data of a strip or tile end early")
    return raw


def _lzw(coding: Coding, strip: bytes, size: int, height: int, grid: Grid) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.lzw_decode(strip, out=size))


def _packbits(coding: Coding, strip: bytes, size: int, height: int, grid: Grid) -> bytes:
    """PackBits (TIFF 6.0 section 9): runs that are cut short or reach past the strip are damage."""
    out, place, end = bytearray(), 0, len(strip)
    while place < end and len(out) < size:
        head = strip[place]
        if head < 128:
            if place + 2 + head > end:
                raise damaged("a PackBits run reaches past its strip")
            out += strip[place + 1 : place + 2 + head]
            place += head + 2
        elif head > 128:
            if place + 1 >= end:
                raise damaged("a PackBits run reaches past its strip")
            out += strip[place + 1 : place + 2] * (257 - head)
            place += 2
        else:
            place += 1
    if len(out) > size + 127:
        raise damaged("PackBits data are longer than their strip")
    if end - place > 4 and any(strip[place:]):
        raise damaged(f"{end - place} bytes of PackBits data are left over after the strip's last sample")
    return bytes(out)


def _zstandard(coding: Coding, strip: bytes, size: int, height: int, grid: Grid) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.zstd_decode(strip, out=bytearray(size)))


def _lzma(coding: Coding, strip: bytes, size: int, height: int, grid: Grid) -> bytes:
    import lzma

    stream = lzma.LZMADecompressor()
    raw = stream.decompress(strip, size)
    if not stream.eof:
        stream.decompress(b"", 1)
    return raw


def _fax(coding: Coding, strip: bytes, size: int, height: int, grid: Grid) -> bytes:
    from forensics.pictures import fax

    rows = fax.decode(coding.name, strip, height, grid.across, coding.options, coding.number == 32771)
    return np.packbits(rows, axis=1).tobytes()


def _jpeg(coding: Coding, strip: bytes, size: int, height: int, grid: Grid) -> np.ndarray:
    """One JPEG a strip, with the file's tables put in front; all its blocks must be there (TIFF Technical Note 2)."""
    import imagecodecs

    from forensics.pictures import jpeg_file, jpeg_scan, jpeg_segments

    if strip[:2] != b"\xff\xd8":
        raise damaged("a JPEG strip does not start with its marker")
    tables = coding.tables[2:-2] if coding.tables[:2] == b"\xff\xd8" and coding.tables[-2:] == b"\xff\xd9" else b""
    file = jpeg_segments.read(strip[:2] + tables + strip[2:])
    if file.frame is None or not file.scans or file.cut:
        raise damaged("a JPEG strip without a frame or a scan")
    if file.frame.width > max(grid.across, 2 * grid.width) or file.height > max(2 * grid.down, 16):
        raise damaged(f"a JPEG strip of {file.frame.width}x{file.height} pixels")
    found = jpeg_scan.check(file)
    if found.problem:
        raise damaged(found.problem)
    lossless = jpeg_file.is_lossless(file)
    coding.see(not lossless)
    if file.frame.marker == 0xC3:
        return _lossless_jpeg(file, height, grid)
    count = len(file.frame.components)
    inside = "ycbcr" if coding.photometric == 6 else {1: "gray", 3: "rgb", 4: "cmyk"}.get(count, "unknown")
    outside = "rgb" if coding.photometric == 6 else inside
    array = imagecodecs.jpeg8_decode(file.clean, colorspace=inside, outcolorspace=outside)
    coding.seen.setdefault("chroma_subsampling", _jpeg_subsampling(file) if count == 3 else "grey")
    return np.asarray(array)


def _jpeg_subsampling(file: Any) -> str:
    first, *others = file.frame.components
    ratio = (first.horizontal // others[0].horizontal, first.vertical // others[0].vertical)
    return {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1"}.get(
        ratio, f"{ratio[0]}x{ratio[1]}"
    )


def _lossless_jpeg(file: Any, height: int, grid: Grid) -> np.ndarray:
    """Clause H; DNG's strips state half the width with two components, which is one row of samples all the same."""
    import imagecodecs

    for decoder in (imagecodecs.jpegsof3_decode, imagecodecs.ljpeg_decode):
        try:
            array = np.asarray(decoder(file.clean))
        except Exception:  # the next one may read it
            continue
        if array.size == height * grid.across * grid.channels or array.shape[:2] == (file.height, file.frame.width):
            return array
    raise damaged("a lossless JPEG strip cannot be decoded")


def _coded(name: str) -> Callable[[Coding, bytes, int, int, Grid], np.ndarray]:
    def decode(coding: Coding, strip: bytes, size: int, height: int, grid: Grid) -> np.ndarray:
        import imagecodecs

        from forensics.pictures import stated_size

        stated = stated_size.of(name, strip)
        if stated is not None and stated.width * stated.height > max(4 * grid.across * height, 1 << 24):
            raise damaged(f"a strip or tile holds a picture of {stated.width}x{stated.height} pixels")
        if name == "jpegxr":
            from forensics.pictures import guarded, jpegxr_header

            coding.see(jpegxr_header.is_lossy(strip[max(strip.find(jpegxr_header.SIGNATURE), 0) :]))
            return guarded.decode_raw("jpegxr", strip)
        if name == "jpeg2000":
            return _jpeg2000(coding, strip, stated)
        coding.see(stated.lossy if stated is not None else False if name == "png" else None)
        decoders: dict[str, Any] = {
            "webp": imagecodecs.webp_decode,
            "jpegxl": imagecodecs.jpegxl_decode,
            "png": imagecodecs.png_decode,
        }
        return np.asarray(decoders[name](strip))

    return decode


_MOST_RECODED = 4_000_000
"""Pixels of a picture's reversible strips and tiles that are coded again to see whether bits were cut off: a bound on
work."""


def _jpeg2000(coding: Coding, strip: bytes, stated: Stated | None) -> np.ndarray:
    import imagecodecs

    from forensics.pictures import jpeg2000_file, jpeg2000_stream

    stream = jpeg2000_stream.checked(strip)
    array = np.asarray(imagecodecs.jpeg2k_decode(stream.data, numthreads=1))
    lossy, pixels = stated.lossy if stated is not None else None, array.shape[0] * array.shape[1]
    if lossy is None and stream.wavelet == "5/3" and coding.recoded + pixels <= _MOST_RECODED:
        coding.recoded += pixels
        whole = jpeg2000_file.keeps_all_bits(array if array.ndim == 3 else array[:, :, None], stream)
        lossy = None if whole is None else not whole
    coding.see(lossy)
    return array


def _lerc(coding: Coding, strip: bytes, size: int, height: int, grid: Grid) -> np.ndarray:
    """LERC, plain or inside Deflate or Zstandard as the tag of its parameters says."""
    import imagecodecs

    outer = coding.lerc[1] if len(coding.lerc) > 1 else 0
    limit = height * grid.across * grid.channels * 4 + 65536
    if outer == 1:
        strip = zlib.decompressobj().decompress(strip, limit)
    elif outer == 2:
        strip = bytes(imagecodecs.zstd_decode(strip, out=limit))
    coding.see(_lerc_error(strip))
    return np.asarray(imagecodecs.lerc_decode(strip))


def _lerc_error(blob: bytes) -> bool | None:
    """Whether a Lerc2 blob allows integers to change: its largest error is stated behind its eight or seven sizes."""
    if blob[:6] != b"Lerc2 " or len(blob) < 64:
        return None
    (version,) = struct.unpack_from("<i", blob, 6)
    place = (14 if version >= 3 else 10) + 4 * (7 if version >= 4 else 6)
    return bool(struct.unpack_from("<d", blob, place)[0] > 0.5)


BY_LIBTIFF = frozenset({"old-style JPEG", "ThunderScan", "NeXT", "PixarLog"})
"""Codings of the past that are left to libtiff, which says nothing of data that are missing."""
_READ: dict[str, Callable[..., Any]] = {
    "none": _none,
    "Deflate": _deflate,
    "LZW": _lzw,
    "PackBits": _packbits,
    "Zstandard": _zstandard,
    "LZMA": _lzma,
    "CCITT RLE": _fax,
    "CCITT G3": _fax,
    "CCITT G4": _fax,
    "JPEG": _jpeg,
    "JPEG 2000": _coded("jpeg2000"),
    "JPEG XR": _coded("jpegxr"),
    "JPEG XL": _coded("jpegxl"),
    "WebP": _coded("webp"),
    "PNG": _coded("png"),
    "LERC": _lerc,
}
