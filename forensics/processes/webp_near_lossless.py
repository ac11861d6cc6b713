"""Near-lossless WebP: under the predictor of their tile, errors are multiples of a power of two.

The test looks at green in the central 256x256 pixels. Pictures in colour of at most 256 colours are left out: libwebp
mostly codes them by a palette, in which it rounds nothing. Of grey pictures, which all have as few, those with many
levels are coded by predictors.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from forensics.pixels import has_colour
from forensics.processes.base import Process
from forensics.processes.figures import plot_shares
from forensics.processes.sampling import ORIENTATION_TITLES, ORIENTATIONS, all_oriented, unless_computed
from forensics.results.a_contrario import beta_shares, log10_gamma_tail, log10_nfa
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace
from forensics.results.wording import percentage

NAME = "webp_residuals"
STEPS = (2, 4, 8, 16, 32)
"""Steps of the levels 80, 60, 40, 20 and 0."""
LEVELS = {2: 80, 4: 60, 8: 40, 16: 20, 32: 0}
_MOST = 256
"""Side of the central part that is looked at, in pixels: a bound on work."""
_SIDE = 8
"""Side in pixels of the squares that are looked at, one predictor each."""
_LEAST = 12
"""Fewest errors with which a square tells."""
_LEAD = 1.1
"""Times the median evidence along the other seven directions that the best one has at the least; LERC's blocks give
1.0.
"""
_LEAST_SHARE, _SCATTER = 0.6, 4.5
"""Share of the errors that have to be multiples, and what is added to it over the square root of their number. Of
near-lossless training pictures most reach 0.63 at steps from 4 on, drawn plots and diagrams at most 0.48. Small drawn
icons reach 0.62 to 0.67 on 470 to 800 errors (3 of 250 crops of game art), near-lossless validation crops of 64 to 128
px 0.74 and more on so many (45 of the 47 found without the addition)."""
_LEAST_STEP, _FIRST = 4, slice(1, 2)
"""Step from which it counts as found: at a step of 2 (level 80) two of 51 untouched screenshots reach 0.84, as
near-lossless pictures do; and its place in `STEPS`.
"""
_SAMPLES, _HOPELESS_ERRORS = ((24, 0.45), (6, 0.5)), 300
"""One square in so many is counted first, at the step `_LEAST_STEP`, of which all larger ones are multiples: with a
share under this of at least so many errors along every direction, no more is counted. Of 39 validation crops of 200 to
512 px coded near-lossless, turned and cut, which are found, the least shares are 0.54 and 0.66; of 46 untouched
pictures the largest are 0.37 and 0.36."""
_CHANCE = 1.1
"""Times 1 / step, or the chance that two samples of the square leave the same residue, that an error may be a multiple
by chance.
"""


def test(pixels: np.ndarray) -> Trace:
    """Test the five steps along the eight directions of a turned or mirrored picture, with the best of 14 predictors in
    every square of 8x8 pixels.

    A sample of the squares is counted first; where it leaves no hope, its counts are what is reported. In every square
    the binomial tail of the best predictor is paid for by the number of predictors; the squares'
    evidence is summed against the sum of as many unit exponentials (Fisher).

    Returns
    -------
    Trace
        `statistic`: share of the errors of the squares' best predictors that are multiples of the best step, 0..1.
        `parameters`: `step`, cwebp's `level`, `scan` (how the picture has to be turned), `squares`, `errors`,
        `multiples`. `series`: `settings` (steps), `shares`, `expected`.
    """
    from forensics_features import palette_colours
    from forensics_features.planes import central, to_rgb8

    part, _ = central(pixels, _MOST, 1)
    height, width = (side // _SIDE * _SIDE for side in part.shape[:2])
    rgb = to_rgb8(part[:height, :width])
    if has_colour(rgb) and palette_colours.count_colours(rgb) is not None:
        return _untested()
    planes = np.ascontiguousarray(rgb.transpose(2, 0, 1)[[1, 0, 2]])
    turns = [np.stack(turn) for turn in zip(*map(all_oriented, planes), strict=True)]
    outcomes = _sampled(turns)
    if outcomes is None:
        outcomes = [one for turn in range(ORIENTATIONS) for one in _outcomes(turns[turn], turn)]
    best = min((one for one in outcomes if one.step >= _LEAST_STEP), key=lambda one: (one.log10_nfa, -one.share))
    lone = _stands_out(best, outcomes) and best.share >= _LEAST_SHARE + _SCATTER / math.sqrt(max(best.errors, 1))
    nfa = best.log10_nfa if lone else max(best.log10_nfa, math.log10(len(outcomes)))
    nfa = unless_computed(nfa, rgb, len(outcomes))
    found = nfa <= FOUND_BELOW
    along = [one for one in outcomes if one.orientation == best.orientation]
    title = ORIENTATION_TITLES[best.orientation]
    if found:
        sentence = (
            f"Predicted as lossless WebP does, {title}, {best.multiples} of {best.errors} errors in {best.squares} "
            f"squares are multiples of {best.step}, as near-lossless level "
            f"{LEVELS[best.step]} leaves them, where chance gives {percentage(best.expected, 0)}. Chance gives this in "
            f"{chance(nfa, NAME)}."
        )
    else:
        sentence = "Prediction errors of lossless WebP are multiples of no power of two more often than chance gives."
    return Trace(
        name=NAME,
        statistic=best.share,
        log10_nfa=nfa,
        speaks_for=("webp-near-lossless",) if found else (),
        parameters={
            "step": best.step if found else None,
            "level": LEVELS[best.step] if found else None,
            "scan": title if found else None,
            "squares": best.squares,
            "errors": best.errors,
            "multiples": best.multiples,
            "setting": "step, levels",
        },
        sentence=sentence,
        series={
            "settings": np.array([one.step for one in along]),
            "shares": np.array([one.share for one in along]),
            "expected": np.array([one.expected for one in along]),
        },
    )


def _untested() -> Trace:
    from forensics_features.palette_colours import MOST

    parameters = {"step": None, "level": None, "scan": None, "squares": 0, "errors": 0, "multiples": 0}
    series = {"settings": np.array(STEPS), "shares": np.zeros(len(STEPS)), "expected": np.ones(len(STEPS))}
    return Trace(
        name=NAME,
        statistic=0.0,
        log10_nfa=math.nan,
        speaks_for=(),
        parameters={**parameters, "setting": "step, levels"},
        sentence=(
            f"Near-lossless WebP was not tested: pictures of at most {MOST} colours are mostly coded by a "
            f"palette, in which nothing is rounded."
        ),
        series=series,
    )


class _Outcome(NamedTuple):
    step: int
    orientation: int
    squares: int
    errors: int
    multiples: int
    expected: float
    evidence: float
    log10_nfa: float

    @property
    def share(self) -> float:
        return self.multiples / self.errors if self.errors else 0.0


def _sampled(turns: list[np.ndarray]) -> list[_Outcome] | None:
    """The outcomes of the first sample that leaves no hope; None where all leave some."""
    for every, least in _SAMPLES:
        outcomes: list[_Outcome] = []
        for turn, planes in enumerate(turns):
            outcomes += _outcomes(planes, turn, _FIRST, every)
            if outcomes[-1].errors < _HOPELESS_ERRORS or outcomes[-1].share >= least:
                break
        else:
            return outcomes
    return None


def _outcomes(planes: np.ndarray, orientation: int, steps: slice = slice(None), every: int = 1) -> list[_Outcome]:
    from forensics_features.residual_lattice import predictor_lattice

    errors, samples = predictor_lattice(planes, 0, _SIDE, steps, every)
    rows, columns = np.indices(errors.shape[:2])
    counted = (rows + columns) % every == 0
    errors, samples = errors[counted], samples[counted]
    first, end, _ = steps.indices(len(STEPS))
    return [_outcome(errors[:, k], samples[:, k], STEPS[k], orientation) for k in range(first, end)]


def _outcome(counts: np.ndarray, samples: np.ndarray, step: int, orientation: int) -> _Outcome:
    """Counts of one step by square, predictor, and off or on the lattice; samples by square and residue."""
    on, errors = counts[..., 1], counts.sum(axis=2)
    total = samples.sum(axis=1)
    alike = ((samples * (samples - 1)).sum(axis=1) / np.maximum(total * (total - 1), 1))[:, None]
    expected = np.minimum(_CHANCE * np.maximum(alike, 1 / step), 1 - 1e-6)
    known, tail = errors >= _LEAST, np.ones(errors.shape)
    chances = np.broadcast_to(expected, errors.shape)[known]
    tail[known] = beta_shares(np.maximum(on[known], 1e-9), (errors - on)[known] + 1, chances)
    best = tail.argmin(axis=1)
    chosen = np.arange(len(on)), best
    telling = errors[chosen] >= _LEAST
    evidence = np.maximum(0, -np.log(np.maximum(tail[chosen] * on.shape[1], 1e-280)))[telling]
    total_evidence = float(evidence.sum())
    tail_of_all = log10_gamma_tail(total_evidence, len(evidence)) if len(evidence) else 0.0
    count = int(errors[chosen][telling].sum())
    mean = float((np.broadcast_to(expected, errors.shape)[chosen] * errors[chosen])[telling].sum() / max(count, 1))
    nfa = log10_nfa(tail_of_all, ORIENTATIONS * len(STEPS))
    multiples = int(on[chosen][telling].sum())
    return _Outcome(step, orientation, len(evidence), count, multiples, mean, total_evidence, nfa)


def _stands_out(best: _Outcome, outcomes: list[_Outcome]) -> bool:
    """Whether one direction has more evidence than the usual one: a lattice that no predictor made shows in all
    alike.
    """
    others = [one.evidence for one in outcomes if one.step == best.step and one.orientation != best.orientation]
    return best.evidence >= _LEAD * float(np.median(others))


PROCESS = Process(
    name="webp-near-lossless",
    title="WebP, near-lossless",
    what="Lossless WebP whose prediction errors were rounded to multiples of 2 to 32 first.",
    made_by="cwebp -near_lossless 80, 60, 40, 20 or 0",
    undecided="level 80, whose step of 2 screenshots show, too; the encoder's effort",
    exact=test,
    trace=NAME,
    plot=plot_shares,
)
