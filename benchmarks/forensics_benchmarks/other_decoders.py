"""Pictures as other decoders give them, and subsamplings that Pillow does not write: how many blocks come back.

Coefficients are made here, by rounding the cosine sums of Y, Cb and Cr (each block of stored chroma the mean of the
pixels it stands for), and decoded by our twin of each decoder, which tests hold against the real programs. So the
truth does not rest on what is measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.errors import ForensicsError, UsageError
from forensics.history.jpeg.chroma import FACTORS
from forensics.history.jpeg.planes import DCT_8
from forensics.reconstruction.coded import DECODERS, CodedPicture, Component, Decoder, decode
from forensics.reconstruction.layout import BLOCK
from forensics.reconstruction.quartered import FACTORS as QUARTERED
from forensics.reconstruction.reconstruct import reconstruct
from forensics_benchmarks.reconstruction import cut_pictures

SUBSAMPLINGS = {**FACTORS, "4:1:1": QUARTERED}
"""Vertical and horizontal factor of each subsampling."""
_ENLARGED = {"4:4:4": "IJG libjpeg", "4:1:1": "IJG libjpeg"}
"""Subsamplings at which some decoders show what libjpeg-turbo shows, or have no twin here: their names begin so."""


@dataclass(frozen=True)
class Returned:
    """One picture of one decoder: whole blocks and those that come out the same, whether all pixels do, and which
    decoder was named, or what was said instead; `seconds` of processor time.
    """

    decoder: str
    subsampling: str
    quality: int
    source: str
    blocks: int
    same: int
    exact: bool
    named: str
    seconds: float


def coded(pixels: np.ndarray, quality: int, subsampling: str) -> CodedPicture:
    """A picture quantised by the standard tables.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width, 3), dtype=uint8]
        Sides that are no whole MCUs are cut.
    quality : int
        1..100.
    subsampling : str
        A key of `SUBSAMPLINGS`.
    """
    from PIL import Image

    factors = SUBSAMPLINGS[subsampling]
    height, width = (side // (BLOCK * f) * BLOCK * f for side, f in zip(pixels.shape[:2], factors, strict=True))
    picture = Image.fromarray(np.ascontiguousarray(pixels[:height, :width])).convert("YCbCr")
    tables = [scaled_table(base, float(quality)).ravel().astype(np.int64) for base in TABLE_FAMILIES["standard"]]
    components = []
    for k, plane in enumerate(picture.split()):
        samples = np.asarray(plane, np.float64)
        if k:
            samples = samples.reshape(height // factors[0], factors[0], -1, factors[1]).mean(axis=(1, 3))
        components.append(_quantised(samples, tables[min(k, 1)]))
    return CodedPicture(height, width, tuple(components), factors)


def _quantised(plane: np.ndarray, table: np.ndarray) -> Component:
    rows, columns = (side // BLOCK for side in plane.shape)
    blocks = (plane - 128).reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2)
    return Component(np.rint((DCT_8 @ blocks @ DCT_8.T).reshape(rows, columns, -1) / table).astype(np.int16), table)


def measured(
    paths: Sequence[Path],
    qualities: Sequence[int],
    subsamplings: Sequence[str],
    *,
    side: int,
    offset: tuple[int, int],
    only: str = "",
) -> Iterator[Returned]:
    """Every source by every decoder, or those whose names begin with `only`, cropped by `offset` after decoding."""
    unknown = set(subsamplings) - set(SUBSAMPLINGS)
    if unknown:
        raise UsageError(f"subsamplings here are {', '.join(SUBSAMPLINGS)}, not {', '.join(sorted(unknown))}")
    for name, pixels in cut_pictures(paths, side=side):
        for subsampling in subsamplings:
            for quality in qualities:
                file = coded(pixels, quality, subsampling)
                for decoder in DECODERS:
                    if decoder.name.startswith(only) and not _without_own(decoder, subsampling):
                        shown = np.ascontiguousarray(decode(file, decoder)[offset[0] :, offset[1] :])
                        yield _returned(shown, decoder.name, subsampling, quality, name)


def _without_own(decoder: Decoder, subsampling: str) -> bool:
    return decoder.name.startswith(_ENLARGED.get(subsampling, "-"))


def _returned(shown: np.ndarray, decoder: str, subsampling: str, quality: int, name: str) -> Returned:
    start = time.process_time()
    try:
        found = reconstruct(shown)
        blocks, same, exact, named = found.blocks, found.blocks_same, found.exact, found.decoder
    except ForensicsError as error:
        blocks, same, exact, named = shown.shape[0] // BLOCK * (shown.shape[1] // BLOCK), 0, False, str(error)
    return Returned(decoder, subsampling, quality, name, blocks, same, exact, named, time.process_time() - start)


def table(rows: Sequence[Returned]) -> str:
    """Markdown: a line for each decoder, subsampling and quality."""
    lines = [
        "| decoder | subsampling | quality | pictures | blocks the same | exact pictures | named rightly |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for key in dict.fromkeys((row.decoder, row.subsampling, row.quality) for row in rows):
        own = [row for row in rows if (row.decoder, row.subsampling, row.quality) == key]
        same, blocks = sum(row.same for row in own), sum(row.blocks for row in own)
        lines.append(
            f"| {key[0]} | {key[1]} | {key[2]} | {len(own)} | {same:,} of {blocks:,} | "
            f"{sum(row.exact for row in own)} | {sum(row.named == row.decoder for row in own)} |"
        )
    return "\n".join(lines)
