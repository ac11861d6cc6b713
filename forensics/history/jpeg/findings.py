"""What was recovered of JPEG, and the same as parameters: values with their uncertainty, or the reason why there is
none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from forensics.history.jpeg.chroma import ChromaHypothesis
from forensics.history.jpeg.grid import GridPhase
from forensics.history.jpeg.steps import StepEstimate, TableMatch
from forensics.results.chance import chance, reported
from forensics.results.history import RATIO, Parameter, compression_ratio
from forensics.results.wording import percent

STATED_FROM = 0.9
"""Probability from which a subsampling is stated."""
_NO_GRID = (
    "no grid of quantised 8x8 blocks stands out: not a JPEG, or resized, filtered or compressed otherwise afterwards"
)
_RATIO_INTERVAL = (0.96, 1.12)
"""Ends of the 90 % interval against recompression, from 150 validation files: optimised and progressive ones are up to
a tenth smaller.
"""
_NO_COLOUR = "the picture has no colour"


@dataclass(frozen=True)
class JpegHistory:
    """The traces of a JPEG encoder and decoder.

    Attributes
    ----------
    grid : GridPhase
        Where blocks begin, and its number of false alarms.
    colour : str
        "ycbcr", "rgb" (components stored without a colour transform) or "grey".
    luma : StepEstimate or None
        Steps of luma (of all components for "rgb"); None without a grid.
    chroma : StepEstimate or None
        Steps of chroma; None without a grid or colour.
    match : TableMatch or None
        Nearest known table family and quality.
    chroma_agrees : bool
        Whether chroma's steps are better explained by the table of that family and quality than by free ones; true
        without chroma.
    hypotheses : tuple of (ChromaHypothesis, float)
        Every subsampling tried with its probability, most probable first; empty where there is no stored chroma.
    fixed_point_luma, fixed_point_chroma : float
        Share of stored samples that the real codec with the recovered steps leaves unchanged; NaN where untested.
    ratio : float
        Compression ratio when recompressed with the recovered tables and subsampling; NaN where one of them is not
        sure.
    """

    grid: GridPhase
    colour: str
    luma: StepEstimate | None = None
    chroma: StepEstimate | None = None
    match: TableMatch | None = None
    chroma_agrees: bool = True
    hypotheses: tuple[tuple[ChromaHypothesis, float], ...] = ()
    fixed_point_luma: float = float("nan")
    fixed_point_chroma: float = float("nan")
    ratio: float = float("nan")

    @property
    def found(self) -> bool:
        """Whether a grid of quantised blocks is there at all."""
        return self.luma is not None

    @property
    def subsampling(self) -> tuple[str | None, float]:
        """The most probable subsampling, whatever the upsampling, and its probability; (None, 0) where there is no
        stored chroma.
        """
        totals: dict[str, float] = {}
        for hypothesis, probability in self.hypotheses:
            totals[hypothesis.subsampling] = totals.get(hypothesis.subsampling, 0.0) + probability
        if not totals:
            return None, 0.0
        best = max(totals, key=lambda name: totals[name])
        return best, totals[best]

    @property
    def upsampling(self) -> tuple[str | None, float]:
        """ "triangle" or "repeat" and its probability given the subsampling; (None, 0) where nothing was subsampled."""
        best, total = self.subsampling
        own = [(h, p) for h, p in self.hypotheses if h.subsampling == best and h.upsampling]
        if not own:
            return None, 0.0
        return own[0][0].upsampling, min(1.0, own[0][1] / total)

    def parameters(self) -> tuple[Parameter, ...]:
        """Everything recovered, and the reason for what was not."""
        return parameters_of(self)


def parameters_of(history: JpegHistory) -> tuple[Parameter, ...]:
    """All parameters, in a fixed order whatever was found."""
    return (
        _grid(history), *_quality(history), _steps("quantization_steps_luma", history, history.luma),
        _steps("quantization_steps_chroma", history, history.chroma), _subsampling(history), _upsampling(history),
        _colour(history), *_fixed_points(history), _ratio(history),
    )  # fmt: skip


def _grid(history: JpegHistory) -> Parameter:
    if not history.found:
        return Parameter("grid_phase", None, reason=_NO_GRID)
    basis = f"one of 64 phases stands out; chance gives this in {chance(history.grid.log10_nfa)}"
    return Parameter(
        "grid_phase",
        history.grid.phase,
        probability=1 / (1 + 10 ** reported(history.grid.log10_nfa)),
        unit="pixels",
        basis=basis,
    )


def _quality(history: JpegHistory) -> tuple[Parameter, Parameter]:
    match = history.match
    if match is None:
        return Parameter("quality_factor", None, reason=_NO_GRID), Parameter("table_family", None, reason=_NO_GRID)
    basis = f"the {match.family} tables at quality {match.quality:g} explain the identified steps best"
    deviating = _deviating(history)
    basis += f", {deviating} of them deviating" if deviating else ""
    quality = Parameter("quality_factor", match.quality, match.low, match.high, basis=basis)
    if match.known < STATED_FROM:
        return quality, Parameter("table_family", None, reason="the steps are no known family's")
    return quality, Parameter("table_family", match.family, probability=match.family_probability, basis=basis)


def _deviating(history: JpegHistory) -> int:
    """Identified steps that differ from the nearest known tables."""
    assert history.match is not None
    planes = (history.luma, history.chroma)
    return sum(int((p.steps != t)[p.identified].sum()) for p, t in zip(planes, history.match.tables) if p is not None)


def _steps(name: str, history: JpegHistory, estimate: StepEstimate | None) -> Parameter:
    if estimate is None:
        return Parameter(name, None, reason=_no_chroma(history) if history.found else _NO_GRID)
    count = int(estimate.identified.sum())
    if not count:
        return Parameter(name, None, reason="no frequency has enough coefficients other than zero")
    table = tuple(int(step) if seen else None for step, seen in zip(estimate.steps, estimate.identified))
    least = float(estimate.reliability[estimate.identified].min())
    basis = f"spacing of the DCT coefficients of {count} of 64 frequencies; the others have too few that are not zero"
    return Parameter(name, table, probability=least, basis=basis)


def _no_chroma(history: JpegHistory) -> str:
    return _NO_COLOUR if history.colour == "grey" else "the components are stored as R, G and B with one table"


def _subsampling(history: JpegHistory) -> Parameter:
    name = "chroma_subsampling"
    if not history.found:
        return Parameter(name, None, reason=_NO_GRID)
    if not history.hypotheses:
        return Parameter(name, None, reason=_no_chroma(history))
    value, probability = history.subsampling
    if probability < STATED_FROM:
        return Parameter(
            name, None, reason=f"chroma varies too little: {value} is most likely at {percent(probability)}"
        )
    best = history.hypotheses[0][0]
    basis = f"log evidence {best.log_evidence:.0f} that chroma stored so was quantised"
    if math.isfinite(best.excess):
        basis += f"; upsampling leaves {best.excess:.2f} of the residual variance of rounding"
    return Parameter(name, value, probability=probability, basis=basis)


def _upsampling(history: JpegHistory) -> Parameter:
    name = "chroma_upsampling"
    value, probability = history.upsampling
    if value is None or history.subsampling[1] < STATED_FROM:
        reason = (
            "chroma is stored at full resolution"
            if history.subsampling[0] == "4:4:4"
            else "no subsampled chroma was recovered"
        )
        return Parameter(name, None, reason=reason if history.found else _NO_GRID)
    if probability < STATED_FROM:
        return Parameter(name, None, reason="chroma varies too little to tell the decoder's upsampling")
    return Parameter(name, value, probability=probability, basis="least-squares fit of the upsampled chroma")


def _colour(history: JpegHistory) -> Parameter:
    if not history.found:
        return Parameter("colour_transform", None, reason=_NO_GRID)
    if history.colour == "grey":
        return Parameter("colour_transform", None, reason=_NO_COLOUR)
    value = "none" if history.colour == "rgb" else "bt601-full"
    return Parameter("colour_transform", value, basis="the planes in which coefficients are multiples of steps")


def _fixed_points(history: JpegHistory) -> tuple[Parameter, Parameter]:
    found = []
    for name, share in (
        ("fixed_point_luma", history.fixed_point_luma),
        ("fixed_point_chroma", history.fixed_point_chroma),
    ):
        if np.isfinite(share):
            found.append(
                Parameter(
                    name,
                    round(share, 4),
                    basis="share of stored samples unchanged by recompression with the recovered steps",
                )
            )
        else:
            found.append(Parameter(name, None, reason="not tested: no usable blocks or no stored plane"))
    return found[0], found[1]


def _ratio(history: JpegHistory) -> Parameter:
    if not history.found:
        return Parameter(RATIO, None, reason=_NO_GRID)
    if not math.isfinite(history.ratio):
        return Parameter(
            RATIO, None, reason="tables or subsampling are not sure enough to code the picture again as it was"
        )
    return compression_ratio(history.ratio, *_RATIO_INTERVAL, "the recovered tables and subsampling")
