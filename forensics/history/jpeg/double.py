"""Whether a JPEG was compressed twice, on the same 8x8 grid or on another, and at which quality first.

Three witnesses: gaps and peaks in the quantised coefficients (`double_jpeg_aligned`), a comb at another phase
(`double_jpeg_shifted`), and noise about the multiples of the steps above that of rounding once, which is what a later
compression at very high quality adds. A first compression much finer than the second leaves too little of any of them:
then "single" only means that nothing was seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from forensics.history.jpeg.comb import ROUNDING
from forensics.history.jpeg.double_aligned import FREQUENCIES, LARGEST_FIRST_STEP, aligned_scores, shifted_phases
from forensics.history.jpeg.double_shifted import quantisation_errors, shifted_scores
from forensics.history.jpeg.grid import PlaneMask, usable_patches
from forensics.history.jpeg.planes import blocks_at, checked, coefficients, lively, tiles_of
from forensics.history.jpeg.recovery import JpegHistory, recover
from forensics.history.jpeg.steps import candidates
from forensics.results.history import Parameter

_BLOCKS = 6000
"""Most blocks that are looked at: a bound on work."""
_ALIGNED = (41.0, 5.0)
"""Middle and width of the logistic curve from the aligned witness to its probability, fitted on training pictures."""
_SHIFTED = (30.0, 3.0)
"""The same of the shifted witness."""
_NOISE = (1.13, 0.015)
"""Middle and width of the logistic curve from each witness to its probability, fitted on training pictures."""
_UNSEEN = 0.33
"""Share compressed twice among training pictures without any witness, at even odds beforehand and qualities 50 to 100.
"""
_SAME_AXIS = 15.0
"""Taken off the lead of a grid shifted along one axis only: the last grid's own steps show through along the other."""
_NOISE_FROM_STEP = 5
"""Steps from which residuals tell the noise of the coefficients: half a step of 5 is six standard deviations of the
noise of two roundings (0.41 levels), so that rounding to the nearest multiple cuts nothing off it; half a step of
2 is 2.4 of them."""
_FEWEST_RESIDUALS = 200
"""Residuals below which the noise is not estimated: the variance of 200 normal values scatters by a tenth (sqrt(2 /
n)), less than the 0.13 by which the middle of `_NOISE` lies above once-rounded pictures."""
STATED_FROM = 0.5
"""Probability from which a picture is called compressed twice."""


@dataclass(frozen=True)
class DoubleJpeg:
    """An earlier JPEG compression, or none seen.

    Attributes
    ----------
    probability : float
        That there was one, at even odds beforehand, in 0..1; 0.5 is the threshold of `double`. Never near 0: half of
        the pairs of qualities leave no witness.
    kind : str
        "aligned" (same grid), "shifted" (another grid), "finer-last" (the steps read are the first's; a later
        compression was at so high a quality that only its noise is seen), or "none".
    first_quality : float or None
        Of the first compression, in 1..100.
    low, high : float or None
        Ends of its 90 % interval.
    offset : tuple of int or None
        Of the first grid against the last, rows and columns, each 0..7.
    aligned, shifted, noise : float
        The witnesses: log-likelihood ratio of the best aligned first table, bounded by frequency; lead of the best
        other phase over the next best, natural logarithm; variance about the multiples in that of rounding once (NaN
        where too few coefficients).
    reason : str
        Why nothing could be said, empty otherwise.
    """

    probability: float
    kind: str
    first_quality: float | None = None
    low: float | None = None
    high: float | None = None
    offset: tuple[int, int] | None = None
    aligned: float = float("nan")
    shifted: float = float("nan")
    noise: float = float("nan")
    reason: str = ""

    @property
    def double(self) -> bool:
        """Whether an earlier compression is more likely than not."""
        return self.probability >= STATED_FROM

    def parameters(self) -> tuple[Parameter, ...]:
        """Reported as parameters of the first compression."""
        if self.reason:
            return (Parameter("earlier_jpeg", None, reason=self.reason),)
        basis = (
            f"log-likelihood ratio of an aligned first table {self.aligned:.0f}, lead of the best shifted grid "
            f"{self.shifted:.0f}, "
            f"noise about the steps' multiples {self.noise:.2f} times that of rounding once"
        )
        name = Parameter(
            "earlier_jpeg", self.kind, probability=max(self.probability, 1 - self.probability), basis=basis
        )
        if self.first_quality is None:
            return (name,)
        return (name, Parameter("first_quality_factor", self.first_quality, self.low, self.high, basis=basis))


@cache
def _first_tables() -> tuple[np.ndarray, np.ndarray]:
    """Luma tables of the standard family at whole qualities, `np.ndarray [shape=(100, 64)]`, and the qualities."""
    known = candidates()
    whole = (known.quality % 1 == 0) & (np.array(known.family) == "standard")
    return known.tables[whole, 0], known.quality[whole]


