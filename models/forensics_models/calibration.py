"""Turning margins into probabilities that mean what they say, and intervals into ones that cover what they claim.

References
----------
.. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017 (temperature
       and vector
   scaling, expected calibration error).
.. [2] Y. Romano, E. Patterson, E. J. Candes, "Conformalized quantile regression", NeurIPS 2019.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

REFERENCE_LOG2_PIXELS = 16.0
"""log2 of the pixel count of a 256x256 window, where the size term of the temperature is zero."""


def softmax(logits: np.ndarray, axis: int = -1) -> np.ndarray:
    """exp(logits) over its sum along an axis; as SciPy's, whose import takes longer than judging a picture."""
    shares = np.exp(logits - np.max(logits, axis=axis, keepdims=True))
    return shares / np.sum(shares, axis=axis, keepdims=True)


@dataclass(frozen=True)
class SizedScaling:
    """Softmax of margins with a temperature that follows the window's size, and a bias per class.

    The inverse temperature is `inverse_temperature * 2 ** (size_slope * (log2_pixels - 16))`.
    """

    inverse_temperature: float
    size_slope: float
    bias: tuple[float, ...]

    def probabilities(self, margins: np.ndarray, log2_pixels: np.ndarray) -> np.ndarray:
        """Margins `[shape=(n, k)]` of windows with `log2_pixels` `[shape=(n,)]` to probabilities `[shape=(n, k),
        dtype=float64]`.
        """
        return softmax(self._logits(margins, log2_pixels), axis=1)

    def _logits(self, margins: np.ndarray, log2_pixels: np.ndarray) -> np.ndarray:
        scale = self.inverse_temperature * 2.0 ** (self.size_slope * (log2_pixels - REFERENCE_LOG2_PIXELS))
        return margins.astype(np.float64) * scale[:, None] + np.asarray(self.bias)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a model card."""
        return asdict(self)


def fit_scaling(
    margins: np.ndarray, labels: np.ndarray, log2_pixels: np.ndarray, weights: np.ndarray, *, shrinkage: float = 1e-3
) -> SizedScaling:
    """Fit a `SizedScaling` by weighted log-likelihood.

    Parameters
    ----------
    margins : np.ndarray [shape=(n, k)]
    labels : np.ndarray [shape=(n,), dtype=int]
    log2_pixels, weights : np.ndarray [shape=(n,)]
    shrinkage : float
        Pull of the class biases towards zero.
    """
    import scipy.optimize  # a quarter of a second that judging does not need
    from scipy.special import logsumexp

    classes = margins.shape[1]
    share = weights / weights.sum()

    def build(theta: np.ndarray) -> SizedScaling:
        return SizedScaling(float(np.exp(theta[0])), float(theta[1]), tuple(theta[2:].tolist()))

    def loss(theta: np.ndarray) -> float:
        logits = build(theta)._logits(margins, log2_pixels)
        fit = logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]
        return float(np.sum(share * fit) + shrinkage * np.sum(theta[2:] ** 2) + shrinkage * theta[1] ** 2)

    found = scipy.optimize.minimize(loss, np.zeros(2 + classes), method="L-BFGS-B")
    return build(found.x)


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Mean |confidence - accuracy| over equal-width bins of the top probability, weighted by count; 0 is perfect
    [1].
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(place, confidence - correct, bins)
    return float(np.abs(gap).sum() / max(len(labels), 1))


def conformal_offset(truth: np.ndarray, lower: np.ndarray, upper: np.ndarray, coverage: float = 0.9) -> float:
    """How much to widen [lower, upper] on both sides so that it covers `truth` with `coverage` on exchangeable data
    [2].
    """
    score = np.maximum(lower - truth, truth - upper)
    level = min(1.0, coverage * (1 + 1 / max(len(truth), 1)))
    return float(np.quantile(score, level, method="higher"))
