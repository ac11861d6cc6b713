"""A JPEG that was resized as a whole: its size, sampling and quality, from the lattices of all its planes once the
resampling is undone.

A resized picture is a matrix for each axis times the decoder's samples, plus rounding. With the matrix of a size and a
kernel the likeliest samples follow by least squares with smoothness as the prior (Wiener's filter), and with them the
lowest DCT coefficients of blocks: those of luma, and those of chroma, which was mostly stored at half the size, so
that a reduction to half has kept all of it. At the right size they lie near multiples of a table's steps (near lattice
[1]_), those of blocks that start half a block further near nothing. Sizes that are tried are those at which borders of
blocks and lines of interpolation show most (`forensics_features.native_size`).

How near they lie tells whether another codec came between: rounding alone moves them by a fraction of a level.

References
----------
.. [1] T. Bianchi, A. Piva, "Reverse engineering of double JPEG compression in the presence of image resizing", WIFS
   2012, doi:10.1109/WIFS.2012.6412617.
.. [2] libjpeg-turbo, jdsample.c, `h2v2_fancy_upsample` (chroma at half the size).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.codecs.headers.mpeg_matrix import video_tables
from forensics.history.jpeg.planes import DCT_8
from forensics.history.jpeg.reduced import BINS, FEWEST, POSITIONS, Steps, has_content, steps_of, strength
from forensics.history.jpeg.resampling_kernels import KERNELS, Kernel, taps
from forensics.results.history import Parameter

QUALITIES = np.arange(30, 98)
"""Qualities of each family's tables that are tried."""
FAMILIES = tuple(TABLE_FAMILIES)
SAMPLINGS = {"4:2:0": (True, True), "4:4:4": (False, False), "4:2:2": (False, True), "4:4:0": (True, False)}
"""Whether chroma has half the rows, and half the columns."""
COMMON = ("4:2:0", "4:4:4")
"""Samplings that sizes are looked for by."""
CHROMA_POSITIONS = POSITIONS[:6]
"""Coefficients of chroma that are read, as (vertical, horizontal) frequency."""
SIDE = 448
"""Largest side of the region at the corner, where the grid begins, in pixels of the JPEG, as of `reduced`."""
LEAST_SIDE = 96
"""Smallest side of a picture, in pixels, as of `native_size`."""
RATIOS = np.exp(np.arange(math.log(1.02), math.log(2.22), 0.008))
"""Sizes over the picture's that are scanned, `np.ndarray [shape=(m,), dtype=float64]`: in steps of 0.8 %, which puts
the far end of the region off by 1.8 pixels at most, and by less than one on average."""
SIZES, SCANNED = 5, 3
"""Likely sizes that are looked at, and those of a scan of all: of 128 JPEGs 115 have a contrast of 18 or more
so, 113 of them at the size to the pixel."""
FOUND_FROM = 18.0
"""Weight from which it is a JPEG's lattice. Pictures of validation sources reduced to 0.45 to 0.97 by ten programs and
kernels: 23 that were never compressed have a contrast of 4.4 at most (23 more, after steps of all kinds, 4.7),
`TRIED_OTHERS` by WebP and AVIF a weight of 13.7; of 128 JPEGs of qualities 50 to 96 111 are found, 114 of 115 with
their quality within two."""
LOPSIDED = 2.0
"""Times the contrast of the table that lies farthest from multiples, at least: drawings whose blocks are alike lie near
multiples of some steps and between those of others. An icon and a sheet of balls of games have 16.5 and 25.4, and 1.7
and 1.0 times, the half-tone of a dialog 76.4 and 1.0. Of 72 reduced JPEGs of validation sources with a weight of 18
and more one has less."""
RIVALLED, RIVALLED_FLAT = 1.1, 0.9
"""Most times its contrast that steps of video may have at its size (`rival`), and the same of tables of one step, as
H.263 and its like have. Of 540 reduced frames by nine video codecs three are found without this limit, at 0.67, 1.17
and 1.37 times (the latter two by ASV 1); 57 reduced JPEGs of validation sources have 1.0 times at most, the one by
tables of one step, which is given up, 0.98. Luma rounded to one step, of 6 to 20, and reduced has 0.94 to 1.08
times."""
RARE_TABLES, FULL_CHROMA = 0.5, 0.6
"""What a contrast weighs where it is that of tables other than libjpeg's, or of chroma at full size, which blocks of
4x4 samples of half-sized chroma resemble: WebP and AVIF of that draw and an earlier one of 56 reach 26.9 by the first,
19.5 by the second. JPEGs with chroma at full size have 21 and more, mostly 35 to 150."""
TRIED_OTHERS = 89
"""Pictures of that draw by other codecs."""
FOUND_UNDER_FROM = 9.0
"""Weight from which it is a JPEG's lattice under that of a last JPEG, where 4:4:0 weighs as little as 4:4:4. Training
and validation pictures reduced to 0.5 to 0.9 by ten programs and kernels and saved as JPEG of 75 to 92: of 220 that
were no JPEG before the reduction (never compressed ones, WebP and AVIF) the largest weights are 8.6 and 6.5. Of 100
JPEGs of 50 to 85 43 are found, by this reading or `reduced`, all at their scale and with their quality within two."""
HARDLY_MOVED_FROM = 0.6
"""Mean cosine from which no other codec followed the JPEG: 12 validation JPEGs (55 to 92) were coded again by WebP 80
and 95, AVIF 65 and 90, JPEG XL or JPEG 2000 and reduced; those that are named have 0.53 at most."""