def detect(pixels: np.ndarray, *, history: JpegHistory | None = None) -> DoubleJpeg:
    """Look for an earlier JPEG compression.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
        At least 64 pixels a side.
    history : JpegHistory, optional
        What `jpeg.recover` found on the same pixels; recovered here when not given.

    Raises
    ------
    TypeError, ValueError
        See `jpeg_planes.checked`.
    """
    rgb = checked(pixels)
    history = recover(rgb, fixed_point=False) if history is None else history
    if history.luma is None or history.match is None:
        return DoubleJpeg(0.5, "none", reason="no JPEG grid was found, so nothing is known of one before")
    tiles = tiles_of(rgb)
    planes: list[PlaneMask] = [
        (tile.channels[..., 1].astype(np.float32) if history.colour == "rgb" else tile.y, tile.usable) for tile in tiles
    ]
    steps = np.where(history.luma.identified, history.luma.steps, history.match.tables[0])
    found = _coefficients(planes, history.grid.phase)
    tables, qualities = _first_tables()
    aligned, score = _aligned(planes, found, history.grid.phase, steps, tables)
    shifted = shifted_scores(usable_patches(planes), history.grid.phase, quantisation_errors(found, steps), tables)
    return _judged(history, aligned, score, shifted, noise_ratio(found, steps), qualities)


def _coefficients(planes: list[PlaneMask], phase: tuple[int, int]) -> np.ndarray:
    blocks = np.concatenate([blocks_at(plane, usable, phase) for plane, usable in planes])
    return coefficients(blocks[:: max(1, len(blocks) // _BLOCKS)])


def _aligned(
    planes: list[PlaneMask], found: np.ndarray, phase: tuple[int, int], steps: np.ndarray, tables: np.ndarray
) -> tuple[np.ndarray, float]:
    """Scores of the aligned first tables, and the greatest bounded one; tables that equal the last where it matters are
    none.
    """
    others = np.concatenate([_coefficients(planes, other) for other in shifted_phases(phase)])
    scores, bounded = aligned_scores(found, others, steps, tables)
    same = (np.minimum(tables, LARGEST_FIRST_STEP)[:, FREQUENCIES] == steps[FREQUENCIES]).all(axis=1)
    return np.where(same, -np.inf, scores), float(bounded[~same].max())


def noise_ratio(found: np.ndarray, steps: np.ndarray) -> float:
    """Variance about the nearest multiples of coarse steps over that of rounding once; NaN with too few coefficients.

    Read from coefficients that are not zero, in blocks where rounding is independent of the signal.
    """
    values = lively(found, 1.0)[:, 1:]
    own = steps[1:].astype(np.float32)
    residual = values - own * np.rint(values / own)
    used = (np.abs(values) > 0.5 * own) & (own >= _NOISE_FROM_STEP)
    if used.sum() < _FEWEST_RESIDUALS:
        return float("nan")
    return float(np.mean(np.minimum(residual[used] ** 2, 1.0)) / ROUNDING**2)


def _logistic(value: float, curve: tuple[float, float]) -> float:
    return float(1 / (1 + np.exp(-np.clip((value - curve[0]) / curve[1], -40, 40))))


def _judged(
    history: JpegHistory, aligned: np.ndarray, score: float, shifted: np.ndarray, noise: float, qualities: np.ndarray
) -> DoubleJpeg:
    assert history.match is not None
    by_phase = shifted.max(axis=1)
    best = int(by_phase.argmax())
    lead = float(by_phase[best] - max(0.0, np.delete(by_phase, best).max()))
    if best // 8 == history.grid.phase[0] or best % 8 == history.grid.phase[1]:
        lead -= _SAME_AXIS
    witnesses = {
        "shifted": _logistic(lead, _SHIFTED), "aligned": _logistic(score, _ALIGNED),
        "finer-last": 0.0 if np.isnan(noise) else _logistic(noise, _NOISE),
    }  # fmt: skip
    chance, kind = max((chance, name) for name, chance in witnesses.items())
    probability = _UNSEEN + (1 - _UNSEEN) * chance
    facts = DoubleJpeg(probability, "none", aligned=score, shifted=lead, noise=noise)
    if probability < STATED_FROM:
        return facts
    if kind == "finer-last" and witnesses["aligned"] < 0.5:
        match = history.match
        return replace(facts, kind=kind, first_quality=match.quality, low=match.low, high=match.high)
    kind = "aligned" if kind == "finer-last" else kind
    scores = np.asarray(shifted[best]) if kind == "shifted" else aligned
    quality, low, high = _interval(scores, qualities)
    top, left = history.grid.phase if kind == "aligned" else divmod(best, 8)
    offset = ((top - history.grid.phase[0]) % 8, (left - history.grid.phase[1]) % 8)
    return replace(facts, kind=kind, first_quality=quality, low=low, high=high, offset=offset)


def _interval(scores: np.ndarray, qualities: np.ndarray) -> tuple[float, float, float]:
    """Best quality and its 90 % interval; the likelihood is tempered, for coefficients of a picture depend on each
    other.
    """
    weights = np.exp(0.25 * (scores - scores.max()))
    cumulative = np.cumsum(weights / weights.sum())
    best = float(qualities[int(scores.argmax())])
    places = [min(int(np.searchsorted(cumulative, share)), len(qualities) - 1) for share in (0.05, 0.95)]
    low, high = (float(qualities[place]) for place in places)
    return best, min(low, best), max(high, best)
