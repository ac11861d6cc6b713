"""Near-lossless JPEG-LS: prediction errors of one context keep to one residue modulo 2 NEAR + 1 while its bias stays the same.

The test looks at green in the central 512x512 pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from forensics_features.planes import to_rgb8

from forensics.history.findings import FOUND_BELOW, Trace
from forensics.history.traces.a_contrario import log10_binomial_tail, log10_nfa
from forensics.history.traces.wording import chance
from forensics.processes.base import Process
from forensics.processes.figures import plot_shares
from forensics.processes.sampling import ORIENTATION_TITLES, ORIENTATIONS, central, oriented

NAME = "jpeg_ls_residues"
NEARS = (1, 2, 3, 4, 5)
_MOST = 512
_LEAST_PAIRS = 200
_CHANCE = 1.35
"""Times 1 / (2 NEAR + 1) that pairs may repeat a residue by chance: untouched training pictures reach 1.15 (NEAR 1, 2,000 pairs and more)."""
_BY_VALUE = 1.25


def test(pixels: np.ndarray) -> Trace:
    """Test NEAR 1 to 5 along the eight directions that a scan can have in a turned or mirrored picture.

    The null hypothesis is that two following errors of one context leave the same residue no more often than `_CHANCE` over the number of residues, nor than the samples
    themselves do (a posterised picture keeps to one lattice without any coder); binomial tail.

    Returns
    -------
    Trace
        `statistic`: share of the pairs with the same residue at the best NEAR, 0..1. `parameters`: `near`, `scan` (how the picture has to be turned), `pairs`, `same`, `by_chance`.
        `series`: `settings` (NEAR), `shares`, `expected`.
    """
    from forensics_features.residual_lattice import repeated_residues

    part, _ = central(pixels, _MOST, 1)
    plane = to_rgb8(part)[..., 1]
    outcomes = []
    for orientation in range(ORIENTATIONS):
        turned = oriented(plane, orientation)
        outcomes += [_outcome(near, orientation, *repeated_residues(turned, near)) for near in NEARS]
    best = min(outcomes, key=lambda one: (one.log10_nfa, -one.share))
    found = best.log10_nfa <= FOUND_BELOW
    along = [one for one in outcomes if one.orientation == best.orientation]
    title = ORIENTATION_TITLES[best.orientation]
    if found:
        sentence = (
            f"Predicted as JPEG-LS does, {title}, {best.same} of {best.pairs} following errors of one context leave the same residue modulo {2 * best.near + 1}, as coding with NEAR "
            f"{best.near} leaves them, where chance gives up to {100 * best.expected:.0f} %. Chance gives this in {chance(best.log10_nfa)}."
        )
    else:
        sentence = "Prediction errors of JPEG-LS keep to no lattice of NEAR 1 to 5 more than chance gives."
    return Trace(
        name=NAME,
        statistic=best.share,
        log10_nfa=best.log10_nfa,
        speaks_for=("jpeg-ls-near",) if found else (),
        parameters={
            "near": best.near if found else None, "scan": title if found else None, "pairs": best.pairs, "same": best.same,
            "by_chance": round(best.expected, 3), "setting": "NEAR",
        },
        sentence=sentence,
        series={
            "settings": np.array([one.near for one in along]), "shares": np.array([one.share for one in along]),
            "expected": np.array([one.expected for one in along]),
        },
    )  # fmt: skip


class _Outcome(NamedTuple):
    near: int
    orientation: int
    pairs: int
    same: int
    expected: float
    log10_nfa: float

    @property
    def share(self) -> float:
        return self.same / self.pairs if self.pairs else 0.0


def _outcome(near: int, orientation: int, same: int, other: int, by_value: int) -> _Outcome:
    pairs = same + other
    expected = min(max(_CHANCE / (2 * near + 1), _BY_VALUE * by_value / max(pairs, 1)), 1 - 1e-6)
    tests = ORIENTATIONS * len(NEARS)
    tail = log10_binomial_tail(same, pairs, expected) if pairs >= _LEAST_PAIRS else 0.0
    return _Outcome(near, orientation, pairs, same, expected, log10_nfa(tail, tests))


PROCESS = Process(
    name="jpeg-ls-near",
    title="JPEG-LS, near-lossless",
    what=(
        "JPEG-LS with an error of at most NEAR levels a sample: prediction errors on a lattice of 2 NEAR + 1 levels."
    ),
    made_by="imagecodecs (CharLS), near 1 to 5",
    undecided="the encoder",
    exact=test,
    plot=plot_shares,
)
