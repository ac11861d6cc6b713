"""What a feature family is: a fixed tuple of names and one function from planes to as many values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forensics_features.planes import Planes, as_planes


@dataclass(frozen=True)
class Family:
    """A named group of measurements.

    `compute` maps `Planes` to `np.ndarray [shape=(len(names),), dtype=float32]`; NaN says "not measurable here"
    (chroma of a grey picture, a period longer than the picture), never "failed".
    """

    name: str
    names: tuple[str, ...]
    compute: Callable[[Planes], np.ndarray]

    def named(self, pixels: np.ndarray) -> dict[str, float]:
        """The family's values by name for one picture; see `as_planes` for what a picture may be."""
        return dict(zip(self.names, self.compute(as_planes(pixels)).tolist(), strict=True))
