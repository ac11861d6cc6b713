"""Residual spectrum: was the picture resized?

Interpolation makes the variance of a derivative periodic: at some places a sample is a copy, at others a mean of its neighbours. The mean capped
magnitude of the second difference, taken over every column (or row), is such a periodic signal, and its spectrum has a
line at the frequency that the factor names [1]_ [2]_ [3]_.

Null model: without resizing the signal, whitened by an autoregression of low order, is white, so a bin of its periodogram over the mean of `NEIGHBOURS` bins around it is F-distributed:
P(ratio >= x) = (1 + x / m)^-m. Multiples of 1/64 are left out: blocks of 2 to 64 pixels, colour filter arrays and wavelets make lines there (beside
multiples of 1/8 two bins more), so resizing by a factor
whose line lies there (2, 4/3, 8/5, ...) is not seen. Lines below `LOWEST` belong to the scene. A regular pattern in the scene makes a line as
well; one in both axes at the same frequency is less likely to. Hypotheses: bins and axes, and both axes together.

References
----------
.. [1] A. C. Gallagher, "Detection of linear and cubic interpolation in JPEG compressed images", CRV 2005, doi:10.1109/CRV.2005.33.
.. [2] B. Mahdian, S. Saic, "Blind authentication using periodic properties of interpolation", IEEE Trans. Information Forensics and
   Security 3(3), 2008, doi:10.1109/TIFS.2004.924603.
.. [3] A. C. Popescu, H. Farid, IEEE Trans. Signal Processing 53(2), 2005, doi:10.1109/TSP.2004.839932.
"""

from __future__ import annotations

import math

import numpy as np
from forensics_features.blockiness import FOLD, column_profiles, row_profiles
from scipy import linalg, ndimage

from forensics.history.findings import FOUND_BELOW, Trace
from forensics.history.traces.a_contrario import LN10, log10_gamma_tail, log10_nfa
from forensics.history.traces.regions import Sample
from forensics.history.traces.wording import chance

NAME = "residual_spectrum"
TREND = 33
"""Boundaries over which the profile's trend is taken."""
CLIP = 3.0
"""Values are clipped at so many robust standard deviations."""
ORDER = 8
"""Order of the autoregression that whitens the profile."""
NEIGHBOURS = 24
"""Bins that measure the level around a line."""
LOWEST = 0.1
"""Lines below this are the scene's, in cycles a pixel."""
MOST = 4.0
"""Largest factor told."""
_GUARD = 1
BLOCK = 8
_LEAK = 2
"""Bins beside a multiple of 1 / `BLOCK` that block edges of uneven strength fill."""
_CURVATURE = 1


def residual_spectrum(sample: Sample) -> Trace:
    """Test all frequencies of both axes for a line.

    Returns
    -------
    Trace
        `statistic`: power of the strongest line over the level around it. `parameters`: `resized`, `axis` (`x`, `y` or `both`), `frequency` in
        cycles a pixel, `factors`: enlargements and reductions that make this line, nearest to 1 first. `series`: `frequency_x`, `power_x`,
        `frequency_y`, `power_y`: power over its surroundings, NaN where left out.
    """
    luma = np.rint(sample.centre.y)
    axes = [_periodogram(column_profiles(luma)[_CURVATURE]), _periodogram(row_profiles(luma)[_CURVATURE])]
    candidates = []
    for name, (frequency, power, tails) in zip(("x", "y"), axes, strict=True):
        at = int(tails.argmin())
        candidates.append((float(tails[at]), name, float(frequency[at]), float(np.nan_to_num(power[at]))))
    candidates.append(_both(axes))
    tail, axis, line, ratio = min(candidates)
    nfa = log10_nfa(tail, 3 * sum(int(np.isfinite(power).sum()) for _, power, _ in axes) or 1)
    found = nfa <= FOUND_BELOW
    factors = _factors(line) if found else []
    return Trace(
        name=NAME,
        statistic=ratio,
        log10_nfa=nfa,
        speaks_for=(),
        parameters={
            "resized": found,
            "axis": axis if found else None,
            "frequency": round(line, 4) if found else None,
            "factors": factors,
        },
        sentence=_sentence(axis, line, ratio, factors, nfa, found),
        series={"frequency_x": axes[0][0], "power_x": axes[0][1], "frequency_y": axes[1][0], "power_y": axes[1][1]},
    )


