"""Wavelet statistics: what JPEG 2000 leaves in the subbands of its own transforms, at whatever parity a crop left.

The picture goes through the two transforms of JPEG 2000, the irreversible CDF 9/7 on Y, Cb, Cr (ICT) and the reversible
CDF 5/3 on the RCT's Y, U, V, in the standard's normalisation (low-pass gain 1 at zero, high-pass gain 2 at the Nyquist frequency) [1]_.
A crop at an odd offset moves the sampling lattice, so each level has four candidate parities (vertical, horizontal). The one with
the clearest comb and the widest dead zone is taken, and the next level starts from its LL band.

Conventions. HL is high-pass horizontally, LH vertically. Levels count from 1, the finest. A level exists while its bands have
at least `MINIMUM_BAND` coefficients a side. Coefficients near the border, which the crop has mixed with its mirror
image, are left out. G is measured besides Y because a file coded without colour transform has its combs there.

Values, by band (`<wavelet>_<plane>_<band><level>_...`):

- ``comb``: contrast of the strongest comb of |c|, -1..1 (`comb.comb_peak`); ``step``: its log2 step; ``coarse``: the contrast for |c| / 4,
  that is for steps of 5 to 160; ``excess``: ``comb`` less the mean over the three other parities.
- ``dead_half``, ``dead_one``: share of |c| below 0.5 and 1 less that of a Laplacian with the same E|c|, -1..1.
- ``shape``: log2(E c^2 / (2 E^2 |c|)), 0 for a Laplacian, -0.35 for a Gaussian, positive for heavier tails; 0 for an empty band.
- ``zero_run``: share of right and lower neighbours of a zero (|c| < 1) that are zero too; 0 where there is no zero.

By level: ``margin``, how far the best parity leads the next in standard errors (log2 of 1 + it); energies as log2 ratios; by
wavelet: ``coherence``, how well the steps of all bands, times the norms of their synthesis filters, agree up to powers of
two (0..1, weighted by contrast), and ``base``, the cosine and sine of that common step on the circle of log2.

References
----------
.. [1] ISO/IEC 15444-1 (ITU-T T.800), Annexes E (quantisation), F (discrete wavelet transforms) and G (colour transforms).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forensics_features._wavelet_kernels import band_sums, lift_columns, lift_rows, parity_histograms
from forensics_features.comb import BINS, FINE_BIN, comb_peak
from forensics_features.family import Family
from forensics_features.planes import Planes

LEVELS = 5
"""Levels measured at most."""
MINIMUM_BAND = 8
"""A level is measured when its bands have at least this many coefficients a side."""
COARSER = 4
"""Factor of the second, coarser histogram."""
BANDS = ("hl", "lh", "hh")
_CHROMA_LEVELS = 2
_WIDE = BINS * COARSER
_ONE = int(1 / FINE_BIN)


class Wavelet(NamedTuple):
    """One transform: (factor, offset) of its lifting steps in turn on odd and even samples, and its low-pass scale.

    `synthesis` holds the low-pass and high-pass synthesis filters; the high-pass scale is 1 / low_scale.
    """

    name: str
    steps: tuple[tuple[float, float], ...]
    floored: bool
    low_scale: float
    synthesis: tuple[np.ndarray, np.ndarray]


CDF97 = Wavelet(
    "97",
    (
        (-1.586134342059924, 0.0),
        (-0.052980118572961, 0.0),
        (0.882911075530934, 0.0),
        (0.443506852043971, 0.0),
    ),
    False,
    1 / 1.230174104914001,
    (
        np.array([-0.0912717631142, -0.0575435262285, 0.5912717631142, 1.1150870524570])[[0, 1, 2, 3, 2, 1, 0]],
        np.array([0.0267487574108, 0.0168641184429, -0.0782232665290, -0.2668641184429, 0.6029490182364])[
            [0, 1, 2, 3, 4, 3, 2, 1, 0]
        ],
    ),
)
"""The irreversible 9/7 transform: constants of ISO/IEC 15444-1 table F.4."""

CDF53 = Wavelet(
    "53",
    ((-0.5, 0.0), (0.25, 0.5)),
    True,
    1.0,
    (np.array([0.5, 1.0, 0.5]), np.array([-0.125, -0.25, 0.75, -0.25, -0.125])),
)
"""The reversible 5/3 transform: ISO/IEC 15444-1 equations F-5 and F-6."""


_WAVELETS = (CDF97, CDF53)


def synthesis_norms(wavelet: Wavelet, levels: int = LEVELS) -> np.ndarray:
    """L2 norms of the synthesis basis of HL, LH and HH by level, `np.ndarray [shape=(levels, 3), dtype=float64]`.

    An encoder that spreads error evenly quantises a band with base step / norm (ISO/IEC 15444-1 clause E.1.1, J.14).
    """
    scaling = np.ones(1)
    norms = np.empty((levels, 3))
    for level in range(levels):
        low, high = (_upsampled(part, 2**level) for part in wavelet.synthesis)
        d = float(np.linalg.norm(np.convolve(high, scaling)))
        scaling = np.convolve(low, scaling)
        a = float(np.linalg.norm(scaling))
        norms[level] = d * a, a * d, d * d
    return norms


def _upsampled(taps: np.ndarray, distance: int) -> np.ndarray:
    spread = np.zeros((len(taps) - 1) * distance + 1)
    spread[::distance] = taps
    return spread


def undecimated_bands(
    plane: np.ndarray, wavelet: Wavelet
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One level of a transform at every sample: (LL, HL, LH, HH), unscaled, vertical lifting first as the standard has it.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=float32]

    Returns
    -------
    four np.ndarray [shape=(height, width), dtype=float32]
        With canvas origin parity (p, q), that is low-pass samples at rows = p and columns = q (mod 2), the decimated bands are
        LL[p::2, q::2] * low_scale^2, HL[p::2, 1-q::2], LH[1-p::2, q::2] and HH[1-p::2, 1-q::2] / low_scale^2.
    """
    high, low = plane.copy(), plane.copy()
    for turn, (factor, offset) in enumerate(wavelet.steps):
        target, source = (low, high) if turn % 2 else (high, low)
        lift_rows(target, source, factor, offset, wavelet.floored, 0, 1)
    return (*_split_columns(low, wavelet), *_split_columns(high, wavelet))


