"""The quantisation tables of jpegli for 4:2:0, by its measure of distance.

jpegli scales a table of its own for luma and one for chroma by a distance that follows from the quality [1]_. Low
frequencies grow more slowly than the distance beyond 1.5. The numbers here were fitted to the tables that the encoder
writes: with four decimals they give all 100 qualities, step for step. Other subsamplings have other tables.

References
----------
.. [1] Google, jpegli, lib/jpegli/quant.cc, `jpegli_quality_to_distance`.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from forensics.history.jpeg.steps import TableMatch, candidates, evidence_of, log_prior, table_evidence

_FACTORS = (2, 2)
"""Chroma subsampling of these tables."""
_KINK = 1.5
"""Distance from which low frequencies grow more slowly."""
_LEAST_GROWTH = 0.5
"""Part of the distance that they grow by at least."""
_PRIOR = 0.01
"""Prior probability of jpegli among files that are not the standard family's: its logarithm, -4.6, weighs nothing
against the thousands that the wrong family of 64 steps costs."""
_CLEARLY = 5.0
"""Natural logarithm of the odds from which the tables are taken: 148 to 1, "very strong" evidence in the scale of Kass
and Raftery (doi:10.1080/01621459.1995.10476572)."""


def _symmetric(text: str) -> np.ndarray:
    """A table by raster order of its lower triangle."""
    rows = [[float(value) for value in line.split()] for line in text.strip().splitlines()]
    lower = np.array([row + [0.0] * (8 - len(row)) for row in rows])
    return np.asarray(np.where(np.tri(8, dtype=bool), lower, lower.T)).ravel()


_LUMA = _symmetric("""
    2.6301
    3.6541 4.4425
    6.1981 6.0373 6.2804
    5.9694 5.7404 7.1881 7.1745
    7.0890 7.3024 7.6819 8.8472 9.7205
    7.3520 6.7191 8.2877 10.1992 10.4494 11.5421
    8.1517 8.5432 7.9769 10.1522 11.8304 10.8108 11.5421
    8.2136 8.5654 8.9956 9.7754 11.6423 12.9192 11.4688 9.2930
""")
_CHROMA = _symmetric("""
    2.5380
    3.0668 4.1641
    5.4269 5.2018 5.2451
    4.6569 4.2549 4.7586 4.4885
    5.6959 5.2261 5.0851 5.7617 4.4666
    5.2713 4.6436 5.4814 5.7569 6.8393 5.8669
    6.2660 5.8910 5.6387 6.2985 5.2126 6.7458 10.7014
    6.7500 6.1274 6.4172 6.8156 6.5547 9.9003 9.7829 82.1265
""")
_GROWTH = _symmetric("""
    1.00
    0.51 0.66
    0.67 0.69 0.84
    0.74 0.87 0.83 1.00
    1.00 1.00 0.96 1.00 1.00
    1.00 1.00 1.00 0.91 1.00 1.00
    1.00 1.00 1.00 0.91 1.00 1.00 1.00
    1.00 1.00 1.00 1.00 1.00 1.00 1.00 1.00
""")
"""Power of the distance beyond `_KINK`."""


def distance_of(quality: float) -> float:
    """jpegli's distance at a quality, 1..100."""
    if quality >= 100:
        return 0.01
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


def jpegli_tables(quality: float) -> np.ndarray:
    """Luma and chroma steps at a quality, 1..100, `np.ndarray [shape=(2, 64), dtype=int64]` in raster order.

    Examples
    --------
    >>> from forensics.reconstruction.jpegli_tables import jpegli_tables
    >>> jpegli_tables(75)[0, :4].tolist()
    [6, 7, 13, 12]
    """
    distance = distance_of(quality)
    growth: np.ndarray | float = distance
    if distance >= _KINK:
        growth = np.maximum(_LEAST_GROWTH * distance, _KINK ** (1 - _GROWTH) * distance**_GROWTH)
    return np.clip(np.rint(np.stack([_LUMA, _CHROMA]) * growth), 1, 255).astype(np.int64)


@cache
def _known() -> np.ndarray:
    """Of the qualities 1 to 100, `np.ndarray [shape=(100, 2, 64), dtype=int64]`."""
    return np.stack([jpegli_tables(quality) for quality in range(1, 101)])


def _match(index: int) -> TableMatch:
    quality = float(index + 1)
    return TableMatch("jpegli", 1.0, quality, quality, quality, 1.0, _known()[index], len(candidates().quality))


def match_jpegli(luma: np.ndarray, chroma: np.ndarray, factors: tuple[int, int]) -> TableMatch | None:
    """jpegli's tables where coefficients speak for them before all other known ones and before free steps.

    Parameters
    ----------
    luma, chroma : np.ndarray [shape=(64, largest)]
        Logarithm of the likelihood of each step: see `history.jpeg.comb`.
    factors : tuple of int
        Vertical and horizontal factor of chroma.
    """
    if factors != _FACTORS:
        return None
    own = np.full(len(_known()), np.log(_PRIOR / len(_known())))
    other = log_prior().copy()
    for plane, likelihoods in enumerate((luma, chroma)):
        own += evidence_of(_known()[:, plane], likelihoods)[0]
        other += table_evidence(likelihoods, plane)
    best = int(np.argmax(own))
    return _match(best) if own[best] > other.max() + _CLEARLY else None


def jpegli_of(tables: tuple[np.ndarray, ...], factors: tuple[int, int]) -> TableMatch | None:
    """The quality whose tables these are, all steps of both; None where there is none."""
    if factors != _FACTORS or len(tables) != 3 or not np.array_equal(tables[1], tables[2]):
        return None
    same = (_known() == np.stack(tables[:2])).all(axis=(1, 2))
    return _match(int(np.flatnonzero(same)[-1])) if same.any() else None
