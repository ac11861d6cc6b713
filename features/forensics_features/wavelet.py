"""Wavelet statistics: what JPEG 2000 leaves in the subbands of its own transforms, at whatever parity a crop left.

The picture goes through the two transforms of JPEG 2000, the irreversible CDF 9/7 on Y, Cb, Cr (ICT) and the reversible
CDF 5/3 on the RCT's Y, U, V, in the standard's normalisation (low-pass gain 1 at zero, high-pass gain 2 at the Nyquist
frequency) [1]_. A crop at an odd offset moves the sampling lattice, so each level has four candidate parities
(vertical, horizontal). The one with the clearest comb and the widest dead zone is taken, and the next level starts from
its LL band.

Conventions. HL is high-pass horizontally, LH vertically. Levels count from 1, the finest. A level exists while its
bands have at least `MINIMUM_BAND` coefficients a side. Coefficients near the border, which the crop has mixed with its
mirror image, are left out. G is measured as well as Y because a file coded without colour transform has its combs
there. Large pictures are measured on tiles (`planes.tiles`), each with its own border and all with one parity a level.

Values, by band (`<wavelet>_<plane>_<band><level>_...`):

- ``comb``: contrast of the strongest comb of |c| (`comb.comb_peak`) beyond what chance gives with as many values, 0..1;
  ``coarse``: the same for |c| / 4, that is for steps of 5 to 160; ``step``: log2 of the step of the clearer of the two,
  0 where both are; ``excess``: contrast (chance included) less its mean over the three other parities, -1..1.
- ``dead_half``, ``dead_one``: share of |c| below 0.5 and 1 less that of a Laplacian with the same E|c|, -1..1.
- ``shape``: log2(E c^2 / (2 E^2 |c|)), 0 for a Laplacian, -0.35 for a Gaussian, positive for heavier tails; 0 for an
  empty band.
- ``zero_run``: share of right and lower neighbours of a zero (|c| < 1) that are zero too; 0 where there is no zero.

By level: ``margin``, how far the best parity leads the next in standard errors (log2 of 1 + it); energies as log2
ratios; by wavelet: ``coherence``, how well the steps of all bands, times the norms of their synthesis filters, agree up
to powers of two (0..1, weighted by the contrast beyond chance), and ``base``, the cosine and sine of that common step
on the circle of log2.

References
----------
.. [1] ISO/IEC 15444-1 (ITU-T T.800), Annexes E (quantisation), F (discrete wavelet transforms) and G (colour
       transforms).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from forensics_features._wavelet_kernels import (
    band_sums,
    parity_histograms,
    reversible_components,
    split_columns,
    split_rows,
)
from forensics_features.comb import BINS, FINE_BIN, comb_peak
from forensics_features.family import Family
from forensics_features.planes import Planes, tiles

LEVELS = 5
"""Levels measured at most."""
MINIMUM_BAND = 8
"""A level is measured when its bands have at least this many coefficients a side."""
COARSER = 4
"""Factor of the second, coarser histogram."""
BANDS = ("hl", "lh", "hh")
_CHROMA_LEVELS = 2
"""Wavelet levels that are measured in chroma. Of 40 validation crops of 256 pixels and their JPEG 2000 files of
ratios 4 to 16, combs of Cb and Cr part 64 to 86 % of the pairs at level 1, 78 to 85 % at 2, 71 to 76 % at 3,
those of green up to 96, 93 and 78 % (area under the curve)."""
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
    norms = axis_norms(wavelet, levels)
    return np.array([(high * low, low * high, high * high) for low, high in norms])


def axis_norms(wavelet: Wavelet, levels: int) -> list[tuple[float, float]]:
    """L2 norms of the synthesis basis along one axis by level: of the low band, and of the high band."""
    scaling, norms = np.ones(1), []
    for level in range(levels):
        low, high = (upsampled(part, 2**level) for part in wavelet.synthesis)
        detail = float(np.linalg.norm(np.convolve(high, scaling)))
        scaling = np.convolve(low, scaling)
        norms.append((float(np.linalg.norm(scaling)), detail))
    return norms


def upsampled(taps: np.ndarray, distance: int) -> np.ndarray:
    """A filter with `distance` - 1 zeros between its taps."""
    spread = np.zeros((len(taps) - 1) * distance + 1)
    spread[::distance] = taps
    return spread


def undecimated_bands(plane: np.ndarray, wavelet: Wavelet) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One level of a transform at every sample: (LL, HL, LH, HH), unscaled, vertical lifting first as the standard has
    it.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=float32]

    Returns
    -------
    four np.ndarray [shape=(height, width), dtype=float32]
        With canvas origin parity (p, q), that is low-pass samples at rows = p and columns = q (mod 2), the decimated
        bands are LL[p::2, q::2] * low_scale^2, HL[p::2, 1-q::2], LH[1-p::2, q::2] and HH[1-p::2, 1-q::2] / low_scale^2.
    """
    high, low = plane.copy(), plane.copy()
    split_rows(high, low, _lifting(wavelet.steps), wavelet.floored, 0, 1)
    return (*_split_columns(low, wavelet), *_split_columns(high, wavelet))


