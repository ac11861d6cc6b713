"""Small pieces that the benchmarks of histories share: drawing and summing up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def log_uniform(span: tuple[float, float], rng: np.random.Generator) -> float:
    """A number drawn evenly on a logarithmic scale."""
    return float(np.exp(rng.uniform(*np.log(span))))


def mean(values: Sequence[float]) -> float:
    """The mean, of truth values the share; NaN where there is none."""
    return float(np.mean(values)) if len(values) else float("nan")
