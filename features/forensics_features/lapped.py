"""JPEG XR's lapped transform, and the traces its quantisation leaves in a decoded picture.

JPEG XR [1]_ [2]_ [3]_ transforms luma in two stages. The first works on the samples: an overlap operator on the 4x4
patches around the corners of a 4x4 grid (overlap modes 1 and 2), then a 4x4 core transform of every block. The second
does the same with the DC values of a macroblock's 4x4 blocks, its overlap operator in overlap mode 2 only. There remain
15 high-pass coefficients a block, and 15 low-pass coefficients and one DC value a macroblock of 16x16, all quantised.

Decoding and rounding to 8 bits moves these coefficients by far less than a usual quantisation step, so the same
transform taken forward at the right phase finds them on a comb; at another phase, or with an overlap operator too many
or too few, it does not. High-pass combs thus tell overlap mode 0 from 1 and 2 and find the 4x4 grid; low-pass combs
tell 1 from 2 and find the macroblocks. At low rates nearly all high-pass coefficients are quantised to zero: their
share near zero at the right phase, above that of the other phases, is measured for this.

Coefficients are in units of the samples. jxrlib's quantiser index i gives, in luma, the step i / 4 for i < 16 and
(16 + i % 16) * 2 ** (i // 16 - 1) / 4 from there on. The roundings inside the lifting steps are left out; they are
smaller than the rounding of the pixels.

References
----------
.. [1] ITU-T Recommendation T.832 | ISO/IEC 29199-2, "JPEG XR image coding system - Image coding specification",
   clause 9.9 (inverse transform) and annex D (encoder).
.. [2] S. Srinivasan, C. Tu, S. L. Regunathan, G. J. Sullivan, "HD Photo: a new image coding technology for digital
   photography", Proc. SPIE 6696, 2007, doi:10.1117/12.767840.
.. [3] C. Tu, S. Srinivasan, G. J. Sullivan, S. Regunathan, H. S. Malvar, "Low-complexity hierarchical lapped transform
   for lossy-to-lossless image coding in JPEG XR / HD Photo", Proc. SPIE 7073, 2008, doi:10.1117/12.797097.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from forensics_features import _lapped_kernels as kernels
from forensics_features.comb import BINS, CORE, FINE_BIN, STEPS, comb_spectrum
from forensics_features.family import Family
from forensics_features.planes import Planes

BLOCK = 4
"""Side of a block of the core transform, in samples (first stage) or blocks (second stage)."""
_SEARCH_BLOCKS = 1024
"""About as many blocks are enough to find the phase; the rest is looked at only where it was found."""
_CANDIDATES = 2
"""Phases that are measured in full: a bound on work."""
_SCALES = np.array([1.0, kernels.COARSENING]) / (kernels.BINS_PER_UNIT * FINE_BIN)
"""Sample units in one unit of `comb`, for the fine and the coarse histogram."""
_LOG_STEPS = np.log2(_SCALES[:, None] * STEPS).astype(np.float32)
_ZERO_BINS = kernels.BINS_PER_UNIT // kernels.COARSENING // 2
"""Coarse bins of magnitudes under half a unit, the reach of pixel rounding."""
_CORE_BINS = int(CORE / FINE_BIN)
_CHANCE = 3.0
"""The greatest contrast of all phases and steps is by chance about this over the square root of the count."""
_HARMONIC = 0.3
"""Share of the strongest contrast that the comb's own frequency reaches where a harmonic is stronger."""
_SEEN = 0.5
"""Share of the strongest contrast from which a scale is said to show the comb."""
_NEAR = 0.06
"""Difference in log2 up to which two steps are taken for one."""
_Recount = Callable[[int], np.ndarray]
_FINE_UP_TO = 2.0
"""log2 of the high-pass step up to which low-pass combs are looked for at the fine scale."""


class LappedBands(NamedTuple):
    """What the forward transform gives, whole inner blocks only.

    Attributes
    ----------
    high_pass : np.ndarray [shape=(15, rows, columns), dtype=float32]
        Of each 4x4 block.
    low_pass : np.ndarray [shape=(15, macroblock rows, macroblock columns), dtype=float32]
        Of each macroblock.
    dc : np.ndarray [shape=(macroblock rows, macroblock columns), dtype=float32]
    block_origin, macroblock_origin : tuple of int
        Row and column of the first sample of the first block and of the first macroblock.
    """

    high_pass: np.ndarray
    low_pass: np.ndarray
    dc: np.ndarray
    block_origin: tuple[int, int]
    macroblock_origin: tuple[int, int]


