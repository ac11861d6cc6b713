"""A JPEG that was reduced afterwards: its scale and its quality, from the lattice that shows once the reduction is
undone.

Enlarged back to the size that it was coded at, a reduced JPEG has lost its high frequencies, but not the low ones: the
lowest DCT coefficients of its blocks still lie near multiples of their quantisation steps (near lattice [1]). At every
other size blocks lie elsewhere, and nothing lies near multiples of anything. For each scale that is tried a region at
the corner, where every grid begins, is enlarged (`_reduced_kernels`); the strength of a quality is the sum of
cos(2 pi c / q) over the coefficients c that its table quantises by q. Strengths are compared with those of the same
quality at other scales. Another compression after the reduction adds noise to the coefficients, and leaves the test as
it is.

References
----------
.. [1] T. Bianchi, A. Piva, "Reverse engineering of double JPEG compression in the presence of image resizing", WIFS
   2012, doi:10.1109/WIFS.2012.6412617.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from forensics_features.running import running_maxima, running_medians

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.codecs.headers.mpeg_matrix import video_tables
from forensics.history.jpeg.planes import DCT_8
from forensics.results.history import Parameter

NAME = "reduced_jpeg"
"""Name of the statement of a JPEG that was reduced."""
QUALITIES = np.arange(30, 97)
"""Qualities of libjpeg's standard table that are tried; finer steps than those of 96 are lost in rounding noise."""
POSITIONS = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (0, 3), (3, 0), (2, 2))
"""Coefficients of a block that are read, as (vertical, horizontal) frequency: what a reduction to half keeps."""
KERNELS = {"flat": 0, "box": 1, "triangle": 2}
"""What a reduction did to the frequencies that are read, as a power of sinc(f / scale): nothing to speak of (cubic and
Lanczos kernels), a mean over areas, a bilinear kernel widened by the scale."""
SCALES = np.exp(np.arange(math.log(0.45), math.log(0.97), 0.0012))
"""Scales that are tried, `np.ndarray [shape=(m,), dtype=float64]`: steps of 0.12 %, a quarter of a pixel at the far end
of a region."""
SIDE = 448
"""Largest side of the region, in pixels of the coded picture: 3,136 blocks, a few milliseconds a scale."""
LEAST_SIDE = 128
"""Smallest side of a picture, in pixels: from 256 blocks at a scale of 0.9 on."""

FOUND_FROM, NAMED_FROM = 8.0, 18.0
"""Strength over its spread at other scales from which blocks are found that were coded and then reduced, and from which
they are a JPEG's: other codecs with blocks of 8x8 pixels and steps that resemble its table reach 15.
"""
TRIED, TRIED_OTHERS = 145, 86
"""Validation pictures without a lossy codec, of which none reaches `FOUND_FROM`, and by other codecs than JPEG, of
which none reaches `NAMED_FROM`; after steps of all kinds, by all encoders and programs of training.
"""
OTHERS_FOUND, JPEGS_FOUND = 0.05, 0.5
"""Shares of the pictures by other codecs, and of JPEGs reduced to 0.5 to 0.95, that reach `FOUND_FROM`."""

RIVALLED = 1.1
"""Share of a JPEG's strength that steps of video may have at the same scale. Of 992 frames of nine video codecs of 8x8
blocks, of training and validation sources, reduced since, 33 reach `FOUND_FROM` and 12 `NAMED_FROM`; two of these and
none have less. Of 42 validation JPEGs that are found five have more, three of the 33 that are named."""

PROBABILITY = 1 - 1 / (TRIED_OTHERS + 2)
"""Of a JPEG that is named, by Laplace's rule of succession."""

