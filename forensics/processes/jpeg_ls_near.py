"""Near-lossless JPEG-LS: prediction errors are multiples of 2 NEAR + 1 with the bias that their context has learned.

The test looks at green in the central 512x512 pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forensics.processes.base import Process
from forensics.processes.figures import plot_shares
from forensics.processes.sampling import ORIENTATION_TITLES, ORIENTATIONS, all_oriented, unless_computed
from forensics.results.a_contrario import log10_binomial_tail, log10_nfa
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace
from forensics.results.wording import percentage

NAME = "jpeg_ls_residues"
NEARS = (1, 2, 3, 4, 5)
"""Values of NEAR that are tried (ITU-T T.87)."""
_MOST = 512
"""Side of the central part that is looked at, in pixels: a bound on work."""
_LEAST_PAIRS = 1000
"""Fewest pairs of samples that tell. Of 48 validation crops of 64x64 pixels coded near-lossless 20 are found (31 from
500 on, 6 from 2,000 on), of 48 others none at any (`forensics_benchmarks.thresholds`); kept above what those crops
would need, as drawn art has few pairs and repeats (`_LEAST_ELSEWHERE`)."""
_LEAST_ELSEWHERE = 200
"""Fewest pairs with which another direction is held against it: their share scatters by 0.035. Of 388 small crops of
game art one passed while other directions, with as large a share, had under 1,000 pairs."""
_LEAST_SHARE = 0.5
"""Share of the errors that have to be foretold; of 100 training pictures coded with NEAR 1 to 5 and cut at random, RGB
gives 0.67 to 0.76 (contexts are shared by the channels), grey 0.85 to 0.99.
"""
_GIVEN_UP, _TELLING = 0.42, 1000
"""Share of foretold errors, of at least so many, under which a direction is not followed to its end: where half are
foretold (`_LEAST_SHARE`), fewer are in one of 10^6 samples (binomial); chance gives 1.15 / 3 at NEAR 1."""
_CHANCE = 1.7
"""Times 1 / (2 NEAR + 1) that errors may be foretold by chance: untouched training pictures reach 1.15 at NEAR 1 and
1.6 at NEAR 5, of thousands.
"""
_BY_VALUE = 1.25
"""Least factor above what the values alone would give. On the crops of `_LEAST_PAIRS` 1 to 1.5 find the same 20, 2
finds 19, and none of 48 others is found at any (`forensics_benchmarks.thresholds`)."""
_ELSEWHERE = 1.2
"""The same times the share of pairs whose samples leave the same residue, and times the share along another direction:
1,000 pairs scatter by a tenth.
"""
_MARGIN = 0.09
"""Share by which more are foretold than chance gives: parts of a user interface repeat, so that errors are not
independent and the binomial tail says too much. Of 1,122 icons, sprites, screenshots and smooth wallpapers, none of
them coded, ten pass without it, 0.08 above chance at most; of 137 training pictures that are found, three lie below."""


def test(pixels: np.ndarray) -> Trace:
    """Test NEAR 1 to 5 along the eight directions that a scan can have in a turned or mirrored picture.

    The null hypothesis is that errors are multiples no more often than `_CHANCE` over the number of residues, nor than
    the samples themselves do (a posterised picture keeps to one lattice without any coder), nor than along another
    direction; binomial tail.

    Returns
    -------
    Trace
        `statistic`: share of the errors that are multiples at the best NEAR, 0..1. `parameters`: `near`, `scan` (how
        the picture has to be turned), `errors`, `multiples`, `by_chance`. `series`: `settings` (NEAR), `shares`,
        `expected`.
    """
    from forensics_features.planes import central, to_rgb8
    from forensics_features.residual_lattice import foretold_residues

    part, _ = central(pixels, _MOST, 1)
    rgb = to_rgb8(part)
    plane = rgb[..., 1]
    turns = all_oriented(plane)
    outcomes = []
    for near in NEARS:
        counts = [foretold_residues(turned, near, _GIVEN_UP, _TELLING) for turned in turns]
        outcomes += [_outcome(near, orientation, counts) for orientation in range(ORIENTATIONS)]
    best = min(outcomes, key=lambda one: (one.log10_nfa, -one.share))
    best = best._replace(log10_nfa=unless_computed(best.log10_nfa, rgb, len(outcomes)))
    found = best.log10_nfa <= FOUND_BELOW
    along = [one for one in outcomes if one.orientation == best.orientation]
    title = ORIENTATION_TITLES[best.orientation]
    if found:
        sentence = (
            f"Predicted as JPEG-LS does, {title}, {best.same} of {best.pairs} errors are multiples of "
            f"{2 * best.near + 1} with the bias that their context has learned, as coding with NEAR "
            f"{best.near} leaves them, where chance gives up to {percentage(best.expected, 0)}. Chance gives this in "
            f"{chance(best.log10_nfa)}."
        )
    else:
        sentence = "Prediction errors of JPEG-LS keep to no lattice of NEAR 1 to 5 more than chance gives."
    return Trace(
        name=NAME,
        statistic=best.share,
        log10_nfa=best.log10_nfa,
        speaks_for=("jpeg-ls-near",) if found else (),
        parameters={
            "near": best.near if found else None,
            "scan": title if found else None,
            "errors": best.pairs,
            "multiples": best.same,
            "by_chance": round(best.expected, 3),
            "setting": "NEAR",
        },
        sentence=sentence,
        series={
            "settings": np.array([one.near for one in along]),
            "shares": np.array([one.share for one in along]),
            "expected": np.array([one.expected for one in along]),
        },
    )


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


def _outcome(near: int, orientation: int, counts: list[tuple[int, int, int]]) -> _Outcome:
    """One direction of scan against the other seven: a lattice that has nothing to do with a scan shows in all."""
    same, other, by_value = counts[orientation]
    pairs = same + other
    elsewhere = max(
        (s + 1) / (s + o + 2) if s + o >= _LEAST_ELSEWHERE else 0.0
        for k, (s, o, _) in enumerate(counts)
        if k != orientation
    )
    expected = max(_CHANCE / (2 * near + 1), _BY_VALUE * by_value / max(pairs, 1), _ELSEWHERE * elsewhere)
    expected = min(expected, 1 - 1e-6)
    tests = ORIENTATIONS * len(NEARS)
    telling = pairs >= _LEAST_PAIRS and same >= max(_LEAST_SHARE, expected + _MARGIN) * pairs
    tail = log10_binomial_tail(same, pairs, expected) if telling else 0.0
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
    trace=NAME,
    plot=plot_shares,
)