def _whitened(profile: np.ndarray) -> np.ndarray:
    """The profile's logarithm without its trend, outliers and short-range correlation, same length.

    A strong edge of the scene is one value, clipped; an autoregression of low order takes the slope out of the spectrum and cannot follow a line.
    """
    signal = np.log(profile.astype(np.float64) + 0.05)
    signal -= ndimage.uniform_filter1d(signal, TREND, mode="reflect")
    spread = 1.4826 * float(np.median(np.abs(signal - np.median(signal))))
    signal = np.clip(signal, -CLIP * spread, CLIP * spread)
    signal -= signal.mean()
    covariance = np.array([float(signal[k:] @ signal[: len(signal) - k]) for k in range(ORDER + 1)]) / len(signal)
    if covariance[0] < 1e-12:
        return np.zeros(len(signal))
    covariance[0] *= 1.001
    weights = linalg.solve_toeplitz(covariance[:-1], covariance[1:])
    return np.convolve(np.concatenate([np.zeros(ORDER), signal]), np.concatenate([[1.0], -weights]))[ORDER:][: len(signal)]


def _periodogram(profile: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frequencies, power over its surroundings (NaN where left out), and log10 tails (0 there) of a profile's spectrum."""
    length = len(profile) // FOLD * FOLD or len(profile)
    power = np.abs(np.fft.rfft(_whitened(profile[:length]))) ** 2
    frequency = np.arange(len(power)) / length
    blocks = np.abs(frequency * FOLD - np.rint(frequency * FOLD)) < 1e-9
    edges = np.abs(frequency * BLOCK - np.rint(frequency * BLOCK)) <= (_LEAK + 0.5) * BLOCK / length
    index = np.flatnonzero((frequency >= LOWEST) & ~blocks & ~edges)
    ratio, tails = np.full(len(power), np.nan), np.zeros(len(power))
    for place, bin_ in enumerate(index):
        first = min(max(place - NEIGHBOURS // 2 - _GUARD, 0), max(len(index) - NEIGHBOURS - 2 * _GUARD - 1, 0))
        around = index[first : first + NEIGHBOURS + 2 * _GUARD + 1]
        around = around[np.abs(around - bin_) > _GUARD]
        if len(around) < NEIGHBOURS // 2:
            continue
        level = power[around].mean()
        ratio[bin_] = power[bin_] / level if level > 1e-12 else 0.0
        tails[bin_] = -len(around) * math.log1p(ratio[bin_] / len(around)) / LN10
    return frequency, ratio, tails


def _both(axes: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[float, str, float, float]:
    """The best frequency that both axes share within a bin of the shorter one."""
    (fx, px, tx), (fy, _, ty) = axes
    width = max(fx[1], fy[1])
    best = (0.0, "both", float(fx[0]), 0.0)
    for bin_ in np.flatnonzero(tx < 0):
        near = np.abs(fy - fx[bin_]) <= width
        total = float(tx[bin_] + ty[near].min() + math.log10(max(near.sum(), 1)))
        tail = log10_gamma_tail(-LN10 * total, 2) if total < 0 else 0.0
        best = min(best, (tail, "both", float(fx[bin_]), float(px[bin_])))
    return best


def _factors(line: float) -> list[float]:
    """Factors whose interpolation, or its second harmonic, repeats at `line` cycles a pixel: h / (k +- line) for h = 1, 2, nearest to 1 first."""
    factors = [
        harmonic / (k + sign * line)
        for harmonic in (1, 2)
        for k in range(2 * harmonic + 1)
        for sign in (1, -1)
        if k + sign * line > harmonic / MOST
    ]
    ordered = sorted({round(factor, 3) for factor in factors}, key=lambda factor: abs(math.log(factor)))
    return ordered[:8]


def _sentence(axis: str, line: float, ratio: float, factors: list[float], nfa: float, found: bool) -> str:
    if not found:
        return (
            "The second difference of luma has no periodic line that resizing would leave (strongest "
            f"{ratio:.1f} times its surroundings, expected by chance in {chance(nfa)}); factors such as 2 and 4/3, and reductions, often leave none."
        )
    where = {"x": "along rows", "y": "along columns", "both": "along rows and columns"}[axis]
    told = ", ".join(f"{factor:g}" for factor in factors)
    return (
        f"The second difference of luma varies with {line:.3f} cycles a pixel {where}, {ratio:.0f} times its surroundings, as after resizing by one of the factors "
        f"{told}; chance gives this in {chance(nfa)}. A regular pattern in the scene can do the same."
    )