_ENOUGH = 8.0
"""Contrast under which all sizes are tried: those pictures that were never compressed do not reach it."""
_WORTH_A_LOOK = 4.0
"""Contrast from which neighbours of a size and other kernels are looked at: one of the 23 never compressed
pictures of that draw reaches it."""
_LEAST_SPREAD = 0.5
"""Spread of strengths over sizes under which they count as spread so much, half of what chance gives."""
_CORRELATION, _VARIANCE, _NOISE = 0.95, 400.0, 0.1
"""Prior of samples: correlation of neighbours, and variance in squared levels; and variance of rounding, 1 / 12 and a
little more. Of 8 validation JPEGs of quality 90, reduced to 0.7, no contrast changes by more than 6 % with a
correlation of 0.9 or 0.98 or a third or three times of this noise."""
_REACH = 10
"""Samples on either side of a block that an operator takes: with 6 or 20 contrasts of those change by 3 % at most."""
_OFF = ((4, 0), (0, 4), (4, 4))
"""Where blocks beside the grid start, in samples of the plane."""
_NEIGHBOURS = ((0, -1), (0, 1), (-1, 0), (1, 0), (0, -2), (0, 2), (-2, 0), (2, 0))
"""Sizes around the clearest that are tried, twice over: sides are rounded each by itself."""
_WHOLE = ((1.5, 0.02), (2.0, 0.02))
"""Sizes over the picture's at which blocks of a picture that was not resized look like coded ones, and how near to
them: of 212 validation pictures after steps of all kinds 8 that were not resized have a contrast of 8 and more, 7 of
them there."""
_OWN = ((1.0, 0.02), (2.0, 0.02), (1.5, 0.004))
"""Sizes over the picture's at which the blocks that it was last coded in are read as those of a JPEG before, and how
near to them: 33 of those 220 pictures have their clearest reading at one and a half where that is not left out, with
contrasts of up to 21."""
_QUALITY_OFF = 2
"""Half-width of the interval of a quality: see `FOUND_FROM`."""