def _split_columns(low: np.ndarray, wavelet: Wavelet) -> tuple[np.ndarray, np.ndarray]:
    """Low-pass and high-pass part along each row at every sample; `low` is overwritten with the low-pass part."""
    high = low.copy()
    for turn, (factor, offset) in enumerate(wavelet.steps):
        target, source = (low, high) if turn % 2 else (high, low)
        lift_columns(target, source, factor, offset, wavelet.floored)
    return low, high


def _bands_at(plane: np.ndarray, wavelet: Wavelet, parity: tuple[int, int]) -> list[np.ndarray]:
    """Decimated HL, LH, HH of one level at a known parity, unscaled: half the work of `undecimated_bands`."""
    p, q = parity
    rows = plane.copy()
    for turn, (factor, offset) in enumerate(wavelet.steps):
        lift_rows(rows, rows, factor, offset, wavelet.floored, p ^ 1 ^ (turn % 2), 2)
    low, high = rows[p::2].copy(), rows[p ^ 1 :: 2].copy()
    _, hl = _split_columns(low, wavelet)
    lh, hh = _split_columns(high, wavelet)
    return [hl[:, q ^ 1 :: 2], lh[:, q::2], hh[:, q ^ 1 :: 2]]


def _scales(wavelet: Wavelet) -> tuple[float, float, float]:
    """Factors that bring unscaled HL, LH, HH to the standard's normalisation."""
    return 1.0, 1.0, wavelet.low_scale**-2


def _levels(shape: tuple[int, ...]) -> int:
    """How many levels a picture of this shape has, 1 to `LEVELS`."""
    return int(min(LEVELS, np.log2(min(shape) / MINIMUM_BAND)))


