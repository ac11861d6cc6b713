"""What steps after decoding leave: spectra, periodic differences, histograms, repetition, noise and the ties between
channels.

A resize or a rotation makes differences periodic and empties the spectrum [1]_ [2]_; a blur lowers its upper bands,
sharpening lifts them; a median makes neighbours equal and streaks [3]_; a change of tone leaves gaps in the histogram
[4]_; a palette leaves few colours; interlaced video alternates rows; block textures have at most four colours in a
block of 4x4 pixels. None of these is a codec's trace, so the family is no part of the vector of `FAMILIES`: the judges
of codecs do without it, so that what was resized does not come to mean clean. The judge of what a picture went through
takes it with theirs.

Conventions: levels 0..255; logarithms are decimal; spectra are means over a Hann-windowed picture's power, in bands of
equal width of the radius from 0 to 0.5 cycles a pixel and to the corners beyond; shares are 0..1; frequencies in cycles
a pixel.

References
----------
.. [1] A. C. Popescu, H. Farid, IEEE Trans. Signal Processing 53(2), 2005, doi:10.1109/TSP.2004.839932.
.. [2] A. C. Gallagher, CRV 2005, doi:10.1109/CRV.2005.33.
.. [3] M. Kirchner, J. Fridrich, "On detection of median filtering in digital images", SPIE 7541, 2010,
       doi:10.1117/12.839100.
.. [4] M. C. Stamm, K. J. R. Liu, "Forensic detection of image manipulation using statistical intrinsic fingerprints",
       IEEE Trans.
   Information Forensics and Security 5(3), 2010, doi:10.1109/TIFS.2010.2053202.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from forensics_features import _processing_kernels as kernels
from forensics_features.family import Family
from forensics_features.planes import Planes, level_counts
from forensics_features.resampling import spectra
from forensics_features.standards import LUMA_WEIGHTS

LUMA_BANDS, CHROMA_BANDS = 14, 6
"""Bands of the radius in luma's and in chroma's spectrum; the last of luma's hold the corners."""
_FLOOR = 1e-3
"""Power under which a band is empty, in squared levels."""
PERIODS = np.concatenate([np.arange(4.0, 17.0, 0.25), np.array([20.0, 24.0, 32.0])])
"""Periods that block edges are looked for at, in pixels: a grid of 8 after a resize by 0.5 to 2, and the coding units
of videos.
"""
LINES = 3
"""Strongest lines of the spectrum of second differences that are kept, an axis and measure."""
REPEATS = (2, 3, 4)
"""Periods at which exactly repeated samples are counted."""


def _spectrum_names() -> list[str]:
    luma = [f"luma_band_{k}" for k in range(LUMA_BANDS)] + ["luma_across", "luma_down", "luma_diagonal"]
    return luma + [f"{plane}_band_{k}" for plane in ("cb", "cr") for k in range(CHROMA_BANDS)]


def _log_bands(plane: np.ndarray, bands: int, longest: float) -> tuple[np.ndarray, np.ndarray]:
    """Log10 mean power in bands of the radius, and the power of all bins."""
    height, width = plane.shape
    window, energy = _window(height, width)
    power = _power((plane - plane.mean()) * window) / np.float32(energy)
    index, counts = _band_index(height, width, bands, longest)
    return np.log10(np.bincount(index, power.reshape(-1), bands) / counts + _FLOOR), power