def colour_planes(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """JPEG XR's colour transform without its roundings: V = B - R, U = G - (R + B) / 2, Y = G - U / 2 - 128.

    Parameters
    ----------
    rgb : np.ndarray [shape=(height, width, 3), dtype=uint8]

    Returns
    -------
    y, u, v : np.ndarray [shape=(height, width), dtype=float32]
        Y in -128..127; U and V in -255..255.
    """
    y, u, v = (np.empty(rgb.shape[:2], np.float32) for _ in range(3))
    kernels.lapped_colour(np.ascontiguousarray(rgb), y, u, v)
    return y, u, v


def forward_transform(plane: np.ndarray, overlap: int, phase: tuple[int, int] = (0, 0)) -> LappedBands:
    """JPEG XR's forward transform of one plane: 4x4 stage and second stage, without roundings.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width)]
        Samples; cast to float32. At least 64 a side.
    overlap : int
        Overlap mode, 0, 1 or 2.
    phase : tuple of int
        Row and column of any macroblock's first sample, modulo 16.

    Returns
    -------
    LappedBands
        Blocks and macroblocks that reach beyond the plane are left out, so the picture's own border, where the
        overlap operator has another form, plays no part at phase (0, 0).

    Raises
    ------
    ValueError
        On another overlap mode or shape.
    """
    if overlap not in (0, 1, 2):
        raise ValueError(f"overlap modes are 0, 1 and 2, not {overlap}")
    if np.ndim(plane) != 2 or min(np.shape(plane)) < 64:
        raise ValueError(f"planes have shape (height, width), both at least 64, not {np.shape(plane)}")
    blocks, origin = _stage(plane, overlap > 0, (phase[0] % BLOCK, phase[1] % BLOCK))
    second = tuple((phase[axis] - origin[axis]) // BLOCK % BLOCK for axis in (0, 1))
    macroblocks, at = _stage(blocks[0], overlap == 2, (second[0], second[1]))
    corner = (origin[0] + BLOCK * at[0], origin[1] + BLOCK * at[1])
    return LappedBands(blocks[1:], macroblocks[1:], macroblocks[0], origin, corner)


@cache
def stage_matrices() -> tuple[np.ndarray, np.ndarray]:
    """The core transform and the overlap operator as matrices on 16 samples row by row, without roundings, both
    `np.ndarray [shape=(16, 16), dtype=float64]`; column k is what a unit at sample k gives.
    """
    matrices = []
    for kernel in (kernels.core_transform, kernels.overlap_transform):
        lanes = np.zeros((BLOCK * BLOCK, kernels.LANES), np.float32)
        lanes[:, : BLOCK * BLOCK] = np.eye(BLOCK * BLOCK)
        flat = lanes.ravel()
        kernel(flat, BLOCK * BLOCK)
        matrices.append(flat.reshape(lanes.shape)[:, : BLOCK * BLOCK].astype(np.float64))
    return matrices[0], matrices[1]


def _cosets(plane: np.ndarray) -> np.ndarray:
    height, width = plane.shape
    cosets = np.zeros((16, -(-height // BLOCK), -(-width // BLOCK)), np.float32)
    kernels.split_cosets(np.ascontiguousarray(plane, dtype=np.float32), cosets)
    return cosets


def _grid(
    cosets: np.ndarray, shape: tuple[int, ...], lapped: bool, phase: tuple[int, int], row_step: int = 1
) -> tuple[np.ndarray, tuple[int, int]]:
    """Coefficients [shape=(16, rows, columns)] of every `row_step`-th row of inner blocks, and the first block's
    place.
    """
    top, rows = kernels.block_span(shape[0], phase[0], lapped)
    left, columns = kernels.block_span(shape[1], phase[1], lapped)
    out = np.empty((16, -(-rows // row_step), columns), np.float32)
    kernels.transform_grid(cosets, lapped, top, left, row_step, out)
    return out, (top, left)


def _row_step(plane: np.ndarray) -> int:
    """Every how manieth row of blocks to look at for `_SEARCH_BLOCKS` of them."""
    return max(1, plane.size // (BLOCK * BLOCK * _SEARCH_BLOCKS))


def _stage(plane: np.ndarray, lapped: bool, phase: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    return _grid(_cosets(plane), plane.shape, lapped, phase)


def _histograms(coefficients: np.ndarray) -> np.ndarray:
    """Fine and coarse histogram of the magnitudes, `np.ndarray [shape=(2, BINS), dtype=float32]`."""
    pair = np.empty((2, BINS), np.float32)
    kernels.magnitude_histograms(coefficients, np.empty(kernels.MAGNITUDE_BINS + 1, np.int32), pair[0], pair[1])
    return pair


class _Comb(NamedTuple):
    """The best phase of one grid: what its coefficients show above those of the other phases."""

    phase: tuple[int, int]
    contrast: float
    margin: float
    log_step: float
    zero: float
    zero_excess: float
    log_count: float
    at_step: float

    @property
    def score(self) -> float:
        """Evidence for this grid, near 0 (none) to 2: the contrast as far as it exceeds chance, and the heap of
        zeros.
        """
        return max(0.0, self.contrast - _CHANCE * 10 ** (-0.5 * self.log_count)) + self.zero_excess

    @property
    def facts(self) -> list[float]:
        """The values in the order of `_FACTS`."""
        return [self.contrast, self.margin, self.log_step, self.zero, self.zero_excess, self.log_count]


_FACTS = ("contrast", "margin", "log2_step", "zero", "zero_excess", "log10_count")


def _spectra(histograms: np.ndarray) -> np.ndarray:
    """Comb spectra of histograms [shape=(n, scales, BINS)], `np.ndarray [shape=(n, scales, len(STEPS))]`."""
    spectra = np.ascontiguousarray(comb_spectrum(histograms.reshape(-1, BINS)))
    return spectra.reshape(*histograms.shape[:2], len(STEPS))


def _zero_shares(coarse: np.ndarray) -> np.ndarray:
    """Share of magnitudes under half a unit in coarse histograms [shape=(n, BINS)]."""
    return coarse[:, :_ZERO_BINS].sum(axis=1) / np.maximum(coarse.sum(axis=1), 1)


def _fundamental(excess: np.ndarray, log_steps: np.ndarray) -> float:
    """log2 of the comb's step: the largest one that stands out well; the strongest may be a harmonic.

    Of the scales that show the comb the coarsest is taken, where its frequency is measured best.
    """
    heights = np.maximum(excess.max(axis=1), 0)
    scale = int(np.flatnonzero(heights >= _SEEN * heights.max())[-1])
    row = excess[scale]
    index = int(np.argmax(row >= _HARMONIC * heights[scale]))
    while index + 1 < len(row) and row[index + 1] > row[index]:
        index += 1
    return float(log_steps[scale, index])


def _best_comb(
    histograms: np.ndarray,
    scales: slice = slice(None),
    expected: float = 0.0,
    recount: _Recount | None = None,
) -> _Comb:
    """The phase at which a comb and a heap of zeros stand out most against the other phases.

    `histograms` [shape=(16, 2, BINS)] may rest on a part of the blocks; `recount` then gives the pair of one phase from
    all blocks and decides between the best few. `at_step` is the contrast close to the `expected` log2 of a step.
    """
    log_steps = _LOG_STEPS[scales]
    spectra, zeros = _spectra(histograms[:, scales]), _zero_shares(histograms[:, 1])
    background, usual = spectra.mean(axis=0), float(zeros.mean())
    peaks = (spectra - background).max(axis=(1, 2))
    order = np.argsort(-peaks - zeros, kind="stable")
    second = float(peaks[np.arange(len(peaks)) != order[0]].max())
    if recount is None:
        phases, pairs, excesses = order[:1], histograms[order[:1]], spectra[order[:1]] - background
    else:
        phases = order[:_CANDIDATES]
        pairs = np.stack([recount(int(phase)) for phase in phases])
        excesses = _spectra(pairs[:, scales]) - background
    zeros = _zero_shares(pairs[:, 1])
    best = int((excesses.max(axis=(1, 2)) + zeros).argmax())
    excess, zero = excesses[best], float(zeros[best])
    scale = int(excess.max(axis=1).argmax())
    near = np.abs(log_steps - expected) < _NEAR
    return _Comb(
        phase=(int(phases[best]) // BLOCK, int(phases[best]) % BLOCK),
        contrast=float(excess.max()),
        margin=float(excess.max()) - second,
        log_step=_fundamental(excess, log_steps),
        zero=zero,
        zero_excess=zero - usual,
        log_count=float(np.log10(1 + pairs[best, scales][scale, _CORE_BINS:].sum())),
        at_step=float(excess[near].max()) if near.any() else 0.0,
    )


def _phase_histograms(plane: np.ndarray, cosets: np.ndarray, row_step: int) -> np.ndarray:
    histograms = np.empty((2, 16, 2, BINS), np.float32)
    kernels.phase_histograms(cosets, *plane.shape, row_step, histograms)
    return histograms


def _high_pass_comb(
    plane: np.ndarray, cosets: np.ndarray, histograms: np.ndarray, lapped: bool
) -> tuple[_Comb, np.ndarray]:
    """Best high-pass comb with or without overlap, and the plane of DC values at its phase."""
    grids: dict[int, np.ndarray] = {}

    def recount(phase: int) -> np.ndarray:
        grids[phase] = _grid(cosets, plane.shape, lapped, divmod(phase, BLOCK))[0]
        return _histograms(grids[phase])

    comb = _best_comb(histograms, recount=recount)
    return comb, grids[BLOCK * comb.phase[0] + comb.phase[1]][0]


def _low_pass_combs(dc_plane: np.ndarray, log_step: float) -> list[_Comb]:
    """Best low-pass comb without and with the second overlap, at the scale that suits the high-pass step."""
    scales = slice(0, 1) if log_step <= _FINE_UP_TO else slice(1, 2)
    histograms = _phase_histograms(dc_plane, _cosets(dc_plane), 1)
    return [_best_comb(pair, scales, log_step) for pair in histograms]


def _chroma_histograms(
    plane: np.ndarray, lapped: bool, phase: tuple[int, int], halved: tuple[bool, bool]
) -> list[np.ndarray]:
    """Coarse high-pass histograms of one chroma plane at each block phase that luma's 4x4 phase leaves open.

    Decoders keep the coded samples at the even places of the macroblock and interpolate the others.
    """
    samples = plane[phase[0] % 2 :: 2] if halved[0] else plane
    samples = samples[:, phase[1] % 2 :: 2] if halved[1] else samples
    rows, columns = ((p // 2, p // 2 + 2) if half else (p,) for p, half in zip(phase, halved, strict=True))
    cosets, step = _cosets(samples), _row_step(samples)
    return [
        _histograms(_grid(cosets, samples.shape, lapped, (row, column), step)[0])[1]
        for row in rows
        for column in columns
    ]


def _chroma_facts(u: np.ndarray, v: np.ndarray, comb: _Comb, lapped: bool) -> list[float]:
    """Contrasts of U and V at the best open phase, for each subsampling; their steps for the strongest of these.

    Coarse scale alone: chroma of integer RGB lies on a lattice of halves by itself.
    """
    histograms = [
        [_chroma_histograms(plane, lapped, comb.phase, halved) for plane in (u, v)] for halved in _SUBSAMPLINGS.values()
    ]
    spectra = iter(comb_spectrum(np.concatenate([both for pair in histograms for both in pair])))
    facts: list[float] = []
    steps, strongest = [0.0, 0.0], -1.0
    for pair in histograms:
        of_u, of_v = (np.stack([next(spectra) for _ in both]) for both in pair)
        best = int((of_u.max(axis=1) + of_v.max(axis=1)).argmax())
        contrasts = [float(of_u[best].max()), float(of_v[best].max())]
        facts += contrasts
        if sum(contrasts) > strongest:
            strongest = sum(contrasts)
            steps = [_fundamental(spectrum[best, None], _LOG_STEPS[1:]) for spectrum in (of_u, of_v)]
    return facts + steps


def _compute(planes: Planes) -> np.ndarray:
    y, u, v = colour_planes(planes.rgb)
    cosets = _cosets(y)
    histograms = _phase_histograms(y, cosets, _row_step(y))
    high, low = [], []
    for lapped in (False, True):
        comb, dc_plane = _high_pass_comb(y, cosets, histograms[int(lapped)], lapped)
        high.append(comb)
        low.append(_low_pass_combs(dc_plane, comb.log_step))
    facts = [value for comb in (*high, *low[0], *low[1]) for value in comb.facts]
    facts += [comb.at_step for comb in (*low[0], *low[1])]
    facts += [high[1].contrast - high[0].contrast, high[1].zero_excess - high[0].zero_excess]
    facts += [pair[1].contrast - pair[0].contrast for pair in low] + [
        pair[1].zero_excess - pair[0].zero_excess for pair in low
    ]
    facts += [
        high[0].score + low[0][0].score,
        high[1].score + low[1][0].score,
        high[1].score + low[1][1].score,
    ]
    lapped = high[1].score > high[0].score
    facts += [np.nan] * len(_CHROMA_NAMES) if planes.grey else _chroma_facts(u, v, high[int(lapped)], lapped)
    return np.array(facts, np.float32)


_SUBSAMPLINGS = {"444": (False, False), "422": (False, True), "420": (True, True)}
_GRIDS = (
    "high_plain",
    "high_lapped",
    "low_plain_plain",
    "low_plain_lapped",
    "low_lapped_plain",
    "low_lapped_lapped",
)
_CHROMA_NAMES = (
    *(f"{p}_{name}_contrast" for name in _SUBSAMPLINGS for p in "uv"),
    "u_log2_step",
    "v_log2_step",
)

FAMILY = Family(
    "lapped",
    (
        *(f"{grid}_{fact}" for grid in _GRIDS for fact in _FACTS),
        *(f"{grid}_at_high_step" for grid in _GRIDS[2:]),
        "high_contrast_difference",
        "high_zero_difference",
        "low_plain_contrast_difference",
        "low_lapped_contrast_difference",
        "low_plain_zero_difference",
        "low_lapped_zero_difference",
        "overlap_0",
        "overlap_1",
        "overlap_2",
        *_CHROMA_NAMES,
    ),
    _compute,
)


def lapped_features(pixels: np.ndarray) -> dict[str, float]:
    """Traces of JPEG XR's quantisation, by name; the search over all phases a crop can leave is inside.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
        See `planes.as_planes`, which also says what is refused.

    Returns
    -------
    dict of str to float
        `high_<first>_*` of the high-pass coefficients without (`plain`) or with (`lapped`) the first overlap operator,
        and `low_<first>_<second>_*` of the low-pass coefficients, each at its own best phase: `contrast`, of the comb
        above the mean of the 16 phases (0..1); `margin`, its lead over the next phase; `log2_step`, in sample units;
        `zero`, the share of coefficients under half a unit; `zero_excess`, above the mean of the phases; `log10_count`,
        coefficients outside the core. `low_*_at_high_step` is the contrast at the step of the high-pass comb. The
        differences are lapped less plain. `overlap_0`, `overlap_1`, `overlap_2` sum the evidence of the two stages of
        each mode (0 none, up to 4); the greatest names the mode. `u_*`, `v_*`: chroma contrast for each subsampling at
        luma's phase, and log2 steps; NaN where the picture is grey.

    Notes
    -----
    Steps under about 0.75 units (index 3, beyond 57 dB) drown in the rounding of the pixels, and a comb needs
    coefficients outside the zero cell. Other block transforms on a 4x4 or 8x8 grid raise the zero excess a little.

    Examples
    --------
    >>> import numpy as np
    >>> from PIL import Image
    >>> from forensics_features import lapped_features
    >>> for sample in ("jpegxr", "uncompressed"):
    ...     values = lapped_features(np.asarray(Image.open(f"examples/{sample}.png")))
    ...     print(sample, round(values["overlap_0"], 2))
    jpegxr 1.54
    uncompressed 0.0
    """
    return FAMILY.named(pixels)
