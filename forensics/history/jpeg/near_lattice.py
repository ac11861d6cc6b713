"""How near the DCT coefficients of a plane lie to multiples of a JPEG's quantisation steps, at every place of its grid.

What is done to a JPEG after decoding moves its coefficients off the multiples of their steps, those of low frequencies
and large steps the least: they stay near [1]. For each known table the cosines cos(2 pi c / q) of all coefficients
c beyond the zero cell add up, of all frequencies together; noise of standard deviation s leaves exp(-2 pi^2 s^2 / q^2)
of a cosine, so that frequencies are weighed by that for several s. The sum at one place of the grid is held against
those at all other places, where the same picture shows what chance and its content give.

Frames of MPEG's and H.263's kind lie on lattices of the same blocks: `rival` is the contrast of their steps at a place
where a JPEG's are found.

References
----------
.. [1] T. Bianchi, A. Piva, "Reverse engineering of double JPEG compression in the presence of image resizing", WIFS
   2012, doi:10.1109/WIFS.2012.6412617.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from forensics_features.block_dct import phase_scan
from forensics_features.comb import FINE_BIN

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.codecs.headers.mpeg_matrix import video_tables

BLOCK = 8
"""Side of a block in pixels: ITU-T T.81 A.3.1."""
LEAST_SIDE = 96
"""Smallest side of a plane, in pixels: 100 blocks and more at every place of the grid."""
FAMILIES = ("standard", "robidoux")
"""Families of tables that are tried: libjpeg's, and the default of MozJPEG and choice of ImageMagick."""
QUALITIES = range(20, 97)
"""Qualities that are tried; finer steps are lost in rounding noise."""
NOISES = (0, 2, 4, 7, 10)
"""Standard deviations of noise, in levels, for which frequencies are weighed."""

_LEVELS = np.arange(0.0, 15.0, 0.25)
"""Standard deviations of noise that are told apart, in levels."""
_SHARES = np.arange(0.3, 1.01, 0.1)
"""Shares of blocks on the lattice that are told apart."""
_KEPT = 5
"""Frequencies of each direction that are read, the mean excepted."""
_INDEX = np.arange(-1, _KEPT * _KEPT - 1).reshape(_KEPT, _KEPT)
_TOP = 512
"""Magnitudes below which coefficients are counted: few low frequencies exceed a quarter of their range."""
_WIDTH = 0.5
"""Width of a bin of magnitudes: a sixth of the finest step."""
_LEAST_STEP = 3
"""Finer steps are not read: rounding to whole levels leaves exp(-2 pi^2 / (12 q^2)) of their cosines, 0.66 at 2, and a
change since nothing.
"""
_ZERO_CELL, _FARTHEST = 0.6, 12.5
"""Coefficients from so many steps on and up to so many count: nearer ones are zeros, farther ones few."""
_PRIOR_COUNT = 10.0
"""Coefficients added to a count, so that few do not tell much: a numerical guard."""
FLATTER = 1.5
"""By which contrasts of the second of `FAMILIES` are divided: steps of JPEG XL and AV1 at low frequencies are as even
as its, and of 160 validation pictures by other codecs the clearest four all resemble it, up to 11.4; standard tables up
to 6.5."""
_LEAST_SPREAD = 0.3
"""Spread of sums below which they count as spread so much: a third of what independent coefficients give."""


class NearLattice(NamedTuple):
    """The clearest table of a JPEG in a picture.

    Attributes
    ----------
    contrast : float
        Sum of cosines over what other places of the grid give, in their spread; divided by `FLATTER` for flatter
        tables.
    opposite : float
        The same of the table that lies farthest from multiples at that place and weighing, with its sign turned: blocks
        of another codec lie near multiples of some tables and between those of others.
    family : str
        Of `FAMILIES`.
    quality : int
        Of `QUALITIES`.
    noise : float
        Likeliest standard deviation of what moved coefficients off the table's multiples, in levels.
    plane : int
        In which of the planes.
    phase : tuple of int
        Row and column of the first whole block in it, 0 to 7.
    repeated : float
        The largest contrast of the same table half a block away, down, across or both: blocks of 8 pixels have one
        place, what repeats itself every 2 or 4 pixels, as an enlargement by whole factors does, two and more.
    """

    contrast: float
    opposite: float
    family: str
    quality: int
    noise: float
    plane: int
    phase: tuple[int, int]
    repeated: float


class _Steps(NamedTuple):
    """The steps of one frequency, each once: their cosines by bin, `[shape=(bins, steps), dtype=float32]`, 0 where
    nothing is counted; the first and last bin counted; and which of them each table takes.
    """

    cosines: np.ndarray
    first: np.ndarray
    end: np.ndarray
    of: np.ndarray


