"""Enlargement: what the picture was enlarged from, as a trace with the residual of every length that was tried.

The steps were found before the verdict (`forensics.verdict.steps`); here the one that is an interpolation is reported
with its number of false alarms, counted on pictures that were not enlarged (`forensics_features.enlargement.TAIL`),
and the residual along the surer axis is drawn.
"""

from __future__ import annotations

import math

import numpy as np

from forensics.results.history import Trace
from forensics.results.steps import EnlargementStep, RepetitionStep

NAME = "enlargement"


def enlargement(step: EnlargementStep | RepetitionStep, pixels: np.ndarray) -> Trace:
    """The trace of one step.

    Parameters
    ----------
    step : EnlargementStep or RepetitionStep
    pixels : np.ndarray [shape=(height, width) or (height, width, channels), dtype=uint8]
        The picture after it.

    Returns
    -------
    Trace
        `statistic`: how many times closer lines lie to the enlargement's range than to that of lengths nearby
        (repetition: the factor of the area). `parameters`: those of the step. `series`: `lengths` and `residual`
        (levels squared), empty for repetition.
    """
    area = step.new_width * step.new_height / (step.width * step.height)
    statistic, series = area, {"lengths": np.empty(0), "residual": np.empty(0)}
    if isinstance(step, EnlargementStep):
        axis = max(step.found.axes, key=lambda one: one.score)
        statistic = math.exp(axis.contrast)
        series = _series(step, pixels)
    parameters = {key: value for key, value in step.to_dict().items() if key not in ("step", "text", "log10_nfa")}
    return Trace(NAME, statistic, step.log10_nfa, (), parameters, f"It was {step.text}.", series)


def _series(step: EnlargementStep, pixels: np.ndarray) -> dict[str, np.ndarray]:
    from forensics_features import enlargement as measured
    from forensics_features import linear_light

    axis = max(step.found.axes, key=lambda one: one.score)
    plane = measured.judged_plane(pixels)
    if step.linear:
        plane = np.rint(linear_light.decoded(plane)).astype(np.uint8)
    lines = measured.telling_lines(plane if axis is step.found.columns else np.ascontiguousarray(plane.T), 24, 4096)
    lengths = np.arange(max(16, axis.old - 40), min(axis.new - 1, axis.old + 40) + 1)
    slopes, offsets = np.array([measured.places(int(n), axis.new, axis.alignment) for n in lengths]).T
    logs = np.median(measured.log_residuals(*lines, axis.kernel, slopes, offsets), axis=1)
    known = np.isfinite(logs)
    return {"lengths": lengths[known], "residual": np.exp(logs[known])}