_LOWEST = DCT_8[:4].astype(np.float32)
"""The lowest vectors of a block's DCT, as far as `POSITIONS` go."""
FEWEST = 50
"""Coefficients under which a quality's strength is that of as many."""
_NEAREST = 0.6
"""Share of a step under which a coefficient is not counted: whether it was quantised to zero tells little."""
BINS = 8
"""Bins a unit in the histograms of coefficients: a phase of 45 degrees of the finest step."""
_TOP = 1056
"""Largest coefficient that is counted: the constant term of white, and a little more."""
_AROUND = 61
"""Scales whose median is what a quality's strength is held against."""
_LEAST_BENT, _LEAST_BITS = 0.05, 0.3
"""Content (`forensics_features.content`) under which nothing is found: blocks that are all alike lie near multiples of
some step together. 25 of 29 computed gradients, charts and ramps that are found without this have 0.016 and less of the
first, patterns that repeat themselves 0.1 and less of the second; of 33 reduced JPEGs of validation pictures the least
have 0.19 and 1.4."""
_LOPSIDED = 1.5
"""Times the strength of the quality that lies farthest from multiples, at a scale that counts: blocks that are all
alike lie near multiples of some steps and between those of others (computed patterns with bends: up to 1.43; the 17 of
22 reduced JPEGs of validation pictures that are found: 1.57 and more)."""
_LEAST_SPREAD = 0.3
"""Spread of strengths under which they count as spread so much: a third of what independent coefficients give."""
_HALF_WITHIN = 0.01
"""Relative distance from a half within which a scale is left out where blocks lie upright."""
_REFINED = np.arange(-5, 6) * 0.0004
"""Relative changes of the scale of one axis: sides are rounded to whole pixels each by itself."""
_REFINED_FROM = FOUND_FROM / 2
"""Strength over its spread from which scales of single axes are tried: of 60 validation pictures, reduced to
0.47 to 0.96 uncompressed, as JPEG or as WebP, the 29 below it reach 5.0 at most, and none of those found began below
5.7."""
_SCALE_OFF, _QUALITY_OFF = 0.002, 2
"""Half-widths of 90 % intervals, relative of the scale, and of the quality: 53 of the 58 JPEGs that were found in the
draw of `TRIED` lie within the first, all of 10 whose quality was recorded within the second."""
_SPREAD_OVER, _STRONGEST = 27, 12
"""Scales that `likely_scales` takes evenly, and of those where the borders of blocks show most: of 579 JPEGs (66
validation and 103 training pictures, qualities 40 to 92, reduced to 0.5 to 0.96 by five kernels) 4, 8, 12, 16 and 30 of
these find 391, 389, 395, 398 and 400 and name 265, 271, 267, 267 and 273; 12 take half the time of 30."""


class ReducedJpeg(NamedTuple):
    """The clearest reading of a reduced JPEG.

    Attributes
    ----------
    scale : float
        Share of its coded size that the picture has now, the mean of both axes.
    quality : int
        Of libjpeg's standard table; exact or off by one or two.
    contrast : float
        Strength over its spread at other scales.
    rival : float
        The largest strength of steps of video at that scale, over the JPEG's, where the contrast is `FOUND_FROM` and
        more; 0 elsewhere.
    """

    scale: float
    quality: int
    contrast: float
    rival: float = 0.0

    @property
    def found(self) -> bool:
        """Whether blocks were coded before the picture was reduced."""
        return self.contrast >= FOUND_FROM and self.rival <= RIVALLED

    @property
    def named(self) -> bool:
        """Whether they are a JPEG's."""
        return self.found and self.contrast >= NAMED_FROM

    @property
    def hardly_moved(self) -> bool:
        """Whether nothing but the reduction moved them: that is not read."""
        return False