class _Excess(NamedTuple):
    """Of one frequency: sums of cosines of each of its steps beyond what other places give, and how many coefficients
    count, `[shape=(places, steps), dtype=float32]`; and which of the steps each table takes.
    """

    near: np.ndarray
    counted: np.ndarray
    of: np.ndarray


@cache
def tables() -> tuple[tuple[tuple[str, int], ...], np.ndarray]:
    """Family and quality of each table, and its steps, `np.ndarray [shape=(tables, 24), dtype=float64]`."""
    names = tuple((family, quality) for family in FAMILIES for quality in QUALITIES)
    steps = [
        scaled_table(TABLE_FAMILIES[family][0], float(quality)).reshape(BLOCK, BLOCK)[:_KEPT, :_KEPT].ravel()[1:]
        for family, quality in names
    ]
    return names, np.array(steps, np.float64)


class _Bank(NamedTuple):
    """Tables that are tried together: the steps of every frequency; the weight of every frequency of every table for
    each of `NOISES`, `[shape=(noises, 24, tables), dtype=float32]`; and what the contrast of each is divided by.
    """

    steps: tuple[_Steps, ...]
    weights: np.ndarray
    divisors: np.ndarray


def _bank(tried: np.ndarray, divisors: np.ndarray) -> _Bank:
    """That of tables, `np.ndarray [shape=(tables, 24), dtype=float64]`."""
    middles = ((np.arange(round(_TOP / _WIDTH)) + 0.5) * _WIDTH)[:, None]
    listed = []
    for column in tried.T:
        each, of = np.unique(column, return_inverse=True)
        counted = (middles >= _ZERO_CELL * each) & (middles < _FARTHEST * each) & (each >= _LEAST_STEP)
        cosines = np.where(counted, np.cos(2 * np.pi * middles / each), 0.0).astype(np.float32)
        first = counted.argmax(axis=0)
        listed.append(_Steps(cosines, first, first + counted.sum(axis=0), of))
    noises = np.array(NOISES, np.float64)[:, None, None]
    weights = np.exp(-2 * np.pi**2 * noises**2 / tried.T**2).astype(np.float32)
    return _Bank(tuple(listed), weights, divisors.astype(np.float32))


@cache
def _jpegs() -> _Bank:
    names, tried = tables()
    return _bank(tried, np.array([1.0 if family == FAMILIES[0] else FLATTER for family, _ in names]))


@cache
def _rivals() -> _Bank:
    tried = video_tables()[:, :_KEPT, :_KEPT].reshape(-1, _KEPT * _KEPT)[:, 1:]
    return _bank(tried, np.ones(len(tried)))


def read(planes: Sequence[np.ndarray]) -> NearLattice | None:
    """The clearest table at any place of the grid; None where the planes are too small.

    Parameters
    ----------
    planes : sequence of np.ndarray [shape=(height, width), dtype=float32]
        Luma of the picture; where the grid may lie between pixels, resampled at several places between them.

    Returns
    -------
    NearLattice or None
        There is always a clearest one: what it tells depends on `contrast` and `opposite`.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from PIL import Image
    >>> from forensics.history.jpeg import near_lattice
    >>> y, x = np.mgrid[:256, :256]
    >>> noise = np.random.default_rng(0).normal(0, 9, (2, 256, 256))
    >>> scene = 128 + 50 * np.sin(x / 23) + 40 * np.cos(y / 31) + noise[0]
    >>> stream = io.BytesIO()
    >>> Image.fromarray(scene.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=60)
    >>> changed = np.asarray(Image.open(stream)) + noise[1] / 3
    >>> found = near_lattice.read([changed[3:].astype(np.float32)])
    >>> found.family, abs(found.quality - 60) < 5, found.phase, found.contrast > 20
    ('standard', True, (5, 0), True)
    """
    if min(min(plane.shape) for plane in planes) < LEAST_SIDE:
        return None
    bank = _jpegs()
    excesses = _excesses(np.concatenate([_histograms(plane) for plane in planes]), bank)
    contrasts = _contrasts(excesses, bank)
    weighing, place, table = (int(n) for n in np.unravel_index(int(contrasts.argmax()), contrasts.shape))
    plane, phase = divmod(place, BLOCK * BLOCK)
    family = tables()[0][table][0]
    quality, noise = _likeliest(excesses, place, family)
    return NearLattice(
        float(contrasts[weighing, place, table]),
        -float(contrasts[weighing, place].min()),
        family,
        quality,
        noise,
        plane,
        divmod(phase, BLOCK),
        float(contrasts[weighing, _half_a_block_from(plane, phase), table].max()),
    )


