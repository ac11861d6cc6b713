"""A JPEG kept in JPEG XL: coefficients at the multiples of a JPEG table as libjxl brings them back, nearer to zero.

JPEG XL can hold a JPEG's coefficients without loss. A JPEG decoder gives whole multiples of the table's steps; libjxl
moves each of them towards zero, as it does with its own coefficients: one step to 0.93, k steps to k - 0.145 / k [1]_.
Nothing but the rounding of R, G and B lies on top, for its planes stay real-valued: a standard deviation of 0.19 levels
in luma's coefficients, where a JPEG decoder's whole planes leave 0.34 about multiples that are not moved. So one number
tells it from a JPEG and from every lossy step afterwards.

References
----------
.. [1] ISO/IEC 18181-1, quantisation bias (`quant_bias`, `quant_bias_numerator` and their defaults).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from forensics_features.planes import central, to_rgb8
from forensics_features.standards import LUMA_WEIGHTS

from forensics.history.jpeg.planes import BLOCK, coefficients
from forensics.results.chance import validated
from forensics.results.history import Trace

NAME = "kept_jpeg"
_ONE, _NUMERATOR = 1 - 0.07005449891748593, 0.145
"""What one step becomes in the channel of luma, and what more steps lose, divided by their number: the standard's
defaults."""
_MOST_SIDE = 768
"""Largest side of the central part that is looked at, in pixels."""
_LEAST_STEP = 6
"""In finer steps the move of one step, 0.07 of it, drowns in rounding."""
_NEAREST, _FARTHEST = 0.75, 8.5
"""Coefficients that count, in steps: nearer ones are zeros, farther ones hardly moved."""
_LEAST_EACH, _LEAST = 20, 200
"""Coefficients of one frequency, and of all together, with which it can be tested."""
_MOST_NOISE = 0.27
"""Largest root mean square about the moved multiples, in levels. Of training pictures: kept JPEGs 0.19 to 0.20; JPEGs,
and JPEGs recompressed by JPEG XL, HEIC, AVIF, WebP, JPEG 2000 or JPEG, from 0.86 on. Halfway, by ratio, to 0.37 of
multiples of 6 that are moved by 0.07 of a step but for rounding.
"""
_BESIDE = 4
"""Qualities on either side of the one that the combs show: the move makes a table look coarser or finer."""


class _Fit(NamedTuple):
    noise: float
    plain: float
    number: int
    quality: int


def kept_jpeg(pixels: np.ndarray) -> Trace:
    """Test the table that the combs of luma show, and its neighbours.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        At least 64 pixels a side; the central 768x768 are looked at.

    Returns
    -------
    Trace
        `statistic`: root mean square of coefficients about the moved multiples, in levels; NaN without a table.
        `log10_nfa`: what validation supports where it is found, 0 elsewhere. `parameters`: `phase`, `quality`,
        `coefficients`, `plain` (root mean square about multiples that are not moved).
    """
    from forensics.history.traces.jpeg_table import jpeg_table
    from forensics.history.traces.sample import draw_sample

    part, origin = central(to_rgb8(pixels), _MOST_SIDE, BLOCK)
    table = jpeg_table(draw_sample(part))
    if not table.found:
        return _absent("no JPEG table shows")
    read = table.parameters
    phase = (int(read["phase"][0]), int(read["phase"][1]))
    blocks = coefficients(_whole_blocks(part, phase))
    fits = [
        one
        for quality in range(max(read["low"] - _BESIDE, 1), read["high"] + _BESIDE + 1)
        if (one := _fitted(blocks, read["family"], quality)) is not None
    ]
    if not fits:
        return _absent("too few coefficients are not zero, or the steps are too fine")
    best = min(fits, key=lambda one: one.noise)
    if best.noise > _MOST_NOISE or best.noise > best.plain:
        return _absent("coefficients do not lie where JPEG XL's decoder moves them", best)
    at = [(phase[0] + origin[0]) % BLOCK, (phase[1] + origin[1]) % BLOCK]
    return Trace(
        name=NAME,
        statistic=best.noise,
        log10_nfa=-float(np.log10(validated(NAME))),
        speaks_for=("jpeg",),
        parameters={
            "phase": at,
            "quality": best.quality,
            "coefficients": best.number,
            "plain": round(best.plain, 3),
        },
        sentence=(
            f"It is a JPEG of quality {best.quality} that was kept in JPEG XL without further loss: on the 8x8 grid "
            f"from row {at[0]}, column {at[1]}, {best.number:,} DCT coefficients lie where JPEG XL's decoder moves "
            f"multiples of the table's steps, to {best.noise:.2f} levels (rounding alone leaves 0.19; multiples as a "
            f"JPEG decoder gives them are off by {best.plain:.2f})."
        ),
        series={},
    )


def _whole_blocks(rgb: np.ndarray, phase: tuple[int, int]) -> np.ndarray:
    """Real-valued luma of the blocks without a cut pixel, `np.ndarray [shape=(n, 64), dtype=float32]`."""
    luma = (rgb @ np.array(LUMA_WEIGHTS["bt601"])).astype(np.float32)
    luma[((rgb == 0) | (rgb == 255)).any(axis=2)] = np.nan
    part = luma[phase[0] :, phase[1] :]
    height, width = (side // BLOCK for side in part.shape)
    cut = part[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK)
    rows = cut.transpose(0, 2, 1, 3).reshape(-1, BLOCK**2)
    return rows[np.isfinite(rows).all(axis=1)]


def _fitted(blocks: np.ndarray, family: str, quality: int) -> _Fit | None:
    """How near coefficients, `np.ndarray [shape=(n, 64)]`, lie to moved multiples of a table; None where too few
    count.

    Libjxl's dither adds a constant to every frequency of an aligned block, which is taken off.
    """
    from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table

    steps = np.asarray(scaled_table(TABLE_FAMILIES[family][0], float(quality)), np.float64).ravel()
    used = np.flatnonzero(steps >= _LEAST_STEP)
    used = used[used > 0]
    scaled = blocks[:, used] / steps[used]
    whole = np.rint(np.abs(scaled))
    counted = (np.abs(scaled) > _NEAREST) & (np.abs(scaled) < _FARTHEST)
    counted &= counted.sum(axis=0) >= _LEAST_EACH
    total = int(counted.sum())
    if total < _LEAST:
        return None
    moved = np.where(whole == 1, _ONE, whole - _NUMERATOR / np.maximum(whole, 1))
    noise, plain = (
        _spread((np.abs(scaled) - target) * np.sign(scaled) * steps[used], counted) for target in (moved, whole)
    )
    return _Fit(noise, plain, total, quality)


def _spread(rest: np.ndarray, counted: np.ndarray) -> float:
    """Root mean square about each frequency's mean."""
    number = np.maximum(counted.sum(axis=0), 1)
    off = np.where(counted, rest, 0).sum(axis=0) / number
    return float(np.sqrt(np.mean((rest - off)[counted] ** 2)))


def _absent(reason: str, fit: _Fit | None = None) -> Trace:
    return Trace(
        name=NAME,
        statistic=float("nan") if fit is None else fit.noise,
        log10_nfa=0.0,
        speaks_for=(),
        parameters={
            "phase": None,
            "quality": None,
            "coefficients": 0 if fit is None else fit.number,
            "plain": None if fit is None else round(fit.plain, 3),
        },
        sentence=f"A JPEG kept in JPEG XL was not found: {reason}.",
        series={},
    )