def read(pixels: np.ndarray, scales: np.ndarray = SCALES) -> ReducedJpeg | None:
    """The clearest reading of a reduced JPEG; None where the picture is too small, or holds too little for a find.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8]
        From the corner that it was coded from: a picture cropped since is not read.
    scales : np.ndarray [shape=(m,), dtype=float64]
        Scales that are tried, ascending, some dozens or more.

    Returns
    -------
    ReducedJpeg or None
        There is always a clearest reading; `found` says whether it is one.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from PIL import Image
    >>> from forensics.history.jpeg import reduced
    >>> y, x = np.mgrid[:512, :512]
    >>> scene = 128 + 50 * np.sin(x / 23) + 40 * np.cos(y / 31) + np.random.default_rng(0).normal(0, 9, (512, 512))
    >>> stream = io.BytesIO()
    >>> Image.fromarray(scene.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=60)
    >>> small = Image.open(stream).resize((384, 384), Image.Resampling.BICUBIC)
    >>> found = reduced.read(np.asarray(small))
    >>> found.found, found.quality, round(found.scale, 3)
    (True, 60, 0.75)
    """
    if min(pixels.shape[:2]) < LEAST_SIDE:
        return None
    luma = _corner(pixels)
    strengths, around, spread = _scanned(luma, scales)
    over = strengths - around
    over[over.max(axis=1) < _LOPSIDED * -over.min(axis=1)] = 0.0
    half = np.abs(scales / 0.5 - 1) < _HALF_WITHIN
    if half.any() and float(((_strengths(luma, 1.0, 1.0) - around[half][0]) / spread).max()) >= FOUND_FROM:
        over[half] = 0.0  # quarters of upright blocks share their lattice
    place, column = np.unravel_index(int((over / spread).argmax()), over.shape)
    best, axes = float(strengths[place, column]), [float(scales[place])] * 2
    if float(over[place, column]) >= _REFINED_FROM * float(spread[column]):
        best, axes = _refined(luma, float(scales[place]), int(column), best)
    contrast = (best - float(around[place, column])) / float(spread[column])
    rival = float(_strengths(luma, *axes, tables=_rivals()).max()) / best if contrast >= FOUND_FROM else 0.0
    quality = int(QUALITIES[int(column) % len(QUALITIES)])
    reading = ReducedJpeg(math.sqrt(axes[0] * axes[1]), quality, contrast, rival)
    return None if reading.found and not has_content(pixels) else reading


def _refined(luma: np.ndarray, scale: float, column: int, best: float) -> tuple[float, list[float]]:
    """The strongest of scales of each axis near a scale at which a column of `_strengths` is `best`, and those
    scales.
    """
    axes = [scale, scale]
    known = {tuple(axes): best}
    for axis in (0, 1, 0, 1):
        for change in _REFINED:
            tried = list(axes)
            tried[axis] = scale * (1 + change)
            if tuple(tried) in known:
                continue
            strength = known[tuple(tried)] = float(_strengths(luma, *tried)[column])
            if strength > best:
                best, axes = strength, tried
    return best, axes


def read_likely(pixels: np.ndarray) -> ReducedJpeg | None:
    """The clearest reading at `likely_scales`; arguments and result as of `read`."""
    return read(pixels, likely_scales(pixels)) if min(pixels.shape[:2]) >= LEAST_SIDE else None


def contrasts(pixels: np.ndarray, scales: np.ndarray = SCALES) -> np.ndarray:
    """Strength over its spread of every kernel and quality at every scale, `np.ndarray [shape=(m, len(KERNELS) *
    len(QUALITIES)), dtype=float64]`; arguments as of `read`, the picture `LEAST_SIDE` a side or more.
    """
    strengths, around, spread = _scanned(_corner(pixels), scales)
    return np.asarray((strengths - around) / spread)


def has_content(pixels: np.ndarray) -> bool:
    """Whether the corner holds enough for its blocks to differ."""
    from forensics_features.content import content_of
    from forensics_features.planes import to_rgb8

    most = math.ceil(SIDE * SCALES[-1])
    return content_of(to_rgb8(pixels[:most, :most])).measured_by_chance(_LEAST_BENT, _LEAST_BITS)


def _corner(pixels: np.ndarray) -> np.ndarray:
    """Luma of as much of the corner as any scale takes, `np.ndarray [shape=(h, w), dtype=float32]`."""
    from forensics_features.planes import as_planes

    most = math.ceil(SIDE * SCALES[-1]) + 8
    return np.ascontiguousarray(as_planes(pixels[:most, :most]).y, np.float32)