def rival(planes: Sequence[np.ndarray], found: NearLattice) -> float:
    """The largest contrast that steps of video have at the place of a JPEG's lattice, by any weighing.

    Parameters
    ----------
    planes : sequence of np.ndarray [shape=(height, width), dtype=float32]
        Those that `read` found it in.
    found : NearLattice

    Returns
    -------
    float
        On the scale of `NearLattice.contrast`: of a JPEG a fraction of that, mostly.
    """
    bank = _rivals()
    excesses = _excesses(_histograms(planes[found.plane]), bank)
    row, column = found.phase
    return float(_contrasts(excesses, bank)[:, row * BLOCK + column].max())


def _half_a_block_from(plane: int, phase: int) -> list[int]:
    """The three places half a block away from one."""
    half, (row, column) = BLOCK // 2, divmod(phase, BLOCK)
    moved = ((row + half * down, column + half * across) for down, across in ((1, 0), (0, 1), (1, 1)))
    return [(plane * BLOCK + y % BLOCK) * BLOCK + x % BLOCK for y, x in moved]


def _likeliest(excesses: Sequence[_Excess], place: int, family: str) -> tuple[int, float]:
    """Quality of the likeliest table of a family at one place, and the standard deviation of noise that makes it so.

    Noise leaves of a lattice a density of 1 + 2 w cos(2 pi c / q); the logarithm of that is 2 w cos - w^2 on average.
    Where samples were cut, or another picture was set over a part, some of the blocks are on no lattice: they take the
    same share of every frequency.
    """
    names, steps = tables()
    members = [n for n, name in enumerate(names) if name[0] == family]
    near = np.array([one.near[place, one.of[members]] for one in excesses])
    count = np.array([one.counted[place, one.of[members]] for one in excesses])
    left = np.exp(-2 * np.pi**2 * _LEVELS[:, None, None] ** 2 / steps[members].T ** 2)
    by_level = np.einsum("lfm,fm->lm", left, near), np.einsum("lfm,fm->lm", left**2, count)
    shares = _SHARES[:, None, None]
    likelihoods = 2 * shares * by_level[0] - shares**2 * by_level[1]
    _, level, member = np.unravel_index(int(likelihoods.argmax()), likelihoods.shape)
    return names[members[int(member)]][1], float(_LEVELS[level])


def _histograms(plane: np.ndarray) -> np.ndarray:
    """Of magnitudes, by place of the grid and frequency, `np.ndarray [shape=(64, 24, bins), dtype=float32]`."""
    together = round(_WIDTH / FINE_BIN)
    fine = phase_scan(np.ascontiguousarray(plane, np.float32), BLOCK, _KEPT, _INDEX, round(_TOP / FINE_BIN))[1]
    each = (fine[..., bin_::together] for bin_ in range(together))  # ten times as fast as sums over a short axis
    return np.asarray(sum(each, np.int32(0)), np.float32)


def _excesses(histograms: np.ndarray, bank: _Bank) -> tuple[_Excess, ...]:
    """Sums of cosines of every frequency beyond what the other places give for as many coefficients, and the counts."""
    found = []
    for k, steps in enumerate(bank.steps):
        own = np.ascontiguousarray(histograms[:, k])
        near = own @ steps.cosines
        below = np.concatenate([np.zeros((len(own), 1), np.float32), np.cumsum(own, axis=1)], axis=1)
        count = below[:, steps.end] - below[:, steps.first]
        others, other_counts = near.sum(axis=0) - near, count.sum(axis=0) - count
        found.append(_Excess(near - count * others / np.maximum(other_counts, 1), count, steps.of))
    return tuple(found)


def _added(excesses: Sequence[_Excess], bank: _Bank) -> tuple[np.ndarray, np.ndarray]:
    """Weighed sums and counts of all frequencies, `np.ndarray [shape=(noises, places, tables), dtype=float32]`."""
    sums = np.zeros((len(NOISES), len(excesses[0].near), bank.weights.shape[2]), np.float32)
    counts = np.zeros_like(sums)
    for k, one in enumerate(excesses):
        near, count = one.near[:, one.of], one.counted[:, one.of]
        for n in range(len(NOISES)):
            sums[n] += bank.weights[n, k] * near
            counts[n] += bank.weights[n, k] ** 2 * count
    return sums, counts


def _contrasts(excesses: Sequence[_Excess], bank: _Bank) -> np.ndarray:
    """Sums at each place over their median and spread at all places, `np.ndarray [shape=(noises, places, tables)]`."""
    sums, counts = _added(excesses, bank)
    scores = sums / np.sqrt(counts / 2 + _PRIOR_COUNT)
    over = scores - np.median(scores, axis=1, keepdims=True)
    spread = 1.4826 * np.median(np.abs(over), axis=1, keepdims=True) + _LEAST_SPREAD
    return np.asarray(over / (spread * bank.divisors))
