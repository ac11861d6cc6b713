"""A whole picture turned back into quantised coefficients, band by band, under a given decoder, grid and tables.

Chroma comes first: its full-size samples are known wherever no channel is clipped, and once its blocks are found they
tell luma under clipped channels. A block is settled when the decoder's arithmetic gives its samples again; only blocks
that rounding does not settle are searched.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from forensics.reconstruction.acceptance import DIRECT
from forensics.reconstruction.blocks import (
    IMPOSSIBLE,
    OPEN,
    OPEN_SATURATED,
    ROUNDED,
    SEARCHED,
    Quantiser,
)
from forensics.reconstruction.coded import CodedPicture, Component, Decoder, decode
from forensics.reconstruction.layout import BLOCK, Layout
from forensics.reconstruction.mending import MendedBand

_BAND_ROWS = 512
"""Rows of pixels turned back at once."""
_BEYOND = 2
"""MCUs above and below a band that are turned back with it where chroma is seen in its neighbours' rows: the first one
is seen in the band, the second one beside that. With one alone a mosaic of a million validation pixels (quality 75) has
two pixels wrong at a band's end, for which 0.8 s of 1.7 are spent in vain."""


@dataclass(frozen=True)
class Inverted:
    """Coefficients, and what is known of each block.

    Attributes
    ----------
    coded : CodedPicture
    status : tuple of np.ndarray [shape=(rows, columns), dtype=uint8]
        One a component: the numbers of `blocks`.
    """

    coded: CodedPicture
    status: tuple[np.ndarray, ...]
    _decoded: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def decoded(self, decoder: Decoder) -> np.ndarray:
        """What the decoder makes of it, as of `coded.decode`, computed once."""
        if decoder.name not in self._decoded:
            self._decoded[decoder.name] = decode(self.coded, decoder)
        return self._decoded[decoder.name]


def invert(
    pixels: np.ndarray,
    layout: Layout,
    tables: tuple[np.ndarray, ...],
    decoder: Decoder,
    *,
    width: int = 32,
    trial: bool = False,
) -> Inverted:
    """Turn a picture back.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
    layout : Layout
    tables : tuple of np.ndarray [shape=(64,), dtype=int64]
        Steps in raster order: one table for grey, three for Y, Cb and Cr.
    decoder : Decoder
    width : int
        Sets of flips that the search keeps; 0 for rounding alone.
    trial : bool
        Whether shares of settled blocks alone are asked for, under this layout against others: luma is only rounded,
        and what brings the last blocks is left out.
    """
    rows, columns = layout.padded(pixels.shape)
    quantisers = [Quantiser.of(table, decoder.transform) for table in tables]
    factors = [(1, 1), layout.factors, layout.factors][: len(tables)]
    coefficients = [np.zeros((rows // v // BLOCK, columns // h // BLOCK, 64), np.int16) for v, h in factors]
    status = [np.zeros(c.shape[:2], np.uint8) for c in coefficients]
    step = max(1, _BAND_ROWS // layout.mcu[0]) * layout.mcu[0]
    margin = _BEYOND * layout.mcu[0] if layout.factors[0] > 1 else 0
    for first in range(0, rows, step):
        last = min(first + step, rows)
        a, b = max(0, first - margin), min(rows, last + margin)
        band = MendedBand(pixels, layout, quantisers, decoder, (a, b), (first - a, last - a), columns, width, trial)
        for k, (found, known) in enumerate(_fitted(band)):
            unit = BLOCK * factors[k][0]
            inside = np.s_[(first - a) // unit : (last - a) // unit]
            coefficients[k][first // unit : last // unit] = found[inside]
            status[k][first // unit : last // unit] = known[inside]
    components = tuple(Component(c, q.table) for c, q in zip(coefficients, quantisers, strict=True))
    height, full_width = layout.top + pixels.shape[0], layout.left + pixels.shape[1]
    return Inverted(CodedPicture(height, full_width, components, layout.factors, layout.colour), tuple(status))


def _fitted(band: MendedBand) -> list[tuple[np.ndarray, np.ndarray]]:
    """Coefficients and status of each component."""
    others = []
    if band.layout.colour == "rgb":
        return [band.plain(k) for k in range(3)]
    if len(band.quantisers) > 1:
        others = [band.chroma(k) for k in (1, 2)]
        band.tighten_luma(others)
    fitted = [band.plain(0, chroma=others), *others]
    return band.once_more(fitted) if others and band.width and not band.trial else fitted


__all__ = ["DIRECT", "IMPOSSIBLE", "OPEN", "OPEN_SATURATED", "ROUNDED", "SEARCHED", "Inverted", "Layout", "invert"]
