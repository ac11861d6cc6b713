"""Block-DCT traces: near-zero counts, combs and shapes of 8x8 DCT coefficients at the best of all 64 grid phases.

A decoded JPEG, transformed again on its own grid, shows coefficients near multiples of the quantisation step of their
frequency, and far more near-zero coefficients than on any other grid. Both are measured at every phase a crop can
leave, the phase that stands out most is kept, and the detailed statistics are taken there. HEVC's and AV1's transforms
of side 4, 8 and 16 act on a prediction residual; where the prediction is flat, or constant along one axis, their one
step for all frequencies shows in the coefficients whose two indices are both positive, pooled.

References
----------
.. [1] Z. Fan, R. L. de Queiroz, "Identification of bitmap compression history: JPEG detection and quantizer
       estimation",
   IEEE Trans. Image Processing 12(2), 2003, doi:10.1109/TIP.2002.807361.
.. [2] T. Nikoukhah, J. Anger, M. Colom, J.-M. Morel, R. Grompone von Gioi, "ZERO: a local JPEG grid origin detector
       based on
   the number of DCT zeros and its applications in image forensics", IPOL 11, 2021, doi:10.5201/ipol.2021.390.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np

from forensics_features import _block_kernels as kernels
from forensics_features.comb import BINS, FINE_BIN, STEPS, comb_peak, comb_spectrum
from forensics_features.family import Family
from forensics_features.medians import median
from forensics_features.planes import SAMPLED, Planes
from forensics_features.standards import ZIGZAG

BLOCK = 8
"""Side of a block in pixels: ITU-T T.81 A.3.1."""
_LOW = 5
"""Frequencies an axis that are kept."""
_COARSE = 4.0
"""Width of a bin of the coarse histogram, in units of the fine one's."""
_SCAN = ((0, 1), (1, 0), (0, 2), (1, 1), (2, 0))
"""Frequencies (vertical, horizontal) whose histograms are kept at all 64 phases."""
_SCAN_INDEX = np.full((_LOW, _LOW), -1, np.int64)
for _index, (_k, _l) in enumerate(_SCAN):
    _SCAN_INDEX[_k, _l] = _index
_COMBED_ROWS, _COMBED_COLUMNS = np.divmod(np.array(ZIGZAG[1:21]), BLOCK)
_BANDS = ((1, 1), (2, 2), (3, 4), (5, 6), (7, 8), (9, 14))
"""Diagonals (k + l, first and last) that are pooled for shapes and zero shares."""
_BAND = np.full((BLOCK, BLOCK), -1, np.int64)
for _index, (_first, _last) in enumerate(_BANDS):
    _diagonal = np.add.outer(np.arange(BLOCK), np.arange(BLOCK))
    _BAND[(_diagonal >= _first) & (_diagonal <= _last)] = _index


@cache
def dct_matrix(size: int) -> np.ndarray:
    """The orthonormal DCT-II matrix, `np.ndarray [shape=(size, size), dtype=float32]`, a row a frequency."""
    k = np.arange(size)[:, None]
    n = np.arange(size)[None, :]
    matrix = np.sqrt(2.0 / size) * np.cos(np.pi * (2 * n + 1) * k / (2 * size))
    matrix[0] /= np.sqrt(2.0)
    return matrix.astype(np.float32)


