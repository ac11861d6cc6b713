"""Whether a low-pass band of a wavelet decomposition is quantised itself, and thus the last one.

Low-pass coefficients fill a wide range, so that without a quantiser they fall anywhere between the points of a lattice.
With one they do not: the angles 2 pi f c, f one over the step, then point in one direction. Rayleigh's test of
uniformity measures that.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import gamma

from forensics.history.jpeg2000.levels import Level
from forensics.history.jpeg2000.transform import Wavelet, synthesis_norms

FOUND = 12.0
"""Natural logarithm of the odds against chance from which a low-pass band is called quantised."""
LARGEST_LOG_ODDS = 500.0
"""Greatest value that the test gives: floating point ends near there."""
_TESTED = 500
"""Coefficients of a component that are enough for the test."""
_LEAST = 4
"""Fewest values of the low-pass band that are looked at: a numerical guard."""
_CELLS = 1.0
"""Cells of the lattice that a standard deviation of the values must span."""
_BESIDE = np.array([0.71, 0.83, 0.91, 1.09, 1.19, 1.31])
"""Multiples of a frequency at which a lattice gives nothing and a narrow spread of values still does."""
_FINEST = 0.4
"""Least step at which the rounding of the pixels leaves a comb, in grey levels of an orthonormal transform."""
_LOOKED_AT = 40
"""Frequencies of the greatest power that are looked at more closely."""


def low_pass_odds(level: Level, number: int, wavelet: Wavelet, bases: tuple[float, ...] = (1.0,)) -> float:
    """Natural logarithm of the odds against chance that the low-pass band of a level lies on a lattice, 0 to
    `LARGEST_LOG_ODDS`.

    For values spread evenly over the cells of a lattice, N |mean exp(2 pi i f c)|^2 is exponentially distributed with
    mean 1; it is summed over the components, and the number of frequencies tried is taken off.

    Parameters
    ----------
    level : Level
    number : int
        Of the level, 1 the finest.
    wavelet : {"9/7", "5/3"}
    bases : tuple of float
        Steps, in grey levels of an orthonormal transform, of which the band's may be a multiple or part by a power of
        two.
    """
    if int(level.low_valid.sum()) < _LEAST:
        return 0.0
    values = [_distinct(plane[level.low_valid]) for plane in level.low]
    spread = max(float(np.ptp(part)) for part in values)
    frequencies = _frequencies(spread, wavelet, synthesis_norms(wavelet, number)[0], bases)
    power = np.sum([_usable_power(part, frequencies) for part in values], axis=0)
    promising = frequencies[np.argsort(-power, kind="stable")[:_LOOKED_AT]]
    strength = max(sum(_excess(part, frequency) for part in values) for frequency in promising)
    odds = -float(gamma.logsf(strength, len(values))) - float(np.log(len(frequencies)))
    return min(max(0.0, odds), LARGEST_LOG_ODDS)


def _frequencies(spread: float, wavelet: Wavelet, norm: float, bases: tuple[float, ...]) -> np.ndarray:
    """One over the steps at which a low-pass band may be quantised: powers of two times the unit or times base / norm.

    Real steps are stored with eleven bits of mantissa (T.800 E.1.1.1), so each is tried a little to either side.
    """
    if wavelet == "5/3":
        return 0.5 ** np.arange(1, 8)
    found = []
    for base in bases:
        for plane in range(-1, 7):
            if base * 2.0**plane < _FINEST:
                continue
            centre = norm / (base * 2.0**plane)
            width = min(0.002 * centre * spread, 12.0)
            found.append(centre + np.linspace(-width, width, 1 + 2 * int(np.ceil(3 * width))) / max(spread, 1.0))
    return np.concatenate(found)


def _distinct(values: np.ndarray) -> np.ndarray:
    """Values without repetition, as in a flat part of the picture, at most `_TESTED` of them."""
    found = np.unique(np.round(values.astype(np.float64), 3))
    # A regular choice of them would be a lattice by itself.
    return found if len(found) <= _TESTED else np.random.default_rng(0).choice(found, _TESTED, replace=False)


def _power(values: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """N |mean exp(2 pi i f c)|^2 for each frequency, `np.ndarray [shape=(len(frequencies),)]`."""
    turns = np.multiply.outer(frequencies, values)
    angle = (2 * np.pi * (turns - np.rint(turns))).astype(np.float32)
    power: np.ndarray = (np.cos(angle).sum(axis=1) ** 2 + np.sin(angle).sum(axis=1) ** 2) / len(values)
    return power


def _usable_power(values: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    return np.where(float(values.std()) * frequencies < _CELLS, 0.0, _power(values, frequencies))


def _excess(values: np.ndarray, frequency: float) -> float:
    """Power at one frequency beyond what the spread of the values gives at neighbouring frequencies."""
    if float(values.std()) * frequency < _CELLS:
        return 0.0
    power = _power(values, frequency * np.append(_BESIDE, 1.0))
    return max(0.0, float(power[-1]) - float(power[:-1].max())) if power[-1] >= 2 else float(power[-1])