def _scanned(luma: np.ndarray, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Strengths at every scale, their medians nearby, and their spread."""
    strengths = np.array([_strengths(luma, scale, scale) for scale in scales])
    around = running_medians(strengths.T, min(_AROUND, len(scales))).T
    return strengths, around, 1.4826 * np.median(np.abs(strengths - around), axis=0) + _LEAST_SPREAD


def likely_scales(pixels: np.ndarray) -> np.ndarray:
    """Scales of `SCALES` at which the borders of blocks show most (`forensics_features.scaled_grid`), and some others
    to hold them against: a twelfth of all.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8]
        At least `LEAST_SIDE` a side.
    """
    from forensics_features import scaled_grid

    strengths = scaled_grid.strengths(pixels)
    peaks = np.flatnonzero(strengths == running_maxima(strengths, 9))
    peaks = peaks[np.argsort(-strengths[peaks])][:_STRONGEST]
    near = np.abs(np.log(SCALES)[:, None] - np.log(scaled_grid.SCALES[peaks])).argmin(axis=0)
    near = np.clip(near[:, None] + np.arange(-1, 2), 0, len(SCALES) - 1)
    return np.asarray(SCALES[np.unique(np.append(near, np.arange(0, len(SCALES), _SPREAD_OVER)))])


def parameters_of(reading: ReducedJpeg) -> tuple[Parameter, ...]:
    """Scale and quality of a reading as parameters of a generation."""
    basis = (
        f"enlarged back, {_near(reading)}; none of {TRIED} pictures that were not compressed before the reduction "
        f"reaches {FOUND_FROM:.0f}"
    )
    low, high = reading.scale * (1 - _SCALE_OFF), reading.scale * (1 + _SCALE_OFF)
    quality = reading.quality
    return (
        Parameter("quality", quality, quality - _QUALITY_OFF, quality + _QUALITY_OFF, basis=basis),
        Parameter("scale", round(reading.scale, 4), low, high, basis=basis),
    )


def sentence(reading: ReducedJpeg, height: int, width: int) -> str:
    """What a reading says of a picture of that size."""
    return (
        f"It was a JPEG of quality about {reading.quality} and {_coded_size(reading, height, width)}, "
        f"and then reduced to {reading.scale:.3f} of its size: enlarged back, {_near(reading)} ({_rarity()})"
    )


def _near(reading: ReducedJpeg) -> str:
    return (
        f"the coefficients of its blocks lie near multiples of that quality's steps, {reading.contrast:.0f} times the "
        f"spread at other sizes"
    )


def like_a_jpeg(reading: ReducedJpeg, height: int, width: int) -> str:
    """What a reading says that is found and not named."""
    return (
        f"Blocks of 8x8 pixels were coded, in steps like those of a JPEG of quality about {reading.quality}, when the "
        f"picture had {_coded_size(reading, height, width)}; then it was reduced to {reading.scale:.3f} of its size"
    )


def _coded_size(reading: ReducedJpeg, height: int, width: int) -> str:
    return f"about {round(width / reading.scale)}x{round(height / reading.scale)} pixels"


def _rarity() -> str:
    return f"none of {TRIED + TRIED_OTHERS} pictures that were no JPEG before reaches {NAMED_FROM:.0f}"


class Steps(NamedTuple):
    """The steps of one position in some tables, each once.

    Attributes
    ----------
    cosines : np.ndarray [shape=(bins, steps), dtype=float32]
        By the bin of a coefficient's size, 0 where nothing is counted.
    first : np.ndarray [shape=(steps,), dtype=int64]
        The first bin that is counted of each.
    of : np.ndarray [shape=(tables,), dtype=int64]
        Which of them each table has.
    """

    cosines: np.ndarray
    first: np.ndarray
    of: np.ndarray


def steps_of(tables: Sequence[float] | np.ndarray) -> Steps:
    """`Steps` from the step of each table."""
    each, of = np.unique(tables, return_inverse=True)
    middles = (np.arange(_TOP * BINS) + 0.5) / BINS
    counted = middles[:, None] > _NEAREST * each
    cosines = (np.cos(2 * np.pi * middles[:, None] / each) * counted).astype(np.float32)
    return Steps(cosines, counted.argmax(axis=0), of)


@cache
def _tables() -> tuple[Steps, ...]:
    """The steps of each position."""
    tables = [scaled_table(TABLE_FAMILIES["standard"][0], int(q)) for q in QUALITIES]
    return tuple(steps_of([int(table[position]) for table in tables]) for position in POSITIONS)


@cache
def _rivals() -> tuple[Steps, ...]:
    """The same of `video_tables`."""
    return tuple(steps_of(video_tables()[:, v, h]) for v, h in POSITIONS)


def strength(near: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Sums of cosines in standard errors of as many coefficients of no lattice."""
    return np.asarray(near * np.sqrt(2 / np.maximum(counted, FEWEST)))


