"""What the history of a picture is reported in: parameters, traces, and the two put together.

A `Parameter` is a number or a name that was recovered from pixels, with its uncertainty, or the reason why it cannot
be. A `Trace` is the outcome of one test: a statistic, how often chance alone would give it, and a sentence that a
second person can check. Both are plain data; figures are drawn from a trace's `series` by `forensics.report`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from forensics.results.chance import reported, validated

RATIO = "compression_ratio"
"""The parameter of `compression_ratio`."""
EXPLAINED = ("explained_samples", "explained_blocks")
"""Parameters that are a share explained to the bit: confirmations, which their `basis` tells in a sentence."""

Value = str | int | float | bool | tuple[int | float | None, ...]


@dataclass(frozen=True)
class Parameter:
    """One parameter of the codec that a picture went through.

    Attributes
    ----------
    name : str
        The field's term in snake case: `quality_factor`, `chroma_subsampling`, `quantization_steps_luma`, `wavelet`,
        ...
    value : Value or None
        What was recovered; None where it is not recoverable. A table is a tuple in raster order, None for entries that
        left no trace.
    low, high : float or None
        Ends of the 90 % interval of a number.
    probability : float or None
        Of a named value, in 0..1.
    unit : str
        Empty for a bare number or a name.
    basis : str
        The measurement behind it, one plain sentence.
    reason : str
        Why `value` is None, one plain sentence; empty otherwise.

    Raises
    ------
    ValueError
        It has both a value and a reason, or neither.

    Examples
    --------
    >>> from forensics.results.history import Parameter
    >>> quality = Parameter("quality_factor", 88.0, low=88.0, high=88.0, basis="the quantisation tables")
    >>> quality.to_dict()["value"]
    88.0
    >>> Parameter("tiles", None, reason="the picture is smaller than a tile").value is None
    True
    """

    name: str
    value: Value | None
    low: float | None = None
    high: float | None = None
    probability: float | None = None
    unit: str = ""
    basis: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.reason):
            raise ValueError(f"{self.name}: a parameter has either a value or a reason why it has none")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, under the names of the attributes."""
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        return {
            "name": self.name, "value": value, "low": self.low, "high": self.high, "probability": self.probability,
            "unit": self.unit, "basis": self.basis, "reason": self.reason,
        }  # fmt: skip


def compression_ratio(ratio: float, low: float, high: float, again: str) -> Parameter:
    """The compression ratio that recompression with `again` came to; `low` and `high` are the ends of its 90 % interval
    as shares of it.
    """
    basis = f"size of the picture recompressed with {again}"
    return Parameter(RATIO, round(ratio, 2), round(ratio * low, 2), round(ratio * high, 2), basis=basis)


@dataclass(frozen=True)
class Trace:
    """The outcome of one trace test on a picture.

    Attributes
    ----------
    name : str
        The test: `colour_lattice`, `dct_comb`, `jpeg_table`, `wavelet_comb`, `lapped_comb`, `grid_phase`,
        `boundary_profile`, `chroma_spectrum`, `residual_spectrum`, `coding_again`, `enlargement`.
    statistic : float
        The test's own measure; its docstring gives the range.
    log10_nfa : float
        Decimal logarithm of the number of false alarms: how many tests as significant as this one are expected in a
        picture without the trace, over all hypotheses tried (a contrario). At most 0 counts as found at one false alarm
        a picture; the tests of this package call a trace found at `FOUND_BELOW`. NaN where the test has no such rate (a
        description only).
    speaks_for : tuple of str
        Classes that leave this trace; empty when nothing was found.
    parameters : mapping
        What the test read: phase, step, matrix, ... JSON-ready.
    sentence : str
        One plain sentence with the numbers in it.
    series : mapping of str to np.ndarray
        What the figure of this test shows; not part of the JSON.

    Examples
    --------
    >>> from forensics.results.history import Trace
    >>> table = Trace("jpeg_table", 0.9, -300.0, ("jpeg",), {"quality": 88.0}, "the table of quality 88 fits")
    >>> table.found, round(table.to_dict()["log10_nfa"], 2), table.to_dict()["validated_on"]
    (True, -2.6, 400)
    """

    name: str
    statistic: float
    log10_nfa: float
    speaks_for: tuple[str, ...]
    parameters: Mapping[str, Any]
    sentence: str
    series: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @property
    def found(self) -> bool:
        """Whether the trace is there."""
        return math.isfinite(self.log10_nfa) and self.log10_nfa <= FOUND_BELOW

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without the series; a missing rate is None, and none is smaller than validation supports
        (`forensics.results.chance`).
        """
        return {
            "name": self.name,
            "found": self.found,
            "statistic": self.statistic,
            "log10_nfa": None if math.isnan(self.log10_nfa) else reported(self.log10_nfa, self.name),
            "validated_on": validated(self.name),
            "speaks_for": list(self.speaks_for),
            "parameters": dict(self.parameters),
            "sentence": self.sentence,
        }


def in_order(traces: Iterable[Trace]) -> tuple[Trace, ...]:
    """Traces, most significant first; tests without a rate last."""
    return tuple(sorted(traces, key=lambda trace: trace.log10_nfa if math.isfinite(trace.log10_nfa) else math.inf))


FOUND_BELOW = -2.0
"""A trace is found when fewer than one false alarm in a hundred pictures is expected."""


@dataclass(frozen=True)
class Generation:
    """One compression that a picture went through: its class, the parameters read, and how sure the order and class
    are.

    Examples
    --------
    >>> from forensics.results.history import Generation, Parameter
    >>> last = Generation("jpeg", 0.99, (Parameter("quality_factor", 88.0),))
    >>> last.codec, last.parameters[0].value
    ('jpeg', 88.0)
    """

    codec: str
    probability: float
    parameters: tuple[Parameter, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "codec": self.codec,
            "probability": self.probability,
            "parameters": [p.to_dict() for p in self.parameters],
        }


@dataclass(frozen=True)
class History:
    """How a picture was compressed.

    Attributes
    ----------
    parameters : tuple of Parameter
        Of the last codec.
    traces : tuple of Trace
        Every test that ran, found or not, most significant first.
    generations : tuple of Generation
        Oldest first; one entry where a single compression is seen, none where there is none.
    notes : tuple of str
        What could not be determined, and why; one plain sentence each.

    Examples
    --------
    >>> import forensics
    >>> history = forensics.examine("examples/jpeg.png", map=False).history
    >>> {parameter.name: parameter.value for parameter in history.parameters}["chroma_subsampling"]
    '4:2:0'
    >>> [generation.codec for generation in history.generations]
    ['jpeg']
    """

    parameters: tuple[Parameter, ...] = ()
    traces: tuple[Trace, ...] = ()
    generations: tuple[Generation, ...] = ()
    notes: tuple[str, ...] = ()

    def without_series(self) -> History:
        """The same without what only the figures of its traces need."""
        return replace(self, traces=tuple(replace(trace, series={}) for trace in self.traces))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, under the names of the attributes."""
        return {
            "parameters": [p.to_dict() for p in self.parameters], "traces": [t.to_dict() for t in self.traces],
            "generations": [g.to_dict() for g in self.generations], "notes": list(self.notes),
        }  # fmt: skip