def _split_columns(low: np.ndarray, wavelet: Wavelet) -> tuple[np.ndarray, np.ndarray]:
    """Low-pass and high-pass part along each row at every sample; `low` is overwritten with the low-pass part."""
    high = np.empty_like(low)
    split_columns(low, high, _lifting(wavelet.steps), wavelet.floored)
    return low, high


@cache
def _lifting(steps: tuple[tuple[float, float], ...]) -> np.ndarray:
    return np.array(steps)


def decimated_bands(plane: np.ndarray, wavelet: Wavelet, parity: tuple[int, int]) -> list[np.ndarray]:
    """LL, HL, LH, HH of one level at a known parity (vertical, horizontal) of the canvas origin, unscaled as in
    `undecimated_bands`.
    """
    p, q = parity
    rows = plane.copy()
    split_rows(rows, rows, _lifting(wavelet.steps), wavelet.floored, p, 2)
    ll, hl = _split_columns(np.ascontiguousarray(rows[p::2]), wavelet)
    lh, hh = _split_columns(np.ascontiguousarray(rows[p ^ 1 :: 2]), wavelet)
    return [np.ascontiguousarray(band[:, first::2]) for band, first in ((ll, q), (hl, q ^ 1), (lh, q), (hh, q ^ 1))]


def _at(bands: tuple[np.ndarray, ...], parity: tuple[int, int]) -> list[np.ndarray]:
    """What `decimated_bands` gives, taken from the undecimated bands."""
    p, q = parity
    starts = ((p, q), (p, q ^ 1), (p ^ 1, q), (p ^ 1, q ^ 1))
    return [np.ascontiguousarray(band[row::2, column::2]) for band, (row, column) in zip(bands, starts, strict=True)]


def _scales(wavelet: Wavelet) -> tuple[float, float, float]:
    """Factors that bring unscaled HL, LH, HH to the standard's normalisation."""
    return 1.0, 1.0, wavelet.low_scale**-2


def _levels(shape: tuple[int, ...]) -> int:
    """How many levels a picture of this shape has, 1 to `LEVELS`."""
    return int(min(LEVELS, np.log2(min(shape) / MINIMUM_BAND)))


