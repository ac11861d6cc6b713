"""How many blocks of JPEGs come back bit for bit, by quality and subsampling, and how fast, in processor time.

Every source is coded by libjpeg-turbo (Pillow), decoded, and given to `forensics.reconstruct` as pixels alone. A block
counts when its pixels come out the same from the rebuilt file; luma and chroma blocks when coefficients were found that
give their samples. A picture counts as exact when every pixel comes out the same.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forensics.errors import ForensicsError, UsageError
from forensics.pictures.opened import open_picture
from forensics.pixels import eight_bit
from forensics.reconstruction.blocks import SEARCHED
from forensics.reconstruction.reconstruct import judged, prepare

QUALITIES = (50, 60, 75, 85, 90, 92, 95, 98, 100)
"""Qualities that are encoded."""
SUBSAMPLINGS = ("4:2:0", "4:2:2", "4:4:4", "grey")


@dataclass(frozen=True)
class Row:
    """One picture at one quality and subsampling; counts are of blocks."""

    source: str
    subsampling: str
    quality: int
    pixels: int
    clipped: bool
    blocks: int
    same: int
    luma: int
    luma_settled: int
    chroma: int
    chroma_settled: int
    exact: bool
    decoder: str
    seconds: float


def cut_pictures(
    paths: Sequence[Path], *, side: int, together: int = 1, contrast: float = 1.0
) -> Iterator[tuple[str, np.ndarray]]:
    """Names and pixels of pictures cut to `side`.

    Parameters
    ----------
    paths : sequence of Path
    side : int
    together : int
        Square of a number of pictures: each is put together of so many sources one after another, equal parts of them
        from their upper left corners, repeated where they are smaller.
    contrast : float
        About the middle of the scale, 0..1; less than one leaves nothing clipped.
    """
    across = math.isqrt(together)
    if across * across != together:
        raise UsageError(f"pictures are put together of a square number, 1, 4, 9 ..., not {together}")
    part = -(-side // across)
    for start in range(0, len(paths) - together + 1, together):
        group = paths[start : start + together]
        parts = [_part(path, part, whole=together > 1) for path in group]
        pixels = np.vstack([np.hstack(parts[row : row + across]) for row in range(0, together, across)])
        if contrast != 1:
            pixels = np.rint(127.5 + contrast * (pixels - 127.5)).astype(np.uint8)
        name = group[0].name if together == 1 else f"{group[0].name} and {together - 1} more"
        yield name, np.ascontiguousarray(pixels[:side, :side])


def _part(path: Path, side: int, *, whole: bool) -> np.ndarray:
    """The upper left corner of a picture, `np.ndarray [shape=(height, width, 3), dtype=uint8]`."""
    pixels = eight_bit(open_picture(path).pixels)
    pixels = np.stack([pixels] * 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
    if whole:
        pixels = np.tile(pixels, (-(-side // pixels.shape[0]), -(-side // pixels.shape[1]), 1))
    return pixels[:side, :side]


def measured(
    pictures: Iterable[tuple[str, np.ndarray]],
    qualities: Sequence[int],
    subsamplings: Sequence[str],
    *,
    offset: tuple[int, int],
) -> Iterator[Row]:
    """A row for each picture of `cut_pictures`, quality and subsampling; cropped by `offset` after decoding."""
    for name, pixels in pictures:
        for subsampling in subsamplings:
            for quality in qualities:
                yield _row(name, pixels, subsampling, quality, offset)


def _decoded(pixels: np.ndarray, subsampling: str, quality: int) -> np.ndarray:
    from PIL import Image

    out = io.BytesIO()
    picture = Image.fromarray(pixels)
    if subsampling == "grey":
        picture.convert("L").save(out, "JPEG", quality=quality)
    else:
        picture.save(out, "JPEG", quality=quality, subsampling=subsampling)
    with Image.open(out) as image:
        return np.array(image)


def _row(name: str, pixels: np.ndarray, subsampling: str, quality: int, offset: tuple[int, int]) -> Row:
    decoded = np.ascontiguousarray(_decoded(pixels, subsampling, quality)[offset[0] :, offset[1] :])
    clipped = bool((decoded == 0).any() or (decoded == 255).any())
    start = time.process_time()
    try:
        prepared = prepare(decoded)
        found = judged(prepared)
    except ForensicsError as error:
        whole = (decoded.shape[0] // 8) * (decoded.shape[1] // 8)
        spent = time.process_time() - start
        return Row(
            name,
            subsampling,
            quality,
            decoded.shape[0] * decoded.shape[1],
            clipped,
            whole,
            0,
            whole,
            0,
            0,
            0,
            False,
            str(error),
            spent,
        )
    spent = time.process_time() - start
    luma, *chroma = prepared.inverted.status
    return Row(
        name,
        subsampling,
        quality,
        decoded.shape[0] * decoded.shape[1],
        clipped,
        found.blocks,
        found.blocks_same,
        luma.size,
        int((luma <= SEARCHED).sum()),
        sum(plane.size for plane in chroma),
        sum(int((plane <= SEARCHED).sum()) for plane in chroma),
        found.exact,
        found.decoder,
        spent,
    )


def table(rows: Sequence[Row]) -> str:
    """Markdown: a line for each subsampling and quality."""
    lines = [
        "| subsampling | quality | pictures | blocks the same | luma settled | chroma settled | exact pictures | of "
        "those without clipping | MP/s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for subsampling, quality in dict.fromkeys((row.subsampling, row.quality) for row in rows):
        own = [row for row in rows if (row.subsampling, row.quality) == (subsampling, quality)]
        plain = [row for row in own if not row.clipped]
        speed = sum(row.pixels for row in own) / 1e6 / sum(row.seconds for row in own)
        lines.append(
            f"| {subsampling} | {quality} | {len(own)} | {_share(own, 'same', 'blocks')} | "
            f"{_share(own, 'luma_settled', 'luma')} | "
            f"{_share(own, 'chroma_settled', 'chroma')} | {sum(row.exact for row in own)} | "
            f"{sum(row.exact for row in plain)} of {len(plain)} | {speed:.2f} |"
        )
    return "\n".join(lines)


def _share(rows: Sequence[Row], part: str, whole: str) -> str:
    total = sum(getattr(row, whole) for row in rows)
    return f"{sum(getattr(row, part) for row in rows) / total:.3%}" if total else "-"


def run(
    pictures: Iterable[tuple[str, np.ndarray]],
    qualities: Sequence[int],
    subsamplings: Sequence[str],
    *,
    offset: tuple[int, int],
    report: Callable[[str], None],
) -> list[Row]:
    """All rows, one by one."""
    rows = []
    for row in measured(pictures, qualities, subsamplings, offset=offset):
        rows.append(row)
        report(
            f"{row.source} {row.subsampling} {row.quality}: {row.same} of {row.blocks} blocks, {row.seconds:.1f} s, "
            f"{row.decoder}"
        )
    return rows
