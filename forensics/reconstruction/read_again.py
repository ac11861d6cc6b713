"""Tables and layout read again where blocks are left: from blocks with clipped samples too, chroma once luma is known.

The history of a picture reads tables from blocks without clipped samples, and where those are few it reads them
wrongly, or takes one subsampling for another. Blocks with clipped samples tell as much (`clipped_tables`), and luma
that is known tells chroma under clipped channels: with one of them clipped the two others and luma leave one pair of Cb
and Cr. Where chroma is hardly settled at all, every subsampling and phase of the MCU is read so, and the one is taken
under which blocks are told in fewest bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from forensics.history.jpeg.chroma import FACTORS
from forensics.history.jpeg.recovery import recover_on
from forensics.reconstruction.blocks import SEARCHED, Quantiser
from forensics.reconstruction.choice import Chosen, by_history
from forensics.reconstruction.chroma_samples import chroma_noise
from forensics.reconstruction.clipped_tables import ClippedReading, clipped_steps
from forensics.reconstruction.coded import stored_samples
from forensics.reconstruction.inversion import Inverted, invert
from forensics.reconstruction.layout import BLOCK, Layout
from forensics.reconstruction.sampled import Tried, sample
from forensics.reconstruction.standard import MOST_CLIPPED

_LUMA_KNOWN = 0.5
"""Share of luma's blocks that have to be settled for chroma to be read by it: most."""
_SETTLED = 0.85
"""Share of blocks that vary which chroma's table has to settle for its layout not to be doubted: with the right layout
tables read so settle 90 to 100 % of them (six files found), with a wrong one none are told, or a third."""
_MOST_PIXELS = 1 << 18
"""Pixels that are read for each layout: a bound on work."""


def luma_again(chosen: Chosen, inverted: Inverted) -> Chosen:
    """The choice with luma's table read again, blocks with clipped samples too; itself where that is no other."""
    if (inverted.status[0] <= SEARCHED).all():
        return chosen
    sampled = sample(chosen.trials.pixels, chosen.layout, chosen.decoder, clipped=MOST_CLIPPED)
    found = clipped_steps(sampled.tried[0], kind=chosen.decoder.transform, start=chosen.tables[0])
    if found is None or np.array_equal(found.table, chosen.tables[0]):
        return chosen
    return replace(chosen, tables=(found.table, *chosen.tables[1:]), refined=True)


def chroma_again(chosen: Chosen, inverted: Inverted) -> Chosen:
    """The choice with chroma's tables, and where it is hardly settled its layout, read again with luma known; itself
    where that is no other.
    """
    if chosen.layout.colour != "ycbcr":
        return chosen
    if not chosen.luma_alone and all((status <= SEARCHED).all() for status in inverted.status[1:]):
        return chosen
    if (inverted.status[0] <= SEARCHED).mean() < _LUMA_KNOWN:
        return chosen
    luma = _luma_of(chosen, inverted)
    best, found = chosen.layout, _read(chosen, chosen.layout, luma)
    doubted = chosen.luma_alone or found is None or found.share < _SETTLED
    for layout in _others(chosen.layout) if doubted else ():
        other = _read(chosen, layout, luma)
        if other is not None and (found is None or other.bits > found.bits):
            best, found = layout, other
    if found is None:
        return chosen
    tables = found.tables
    same = all(np.array_equal(*pair) for pair in zip(tables, chosen.tables[1:], strict=True))
    if same and best == chosen.layout and not chosen.luma_alone:
        return chosen
    return replace(chosen, layout=best, tables=(chosen.tables[0], *tables), refined=True, luma_alone=False)


def with_chroma(chosen: Chosen, width: int) -> Chosen | None:
    """A choice of which luma alone is known with chroma's layout and tables: from luma turned back, or, where chroma is
    not told so, from the history; None where that tells nothing either.
    """
    pixels, luma = chosen.trials.pixels, chosen.tables[:1]
    found = chroma_again(chosen, invert(pixels, chosen.layout, luma, chosen.decoder, width=width))
    return by_history(pixels, recover_on(pixels, (0, 0)), chosen.match) if found.luma_alone else found


def _luma_of(chosen: Chosen, inverted: Inverted) -> tuple[np.ndarray, np.ndarray]:
    """Luma of the picture, uint8, and where it is settled, bool."""
    (height, width), layout = chosen.trials.pixels.shape[:2], chosen.layout
    inside = np.s_[layout.top : layout.top + height, layout.left : layout.left + width]
    component = inverted.coded.components[0]
    plane = stored_samples(component.coefficients, Quantiser.of(component.table, chosen.decoder.transform))
    settled = np.repeat(np.repeat(inverted.status[0] <= SEARCHED, BLOCK, axis=0), BLOCK, axis=1)
    return plane[inside], settled[inside]


def _others(own: Layout) -> Iterator[Layout]:
    """Layouts with luma's grid, another subsampling or another phase of the MCU."""
    for factors in FACTORS.values():
        for down in range(factors[0]):
            for right in range(factors[1]):
                layout = Layout(own.top % BLOCK + BLOCK * down, own.left % BLOCK + BLOCK * right, factors)
                if layout != own:
                    yield layout


class _Chroma(NamedTuple):
    """Tables of Cb and Cr, the bits that they save, and the share of blocks that they settle."""

    tables: tuple[np.ndarray, np.ndarray]
    bits: float
    share: float

    @classmethod
    def of(cls, one: ClippedReading, other: ClippedReading) -> _Chroma:
        """Of readings of both, which may be one."""
        settled, blocks = one.settled + other.settled, one.blocks + other.blocks
        return cls((one.table, other.table), (one.bits + other.bits) / 2, settled / blocks)


def _read(chosen: Chosen, layout: Layout, luma: tuple[np.ndarray, np.ndarray]) -> _Chroma | None:
    """Chroma under a layout, with one table or two; None where none is told."""
    decoder, own = chosen.decoder, layout == chosen.layout
    most = {} if own else {"most": _MOST_PIXELS}
    sampled = sample(chosen.trials.pixels, layout, decoder, clipped=MOST_CLIPPED, luma=luma, **most)
    noise = chroma_noise(layout.factors, decoder.upsampling)

    def read(parts: tuple[Tried, ...], start: np.ndarray) -> ClippedReading | None:
        first = start if own else None
        return clipped_steps(Tried.joined(parts), kind=decoder.transform, plane=1, noise=noise, start=first)

    both = read(sampled.tried[1:], chosen.tables[1])
    found = None if both is None else _Chroma.of(both, both)
    if own and not np.array_equal(chosen.tables[1], chosen.tables[2]) and (found is None or found.share < _SETTLED):
        one, other = (read((sampled.tried[k],), chosen.tables[k]) for k in (1, 2))
        if one is not None and other is not None:
            alone = _Chroma.of(one, other)
            found = alone if found is None or alone.share > found.share else found
    return found
