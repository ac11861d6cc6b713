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

from forensics_features.comb import BINS, FINE_BIN, comb_peak
from forensics_features.family import Family
from forensics_features.planes import Planes
from forensics_features.wavelet_kernels import band_sums, lift_columns, lift_rows, parity_histograms

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


def synthesis_norms(wavelet: Wavelet, levels: int = LEVELS) -> np.ndarray:
    """L2 norms of the synthesis basis of HL, LH and HH by level, `np.ndarray [shape=(levels, 3), dtype=float64]`.

    An encoder that spreads error evenly quantises a band with base step / norm (ISO/IEC 15444-1 clause E.1.1, J.14).
    """
    low, high = wavelet.synthesis
    norms = np.empty((levels, 3))
    scaling = np.ones(1)
    for level in range(levels):
        detail = _through(scaling, high)
        scaling = _through(scaling, low)
        a, d = np.linalg.norm(scaling), np.linalg.norm(detail)
        norms[level] = d * a, a * d, d * d
    return norms


def _through(chain: np.ndarray, stage: np.ndarray) -> np.ndarray:
    """The filter of one more, coarser stage in front of `chain`: `stage` spread over the chain's sampling distance."""
    distance = 1
    while distance * 2 <= len(chain):
        distance *= 2
    spread = np.zeros((len(stage) - 1) * distance + 1)
    spread[::distance] = stage
    return np.convolve(spread, chain)