def _power(plane: np.ndarray) -> np.ndarray:
    """|F|^2 of a plane of float32, `np.ndarray [shape=(height, width // 2 + 1), dtype=float32]`."""
    height, width = plane.shape
    if height & (height - 1) or width & (width - 1):
        return np.asarray(np.abs(np.fft.rfft2(plane)) ** 2)
    power = np.empty((height, width // 2 + 1), np.float32)
    (down, down_order), (across, across_order) = _turns(height), _turns(width)
    kernels.power_spectrum(plane, down, across, down_order, across_order, power)
    return power


@lru_cache(maxsize=8)
def _turns(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Waves of a transform of a power of two places, and where it leaves them: see `_processing_kernels`."""
    angles = -2 * np.pi * np.arange(length // 2) / length
    bits = length.bit_length() - 1
    order = [int(f"{place:0{bits}b}"[::-1], 2) for place in range(length)]
    return np.stack([np.cos(angles), np.sin(angles)]).astype(np.float32), np.array(order)


@lru_cache(maxsize=16)
def _window(height: int, width: int) -> tuple[np.ndarray, float]:
    """A Hann window and its energy."""
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    return window, max(float((window**2).sum()), 1e-9)


@lru_cache(maxsize=64)
def _band_index(height: int, width: int, bands: int, longest: float) -> tuple[np.ndarray, np.ndarray]:
    """The band of every bin of a half spectrum, and the number of bins in each."""
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    index = np.minimum((radius / longest * bands).astype(np.int64), bands - 1).reshape(-1)
    return index, np.maximum(np.bincount(index, minlength=bands), 1)


@lru_cache(maxsize=16)
def _high(height: int, width: int) -> tuple[np.ndarray, ...]:
    """Bins that hold the finest detail across, down and along the diagonals."""
    rows, columns = np.abs(np.fft.fftfreq(height))[:, None], np.fft.rfftfreq(width)[None]
    masks = (columns > 0.35) & (rows < 0.15), (rows > 0.35) & (columns < 0.15), (rows > 0.3) & (columns > 0.3)
    return tuple(np.flatnonzero(mask) for mask in masks)


def _spectrum(planes: Planes) -> list[float]:
    bands, power = _log_bands(planes.y, LUMA_BANDS, 0.7072)
    parts = [power.reshape(-1)[place] for place in _high(*planes.y.shape)]
    found = [*bands.tolist(), *(float(np.log10(part.mean() + _FLOOR)) for part in parts)]
    for plane in (planes.cb, planes.cr):
        found += [np.nan] * CHROMA_BANDS if planes.grey else _log_bands(plane, CHROMA_BANDS, 0.5)[0].tolist()
    return found


def _line_names() -> list[str]:
    return [
        f"line_{measure}_{axis}_{what}_{k}"
        for measure in ("capped", "share", "logarithm")
        for axis in ("x", "y")
        for k in range(LINES)
        for what in ("frequency", "power")
    ]


def _lines(planes: Planes) -> list[float]:
    """Frequency and log power over its surroundings of the strongest lines of second differences, by measure and
    axis.
    """
    found: list[float] = []
    for axes in spectra(np.rint(planes.y)).values():
        for frequency, power, _ in axes:
            known = np.nan_to_num(power)
            order = np.argsort(-known)[:LINES]
            for place in order:
                found += [float(frequency[place]), float(np.log10(known[place] + 1e-3))]
            found += [np.nan, np.nan] * (LINES - len(order))
    return found


def _period_names() -> list[str]:
    return [
        f"grid_{axis}_{what}"
        for axis in ("x", "y")
        for what in ("period", "strength", "second", "second_strength", "eight")
    ]


def _edge_profile(luma: np.ndarray) -> np.ndarray:
    """How much stronger each boundary between columns is than the two next to it: the mean of a capped difference of
    slopes.
    """
    step = np.abs(np.diff(luma, axis=1))
    around = 0.5 * (step[:, :-2] + step[:, 2:])
    return np.clip(step[:, 1:-1] - around, -4, 4).mean(axis=0)


@lru_cache(maxsize=8)
def _waves(length: int) -> np.ndarray:
    """A comb of period p has lines at all multiples of 1 / p: the first four of every period, a row each."""
    frequencies = np.outer(1 / PERIODS, np.arange(1, 5)).reshape(-1)
    return np.exp(-2j * np.pi * np.outer(frequencies, np.arange(length))).astype(np.complex64)


def _periods(planes: Planes) -> list[float]:
    """The two periods at which boundaries stand out most, with how much, and how much a period of 8 does."""
    found: list[float] = []
    for luma in (planes.y, planes.y.T):
        profile = _edge_profile(luma).astype(np.float64)
        profile = np.clip(profile - np.median(profile), *(np.array([-4, 4]) * (profile.std() + 1e-9)))
        scale = np.sqrt((profile**2).sum()) + 1e-9
        strength = (np.abs(_waves(len(profile)) @ profile.astype(np.complex64)) / scale).reshape(len(PERIODS), 4)
        total = np.sqrt((strength**2).sum(axis=1) / 4)
        first = int(total.argmax())
        apart = np.abs(np.log(PERIODS / PERIODS[first])) > 0.06
        second = int(np.where(apart, total, -1).argmax())
        found += [PERIODS[first], total[first], PERIODS[second], total[second], total[np.flatnonzero(PERIODS == 8)[0]]]
    return [float(value) for value in found]


_HISTOGRAM = (
    "levels_used",
    "gaps",
    "comb_fine",
    "comb_coarse",
    "black",
    "white",
    "colours",
    "commonest",
    "even_share",
    "few_colours",
)


def _histogram(codes: np.ndarray, levels: np.ndarray) -> list[float]:
    """The green channel's histogram and the number of colours: used levels, gaps between them, and its fast
    oscillation.
    """
    counts = levels[1].astype(np.float64)
    used = np.flatnonzero(counts)
    inner = counts[used[0] : used[-1] + 1]
    spectrum = np.abs(np.fft.rfft(counts * np.hanning(256))) / max(counts.sum(), 1)
    codes = np.sort(codes.reshape(-1))
    starts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
    distinct, times = codes[starts], np.diff(np.append(starts, len(codes)))
    return [
        len(used) / 256,
        float((inner == 0).mean()),
        float(spectrum[96:].mean() * 100),
        float(spectrum[32:96].mean() * 100),
        counts[0] / len(codes),
        counts[255] / len(codes),
        float(np.log10(len(distinct))),
        float(times.max() / len(codes)),
        float(counts[::2].sum() / len(codes)),
        float(len(distinct) <= 256),
    ]


def _codes(rgb: np.ndarray) -> np.ndarray:
    """Every pixel's colour as one number, `np.ndarray [shape=(height, width), dtype=uint32]`."""
    codes = rgb[:, :, 0].astype(np.uint32)
    for channel in (1, 2):
        codes <<= np.uint32(8)
        codes |= rgb[:, :, channel]
    return codes


def _neighbour_names() -> list[str]:
    repeats = [f"repeat_{axis}_{n}_{what}" for axis in ("x", "y") for n in REPEATS for what in ("inside", "across")]
    return [
        *repeats,
        "equal_x",
        "equal_y",
        "straight_x",
        "straight_y",
        "predictable_x",
        "predictable_y",
        "interlaced_rows",
        "interlaced_columns",
        "noise_lowest",
        "noise_median",
        "tails",
        "four_colours_best",
        "four_colours_rest",
        "lattice_of_ends",
    ]


def _predictable(luma: np.ndarray) -> float:
    """Log10 of the residual's share when a sample is the best mix of its two neighbours and the two beyond: small after
    interpolation.
    """
    mean = luma.mean()
    shape = luma.shape[0], luma.shape[1] - 4
    centre, near, far = (np.empty(shape, np.float32) for _ in range(3))
    kernels.around(luma, mean, centre, near, far)
    c, n, f = centre.ravel(), near.ravel(), far.ravel()
    size = np.float32(c.size)
    both = float(kernels.sum_of_products(n, f) / size)
    own = [float(kernels.sum_of_products(one, one) / size) for one in (n, f, c)]
    design = np.array([[own[0], both], [both, own[1]]]) + 1e-6 * np.eye(2)
    target = np.array([float(kernels.sum_of_products(one, c) / size) for one in (n, f)])
    weights = np.linalg.solve(design, target)
    rest = own[2] - float(weights @ target)
    return float(np.log10(max(rest, 1e-4)))


def _neighbours(planes: Planes, codes: np.ndarray, levels: np.ndarray) -> list[float]:
    found: list[float] = []
    equal = []
    across, down = np.ascontiguousarray(planes.y), np.ascontiguousarray(planes.y.T)
    for lines in (codes, np.ascontiguousarray(codes.T)):
        same = np.zeros(lines.shape[1] - 1)
        kernels.equal_columns(lines, same)
        equal.append(float(same.mean()))
        for n in REPEATS:
            phases = np.array([same[k::n].mean() for k in range(n)])
            between = int(phases.argmin())
            found += [float(np.delete(phases, between).min()), float(phases[between])]
    found += [
        *equal,
        kernels.straight(across),
        kernels.straight(down),
        _predictable(across),
        _predictable(down),
        kernels.alternation(across),
        kernels.alternation(down),
    ]
    rest = _fine(across)
    height, width = (n // 8 * 8 for n in rest.shape)
    blocks = rest[:height, :width].reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2).reshape(-1, 64)
    variances = np.einsum("ij,ij->i", blocks, blocks) / 64
    deviations = np.sort(np.sqrt(variances))
    found += [float(np.log10(deviations[len(deviations) // 20] + 0.01)), float(np.log10(np.median(deviations) + 0.01))]
    found.append(float(np.log10((np.abs(rest).mean() + 1e-3) / (rest.std() + 1e-3))))
    counts = np.zeros((4, 4, 2), np.int64)
    kernels.four_colours(codes, counts)
    shares = counts[:, :, 0] / np.maximum(counts[:, :, 1], 1)
    best = int(shares.argmax())
    found += [float(shares.max()), float(np.median(np.delete(shares.reshape(-1), best)))]
    values = np.arange(256)
    ends = values == values // 8 * 8 + values // 32
    red_and_blue = levels[0] + levels[2]
    found.append(float(red_and_blue[ends].sum() / red_and_blue.sum()))
    return found


def _fine(plane: np.ndarray) -> np.ndarray:
    """What is left of a plane without the mean of the four neighbours; one pixel less at every side."""
    out = np.empty((plane.shape[0] - 2, plane.shape[1] - 2), np.float32)
    kernels.fine(plane, out)
    return out


_TIES = ("rg", "gb", "rb", "r_level", "g_level", "b_level", "luma_share", "saturated")


def _ties(planes: Planes) -> list[float]:
    """Correlations and levels of the channels' fine detail."""
    height, width = planes.y.shape
    sums = np.zeros(7, np.int64)
    kernels.fine_sums(planes.rgb, sums)
    rr, gg, bb, rg, gb, rb = (sums[:6] / (16 * (height - 2) * (width - 2))).tolist()
    covariance = np.array([[rr, rg, rb], [rg, gg, gb], [rb, gb, bb]])
    deviation = np.sqrt(np.diag(covariance))
    levels = np.log10(deviation + 0.01).tolist()
    if planes.grey or deviation.min() < 1e-6:
        return [np.nan] * 3 + levels + [np.nan] * 2
    tied = covariance / np.outer(deviation, deviation)
    luma = _WEIGHTS @ covariance @ _WEIGHTS
    ends = [float(tied[0, 1]), float(tied[1, 2]), float(tied[0, 2]), *levels]
    share = float(luma / max(float(np.trace(covariance)) / 3, 1e-9))
    return [*ends, share, float(sums[6]) / (height * width) / 255]


_WEIGHTS = np.array(LUMA_WEIGHTS["bt601"])
"""BT.601 luma."""

_NAMES = (
    *_spectrum_names(),
    *_line_names(),
    *_period_names(),
    *(f"histogram_{name}" for name in _HISTOGRAM),
    *_neighbour_names(),
    *(f"ties_{name}" for name in _TIES),
)


def _compute(planes: Planes) -> np.ndarray:
    codes, levels = _codes(planes.rgb), level_counts(planes.rgb)
    values = [
        *_spectrum(planes),
        *_lines(planes),
        *_periods(planes),
        *_histogram(codes, levels),
        *_neighbours(planes, codes, levels),
        *_ties(planes),
    ]
    return np.array(values, np.float32)


FAMILY = Family("processing", _NAMES, _compute)
"""The family; see the module text."""


def processing_features(pixels: np.ndarray) -> dict[str, float]:
    """What steps after decoding leave in a picture, by name; the module's text says what each value is.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
        At least 64 pixels a side.

    Returns
    -------
    dict of str to float
        NaN for what needs colour in a grey picture.

    Raises
    ------
    TypeError, ValueError
        The picture is not one the extractors accept; see `planes.as_planes`.

    Examples
    --------
    >>> import numpy as np
    >>> from PIL import Image
    >>> from forensics_features import processing_features
    >>> pixels = np.asarray(Image.open("examples/uncompressed.png"))
    >>> doubled = np.asarray(Image.fromarray(pixels).resize((506, 502), Image.Resampling.NEAREST))
    >>> [round(processing_features(picture)["equal_x"], 2) for picture in (pixels, doubled)]
    [0.03, 0.51]
    """
    return FAMILY.named(pixels)