def _margin(level: int, side: int) -> int:
    """Coefficients at the border that the mirror extension has reached, bounded for small bands."""
    return min(level + 1, side // 8)


def _parity_counts(bands: tuple[np.ndarray, ...], wavelet: Wavelet, margin: int) -> np.ndarray:
    """Wide histograms, `np.ndarray [shape=(3, 4, _WIDE), dtype=int32]`: HL, LH, HH by parity 2 p + q of the canvas origin."""
    counts = np.zeros((3, 2, 2, _WIDE), np.int32)
    for k, (band, scale) in enumerate(zip(bands, _scales(wavelet), strict=True)):
        parity_histograms(band, scale / FINE_BIN, 2 * margin, counts[k])
    counts[0] = counts[0, :, ::-1].copy()
    counts[1] = counts[1, ::-1].copy()
    counts[2] = counts[2, ::-1, ::-1].copy()
    return counts.reshape(3, 4, _WIDE)


def _coarser(counts: np.ndarray) -> np.ndarray:
    """Histograms of |c| / `COARSER` from wide ones of |c|."""
    return counts.reshape(*counts.shape[:-1], BINS, COARSER).sum(axis=-1)


def _peaks(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`comb_peak` over any leading shape."""
    flat = comb_peak(counts[..., :BINS].reshape(-1, BINS))
    contrast, step, number = (part.reshape(counts.shape[:-1]) for part in flat)
    return contrast, step, number


def _parity_scores(counts: np.ndarray, contrast: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Evidence for each parity in standard errors, `np.ndarray [shape=(4,), dtype=float64]`: combs and surplus of zeros, all bands.

    A band whose coefficients are all zero has no comb, but only the right parity shows the zeros undisturbed.
    """
    comb = np.maximum(contrast * np.sqrt(number) - 2.5, 0).sum(axis=0)
    total = np.maximum(counts.sum(axis=-1), 1)
    zeros = counts[..., :_ONE].sum(axis=-1) / total
    usual = (zeros.sum(axis=1, keepdims=True) - zeros) / 3
    error = np.sqrt(usual * (1 - usual) / total + 1 / total**2)
    return comb + np.maximum((zeros - usual) / error - 2.5, 0).sum(axis=0)


class _Level(NamedTuple):
    """What one level of one wavelet gave: its parity, the lead over the next parity, and facts by band."""

    parity: tuple[int, int]
    lead: float
    contrast: np.ndarray
    step: np.ndarray
    coarse: np.ndarray
    excess: np.ndarray
    shapes: np.ndarray
    energy: np.ndarray
    green: np.ndarray


def _shape_facts(sums: np.ndarray) -> tuple[np.ndarray, float]:
    """dead_half, dead_one, shape and zero_run of one band from `band_sums`, and its log2 energy."""
    count, half, one, magnitude, energy, pairs = sums
    mean = magnitude / count
    expected = 1 - np.exp(-np.array([0.5, 1.0]) / max(mean, 1e-6))
    dead = np.array([half, one]) / count - expected
    shape = np.log2(energy / count / (2 * mean**2)) if mean > 1e-3 else 0.0
    run = min(pairs / (2 * one), 1.0) if one else 0.0
    return np.array([*dead, shape, run]), float(np.log2(energy / count + 1e-3))


def _statistics(bands: tuple[np.ndarray, ...], wavelet: Wavelet, parity: tuple[int, int], margin: int) -> np.ndarray:
    """`band_sums` of HL, LH and HH of an undecimated level at one parity, `np.ndarray [shape=(3, 6), dtype=float64]`."""
    p, q = parity
    sums = np.empty((3, 6))
    starts = ((p, 1 - q), (1 - p, q), (1 - p, 1 - q))
    for k, (band, scale, (row, column)) in enumerate(zip(bands, _scales(wavelet), starts, strict=True)):
        band_sums(band, scale, row, column, margin, sums[k])
    return sums


def _level(
    luma: np.ndarray, green: np.ndarray | None, wavelet: Wavelet, level: int
) -> tuple[_Level, np.ndarray, np.ndarray | None]:
    """Measure one level and hand on the LL bands of luma and green at the best parity."""
    margin = _margin(level, min(luma.shape) // 2)
    ll, *details = undecimated_bands(luma, wavelet)
    bands = tuple(details)
    counts = _parity_counts(bands, wavelet, margin)
    contrast, step, number = _peaks(counts)
    scores = _parity_scores(counts, contrast, number)
    green_contrast = np.full((3, 4), np.nan)
    if green is not None:
        green_ll, *green_bands = undecimated_bands(green, wavelet)
        green_counts = _parity_counts(tuple(green_bands), wavelet, margin)
        green_contrast, _, green_number = _peaks(green_counts)
        scores = scores + _parity_scores(green_counts, green_contrast, green_number)
    best = int(scores.argmax())
    p, q = divmod(best, 2)
    rest = np.delete(np.arange(4), best)
    coarse, coarse_step, _ = _peaks(_coarser(counts[:, best]))
    facts = [_shape_facts(sums) for sums in _statistics(bands, wavelet, (p, q), margin)]
    fine_wins = contrast[:, best] >= coarse
    found = _Level(
        parity=(p, q),
        lead=float(np.log2(1 + scores[best] - scores[rest].max())),
        contrast=contrast[:, best],
        step=np.where(fine_wins, step[:, best], COARSER * coarse_step),
        coarse=coarse,
        excess=contrast[:, best] - contrast[:, rest].mean(axis=1),
        shapes=np.stack([shape for shape, _ in facts]),
        energy=np.array([energy for _, energy in facts]),
        green=green_contrast[:, best],
    )
    low = wavelet.low_scale**2
    next_green = None if green is None or level >= _CHROMA_LEVELS else _even(green_ll, p, q, low)
    return found, _even(ll, p, q, low), next_green


def _even(ll: np.ndarray, p: int, q: int, scale: float) -> np.ndarray:
    return np.ascontiguousarray(ll[p::2, q::2]) * np.float32(scale)


def _chroma(plane: np.ndarray, wavelet: Wavelet, parities: list[tuple[int, int]]) -> np.ndarray:
    """comb and dead_one of one chroma plane, `np.ndarray [shape=(_CHROMA_LEVELS, 3, 2), dtype=float64]`, at luma's parities."""
    facts = np.full((_CHROMA_LEVELS, 3, 2), np.nan)
    for level, (p, q) in enumerate(parities[:_CHROMA_LEVELS], start=1):
        ll, *details = undecimated_bands(plane, wavelet)
        bands = tuple(details)
        margin = _margin(level, min(plane.shape) // 2)
        counts = _parity_counts(bands, wavelet, margin)[:, 2 * p + q]
        facts[level - 1, :, 0] = _peaks(counts)[0]
        sums = _statistics(bands, wavelet, (p, q), margin)
        facts[level - 1, :, 1] = [_shape_facts(row)[0][1] for row in sums]
        plane = _even(ll, p, q, wavelet.low_scale**2)
    return facts


def _step_agreement(levels: list[_Level], wavelet: Wavelet) -> tuple[float, float, float]:
    """coherence and base (cosine, sine) of log2(step * norm) modulo 1 over all bands, weighted by contrast."""
    norms = synthesis_norms(wavelet, len(levels))
    weight = np.maximum(np.stack([np.maximum(level.contrast, level.coarse) for level in levels]), 0)
    angle = 2 * np.pi * np.log2(np.stack([level.step for level in levels]) * norms)
    resultant = complex((weight * np.exp(1j * angle)).sum() / (weight.sum() + 1e-6))
    return abs(resultant), resultant.real, resultant.imag


def _reversible_components(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y, U, V of the reversible component transform (ISO/IEC 15444-1 clause G.2) as float32."""
    red, green, blue = (np.ascontiguousarray(rgb[:, :, k], dtype=np.float32) for k in range(3))
    return np.floor((red + 2 * green + blue) * np.float32(0.25)), blue - green, red - green


def _energy_ratios(levels: list[_Level]) -> np.ndarray:
    """log2 energy ratios: HL / LH and HH / sqrt(HL LH) by level, then each band over that of the next level."""
    energy = np.full((LEVELS, 3), np.nan)
    energy[: len(levels)] = [level.energy for level in levels]
    hl, lh, hh = energy.T
    return np.concatenate([hl - lh, hh - (hl + lh) / 2, (energy[:-1] - energy[1:]).ravel()])


def _wavelet_facts(planes: Planes, wavelet: Wavelet) -> np.ndarray:
    """All values of one wavelet, in the order of `_names`."""
    green = np.ascontiguousarray(planes.rgb[:, :, 1], dtype=np.float32)
    if wavelet.floored:
        luma, *chroma = _reversible_components(planes.rgb)
    else:
        luma, chroma = planes.y, [planes.cb, planes.cr]
    levels: list[_Level] = []
    second = None if planes.grey else green
    for number in range(1, _levels(luma.shape) + 1):
        found, luma, second = _level(luma, second, wavelet, number)
        levels.append(found)
    by_band = np.full((LEVELS, 3, 8), np.nan)
    for k, level in enumerate(levels):
        by_band[k] = np.column_stack(
            [level.contrast, np.log2(level.step), level.coarse, level.excess, level.shapes]
        )
    lead = np.full(LEVELS, np.nan)
    lead[: len(levels)] = [level.lead for level in levels]
    greens = np.stack([level.green for level in levels[:_CHROMA_LEVELS]])
    parities = [level.parity for level in levels]
    colour = [
        np.full((_CHROMA_LEVELS, 3, 2), np.nan) if planes.grey else _chroma(plane, wavelet, parities) for plane in chroma
    ]
    parts = [by_band.ravel(), lead, greens.ravel(), *(part.ravel() for part in colour)]
    parts += [_energy_ratios(levels), np.array(_step_agreement(levels, wavelet))]
    return np.concatenate(parts)


_BAND_FACTS = ("comb", "step", "coarse", "excess", "dead_half", "dead_one", "shape", "zero_run")


def _names(wavelet: Wavelet) -> list[str]:
    """Names of one wavelet's values, in the order of `_wavelet_facts`."""
    numbers = range(1, LEVELS + 1)
    names = [f"y_{band}{k}_{fact}" for k in numbers for band in BANDS for fact in _BAND_FACTS]
    names += [f"margin{k}" for k in numbers]
    names += [f"g_{band}{k}_comb" for k in range(1, _CHROMA_LEVELS + 1) for band in BANDS]
    for plane in ("u", "v") if wavelet.floored else ("cb", "cr"):
        names += [
            f"{plane}_{band}{k}_{fact}"
            for k in range(1, _CHROMA_LEVELS + 1)
            for band in BANDS
            for fact in ("comb", "dead_one")
        ]
    names += [f"energy_hl_lh{k}" for k in numbers] + [f"energy_hh{k}" for k in numbers]
    names += [f"energy_{band}{k}_{band}{k + 1}" for k in range(1, LEVELS) for band in BANDS]
    names += ["coherence", "base_cos", "base_sin"]
    return [f"{wavelet.name}_{name}" for name in names]


def _compute(planes: Planes) -> np.ndarray:
    return np.concatenate([_wavelet_facts(planes, wavelet) for wavelet in _WAVELETS]).astype(np.float32)


FAMILY = Family("wavelet", tuple(name for wavelet in _WAVELETS for name in _names(wavelet)), _compute)


def wavelet_statistics(pixels: np.ndarray) -> dict[str, float]:
    """Subband statistics of a picture under both transforms of JPEG 2000; the module's text says what each value is.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
        At least 64 pixels a side.

    Returns
    -------
    dict of str to float
        NaN for levels the size does not allow (a 64-pixel picture has three) and, in a grey picture, for chroma and G.

    Raises
    ------
    TypeError, ValueError
        The picture is not one the extractors accept; see `planes.as_planes`.
    """
    return FAMILY.named(pixels)
