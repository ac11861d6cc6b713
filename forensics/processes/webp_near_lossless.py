"""Near-lossless WebP: under the predictor of their tile, errors are multiples of a power of two.

The test looks at green in the central 256x256 pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from forensics_features.planes import to_rgb8

from forensics.processes.base import Process
from forensics.processes.figures import plot_shares
from forensics.processes.sampling import ORIENTATION_TITLES, ORIENTATIONS, central, oriented, restored
from forensics.results.a_contrario import log10_gamma_tail, log10_nfa
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace

NAME = "webp_residuals"
STEPS = (2, 4, 8, 16, 32)
"""Steps of the levels 80, 60, 40, 20 and 0."""
LEVELS = {2: 80, 4: 60, 8: 40, 16: 20, 32: 0}
_MOST = 256
_SIDE = 8
_LEAST = 12
"""Fewest errors with which a square tells."""
_CHANCE = 1.1
"""Times 1 / step, or the chance that two samples of the square leave the same residue, that an error may be a multiple by chance."""


def test(pixels: np.ndarray) -> Trace:
    """Test the five steps along the eight directions of a turned or mirrored picture, with the best of 14 predictors in every square of 8x8 pixels.

    In every square the binomial tail of the best predictor is paid for by the number of predictors; the squares' evidence is summed against the sum of as many unit
    exponentials (Fisher).

    Returns
    -------
    Trace
        `statistic`: share of the errors of the squares' best predictors that are multiples of the best step, 0..1. `parameters`: `step`, cwebp's `level`, `scan` (how the picture has
        to be turned), `squares`, `errors`, `multiples`. `series`: `settings` (steps), `shares`, `expected`.
    """
    part, _ = central(pixels, _MOST, 1)
    height, width = (side // _SIDE * _SIDE for side in part.shape[:2])
    rgb = to_rgb8(part[:height, :width])[..., [1, 0, 2]]
    counts = [_counted(rgb, orientation) for orientation in range(ORIENTATIONS)]
    outcomes = [_outcome(counts, orientation, k) for orientation in range(ORIENTATIONS) for k in range(len(STEPS))]
    best = min(outcomes, key=lambda one: (one.log10_nfa, -one.share))
    found = best.log10_nfa <= FOUND_BELOW
    along = [one for one in outcomes if one.orientation == best.orientation]
    title = ORIENTATION_TITLES[best.orientation]
    if found:
        sentence = (
            f"Predicted as lossless WebP does, {title}, {best.multiples} of {best.errors} errors in {best.squares} squares are multiples of {best.step}, as near-lossless level "
            f"{LEVELS[best.step]} leaves them, where chance gives {100 * best.expected:.0f} %. Chance gives this in {chance(best.log10_nfa)}."
        )
    else:
        sentence = "Prediction errors of lossless WebP are multiples of no power of two more often than chance gives."
    return Trace(
        name=NAME,
        statistic=best.share,
        log10_nfa=best.log10_nfa,
        speaks_for=("webp-near-lossless",) if found else (),
        parameters={
            "step": best.step if found else None, "level": LEVELS[best.step] if found else None, "scan": title if found else None,
            "squares": best.squares, "errors": best.errors, "multiples": best.multiples, "setting": "step, levels",
        },
        sentence=sentence,
        series={
            "settings": np.array([one.step for one in along]), "shares": np.array([one.share for one in along]),
            "expected": np.array([one.expected for one in along]),
        },
    )  # fmt: skip


class _Outcome(NamedTuple):
    step: int
    orientation: int
    squares: int
    errors: int
    multiples: int
    expected: float
    log10_nfa: float

    @property
    def share(self) -> float:
        return self.multiples / self.errors if self.errors else 0.0


class _Counts(NamedTuple):
    """By square as stored, and step: errors off and on the lattice by predictor, samples by residue."""

    errors: np.ndarray
    samples: np.ndarray

    def best_share(self, k: int) -> np.ndarray:
        """Largest share of multiples of a step among the predictors of each square; 0 where no square tells."""
        counts = self.errors[:, :, k]
        total = counts.sum(axis=3)
        return np.where(total >= _LEAST, counts[..., 1] / np.maximum(total, 1), 0.0).max(axis=2)


def _counted(rgb: np.ndarray, orientation: int) -> _Counts:
    from forensics_features.residual_lattice import predictor_lattice

    planes = np.ascontiguousarray(np.moveaxis(oriented(rgb, orientation), 2, 0))
    errors, samples = predictor_lattice(planes, 0, _SIDE)
    return _Counts(restored(errors, orientation), restored(samples, orientation))


def _outcome(counts: list[_Counts], orientation: int, k: int) -> _Outcome:
    """One direction and step against the other seven directions, square by square: a lattice that no predictor made shows in all."""
    from scipy import special

    step = STEPS[k]
    on, errors = counts[orientation].errors[:, :, k, :, 1], counts[orientation].errors[:, :, k].sum(axis=3)
    samples = counts[orientation].samples[:, :, k]
    total = samples.sum(axis=2)
    alike = (samples * (samples - 1)).sum(axis=2) / np.maximum(total * (total - 1), 1)
    elsewhere = np.max([one.best_share(k) for m, one in enumerate(counts) if m != orientation], axis=0)
    chance_of_one = np.maximum(_CHANCE * np.maximum(alike, 1 / step), elsewhere)
    expected = np.minimum(chance_of_one, 1 - 1e-6)[..., None]
    tail = np.where(errors >= _LEAST, special.betainc(np.maximum(on, 1e-9), errors - on + 1, expected), 1.0)
    best = tail.argmin(axis=2)[..., None]
    chosen_errors, chosen_on, chosen_tail = (np.take_along_axis(a, best, 2).ravel() for a in (errors, on, tail))
    telling = chosen_errors >= _LEAST
    evidence = np.maximum(0, -np.log(np.maximum(chosen_tail[telling] * on.shape[2], 1e-280)))
    tail_of_all = log10_gamma_tail(float(evidence.sum()), len(evidence)) if len(evidence) else 0.0
    count, multiples = int(chosen_errors[telling].sum()), int(chosen_on[telling].sum())
    mean = float((expected.ravel() * chosen_errors)[telling].sum() / max(count, 1))
    nfa = log10_nfa(tail_of_all, ORIENTATIONS * len(STEPS))
    return _Outcome(step, orientation, len(evidence), count, multiples, mean, nfa)


PROCESS = Process(
    name="webp-near-lossless",
    title="WebP, near-lossless",
    what="Lossless WebP whose prediction errors were rounded to multiples of 2 to 32 first.",
    made_by="cwebp -near_lossless 80, 60, 40, 20 or 0",
    undecided="the encoder's effort",
    exact=test,
    trace=NAME,
    plot=plot_shares,
)
