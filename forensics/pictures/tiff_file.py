"""Which picture of a TIFF file is read, and what its directory states (TIFF 6.0; TIFF/EP and DNG for previews and
SubIFDs; libtiff's BigTIFF).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from forensics.errors import PictureError
from forensics.pictures import tiff_header
from forensics.pictures.format import chosen_number
from forensics.pictures.stated import Stated
from forensics.pictures.tiff_header import Directory, Layout

SUBFILE, OLD_SUBFILE, SUB_DIRECTORIES, FILL_ORDER, ROWS = 254, 255, 330, 266, 278
PREDICTOR, COLOUR_MAP, TILE_WIDTH, TILE_LENGTH, JPEG_TABLES = 317, 320, 322, 323, 347
T4_OPTIONS, COEFFICIENTS, SUBSAMPLING, DEPTH, TILE_DEPTH, LERC_PARAMETERS = 292, 529, 530, 32997, 32998, 50674
"""Tags of TIFF 6.0 and of its private fields (SGI's depths, LERC)."""
MOST_DIRECTORIES = 10_000
"""Directories that are looked at; a chain that goes on is cut there."""

COLOURS = {
    0: "grey",
    1: "grey",
    2: "rgb",
    3: "palette",
    4: "bilevel",
    5: "cmyk",
    6: "ycbcr",
    8: "lab",
    9: "icclab",
    10: "itulab",
    32803: "cfa",
    32844: "logl",
    32845: "logluv",
    34892: "linear raw",
    51177: "depth",
}
COMPRESSIONS = {
    1: "none",
    2: "CCITT RLE",
    3: "CCITT G3",
    4: "CCITT G4",
    5: "LZW",
    6: "old-style JPEG",
    7: "JPEG",
    8: "Deflate",
    9: "JBIG",
    10: "JBIG",
    32766: "NeXT",
    32771: "CCITT RLE",
    32773: "PackBits",
    32809: "ThunderScan",
    32908: "PixarFilm",
    32909: "PixarLog",
    32946: "Deflate",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    33007: "JPEG",
    34661: "JBIG",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG of DNG",
    34925: "LZMA",
    34926: "Zstandard",
    34927: "WebP",
    34933: "PNG",
    34934: "JPEG XR",
    22610: "JPEG XR",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
CODECS = {
    "JPEG": "jpeg",
    "old-style JPEG": "jpeg",
    "JPEG 2000": "jpeg2000",
    "WebP": "webp",
    "JPEG XR": "jpegxr",
    "JPEG XL": "jpegxl",
}
"""Class of the lossy codings that a strip may hold."""


@dataclass(frozen=True)
class TiffPicture:
    """The picture that is read.

    Attributes
    ----------
    at : Layout
    tags : Directory
    pages : int
        Full-size pictures in the file's chain of directories.
    previews : int
        Reduced pictures next to them.
    note : str
        Said where it is not the first directory's.
    """

    at: Layout
    tags: Directory
    pages: int
    previews: int = 0
    note: str = ""
    offset: int = 0

    @property
    def photometric(self) -> int:
        """What the samples stand for; where the file does not say, what its coding and number of samples make
        likely.
        """
        tags = self.tags
        if tiff_header.PHOTOMETRIC in tags.tags:
            return tags.value(tiff_header.PHOTOMETRIC)
        if COLOUR_MAP in tags.tags:
            return 3
        fax = tags.value(tiff_header.COMPRESSION, 1) in (2, 3, 4, 32771)
        return 2 if tags.value(tiff_header.SAMPLES, 1) >= 3 else 0 if fax else 1


@dataclass(frozen=True)
class Grid:
    """How a picture is cut: its size, that of a strip or tile, samples a pixel, bits a sample, planes apart or
    together.
    """

    width: int
    height: int
    across: int
    down: int
    samples: int
    bits: int
    planar: bool
    tiled: bool
    tile_depth: int
    deep: int

    @property
    def columns(self) -> int:
        """Strips or tiles side by side."""
        return -(-self.width // self.across)

    @property
    def rows(self) -> int:
        """Strips or tiles one below the other."""
        return -(-self.height // self.down)

    @property
    def planes(self) -> int:
        """Planes that are stored apart."""
        return self.samples if self.planar else 1

    @property
    def channels(self) -> int:
        """Samples that lie together."""
        return 1 if self.planar else self.samples


def read(data: bytes, which: str = "") -> TiffPicture:
    """The picture to read: that of the first directory, unless it says of itself that it is a reduced one or a mask; or
    `which` names another.

    Raises `PictureError` for a file whose first directory is not within it.
    """
    at = tiff_header.layout(data)
    first = tiff_header.directory(data, at, at.first)
    chain = _chain(data, at)
    full = [(offset, tags) for offset, tags in chain if not is_reduced(tags)]
    previews = len(chain) - len(full)
    if which:
        index = chosen_number(which, len(chain))
        tags = tiff_header.directory(data, at, chain[index][0])
        note = f"directory {index} of {len(chain)} was read" if len(chain) > 1 else ""
        return TiffPicture(at, tags, 1, previews, note, chain[index][0])
    others = [*full, *_below(data, at, chain)] if is_reduced(first) else []
    if not others:
        unsaid = tiff_header.PHOTOMETRIC not in first.tags
        note = "the file does not say what its samples stand for; the usual reading was taken" if unsaid else ""
        return TiffPicture(at, first, max(len(full), 1), previews, note, at.first)
    offset = max(others, key=lambda found: _area(found[1]))[0]
    tags = tiff_header.directory(data, at, offset)
    size = f"{first.value(tiff_header.WIDTH)}x{first.value(tiff_header.HEIGHT)}"
    note = f"the first directory holds a reduced picture of {size}; the full one was read"
    return TiffPicture(at, tags, max(len(full), 1), previews, note, offset)


def is_reduced(tags: Directory) -> bool:
    """Whether a directory says that it is a reduced picture (a preview) or a transparency mask."""
    return bool(tags.value(SUBFILE) & 5) or tags.value(OLD_SUBFILE, 1) == 2


def _area(tags: Directory) -> int:
    return tags.value(tiff_header.WIDTH) * tags.value(tiff_header.HEIGHT)


_CHOICE = frozenset({SUBFILE, OLD_SUBFILE, tiff_header.WIDTH, tiff_header.HEIGHT, SUB_DIRECTORIES})


def _chain(data: bytes, at: Layout) -> list[tuple[int, Directory]]:
    """Directories of the main chain with the tags that the choice needs, cut where it breaks or returns on itself."""
    found: dict[int, Directory] = {}
    offset = at.first
    while offset and offset not in found and len(found) < MOST_DIRECTORIES:
        try:
            found[offset] = tiff_header.directory(data, at, offset, _CHOICE)
        except PictureError:
            break
        offset = found[offset].next_offset
    return list(found.items())


def _below(data: bytes, at: Layout, chain: list[tuple[int, Directory]]) -> list[tuple[int, Directory]]:
    """Full-size pictures in the directories below those of the chain."""
    found = []
    for _, above in chain[:64]:
        for offset in above.tags.get(SUB_DIRECTORIES, ())[:64]:
            try:
                tags = tiff_header.directory(data, at, offset, _CHOICE)
            except PictureError:
                continue
            if _area(tags) and not is_reduced(tags):
                found.append((offset, tags))
    return found


def stated(data: bytes, frame: str = "") -> Stated:
    """The directory of the picture that is read; what its samples are must be of a kind that can be analysed."""
    picture = read(data, frame)
    tags = picture.tags
    depth = tags.value(tiff_header.BITS, 1)
    sample_format = tags.value(tiff_header.SAMPLE_FORMAT, 1)
    if COLOURS.get(tags.value(tiff_header.PHOTOMETRIC, 0)) in ("logl", "logluv"):
        raise PictureError("it holds LogLuv samples (high dynamic range); save it with 8 or 16 bits a sample")
    if sample_format == 3:
        raise PictureError(f"it holds {depth}-bit floating-point samples; save it with 8 or 16 bits a sample")
    if sample_format not in (1, 4) or not 1 <= depth <= 16:
        kind = "signed" if sample_format == 2 else "unsigned" if sample_format in (1, 4) else "complex"
        raise PictureError(f"it holds {kind} {depth}-bit samples; TIFF pictures are read with 1 to 16 unsigned bits")
    coding = tags.value(tiff_header.COMPRESSION, 1)
    compression = COMPRESSIONS.get(coding, f"number {coding}")
    facts: dict[str, Any] = {"compression": compression}
    if compression in CODECS or compression == "LERC":
        facts["codec"] = CODECS.get(compression, "lerc")
    if tiff_header.ICC in tags.tags:
        facts["icc_profile"] = True
    if picture.previews:
        facts["reduced_pictures"] = picture.previews
    samples, photometric = tags.value(tiff_header.SAMPLES, 1), picture.photometric
    colour = COLOURS.get(photometric, f"photometric {photometric}")
    orientation = tags.value(tiff_header.ORIENTATION, 1)
    return Stated(
        width=tags.value(tiff_header.WIDTH),
        height=tags.value(tiff_header.HEIGHT),
        bit_depth=depth,
        colour=colour,
        alpha=samples in (2, 4) and tiff_header.EXTRA_SAMPLES in tags.tags,
        pages=picture.pages,
        lossy=None if compression in CODECS or compression == "LERC" else False,
        orientation=orientation if 1 <= orientation <= 8 else 1,
        facts=facts,
        notes=[picture.note] if picture.note else [],
    )
