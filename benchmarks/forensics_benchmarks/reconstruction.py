"""How many blocks of JPEGs come back bit for bit, by quality and subsampling, and how fast, in processor time.

Every source is coded by libjpeg-turbo (Pillow), decoded, and given to `forensics.reconstruct` as pixels alone. A block
counts when its pixels come out the same from the rebuilt file; luma and chroma blocks when coefficients were found that
give their samples. A picture counts as exact when every pixel comes out the same.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forensics.errors import ForensicsError
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


def measured(
    paths: Sequence[Path], qualities: Sequence[int], subsamplings: Sequence[str], *, side: int, offset: tuple[int, int]
) -> Iterator[Row]:
    """A row for each picture, quality and subsampling; pictures are cut to `side` before coding, and cropped by
    `offset` after decoding.
    """
    for path in paths:
        pixels = eight_bit(open_picture(path).pixels)
        pixels = np.stack([pixels] * 3, axis=2) if pixels.ndim == 2 else pixels
        pixels = np.ascontiguousarray(pixels[:side, :side])
        for subsampling in subsamplings:
            for quality in qualities:
                yield _row(path.name, pixels, subsampling, quality, offset)


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
    paths: Sequence[Path],
    qualities: Sequence[int],
    subsamplings: Sequence[str],
    *,
    side: int,
    offset: tuple[int, int],
    report: Callable[[str], None],
) -> list[Row]:
    """All rows, one by one."""
    rows = []
    for row in measured(paths, qualities, subsamplings, side=side, offset=offset):
        rows.append(row)
        report(
            f"{row.source} {row.subsampling} {row.quality}: {row.same} of {row.blocks} blocks, {row.seconds:.1f} s, "
            f"{row.decoder}"
        )
    return rows
