"""Parameters that no comb shows, estimated from a picture's features by the shipped trees, with their validated errors.

HEVC, AV1 and VP8 filter their pictures inside the coding loop and JPEG XL smooths them, which blurs the combs that
quantisation leaves. Their quantiser indices, and colour coding that only statistics tell, come from
`forensics_models.parameters`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from forensics.errors import UsageError
from forensics.pixels import eight_bit
from forensics.results.history import Parameter
from forensics.results.wording import percent, percentage
from forensics.windows.choice import choose_windows
from forensics.windows.judges import shipped_extractor

if TYPE_CHECKING:
    from forensics_models.parameters import Estimate, Parameters

_NAMES = {"quantizer": "quantizer_index"}
_LIKELY = 0.6
"""A name whose probability is lower is not stated."""


@cache
def shipped() -> Parameters | None:
    """The shipped estimators, loaded once a process; None where this version has none that fit its features."""
    from forensics_models.parameters import Parameters

    try:
        model = Parameters.shipped()
    except OSError:
        return None
    if model.feature_names != tuple(shipped_extractor().feature_names):
        raise UsageError("the shipped parameter estimators were trained on other features: train them again")
    return model


def estimate(pixels: np.ndarray, codec: str) -> tuple[Parameter, ...]:
    """Parameters of a class estimated from windows of a picture; empty for a class without estimators.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or uint16]
    codec : str
        The class that the picture is held to belong to.
    """
    model = shipped()
    if model is None or not any(codec in target.classes for target in model.targets):
        return ()
    extractor = shipped_extractor()
    features = extractor.transform([eight_bit(window.cut(pixels)) for window in choose_windows(pixels)])
    return tuple(to_parameter(found, len(features)) for found in model.estimate(features, codec))


def to_parameter(found: Estimate, windows: int) -> Parameter:
    """One `forensics_models.parameters.Estimate` in the words of a history."""
    target = found.target
    name = _NAMES.get(target.name, target.name)
    seen = f"regression on the features of {windows} window{'s' if windows > 1 else ''}"
    if isinstance(found.value, str):
        basis = f"{seen}; wrong for {percentage(found.error, 0)} of {found.cases:,} validation windows of this codec"
        probability = found.probability or 0.0
        if probability < _LIKELY:
            reason = f"the most likely value, {found.value}, has a probability of {percent(probability)} only"
            return Parameter(name, None, basis=basis, reason=reason)
        return Parameter(name, found.value, probability=round(probability, 4), basis=basis)
    unit = f" {target.unit}" if target.unit else ""
    basis = f"{seen}; mean error {found.error:.2g}{unit} on {found.cases:,} validation windows of this codec"
    digits = 2 if target.logarithmic else 1
    low, high = (None if end is None else round(end, digits) for end in (found.low, found.high))
    return Parameter(name, round(found.value, digits), low=low, high=high, unit=target.unit, basis=basis)