class ResizedJpeg(NamedTuple):
    """The clearest reading of a resized JPEG.

    Attributes
    ----------
    width, height : int
        Of the JPEG, in pixels.
    scale : float
        Share of its size that the picture has now, the mean of both axes.
    kernel : str
        By which it was resized, the likeliest of `KERNELS`.
    sampling : str
        Of chroma, one of `SAMPLINGS`; empty where luma alone was read.
    family : str
        Of quantisation tables, one of `TABLE_FAMILIES`.
    quality : int
        Of that family; exact or off by one.
    contrast : float
        How far coefficients lie nearer to multiples of the steps on the grid than beside it, in standard errors.
    share : float
        Mean cosine of coefficients over their steps, 1 where all are multiples.
    against : float
        How far they lie farther from multiples of another table's steps on the grid than beside it, at most.
    coded : bool
        Whether it was read under a JPEG that the picture was saved as since.
    rival : float
        Contrast of the steps of video at the same size (`rival`), where the JPEG's is enough for a find; else 0.
    """

    width: int
    height: int
    scale: float
    kernel: str
    sampling: str
    family: str
    quality: int
    contrast: float
    share: float
    against: float
    coded: bool = False
    rival: float = 0.0

    @property
    def weight(self) -> float:
        """The contrast, less of rare tables and of chroma at full size, under a last JPEG at half the height, too."""
        rare = 1.0 if self.family == FAMILIES[0] else RARE_TABLES
        unlikely = self.sampling == "4:4:4" or (self.coded and self.sampling == "4:4:0")
        return self.contrast * rare * (FULL_CHROMA if unlikely else 1.0)

    @property
    def found(self) -> bool:
        """Whether it is a JPEG's lattice."""
        least = FOUND_UNDER_FROM if self.coded else FOUND_FROM
        clear = self.weight >= least and self.contrast >= LOPSIDED * self.against
        return clear and self.rival <= (RIVALLED_FLAT if self.family == "flat" else RIVALLED) * self.contrast

    @property
    def named(self) -> bool:
        """The same: what is less clear is left to other readings."""
        return self.found

    @property
    def hardly_moved(self) -> bool:
        """Whether coefficients lie so near to multiples that no other codec can have followed the JPEG."""
        return self.share >= HARDLY_MOVED_FROM


class _Operator(NamedTuple):
    """Reads the lowest coefficients of blocks of an axis: weights [shape=(blocks, 4, taps)] of the samples from `first`
    on.
    """

    first: np.ndarray
    weights: np.ndarray

    def within(self, extent: int) -> _Operator:
        """Those of the blocks that lie within so many samples."""
        kept = int((self.first + self.weights.shape[2] <= extent).sum())
        return _Operator(self.first[:kept], self.weights[:kept])


