"""What a lossy process beyond the eight codecs states of itself: its name, what makes it, and the exact test that
proves it, where there is one.

An exact test looks for what only this process leaves in pixels: colours, samples or coefficients that are impossible,
or all but impossible, without it. It runs without a model. It may veto a verdict only if the process must have been the
last step: everything done afterwards destroys the trace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from forensics.results.history import Trace

ExactTest = Callable[[np.ndarray], Trace]
"""From pixels, `np.ndarray [shape=(height, width[, 1..4]), dtype=uint8]` and whole, to a `Trace`."""


@dataclass(frozen=True)
class Process:
    """One lossy process.

    Attributes
    ----------
    name : str
        Class of a verdict: lower case, words joined by hyphens (`texture-bc`).
    title : str
        As people write it.
    what : str
        What it is, in a sentence.
    made_by : str
        The packages and commands that make it here, with their settings where they matter.
    undecided : str
        What pixels leave open.
    family : str
        The class or family of verdicts that shares its art (`hevc-intra`, `vp8`, `av1`, `jpeg`); empty where none does.
    exact : ExactTest or None
        None where only models can tell it.
    veto : bool
        Whether a positive test overrules models that are certain of a codec; without it the test is heard only where
        they are not. Only for a process that must have been the last step.
    trace : str
        Name of the trace that the test gives; empty without one.
    plot : callable or None
        Draws the figure of the test's trace: takes the trace and matplotlib's axes or None, returns the axes.
    """

    name: str
    title: str
    what: str
    made_by: str
    undecided: str
    family: str = ""
    exact: ExactTest | None = None
    veto: bool = False
    trace: str = ""
    plot: Callable[[Trace, Any], Any] | None = None

    def __post_init__(self) -> None:
        if (self.exact is None) == bool(self.trace):
            raise ValueError(f"{self.name}: an exact test has a trace with a name")
        if self.veto and self.exact is None:
            raise ValueError(f"{self.name}: only an exact test can veto")