def _margin(level: int, side: int) -> int:
    """Coefficients at the border that the mirror extension has reached, bounded for small bands."""
    return min(level + 1, side // 8)


def _parity_counts(parts: Sequence[tuple[np.ndarray, ...]], wavelet: Wavelet, margin: int) -> np.ndarray:
    """Wide histograms, `np.ndarray [shape=(3, 4, _WIDE), dtype=int32]`: HL, LH, HH by parity 2 p + q of the canvas
    origin.

    `parts` are the undecimated bands of every tile; the histograms are of all together.
    """
    counts = np.zeros((3, 4, _WIDE), np.int32)
    for bands in parts:
        for k, (band, scale) in enumerate(zip(bands[1:], _scales(wavelet), strict=True)):
            parity_histograms(band, scale / FINE_BIN, 2 * margin, counts[k].reshape(2, 2, _WIDE))
    return counts[_BAND_ROWS, _SAMPLE_PARITY]


_BAND_ROWS = np.arange(3)[:, None]
_SAMPLE_PARITY = np.arange(4) ^ np.array([1, 2, 3])[:, None]
"""Parity of the samples of HL, LH and HH by parity of the canvas origin: the high-pass ones lie next to it."""


def _coarser(counts: np.ndarray) -> np.ndarray:
    """Histograms of |c| / `COARSER` from wide ones of |c|; the last bin, which is open, is left empty."""
    coarse = counts[..., 0::COARSER].copy()
    for k in range(1, COARSER):
        coarse += counts[..., k::COARSER]
    coarse[..., -1] = 0
    return coarse


def _contrasts(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Contrast of the strongest comb and the number of values it rests on, for wide histograms of any leading shape."""
    contrast, _, number = comb_peak(counts[..., :BINS].reshape(-1, BINS))
    return contrast.reshape(counts.shape[:-1]), number.astype(np.float64).reshape(counts.shape[:-1])


def _parity_scores(counts: np.ndarray, contrast: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Evidence for each parity in standard errors, `np.ndarray [shape=(4,), dtype=float64]`: combs and surplus of
    zeros, all bands.

    A band whose coefficients are all zero has no comb, but only the right parity shows the zeros undisturbed.
    """
    comb = np.maximum(contrast * np.sqrt(number) - 2.5, 0).sum(axis=0)
    total = np.maximum(counts.sum(axis=-1), 1)
    zeros = counts[..., :_ONE].sum(axis=-1) / total
    usual = (zeros.sum(axis=1, keepdims=True) - zeros) / 3
    error = np.sqrt(usual * (1 - usual) / total + 1 / total**2)
    return comb + np.maximum((zeros - usual) / error - 2.5, 0).sum(axis=0)


class _Level(NamedTuple):
    """One level of one wavelet: its parity, the lead over the next parity in standard errors, and facts of HL, LH, HH.

    `counts` and `green_counts` are wide histograms at the parity; the rest has one row or value a band.
    """

    parity: tuple[int, int]
    lead: float
    counts: np.ndarray
    green_counts: np.ndarray
    excess: np.ndarray
    sums: np.ndarray


def _sums(parts: Sequence[Sequence[np.ndarray]], wavelet: Wavelet, margin: int) -> np.ndarray:
    """`band_sums` of HL, LH and HH over the decimated bands of every tile, `np.ndarray [shape=(3, 6),
    dtype=float64]`.
    """
    sums = np.empty((len(parts), 3, 6))
    for of_part, bands in zip(sums, parts, strict=True):
        for k, (band, scale) in enumerate(zip(bands[1:], _scales(wavelet), strict=True)):
            band_sums(band, scale, margin, of_part[k])
    return sums.sum(axis=0)


def _shape_facts(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From `band_sums`, (..., 6): dead_half, dead_one, shape and zero_run, (..., 4), and the log2 energy, (...)."""
    count, half, one, magnitude, energy, pairs = np.moveaxis(sums, -1, 0)
    mean = magnitude / count
    rate = -1 / np.maximum(mean, 1e-6)
    power = energy / count
    facts = (
        half / count + np.expm1(0.5 * rate),
        one / count + np.expm1(rate),
        np.where(mean > 1e-3, np.log2((power + 1e-12) / (2 * mean**2 + 1e-12)), 0.0),
        np.minimum(pairs / np.maximum(2 * one, 1), 1.0),
    )
    return np.stack(facts, axis=-1), np.log2(power + 1e-3)


_Tiles = list[np.ndarray]
"""One plane as the parts it is measured on, all of one shape."""


def _level(luma: _Tiles, green: _Tiles, wavelet: Wavelet, level: int) -> tuple[_Level, _Tiles, _Tiles]:
    """Measure one level of luma, with green's combs as well, and hand on the LL bands of both at the best parity."""
    margin = _margin(level, min(luma[0].shape) // 2)
    bands = [undecimated_bands(tile, wavelet) for tile in luma]
    green_bands = [undecimated_bands(tile, wavelet) for tile in green]
    counts = _parity_counts(bands, wavelet, margin)
    if green_bands:
        counts = np.concatenate([counts, _parity_counts(green_bands, wavelet, margin)])
    contrast, number = _contrasts(counts)
    scores = _parity_scores(counts, contrast, number)
    best = int(scores.argmax())
    parity = divmod(best, 2)
    rest = np.arange(4) != best
    details = [_at(part, parity) for part in bands]
    found = _Level(
        parity=parity,
        lead=float(np.log2(1 + scores[best] - scores[rest].max())),
        counts=counts[:3, best],
        green_counts=counts[3:, best],
        excess=contrast[:3, best] - contrast[:3, rest].mean(axis=1),
        sums=_sums(details, wavelet, margin),
    )
    green_low = [np.ascontiguousarray(part[0][parity[0] :: 2, parity[1] :: 2]) for part in green_bands]
    return found, [_low(part[0], wavelet) for part in details], [_low(part, wavelet) for part in green_low]


def _low(ll: np.ndarray, wavelet: Wavelet) -> np.ndarray:
    """The LL band in the standard's normalisation, which the next level starts from."""
    return ll if wavelet.low_scale == 1 else ll * np.float32(wavelet.low_scale**2)


def _chroma(plane: _Tiles, wavelet: Wavelet, parities: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Fine histograms, `np.ndarray [shape=(_CHROMA_LEVELS, 3, BINS)]`, and `band_sums`, (_CHROMA_LEVELS, 3, 6), at
    luma's parities.
    """
    counts = np.zeros((_CHROMA_LEVELS, 3, BINS), np.int32)
    sums = np.empty((_CHROMA_LEVELS, 3, 6))
    for k, parity in enumerate(parities[:_CHROMA_LEVELS]):
        margin = _margin(k + 1, min(plane[0].shape) // 2)
        details = [decimated_bands(tile, wavelet, parity) for tile in plane]
        for m, scale in enumerate(_scales(wavelet)):
            by_parity = np.zeros((2, 2, BINS + 1), np.int32)
            for bands in details:
                parity_histograms(bands[1 + m], scale / FINE_BIN, margin, by_parity)
            counts[k, m] = by_parity.reshape(4, -1).sum(axis=0)[:BINS]
        sums[k] = _sums(details, wavelet, margin)
        plane = [_low(bands[0], wavelet) for bands in details]
    return counts, sums


def _step_agreement(weight: np.ndarray, step: np.ndarray, wavelet: Wavelet) -> tuple[float, float, float]:
    """coherence and base (cosine, sine) of log2(step * norm) modulo 1 over all bands; both inputs are (levels, 3).

    The small term added to the weights brings the values to 0 where no comb exceeds chance.
    """
    angle = 2 * np.pi * np.log2(step * _norms(wavelet.name)[: len(step)])
    resultant = complex((weight * np.exp(1j * angle)).sum() / (weight.sum() + 0.05))
    return abs(resultant), resultant.real, resultant.imag


@cache
def _norms(name: str) -> np.ndarray:
    return synthesis_norms(CDF97 if name == CDF97.name else CDF53)


def _energy_ratios(energy: np.ndarray) -> np.ndarray:
    """log2 energy ratios of (levels, 3): HL / LH and HH / sqrt(HL LH) by level, then each band over that of the next
    level.
    """
    full = _padded(energy, LEVELS).reshape(LEVELS, 3)
    hl, lh, hh = full.T
    return np.concatenate([hl - lh, hh - (hl + lh) / 2, (full[:-1] - full[1:]).ravel()])


def _padded(rows: np.ndarray, count: int) -> np.ndarray:
    """`rows` with rows of NaN after them up to `count`, flat: levels the size does not allow."""
    full = np.full((count, *rows.shape[1:]), np.nan)
    full[: len(rows)] = rows
    return full.ravel()


def _all_levels(luma: _Tiles, green: _Tiles, wavelet: Wavelet) -> list[_Level]:
    """Every level the size allows, each at its best parity; green takes part in the first `_CHROMA_LEVELS`."""
    levels: list[_Level] = []
    for number in range(1, _levels(luma[0].shape) + 1):
        found, luma, green = _level(luma, green if number <= _CHROMA_LEVELS else [], wavelet, number)
        levels.append(found)
    return levels


def _wavelet_facts(luma: _Tiles, chroma: list[_Tiles], green: _Tiles, wavelet: Wavelet) -> np.ndarray:
    """All values of one wavelet, in the order of `_names`; a grey picture has no chroma and no green."""
    levels = _all_levels(luma, green, wavelet)
    depth = len(levels)
    parities = [level.parity for level in levels]
    colour = [_chroma(plane, wavelet, parities) for plane in chroma]
    wide = np.stack([level.counts for level in levels])
    greens = [level.green_counts[None, :, :BINS] for level in levels[:_CHROMA_LEVELS]] if colour else []
    stacked = np.concatenate([wide[..., :BINS], _coarser(wide), *greens, *(counts for counts, _ in colour)])
    contrast, step, number = (part.reshape(-1, 3) for part in comb_peak(stacked.reshape(-1, BINS)))
    surplus = np.maximum(contrast - 2.5 / np.sqrt(np.maximum(number, 1)), 0)
    fine, coarse, rest = np.split(surplus, [depth, 2 * depth])
    steps = np.where(fine >= coarse, step[:depth], COARSER * step[depth : 2 * depth])
    clearest = np.maximum(fine, coarse)
    steps[clearest == 0] = 1
    by_band = np.stack([fine, np.log2(steps), coarse, [level.excess for level in levels]], axis=-1)
    shapes, energy = _shape_facts(np.concatenate([[level.sums for level in levels], *(sums for _, sums in colour)]))
    dead = np.split(shapes[depth:, :, 1], 2) if colour else []
    parts = [
        _padded(np.concatenate([by_band, shapes[:depth]], axis=-1), LEVELS),
        _padded(np.array([level.lead for level in levels]), LEVELS),
        *_colour_facts(rest, dead),
        _energy_ratios(energy[:depth]),
        np.array(_step_agreement(clearest, steps, wavelet)),
    ]
    return np.concatenate(parts)


def _colour_facts(contrast: np.ndarray, dead: list[np.ndarray]) -> list[np.ndarray]:
    """Combs of G, then comb and dead_one of both chroma planes, flat; NaN in a grey picture."""
    count = 3 * _CHROMA_LEVELS
    if not dead:
        return [np.full(5 * count, np.nan)]
    green, *planes = np.split(contrast, 3)
    return [green.ravel(), *(np.stack(pair, axis=-1).ravel() for pair in zip(planes, dead, strict=True))]


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


def _components(rgb: np.ndarray) -> tuple[np.ndarray, ...]:
    """Y, U, V of the reversible colour transform, and G, of one tile."""
    planes = tuple(np.empty(rgb.shape[:2], np.float32) for _ in range(4))
    reversible_components(rgb, *planes)
    return planes


def _compute(planes: Planes) -> np.ndarray:
    places = tiles(planes.y.shape)
    luma, cb, cr, rgb = (
        [np.ascontiguousarray(plane[place]) for place in places]
        for plane in (planes.y, planes.cb, planes.cr, planes.rgb)
    )
    y, u, v, green = (list(parts) for parts in zip(*map(_components, rgb), strict=True))
    if planes.grey:
        parts = [_wavelet_facts(luma, [], [], CDF97), _wavelet_facts(y, [], [], CDF53)]
    else:
        parts = [_wavelet_facts(luma, [cb, cr], green, CDF97), _wavelet_facts(y, [u, v], green, CDF53)]
    return np.concatenate(parts).astype(np.float32)


FAMILY = Family("wavelet", tuple(name for wavelet in _WAVELETS for name in _names(wavelet)), _compute)


def wavelet_features(pixels: np.ndarray) -> dict[str, float]:
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

    Examples
    --------
    >>> import numpy as np
    >>> from PIL import Image
    >>> from forensics_features import wavelet_features
    >>> for sample in ("jpeg2000", "uncompressed"):
    ...     values = wavelet_features(np.asarray(Image.open(f"examples/{sample}.png")))
    ...     print(sample, round(values["97_y_hl1_comb"], 2))
    jpeg2000 0.51
    uncompressed 0.0
    """
    return FAMILY.named(pixels)