@lru_cache(maxsize=256)  # pictures of one size are tried at the same sizes, of which a scan has some 200
def _operators(
    old: int, new: int, length: int, kernel: Kernel, half: bool, starts: tuple[int, ...] = (0, 4)
) -> dict[int, _Operator]:
    """Operators on the first `length` of `new` samples, by the place of the first block."""
    from scipy.linalg import solveh_banded
    from scipy.sparse import csr_array

    samples = min(old, math.ceil(length * old / new) + 16)
    at, weights = taps(old, new, length, kernel)
    at = np.minimum(at, samples - 1)
    if half:
        samples = -(-samples // 2)
        near = at // 2
        far = np.clip(near + np.where(at % 2 == 0, -1, 1), 0, samples - 1)
        at, weights = np.concatenate([near, far], axis=1), np.concatenate([0.75 * weights, 0.25 * weights], axis=1)
    resizing = csr_array((weights.ravel(), (np.repeat(np.arange(length), at.shape[1]), at.ravel())), (length, samples))
    width = int((at.max(axis=1) - at.min(axis=1)).max())
    banded = np.zeros((width + 1, samples))
    normal = (resizing.T @ resizing).todia()
    for off, diagonal in zip(normal.offsets, normal.data, strict=True):
        if off >= 0:
            banded[width - off, : len(diagonal)] = diagonal
    scale = _NOISE / (_VARIANCE * (1 - _CORRELATION**2))
    banded[width] += scale * (1 + _CORRELATION**2)
    banded[width, [0, -1]] -= scale * _CORRELATION**2
    banded[width - 1, 1:] -= scale * _CORRELATION
    blocks = int(length * old / new / (2 if half else 1)) // 8 - 1
    vectors = np.zeros((samples, len(starts), blocks, 4))
    for turn, start in enumerate(starts):
        for block in range(blocks):
            vectors[start + 8 * block : start + 8 * block + 8, turn, block] = DCT_8[:4].T
    solved = solveh_banded(banded, vectors.reshape(samples, -1), check_finite=False, overwrite_b=True)
    read = (resizing @ solved).astype(np.float32).reshape(length, len(starts), blocks, 4)
    pitch = (16 if half else 8) * new / old
    reach = min(length, math.ceil(pitch) + 2 * _REACH)
    found = {}
    for turn, start in enumerate(starts):
        first = np.floor((np.arange(blocks) + start / 8) * pitch).astype(np.int64) - _REACH
        first = np.clip(first, 0, length - reach)
        each = [read[place : place + reach, turn, block].T for block, place in enumerate(first)]
        found[start] = _Operator(first, np.ascontiguousarray(each, np.float32))
    return found


@cache
def _steps(component: int, position: tuple[int, int]) -> Steps:
    """The steps of one position in all tables of luma (0) or chroma (1)."""
    tables = [scaled_table(TABLE_FAMILIES[name][component], int(q)) for name in FAMILIES for q in QUALITIES]
    return steps_of([int(table[position]) for table in tables])


@cache
def _video_steps(position: tuple[int, int]) -> Steps:
    """The steps of one position in `video_tables`."""
    return steps_of(video_tables()[:, position[0], position[1]])


def _totals(
    planes: Sequence[np.ndarray], down: _Operator, across: _Operator, component: int, video: bool = False
) -> np.ndarray:
    """Sum of cosines and count of each table, of JPEG's or of video's, `[shape=(2, tables)]`."""
    from forensics.history.jpeg._reduced_kernels import coefficients, nearness

    positions = POSITIONS if component == 0 else CHROMA_POSITIONS
    sizes = np.empty((len(planes), len(positions), len(down.first) * len(across.first)), np.float32)
    for plane, found in zip(planes, sizes, strict=True):
        middle = np.float32(plane.mean())
        coefficients(plane - middle, down.first, down.weights, across.first, across.weights, np.array(positions), found)
        found[0] += 8 * middle
    sizes = np.abs(sizes) * np.float32(BINS)
    each = [_video_steps(position) if video else _steps(component, position) for position in positions]
    total = np.zeros((2, len(each[0].of)))
    for p, steps in enumerate(each):
        near, counted = np.empty((2, 1, len(steps.first)), np.float32)
        nearness(np.ascontiguousarray(sizes[:, p]).ravel(), np.ones(1), steps.cosines, steps.first, near, counted)
        total += np.stack([near[0][steps.of], counted[0][steps.of]])
    return total


def _planes(pixels: np.ndarray) -> list[np.ndarray]:
    """Luma less 128, and Cb and Cr of a picture with colours, each `[shape=(h, w), dtype=float32]`."""
    rgb = pixels.astype(np.float32)
    if rgb.ndim == 2 or rgb.shape[2] < 3:
        return [rgb.reshape(*rgb.shape[:2], -1)[:, :, 0] - 128]
    r, g, b = rgb[:, :, 0], rgb[:, :, 1], rgb[:, :, 2]
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return [y - 128, (b - y) * np.float32(0.5 / 0.886), (r - y) * np.float32(0.5 / 0.701)]


def _read_axes(
    pixels: np.ndarray, width: int, height: int, kernel: Kernel, samplings: Sequence[str]
) -> tuple[list[np.ndarray], dict[bool, dict[int, _Operator]], dict[bool, dict[int, _Operator]]]:
    """Planes of the corner, and the operators of rows and columns by whether chroma has half of them."""
    tall, wide = pixels.shape[:2]
    rows, columns = (min(new, math.ceil(SIDE * new / old)) for new, old in ((tall, height), (wide, width)))
    planes = _planes(pixels[:rows, :columns])
    halves = sorted({False, *(half for name in samplings for half in SAMPLINGS[name])}) if len(planes) == 3 else [False]
    down = {half: _operators(height, tall, rows, kernel, half) for half in halves}
    across = {half: _operators(width, wide, columns, kernel, half) for half in halves}
    return planes, down, across


def contrasts(
    pixels: np.ndarray, width: int, height: int, kernel: Kernel, samplings: Sequence[str] = COMMON
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """How clearly lattices of all tables show at a size, by kind (`luma`, a sampling of chroma, or both together).

    Parameters
    ----------
    pixels : np.ndarray [shape=(h, w) or (h, w, 3), dtype=uint8]
    width, height : int
        Of the JPEG.
    kernel : Kernel
    samplings : sequence of str
        Of `SAMPLINGS`.

    Returns
    -------
    dict of str to (np.ndarray, np.ndarray) [shape=(len(FAMILIES) * len(QUALITIES),), dtype=float64]
        Contrasts and shares as of `ResizedJpeg`, family by family.
    """
    totals = _all_totals(pixels, width, height, kernel, samplings)
    return {kind: (_contrast_of(each), each[0][0] / np.maximum(each[0][1], FEWEST)) for kind, each in totals.items()}


def _all_totals(
    pixels: np.ndarray, width: int, height: int, kernel: Kernel, samplings: Sequence[str], video: bool = False
) -> dict[str, list[np.ndarray]]:
    """As of `_totals`, on the grid and at each place beside it, by kind."""
    planes, down, across = _read_axes(pixels, width, height, kernel, samplings)
    totals: dict[str, list[np.ndarray]] = {}
    for top, left in ((0, 0), *_OFF):
        luma = _totals(planes[:1], down[False][top], across[False][left], 0, video)
        totals.setdefault("luma", []).append(luma)
        for name in samplings if len(planes) == 3 else ():
            v, h = SAMPLINGS[name]
            chroma = _totals(planes[1:], down[v][top], across[h][left], 1, video)
            totals.setdefault(f"chroma {name}", []).append(chroma)
            totals.setdefault(f"both {name}", []).append(luma + chroma)
    return totals


def _contrast_of(totals: Sequence[np.ndarray]) -> np.ndarray:
    """How far coefficients lie nearer to multiples on the grid than beside it, in standard errors, of each table."""
    on, *beside = (strength(*total) for total in totals)
    return np.asarray((on - np.mean(beside, axis=0)) / math.sqrt(1 + 1 / len(beside)))


def rival(pixels: np.ndarray, reading: ResizedJpeg) -> float:
    """The largest contrast that steps of video have at the size of a reading, by its kernel.

    Parameters
    ----------
    pixels : np.ndarray [shape=(h, w) or (h, w, 3), dtype=uint8]
        Those that it was read from.
    reading : ResizedJpeg

    Returns
    -------
    float
        On the scale of `ResizedJpeg.contrast`.
    """
    kernel = next(one for one in KERNELS if one.name == reading.kernel)
    samplings = (reading.sampling,) if reading.sampling else ()
    totals = _all_totals(pixels, reading.width, reading.height, kernel, samplings, video=True)
    return max(float(_contrast_of(each).max()) for each in totals.values())


def at_size(
    pixels: np.ndarray, width: int, height: int, kernel: Kernel, samplings: Sequence[str] = COMMON
) -> ResizedJpeg:
    """The clearest reading at one size; arguments as of `contrasts`."""
    tall, wide = pixels.shape[:2]
    scale = math.sqrt(tall / height * wide / width)
    readings = []
    for kind, (contrast, share) in contrasts(pixels, width, height, kernel, samplings).items():
        for family in range(len(FAMILIES)):
            of_family = contrast[family * len(QUALITIES) :][: len(QUALITIES)]
            equal = np.flatnonzero(of_family == of_family.max())
            best = int(equal[(QUALITIES[equal] % 5).argmin()])  # the rounder of qualities with the same steps
            at = family * len(QUALITIES) + best
            sampling = kind.partition(" ")[2]
            quality = int(QUALITIES[best])
            readings.append(
                ResizedJpeg(
                    width,
                    height,
                    scale,
                    kernel.name,
                    sampling,
                    FAMILIES[family],
                    quality,
                    float(contrast[at]),
                    float(share[at]),
                    -float(contrast.min()),
                )
            )
    return max(readings, key=lambda one: one.weight)


def read(
    pixels: np.ndarray, *, scan: bool = True, coded: bool = False, sizes: Sequence[tuple[int, int]] = ()
) -> ResizedJpeg | None:
    """The clearest reading of a resized JPEG; None where the picture is too small or holds too little for a find.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8]
        A whole picture: of one that was cropped since blocks lie elsewhere.
    scan : bool
        Whether all sizes are tried where none of the likely ones is found.
    coded : bool
        Whether the picture as it is was decoded from a JPEG: sizes of which its own blocks are whole parts are left
        out, at which they would show.
    sizes : sequence of (int, int)
        Widths and heights that are tried besides, each a guess from elsewhere.

    Returns
    -------
    ResizedJpeg or None
        There is always a clearest reading; `found` says whether it is one.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from PIL import Image
    >>> from forensics.history.jpeg import resized
    >>> picture = Image.open("examples/uncompressed.png").convert("RGB")
    >>> stream = io.BytesIO()
    >>> picture.save(stream, "JPEG", quality=90)
    >>> small = Image.open(stream).resize((picture.width * 2 // 3, picture.height * 2 // 3), Image.Resampling.LANCZOS)
    >>> found = resized.read(np.asarray(small))
    >>> found.named, found.quality, found.sampling, (found.width, found.height) == picture.size
    (True, 90, '4:2:0', True)
    """
    from forensics_features import native_size

    if min(pixels.shape[:2]) < LEAST_SIDE:
        return None
    likely = native_size.candidates(pixels, SIZES, (native_size.REDUCED[0], RATIOS[-1]))
    sizes = [*sizes, *((width, height) for width, height, _ in likely)]
    if coded:
        sizes = [size for size in sizes if not _near(size[0] / pixels.shape[1], _OWN)]
    best = _clearest(pixels, sizes)
    if scan and (best is None or best.contrast < _ENOUGH):
        ratios = RATIOS[~_near(RATIOS, _OWN)] if coded else RATIOS
        readings = [best, _clearest(pixels, _likeliest(pixels, SCANNED, ratios))]
        best = max((one for one in readings if one), key=lambda one: one.weight, default=None)
    best = None if best is None else best._replace(coded=coded)
    if best is None or not best.found:
        return best
    best = best._replace(rival=rival(pixels, best))
    return None if not has_content(pixels) or (not coded and _stands_upright(pixels, best)) else best


def _stands_upright(pixels: np.ndarray, reading: ResizedJpeg) -> bool:
    """Whether blocks of the picture as it is show more clearly, of which those of some sizes are whole parts."""
    if not _near(1 / reading.scale, _WHOLE):
        return False
    tall, wide = pixels.shape[:2]
    return at_size(pixels, wide, tall, KERNELS[1], tuple(SAMPLINGS)).contrast >= reading.contrast


def _near(ratios: np.ndarray | float, which: Sequence[tuple[float, float]]) -> np.ndarray:
    """Whether sizes over the picture's lie so near to some."""
    return np.any([np.abs(one / ratios - 1) <= within for one, within in which], axis=0)


def _clearest(pixels: np.ndarray, sizes: Sequence[tuple[int, int]]) -> ResizedJpeg | None:
    """The clearest reading at some sizes, their neighbours and all kernels."""
    tried: dict[tuple[int, int, str], ResizedJpeg] = {}

    def look(width: int, height: int, kernel: Kernel, samplings: Sequence[str]) -> None:
        if (width, height, kernel.name) not in tried:
            tried[width, height, kernel.name] = at_size(pixels, width, height, kernel, samplings)

    def best() -> ResizedJpeg:
        return max(tried.values(), key=lambda one: one.weight)

    for width, height in sizes:
        look(width, height, KERNELS[0], COMMON)
    if not tried or best().contrast < _WORTH_A_LOOK:
        return best() if tried else None
    now = best()
    if 2 * now.width <= RATIOS[-1] * pixels.shape[1]:
        for more in range(-2, 3):  # blocks of chroma at half the size look like those of a picture of half the size
            look(2 * now.width + more, 2 * now.height + more, KERNELS[0], COMMON)
    for _ in range(2):
        now = best()
        for across, down in _NEIGHBOURS:
            look(now.width + across, now.height + down, KERNELS[0], (now.sampling,) if now.sampling else ())
    now = best()
    every = [at_size(pixels, now.width, now.height, kernel, tuple(SAMPLINGS)) for kernel in KERNELS]
    return max([now, *every], key=lambda one: one.weight)


def _likeliest(pixels: np.ndarray, count: int, ratios: np.ndarray) -> list[tuple[int, int]]:
    """The sizes at which lattices of chroma, or of luma in a grey picture, show most among all of `ratios`."""
    tall, wide = pixels.shape[:2]
    side = max(tall, wide)
    most = math.ceil(SIDE / RATIOS[0])
    whole_planes, rows = _planes(pixels[:most, :most]), []
    for ratio in ratios:
        length = min(side, math.ceil(SIDE / ratio))
        planes = [plane[:length, :length] for plane in whole_planes]
        component = int(len(planes) == 3)
        each = []
        for half in (False, True)[: len(planes)]:
            whole = _operators(round(side * ratio), side, length, KERNELS[0], half, (0,))[0]
            down, across = (whole.within(extent) for extent in planes[0].shape)
            each.append(strength(*_totals(planes[component:], down, across, component)))
        rows.append(np.concatenate(each))
    over = np.array(rows) - np.median(rows, axis=0)
    spread = 1.4826 * np.median(np.abs(over), axis=0) + _LEAST_SPREAD
    best = np.argsort(-(over / spread).max(axis=1))[:count]
    return [(round(wide * ratios[at]), round(tall * ratios[at])) for at in best]


def parameters_of(reading: ResizedJpeg) -> tuple[Parameter, ...]:
    """Quality, sampling of chroma, and scale of a reading as parameters of a generation."""
    basis = f"with the resizing undone, {_nearer(reading)}"
    quality, scale = reading.quality, reading.scale
    off = 1 / (2 * min(reading.width, reading.height))  # of a size that is right to half a pixel
    found = [
        Parameter("quality", quality, quality - _QUALITY_OFF, quality + _QUALITY_OFF, basis=basis),
        Parameter("scale", round(scale, 4), scale * (1 - off), scale * (1 + off), basis=basis),
    ]
    if reading.sampling:
        found.append(Parameter("chroma_subsampling", reading.sampling, basis=basis))
    return tuple(found)


def sentence(reading: ResizedJpeg) -> str:
    """What a reading that is found says."""
    return (
        f"It was a JPEG of quality {_quality(reading)} and {reading.width}x{reading.height} pixels, and then reduced "
        f"to {reading.scale:.3f} of its size: with that undone, {_nearer(reading)} (none of {TRIED_OTHERS} pictures "
        f"that were no JPEG before reaches {FOUND_FROM:.0f})"
    )


def _quality(reading: ResizedJpeg) -> str:
    said = [f"about {reading.quality}"]
    if reading.sampling:
        said.append(reading.sampling)
    if reading.family != FAMILIES[0]:
        said.append(f"{reading.family} tables")
    return said[0] + (f" ({', '.join(said[1:])})" if said[1:] else "")


def _nearer(reading: ResizedJpeg) -> str:
    return (
        f"the coefficients of its blocks lie nearer to multiples of that quality's steps than those beside the grid, "
        f"by {reading.contrast:.0f} standard errors"
    )