def phase_scan(
    plane: np.ndarray, size: int, kept: int, scan_index: np.ndarray, bins: int = BINS
) -> tuple[np.ndarray, np.ndarray]:
    """Sliding-DCT evidence at every grid phase of blocks of `size` pixels.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=float32]
    size, kept : int
        Block side, in pixels, and how many frequencies of each direction are looked at, 0..kept-1: 4 and 4, or 8 and 5.
    scan_index : np.ndarray [shape=(kept, kept), dtype=int64]
        Which histogram a frequency goes to, -1 for none; several frequencies may share one.
    bins : int
        Of `FINE_BIN` each; what lies beyond them is not counted.

    Returns
    -------
    zero_share : np.ndarray [shape=(size * size,), dtype=float64]
        Share of the kept AC coefficients with |c| < 0.5 on the grid that starts at (phase // size, phase % size).
    histograms : np.ndarray [shape=(size * size, scanned, bins), dtype=int32]

    Raises
    ------
    ValueError
        Another block side or number of frequencies.
    """
    zeros, histograms = _scanned([plane], size, kept, scan_index, bins)
    thin = max(1, plane.size // SAMPLED)
    rows = np.array([len(range(p, plane.shape[0] - size + 1, size * thin)) for p in range(size)])
    columns = np.array([len(range(p, plane.shape[1] - size + 1, size)) for p in range(size)])
    blocks = np.outer(rows, columns).ravel()
    return zeros / (blocks * (kept * kept - 1)), histograms


def phase_histograms(
    planes: Iterable[np.ndarray], size: int, kept: int, scan_index: np.ndarray, bins: int = BINS
) -> np.ndarray:
    """The histograms of `phase_scan` of several planes together."""
    return _scanned(planes, size, kept, scan_index, bins)[1]


def _scanned(
    planes: Iterable[np.ndarray], size: int, kept: int, scan_index: np.ndarray, bins: int
) -> tuple[np.ndarray, np.ndarray]:
    if (size, kept) not in ((4, 4), (8, 5)):
        raise ValueError(f"block side and kept frequencies are 4 and 4 or 8 and 5, not {size} and {kept}")
    scanned = int(scan_index.max()) + 1
    zeros = np.zeros(size * size, np.int64)
    counts = np.zeros((size, scanned, kernels.CHAINS, bins + 1), np.int32)
    for plane in planes:
        thin = max(1, plane.size // SAMPLED)
        kernels.phase_scan(plane, dct_matrix(size)[:kept], scan_index, 1.0 / FINE_BIN, thin, zeros, counts)
    by_phase = counts if size == kernels.CHAINS else counts.reshape(size, scanned, -1, size, bins + 1).sum(axis=2)
    return zeros, by_phase.swapaxes(1, 2).reshape(size * size, scanned, -1)[:, :, :bins]


def aligned_dct(plane: np.ndarray, size: int, phase: tuple[int, int], kept: int | None = None) -> np.ndarray:
    """The block DCT of a plane on one grid.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=float32]
    size : int
        Block side, in pixels; a multiple of four.
    phase : tuple of int
        Row and column of the first block's first pixel.
    kept : int, optional
        Only frequencies 0..kept-1 of each direction; all when not given.

    Returns
    -------
    np.ndarray [shape=(kept, kept, blocks), dtype=float32]
        Orthonormal DCT-II coefficients (JPEG's scaling, ITU-T T.81 A.3.3); only whole blocks are used.
    """
    rows = (plane.shape[0] - phase[0]) // size
    columns = (plane.shape[1] - phase[1]) // size
    kept = size if kept is None else kept
    out = np.empty((kept, kept, rows * columns), np.float32)
    kernels.block_dct(plane, *phase, columns, dct_matrix(size)[:kept], out)
    return out


def magnitude_histograms(rows: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Histograms of |row| / scale in `BINS` bins of `FINE_BIN`, `np.ndarray [shape=(len(rows), BINS), dtype=int32]`."""
    counts = np.zeros((len(rows), BINS), np.int32)
    kernels.count_magnitudes(np.ascontiguousarray(rows, np.float32), 1.0 / (FINE_BIN * scale), counts)
    return counts


def _pooled_histogram(coefficients: np.ndarray) -> np.ndarray:
    """One histogram of all coefficients whose two indices are both positive, `np.ndarray [shape=(1, BINS),
    dtype=int32]`.
    """
    counts = np.zeros((1, BINS), np.int32)
    for rows in coefficients[1:, 1:]:
        kernels.count_magnitudes(rows, 1.0 / FINE_BIN, counts)
    return counts


def _stand_out(scores: np.ndarray) -> tuple[float, float, float]:
    """The best score, how far it is above the median, and that in units of the scores' robust spread."""
    middle = median(scores)
    spread = median(np.abs(scores - middle)) * 1.4826
    best = float(scores.max())
    return best, best - middle, (best - middle) / (spread + 1e-3)


def _grid(plane: np.ndarray) -> tuple[list[float], tuple[int, int]]:
    """Comb and zero evidence over the 64 phases and the phase that they name."""
    zero_share, histograms = phase_scan(plane, BLOCK, _LOW, _SCAN_INDEX)
    contrast = comb_spectrum(histograms.reshape(-1, BINS)).max(axis=1).reshape(64, len(_SCAN))
    combs = contrast.mean(axis=1)
    comb_facts = _stand_out(combs)
    zero_facts = _stand_out(zero_share)
    comb_phase, zero_phase = int(combs.argmax()), int(zero_share.argmax())
    phase = comb_phase if comb_facts[2] > zero_facts[2] else zero_phase
    facts = [*comb_facts, *zero_facts, float(comb_phase == zero_phase)]
    return facts, divmod(phase, BLOCK)


_GRID_NAMES = (
    "grid_comb",
    "grid_comb_excess",
    "grid_comb_score",
    "grid_zero_share",
    "grid_zero_excess",
    "grid_zero_score",
    "grid_agreement",
)


def _luma_combs(coefficients: np.ndarray) -> list[float]:
    rows = coefficients[_COMBED_ROWS, _COMBED_COLUMNS]
    histograms = [magnitude_histograms(rows, scale) for scale in (1.0, _COARSE)]
    contrast, step, count = comb_peak(np.concatenate(histograms))
    excess = (contrast - _chance(count)).reshape(2, -1)
    ordered = np.sort(excess, axis=1)[:, ::-1]
    summary = [[float(best[:3].mean()), float(best[:10].mean()), float((best > 0.05).mean())] for best in ordered]
    log_step = np.where(excess[0] > 0.05, np.log2(step[: len(rows)]), np.nan)
    found = log_step[excess[0] > 0.05]
    spread = [float(found.mean()), float(found.std())] if len(found) else [np.nan, np.nan]
    return [*summary[0], *log_step[:5].tolist(), *spread, *summary[1]]


def _chance(count: np.ndarray) -> np.ndarray:
    """The contrast that chance alone gives a comb of `count` values."""
    return 2.5 / np.sqrt(np.maximum(count, 8))


_LUMA_COMB_NAMES = (
    "comb_best",
    "comb_mean",
    "comb_share",
    "log2_step_01",
    "log2_step_10",
    "log2_step_20",
    "log2_step_11",
    "log2_step_02",
    "log2_step_mean",
    "log2_step_spread",
    "coarse_comb_best",
    "coarse_comb_mean",
    "coarse_comb_share",
)


def _band_shapes(coefficients: np.ndarray) -> np.ndarray:
    """Per band of `_BANDS`: near-zero shares at 0.5 and 1, log energy, and E c^2 / E^2 |c| (1.57 for a Gaussian)."""
    sums = np.zeros((len(_BANDS), 5))
    kernels.band_sums(coefficients, _BAND, sums)
    half, one, magnitude, energy = (sums[:, 1:] / sums[:, :1]).T
    return np.stack([half, one, np.log2(energy + 1e-3), energy / (magnitude**2 + 1e-4)], axis=1).ravel()


_BAND_NAMES = tuple(
    f"{measure}_{band}" for band in range(len(_BANDS)) for measure in ("zero", "below_one", "log2_energy", "peakedness")
)


def _chroma_combs(planes: Planes, phase: tuple[int, int]) -> list[float]:
    """Combs of the three lowest AC frequencies of chroma at full, half-width and half resolution, best over its
    grids.
    """
    if planes.grey:
        return [np.nan] * 6
    histograms = []
    for vertical, horizontal in _SUBSAMPLINGS:
        for plane in (planes.cb, planes.cr):
            part, origin = (plane, phase) if horizontal == 1 else (_box_mean(plane, phase, vertical), (0, 0))
            for top, left in _chroma_grids(vertical, horizontal):
                low = aligned_dct(part, BLOCK, (origin[0] + top, origin[1] + left), 2).reshape(4, -1)
                histograms.append(magnitude_histograms(low[1:]))
    contrast, step, count = comb_peak(np.concatenate(histograms))
    excess = contrast - _chance(count)
    facts: list[float] = []
    start = 0
    for vertical, horizontal in _SUBSAMPLINGS:
        grids = vertical * horizontal
        own = slice(start, start + 6 * grids)
        start += 6 * grids
        by_grid, steps = (part[own].reshape(2, grids, 3).swapaxes(0, 1).reshape(grids, 6) for part in (excess, step))
        scores = by_grid.mean(axis=1)
        best = int(scores.argmax())
        facts += [float(scores[best]), float(np.log2(steps[best, by_grid[best].argmax()]))]
    return facts


_SUBSAMPLINGS = ((1, 1), (1, 2), (2, 2))
"""Vertical and horizontal factors."""


def _chroma_grids(vertical: int, horizontal: int) -> list[tuple[int, int]]:
    """Where the blocks of subsampled chroma may start, in its samples, when luma's start at (0, 0)."""
    return [(top, left) for top in (0, BLOCK // 2)[:vertical] for left in (0, BLOCK // 2)[:horizontal]]


def _box_mean(plane: np.ndarray, origin: tuple[int, int], vertical: int) -> np.ndarray:
    """The plane at half the width and 1 / `vertical` of the height, from `origin` on."""
    height = (plane.shape[0] - origin[0]) // vertical * vertical
    width = (plane.shape[1] - origin[1]) // 2 * 2
    part = plane[origin[0] : origin[0] + height, origin[1] : origin[1] + width]
    if vertical == 2:
        part = part[0::2] + part[1::2]
    out = part[:, 0::2] + part[:, 1::2]
    out *= np.float32(0.5 / vertical)
    return out


_CHROMA_NAMES = (
    "chroma_444_comb",
    "chroma_444_log2_step",
    "chroma_422_comb",
    "chroma_422_log2_step",
    "chroma_420_comb",
    "chroma_420_log2_step",
)
_POOLED_4 = np.full((4, 4), -1, np.int64)
_POOLED_4[1:, 1:] = 0


def _residual_combs(plane: np.ndarray, phase: tuple[int, int], eight: np.ndarray) -> list[float]:
    """Combs that one step for all frequencies leaves: 4x4 over its 16 phases, 8x8 and 16x16 on the best 8-pixel
    grid.
    """
    zero_share, histograms = phase_scan(plane, 4, 4, _POOLED_4)
    spectra = comb_spectrum(histograms[:, 0])
    four = spectra.max(axis=1)
    facts = [*_stand_out(four), float(np.log2(STEPS[spectra[four.argmax()].argmax()])), *_stand_out(zero_share)[:2]]
    grids = [(phase[0] + top, phase[1] + left) for top in (0, BLOCK) for left in (0, BLOCK)]
    pooled = [_pooled_histogram(eight)]
    sizes = []
    for grid in grids:
        coefficients = aligned_dct(plane, 16, grid, 8)
        sizes.append(coefficients[1:, 1:].size)
        pooled.append(_pooled_histogram(coefficients))
    contrast, step, _ = comb_peak(np.concatenate(pooled))
    best = 1 + int(contrast[1:].argmax())
    below_one = pooled[best][0, : int(1 / FINE_BIN)].sum() / sizes[best - 1]
    facts += [
        float(contrast[0]), float(np.log2(step[0])), float(contrast[best]), float(np.log2(step[best])), float(below_one)
    ]  # fmt: skip
    return facts


_RESIDUAL_NAMES = (
    "four_comb",
    "four_comb_excess",
    "four_comb_score",
    "four_log2_step",
    "four_zero_share",
    "four_zero_excess",
    "eight_pooled_comb",
    "eight_pooled_log2_step",
    "sixteen_pooled_comb",
    "sixteen_pooled_log2_step",
    "sixteen_below_one",
)


def _compute(planes: Planes) -> np.ndarray:
    facts, phase = _grid(planes.y)
    aligned = aligned_dct(planes.y, BLOCK, phase)
    shifted = aligned_dct(planes.y, BLOCK, ((phase[0] + 4) % BLOCK, (phase[1] + 4) % BLOCK))
    shapes = _band_shapes(aligned)
    values = [
        *facts, *_luma_combs(aligned), *shapes, *(shapes - _band_shapes(shifted)), *_chroma_combs(planes, phase),
        *_residual_combs(planes.y, phase, aligned),
    ]  # fmt: skip
    return np.asarray(values, np.float32)


FAMILY = Family(
    "block_dct",
    (
        *_GRID_NAMES,
        *_LUMA_COMB_NAMES,
        *_BAND_NAMES,
        *(f"{name}_gain" for name in _BAND_NAMES),
        *_CHROMA_NAMES,
        *_RESIDUAL_NAMES,
    ),
    _compute,
)


def block_dct_features(pixels: np.ndarray) -> dict[str, float]:
    """Block-DCT statistics of a picture at its most likely 8x8 grid.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, channels]), dtype=uint8 or uint16]
        At least 64 pixels a side; see `planes.as_planes`.

    Returns
    -------
    dict of str to float
        `grid_*`: comb contrast (-1..1) and near-zero share (0..1) at the best phase, their excess over the median
        phase, and that excess in robust standard deviations over the phases. `comb_*`: how far the combs of the 20
        lowest AC frequencies exceed what chance gives; `log2_step_*`: base-2 logarithm of the quantisation step, NaN
        where no comb stands out. `zero_*`, `below_one_*`, `log2_energy_*`, `peakedness_*`: shapes of six frequency
        bands, and (`*_gain`) what they lose on the grid shifted by half a block. `chroma_*`: combs of chroma at three
        subsamplings, NaN for a grey picture. `four_*`, `eight_*`, `sixteen_*`: one comb pooled over all frequencies, as
        flat quantisation leaves it.

    Raises
    ------
    TypeError, ValueError
        See `planes.as_planes`.

    Examples
    --------
    >>> import numpy as np
    >>> from PIL import Image
    >>> from forensics_features import block_dct_features
    >>> for sample in ("jpeg", "uncompressed"):
    ...     values = block_dct_features(np.asarray(Image.open(f"examples/{sample}.png")))
    ...     print(sample, round(values["grid_comb_excess"], 2))
    jpeg 0.33
    uncompressed 0.01
    """
    return FAMILY.named(pixels)
