"""One verdict from the baseline and the CNN: their log-odds combined, calibrated by size and strength, wide where a
window is strange.

The combination is a multinomial logistic model with few parameters, fitted on validation sources [1]_: the logits are a
weighted sum of both judges' margins, whose weights follow the window's size and its estimated compression ratio (faint
traces deserve less trust), and a bias per class. Strength intervals are weighted means of both judges', widened to
their coverage. A window whose CNN embedding lies far from all that training held gets flatter probabilities; its
`strangeness` is 0 inside the ordinary range.

References
----------
.. [1] J. Platt, "Probabilistic outputs for support vector machines", 1999; C. Guo et al., "On calibration of modern
       neural networks",
   ICML 2017.
.. [2] K. Lee, K. Lee, H. Lee, J. Shin, "A simple unified framework for detecting out-of-distribution samples", NeurIPS
       2018 (distance
   to class means under a shared covariance).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from forensics_models.calibration import REFERENCE_LOG2_PIXELS, softmax

REFERENCE_LOG2_RATIO = 3.5
"""log2 of the ratio (about 11:1) where the strength term of the weights is zero."""
RATIO_RANGE = (0.0, 7.0)
"""Estimated log2 ratios are clipped to this before they weigh anything."""


@dataclass(frozen=True)
class JudgeWeight:
    """How much one judge's margins count: exp(level + size * (log2 pixels - 16) + strength * (log2 ratio - 3.5))."""

    level: float
    size: float
    strength: float

    def at(self, log2_pixels: np.ndarray, log2_ratio: np.ndarray) -> np.ndarray:
        """Weights of windows, `np.ndarray [shape=(n,), dtype=float64]`."""
        ratio = np.clip(np.nan_to_num(log2_ratio, nan=REFERENCE_LOG2_RATIO), *RATIO_RANGE)
        size = np.asarray(log2_pixels, np.float64) - REFERENCE_LOG2_PIXELS
        return np.exp(self.level + self.size * size + self.strength * (ratio - REFERENCE_LOG2_RATIO))


@dataclass(frozen=True)
class Fusion:
    """The fitted combination.

    Attributes
    ----------
    judges : mapping of str to JudgeWeight
        By name (`baseline`, `cnn`); a judge that is missing from a call counts nothing, so each fusion is fitted for
        its own judges.
    bias : tuple of float
        One per fine class.
    flattening : float
        How fast the logits shrink with strangeness: they are divided by 1 + flattening * strangeness.
    """

    judges: Mapping[str, JudgeWeight]
    bias: tuple[float, ...]
    flattening: float = 0.0

    def logits(
        self,
        margins: Mapping[str, np.ndarray],
        log2_pixels: np.ndarray,
        log2_ratio: np.ndarray,
        strangeness: np.ndarray | None = None,
    ) -> np.ndarray:
        """Logits of n windows.

        Parameters
        ----------
        margins : mapping of str to np.ndarray [shape=(n, k)]
            Uncalibrated margins by judge; exactly the judges that this fusion was fitted for.
        log2_pixels, log2_ratio : np.ndarray [shape=(n,)]
            Size of the windows, and their estimated compression ratio.
        strangeness : np.ndarray [shape=(n,)], optional
            0 for ordinary windows; see `Ordinary.strangeness`.

        Raises
        ------
        ValueError
            Judges are missing, or others are given.
        """
        if set(margins) != set(self.judges):
            raise ValueError(f"this fusion takes the margins of {sorted(self.judges)}, not of {sorted(margins)}")
        total = np.zeros((len(log2_pixels), len(self.bias))) + np.asarray(self.bias)
        for name, weight in self.judges.items():
            total += weight.at(log2_pixels, log2_ratio)[:, None] * np.asarray(margins[name], np.float64)
        if strangeness is not None and self.flattening:
            total /= 1.0 + self.flattening * np.asarray(strangeness)[:, None]
        return total

    def probabilities(self, *arguments: Any, **named: Any) -> np.ndarray:
        """Softmax of `logits`, `np.ndarray [shape=(n, k), dtype=float64]`."""
        return softmax(self.logits(*arguments, **named), axis=1)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a model card."""
        return {
            "judges": {name: asdict(weight) for name, weight in self.judges.items()},
            "bias": list(self.bias), "flattening": self.flattening,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Fusion:
        """What `as_dict` gave."""
        judges = {name: JudgeWeight(**weight) for name, weight in stored["judges"].items()}
        return cls(judges, tuple(stored["bias"]), float(stored["flattening"]))


@dataclass(frozen=True)
class Ordinary:
    """Where ordinary windows lie in the embedding: class means under one shared covariance [2].

    Attributes
    ----------
    means : np.ndarray [shape=(k, d), dtype=float32]
    whitening : np.ndarray [shape=(d, d), dtype=float32]
        Maps differences to unit covariance.
    typical, limit : float
        Median and 99 % quantile of the distance to the nearest mean over validation windows.
    """

    means: np.ndarray
    whitening: np.ndarray
    typical: float
    limit: float

    def distance(self, embedding: np.ndarray) -> np.ndarray:
        """Mahalanobis distance to the nearest class mean, `np.ndarray [shape=(n,), dtype=float64]`."""
        white = np.asarray(embedding, np.float64) @ self.whitening
        centres = self.means.astype(np.float64) @ self.whitening
        return np.sqrt(np.maximum(((white[:, None] - centres[None]) ** 2).sum(axis=2), 0.0)).min(axis=1)

    def strangeness(self, embedding: np.ndarray) -> np.ndarray:
        """How far beyond the ordinary range windows lie, in units of that range; 0 inside it."""
        spread = max(self.limit - self.typical, 1e-9)
        return np.maximum(self.distance(embedding) - self.limit, 0.0) / spread

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a model card, rounded to what the embedding's precision carries."""
        return {
            "means": np.round(self.means.astype(float), 4).tolist(),
            "whitening": np.round(self.whitening.astype(float), 5).tolist(),
            "typical": self.typical,
            "limit": self.limit,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Ordinary:
        """What `as_dict` gave."""
        means, whitening = (np.asarray(stored[name], np.float32) for name in ("means", "whitening"))
        return cls(means, whitening, float(stored["typical"]), float(stored["limit"]))


def mixed_quantiles(first: np.ndarray, second: np.ndarray, share: float, offset: float) -> np.ndarray:
    """Interval estimates of two judges as one: `share` of the second, then widened by `offset` on both ends.

    Parameters
    ----------
    first, second : np.ndarray [shape=(n, 3)]
        Lower end, median, upper end.
    share : float
        In 0..1.
    offset : float
        As of `calibration.conformal_offset`.
    """
    mixed = (1.0 - share) * first + share * second
    mixed[:, 0] -= offset
    mixed[:, 2] += offset
    return np.sort(mixed, axis=1)
