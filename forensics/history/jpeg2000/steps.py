"""JPEG 2000's quantisation as the coefficients show it: steps of the 9/7 bands, bit planes cut off from the 5/3 bands.

An encoder gives each band a step (9/7) or none (5/3), and its rate control then drops bit planes code-block by
code-block; what is seen in a band is the step times a power of two. Steps in grey levels of an orthonormal transform,
that is times the norm of the band's synthesis functions, are alike in all bands for encoders that spread the error
evenly; their common value up to powers of two is the base step (T.800 E.1.1 and J.14.4; OpenJPEG's is 1).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forensics.history.jpeg2000.lattice import BIN, STEPS, cell_scores
from forensics.history.jpeg2000.levels import Level, non_zero_fit
from forensics.history.jpeg2000.transform import Wavelet, synthesis_norms

_ENOUGH = 12
"""Coefficients outside the zero cell that a band's step must rest on."""
_FITS = 0.2
"""Fit below which no step is read. What is read of 24 validation pictures (wavelet, transform, levels) is the same at
0.05, 0.1 and 0.4 (`forensics_benchmarks.thresholds`)."""
_SURE_OF_PLANES = 0.97
"""Share of coefficients on the lattice of a power of two from which bit planes were cut off. What is read of 24
validation pictures (wavelet, transform, levels) is the same at 0.9, 0.94 and 0.99 (`forensics_benchmarks.thresholds`).
"""
_NOISE = 0.3
"""Standard deviation of a coefficient about its lattice point, in grey levels: pixel rounding and half a bin."""
_FINE = (np.linspace(-0.018, 0.018, 25), np.linspace(-0.0015, 0.0015, 13))
"""Relative offsets from a candidate step that are tried in turn."""
_INTERVAL = 1.645
"""Standard deviations of a normal distribution on either side of its mean that hold 90 %."""


class BandStep(NamedTuple):
    """A step in grey levels of an orthonormal transform, half the width of its 90 % interval, and whether its double is
    mixed in.
    """

    step: float
    half_width: float
    mixed: bool


def step_of(histogram: np.ndarray) -> BandStep | None:
    """The step of a 9/7 band or of several together from their histogram of magnitudes (BINS,); None where none shows.

    Of the steps that fit about as well as the best the largest is taken, for a lattice lies within those of its parts.
    """
    fit, best, number = non_zero_fit(histogram, "9/7")
    if number < _ENOUGH or fit < _FITS:
        return None
    first = int(1.25 / BIN)
    used = first + np.flatnonzero(histogram[first:])
    counts, x = histogram[used].astype(np.float64), (used + 0.5) * BIN
    found, mixed = float(STEPS[best % len(STEPS)]), best >= len(STEPS)
    for offsets in _FINE:
        candidates = found * (1 + offsets)
        found = float(
            candidates[int(np.argmax([counts @ cell_scores(x, candidate, mixed) for candidate in candidates]))]
        )
    half_width = _INTERVAL * _NOISE * found / np.sqrt(float(counts @ x**2)) + 0.5 * found * float(np.diff(_FINE[-1])[0])
    return BandStep(found, float(half_width), mixed)


def base_step(levels: list[Level]) -> BandStep | None:
    """The step all bands and components of the levels have in common, or that of the finest level that shows one."""
    for depth in (1, 2, 3):
        pooled = np.sum([level.histograms.sum(axis=(0, 1)) for level in levels[:depth]], axis=0)
        found = step_of(pooled) if len(levels) >= depth else None
        if found is not None:
            return found
    return None


def band_steps(levels: list[Level], component: int) -> tuple[float | None, ...]:
    """Steps of HL, LH, HH of level 1, then of level 2, ..., in grey levels of the standard's normalisation; None where
    none shows.
    """
    found: list[float | None] = []
    for number, level in enumerate(levels, start=1):
        norms = synthesis_norms("9/7", number)
        for band in range(3):
            step = step_of(level.histograms[component, band])
            found.append(None if step is None else round(step.step / norms[band + 1], 5))
    return tuple(found)


def band_planes(levels: list[Level], component: int) -> tuple[int | None, ...]:
    """Bit planes cut off in nearly all code-blocks of HL, LH, HH of level 1, then of level 2, ...; None where all is
    zero.
    """
    return tuple(_planes(level.histograms[component, band]) for level in levels for band in range(3))


def _planes(histogram: np.ndarray) -> int | None:
    values = np.flatnonzero(histogram[1:]) + 1
    counts = histogram[values]
    total = int(counts.sum())
    if total < _ENOUGH:
        return None
    planes = 0
    for plane in range(1, 9):
        half = 1 << (plane - 1)
        if counts[(values % half == 0) & (values >= 3 * half)].sum() < _SURE_OF_PLANES * total:
            break
        planes = plane
    return planes


def deepest_plane(level: Level) -> int:
    """Most bit planes cut off from any 5/3 band of a level."""
    return max((_planes(histogram) or 0 for component in level.histograms for histogram in component), default=0)


def psnr_estimate(levels: list[Level], wavelet: Wavelet, weights: tuple[float, ...]) -> float | None:
    """Peak signal-to-noise ratio in dB of the compression, from the quantisers alone; None where no step shows.

    Coefficients are taken to be Laplacian before quantisation, with the share of zeros that is seen; `weights` are the
    squared norms of the components' contributions to RGB, divided by three. Bands without a step count with that of the
    band before.
    """
    error, seen = 0.0, False
    for component, weight in enumerate(weights):
        steps = [
            _orthonormal(level.histograms[component, band], wavelet, number, band)
            for number, level in enumerate(levels, 1)
            for band in range(3)
        ]
        last = next((step for step in steps if step is not None), None)
        if last is None:
            continue
        seen = True
        for place, step in enumerate(steps):
            number, band = place // 3 + 1, place % 3
            last = last if step is None else step
            unit = BIN if wavelet == "9/7" else synthesis_norms(wavelet, number)[band + 1]
            error += weight * 0.25**number * _distortion(levels[number - 1].histograms[component, band], last, unit)
        error += weight * 0.25 ** len(levels) * last**2 / 12
    return float(10 * np.log10(255.0**2 / error)) if seen and error > 0 else None


def _orthonormal(histogram: np.ndarray, wavelet: Wavelet, number: int, band: int) -> float | None:
    """Step of a band in grey levels of an orthonormal transform; where two are mixed, one between them."""
    if wavelet == "9/7":
        fit, best, count = non_zero_fit(histogram, "9/7")
        if count < _ENOUGH or fit < _FITS:
            return None
        return float(STEPS[best % len(STEPS)]) * (2**0.5 if best >= len(STEPS) else 1.0)
    planes = _planes(histogram)
    return None if planes is None else synthesis_norms(wavelet, number)[band + 1] * 2.0**planes if planes else 0.0


def _distortion(histogram: np.ndarray, step: float, unit: float) -> float:
    """Mean squared error of a coefficient under a dead-zone quantiser, in grey levels squared of an orthonormal
    transform.
    """
    total = int(histogram.sum())
    if not total or step <= 0:
        return 0.0
    zeros = int(histogram[: max(1, int(0.75 * step / unit))].sum())
    share = (zeros + 0.5) / (total + 1)
    # A Laplacian with mean magnitude b has the share 1 - exp(-t), t = step / b, in the zero cell.
    t = -np.log1p(-share)
    mean = step / t
    within = 2 * mean**2 - np.exp(-t) * (step**2 + 2 * step * mean + 2 * mean**2)
    return float(within + (1 - share) * step**2 / 12)
