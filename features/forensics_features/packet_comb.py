"""Combs in the packet subbands of WSQ, the wavelet format for fingerprints; no part of the vector.

WSQ filters as JPEG 2000 does (CDF 9/7), but splits the bands HL and LH of the second level twice more, sixteen subbands
each, and gives every subband a quantiser of its own whose levels lie at (k + 0.16) Q, k = 1, 2, ... [1]_. At the right
phase of the tree, modulo 16 in rows and columns, the coefficients of each subband gather there; at the other 255
phases, and in a picture by JPEG 2000, whose bands are not split, they do not.

References
----------
.. [1] FBI, "WSQ Gray-Scale Fingerprint Image Compression Specification", IAFIS-IC-0110(V3), 1997.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forensics_features._kernel import kernel

PERIOD = 16
"""Distance of the coefficients of one subband, in pixels."""
MARGIN = 28
"""Pixels at the border that are left out: beyond them a crop's border reaches a coefficient by under 1 % (four levels
of filters).
"""
STEPS = np.geomspace(2.0, 64.0, 121)
"""Steps tried, in levels; finer ones drown in the rounding to 8 bits (0.29 levels in every coefficient)."""
FIRST_BANDS = (1, 2, 17, 18)
"""Subbands in which all 256 phases are tried; the rest is measured at the `_PHASES` best of them."""
_PHASES = 4
"""Phases at which all subbands are measured: a bound on work."""
_WAVE = np.cos(2 * np.pi * np.arange(512) / 512)
_REACH = 8.5
"""Largest value, in steps, that enters the comb: farther ones are few. Of 16 validation crops of 192 pixels coded as
WSQ 13 are found, of 16 not coded none, with 4.5, 8.5 and 16.5 alike."""
_ZERO_CELL, _OFFSET = 0.66, 0.16
"""In steps: values below the first count as zero; restored ones lie at whole steps plus the second (WSQ 3.1: half of Z
= 1.2, and 1 - C = 0.56, are 1.16)."""
LOW_PASS = np.array(
    [
        0.0378284555,
        -0.0238494650,
        -0.1106244044,
        0.3774028556,
        0.8526986790,
        0.3774028556,
        -0.1106244044,
        -0.0238494650,
        0.0378284555,
    ]
)
HIGH_PASS = np.array(
    [0.0645388826, -0.0406894176, -0.4180922732, 0.7884856164, -0.4180922732, -0.0406894176, 0.0645388826]
)
"""Analysis filters of [1]_, table 5."""


class PacketCombs(NamedTuple):
    """What `packet_combs` measures.

    Attributes
    ----------
    evidence : np.ndarray [shape=(16, 16), dtype=float64]
        Natural logarithm of the inverse bound of chance (Hoeffding) by phase, summed over the subbands; the steps tried
        are paid for. At all but the best phases only of `FIRST_BANDS`.
    subbands : int
        How many were looked at.
    steps, strengths : np.ndarray [shape=(subbands,), dtype=float64]
        Best step of each subband at the best phase, in levels, and the mean cosine there, -1..1.
    """

    evidence: np.ndarray
    subbands: int
    steps: np.ndarray
    strengths: np.ndarray


@kernel
def best_steps(
    plane: np.ndarray,
    row: int,
    column: int,
    margin: int,
    steps: np.ndarray,
    wave: np.ndarray,
    wanted: np.ndarray,
    evidence: np.ndarray,
    best: np.ndarray,
) -> None:
    """For each wanted phase the step whose sum of cosines chance explains least: adds its evidence, writes best[phase,
    step and mean].

    `wave` holds one period of a cosine.
    """
    count = steps.shape[0]
    sums, numbers = np.zeros(count), np.zeros(count)
    for p in range(16):
        for q in range(16):
            if not wanted[p, q]:
                continue
            sums[:] = 0
            numbers[:] = 0
            for i in range(margin + (p + row - margin) % 16, plane.shape[0] - margin, 16):
                for j in range(margin + (q + column - margin) % 16, plane.shape[1] - margin, 16):
                    c = abs(plane[i, j])
                    for k in range(count):
                        t = c / steps[k]
                        if t < _ZERO_CELL:
                            break
                        if t < _REACH:
                            sums[k] += wave[int((t - _OFFSET) * wave.shape[0]) % wave.shape[0]]
                            numbers[k] += 1
            most = 0.0
            for k in range(count):
                if sums[k] > 0 and sums[k] ** 2 > most * 2 * numbers[k]:
                    most = sums[k] ** 2 / (2 * numbers[k])
                    best[p, q, 0], best[p, q, 1] = steps[k], sums[k] / numbers[k]
            evidence[p, q] += max(0.0, most - np.log(count))


def packet_combs(luma: np.ndarray) -> PacketCombs:
    """Evidence for WSQ's quantised packet subbands at each of the 256 phases of the tree.

    Parameters
    ----------
    luma : np.ndarray [shape=(height, width), dtype=float32]
        At least 64 pixels a side.
    """
    evidence = np.zeros((PERIOD, PERIOD))
    wanted = np.ones((PERIOD, PERIOD), np.bool_)
    bands = _subbands(luma)
    best = np.zeros((len(bands), PERIOD, PERIOD, 2))
    rest = [k for k in range(len(bands)) if k not in FIRST_BANDS]
    for chosen in (FIRST_BANDS, rest):
        for k in chosen:
            plane, row, column = bands[k]
            best_steps(plane, row, column, MARGIN, STEPS, _WAVE, wanted, evidence, best[k])
        wanted = evidence >= np.sort(evidence, axis=None)[-_PHASES]
        if not evidence.any():
            break
    at = np.unravel_index(int(evidence.argmax()), evidence.shape)
    steps, strengths = best[:, at[0], at[1]].T
    return PacketCombs(evidence, len(bands), steps, strengths)


def _subbands(luma: np.ndarray) -> list[tuple[np.ndarray, int, int]]:
    """The 32 subbands of HL and LH of the second level, not thinned out, and where the first coefficient of each
    lies.
    """
    plane = np.ascontiguousarray(luma, np.float32)
    found = []
    for first, second in (("LL", "LH"), ("LH", "LL")):
        for rows, filtered in _split(_passed(plane, first), first):
            turned = _passed(np.ascontiguousarray(filtered.T), second)
            for columns, both in _split(turned, second):
                found.append((np.ascontiguousarray(both.T), _start(rows), _start(columns)))
    return found


def _split(plane: np.ndarray, path: str) -> list[tuple[str, np.ndarray]]:
    """The four subbands of two further levels along the rows' axis, named by their paths."""
    level = len(path)
    once = [(path + band, _filtered(plane, band, level)) for band in "LH"]
    return [(name + band, _filtered(part, band, level + 1)) for name, part in once for band in "LH"]


def _passed(plane: np.ndarray, path: str) -> np.ndarray:
    for level, band in enumerate(path):
        plane = _filtered(plane, band, level)
    return plane


def _filtered(plane: np.ndarray, band: str, level: int) -> np.ndarray:
    """One filter down the columns, its taps 2 ** level apart, mirrored at the borders."""
    taps = np.asarray(LOW_PASS if band == "L" else HIGH_PASS, np.float32)
    reach = len(taps) // 2 * 2**level
    wide = np.pad(plane, ((reach, reach), (0, 0)), mode="reflect")
    height = len(plane)
    total = taps[len(taps) // 2] * plane
    for k in range(len(taps) // 2):
        near, far = k * 2**level, (len(taps) - 1 - k) * 2**level
        total += taps[k] * (wide[near : near + height] + wide[far : far + height])
    return total


def _start(path: str) -> int:
    """A high-pass coefficient lies half a period after the low-pass one."""
    return sum(2**level for level, band in enumerate(path) if band == "H")