def _strengths(
    luma: np.ndarray, vertical: float, horizontal: float, *, tables: tuple[Steps, ...] | None = None
) -> np.ndarray:
    """Strength of every kernel and quality, or table of others, one after the other, at a scale of each axis,
    `np.ndarray [shape=(len(KERNELS) * tables,), dtype=float64]`.
    """
    from forensics.history.jpeg._reduced_kernels import nearness

    sizes = np.abs(_coefficients(luma, vertical, horizontal)) * np.float32(BINS)
    tables = _tables() if tables is None else tables
    near, count = np.zeros((2, len(KERNELS), len(tables[0].of)))
    down, across = (np.array([_gains(power, scale) for power in KERNELS.values()]) for scale in (vertical, horizontal))
    for (v, h), own, steps in zip(POSITIONS, sizes, tables, strict=True):
        gains = down[:, v] * across[:, h] if (v, h) != (0, 0) else np.ones(1)
        nearest, counted = np.empty((2, len(gains), len(steps.first)), np.float32)
        nearness(own, gains, steps.cosines, steps.first, nearest, counted)
        near += nearest[:, steps.of]
        count += counted[:, steps.of]
    return strength(near, count).ravel()


def _coefficients(luma: np.ndarray, vertical: float, horizontal: float) -> np.ndarray:
    """Coefficients of the picture enlarged by Lanczos' kernel, at each of `POSITIONS` of all whole blocks,
    `np.ndarray [shape=(len(POSITIONS), blocks), dtype=float32]`.
    """
    from forensics.history.jpeg._reduced_kernels import coefficients

    (tops, down), (lefts, across) = (
        _band(extent, scale) for extent, scale in zip(luma.shape, (vertical, horizontal), strict=True)
    )
    found = np.empty((len(POSITIONS), len(tops) * len(lefts)), np.float32)
    coefficients(luma, tops, down, lefts, across, np.array(POSITIONS), found)
    found[0] -= 128 * 8
    return found


def _band(extent: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """The operator of one axis as of `_reduced_kernels.band`."""
    from forensics.history.jpeg._reduced_kernels import LOBES, band

    blocks = min(SIDE, int(extent / scale)) // 8
    used = min(8 * blocks * scale, float(extent))
    width = min(math.ceil(used / blocks + 2 * LOBES * max(scale, 1.0)) + 2, extent)
    first, weights = np.empty(blocks, np.int64), np.zeros((blocks, len(_LOWEST), width), np.float32)
    band(extent, used, _LOWEST, first, weights)
    return first, weights


def _gains(power: int, scale: float) -> np.ndarray:
    """What a reduction leaves of the frequencies k / 16, k = 0 to 3, `np.ndarray [shape=(4,), dtype=float64]`."""
    return np.sinc(np.arange(4) / 16 / scale) ** power
