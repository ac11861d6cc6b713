"""What a judge says of windows and of the picture they were cut from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forensics_models.classes import CLASSES, FINE_TO_CLASS, HEVC_FAMILY, HEVC_INTRA, INCONCLUSIVE

INCONCLUSIVE_BELOW = 0.5
"""Probability under which no verdict is given, unless the model's card states its own."""


@dataclass(frozen=True)
class WindowJudgement:
    """Judgements of n windows.

    Attributes
    ----------
    fine_probabilities : np.ndarray [shape=(n, 11), dtype=float64]
        Calibrated probabilities over `FINE_CLASSES`; rows sum to 1.
    log2_ratio : np.ndarray [shape=(n, 3), dtype=float64]
        Base-2 logarithm of the compression ratio (raw bytes / file bytes) if the window was compressed: lower end,
        median and upper end of a 90 % interval.
    ssim : np.ndarray [shape=(n, 3), dtype=float64]
        SSIM against the picture before compression, likewise; 0..1.
    strangeness : np.ndarray [shape=(n,)] or None
        How far a window lies from all that training held, 0 within the ordinary range; None where the judge does not
        measure it.
    trees : np.ndarray [shape=(n, 11)] or None
        Calibrated probabilities of the trees alone, which the open judge takes; None where the judge has none.
    """

    fine_probabilities: np.ndarray
    log2_ratio: np.ndarray
    ssim: np.ndarray
    strangeness: np.ndarray | None = None
    trees: np.ndarray | None = None

    @property
    def probabilities(self) -> np.ndarray:
        """Probabilities over `CLASSES`, `np.ndarray [shape=(n, 9), dtype=float64]`."""
        return merge_fine(self.fine_probabilities)


@dataclass(frozen=True)
class PictureJudgement:
    """The windows' judgements combined; shapes as in `WindowJudgement` without the first axis, ratio not in
    logarithms.
    """

    fine_probabilities: np.ndarray
    ratio: tuple[float, float, float]
    ssim: tuple[float, float, float]

    @property
    def probabilities(self) -> np.ndarray:
        """Probabilities over `CLASSES`, `np.ndarray [shape=(9,), dtype=float64]`."""
        return merge_fine(self.fine_probabilities[None])[0]


def combine_windows(windows: WindowJudgement, dependence: float) -> PictureJudgement:
    """One judgement from a picture's windows.

    Windows of one picture share their content and history, so the log-odds of n windows count as n ** `dependence`
    independent ones (the exponent is fitted on validation pictures), not as n.
    """
    count = len(windows.fine_probabilities)
    mean = np.log(np.maximum(windows.fine_probabilities, 1e-9)).mean(axis=0)
    logits = mean * count**dependence
    probabilities = np.exp(logits - logits.max())
    ratio = 2.0 ** np.median(windows.log2_ratio, axis=0)
    ssim = np.median(windows.ssim, axis=0)
    return PictureJudgement(
        probabilities / probabilities.sum(),
        (float(ratio[0]), float(ratio[1]), float(ratio[2])),
        (float(ssim[0]), float(ssim[1]), float(ssim[2])),
    )


def merge_fine(fine: np.ndarray) -> np.ndarray:
    """Sum fine-class probabilities into classes: `np.ndarray [shape=(n, 11)]` to `np.ndarray [shape=(n, 9)]`."""
    merged = np.zeros((len(fine), len(CLASSES)))
    for index, target in enumerate(FINE_TO_CLASS):
        merged[:, target] += fine[:, index]
    return merged


def decide(probabilities: Mapping[str, float], threshold: float, compressed_from: float = 0.0) -> tuple[str, float]:
    """The verdict and its probability: the best class, else the merged HEVC family, else `inconclusive`.

    No codec is named where all codecs together have less than `compressed_from`: to call an untouched picture
    compressed is the error that costs most, so it has a limit of its own (`conformal.fit_false_alarm_threshold`).
    """
    best = max(probabilities, key=lambda name: probabilities[name])
    if best != "uncompressed" and 1.0 - probabilities.get("uncompressed", 0.0) < compressed_from:
        return INCONCLUSIVE, probabilities[best]
    if probabilities[best] >= threshold:
        return best, probabilities[best]
    merged = sum(probabilities[name] for name in HEVC_INTRA)
    return (HEVC_FAMILY, merged) if merged >= threshold else (INCONCLUSIVE, probabilities[best])


def ssim_to_score(ssim: np.ndarray) -> np.ndarray:
    """SSIM on the scale that the regressor works in, -log2(1 - SSIM + 1/4096): even steps near 1 where differences are
    small.
    """
    return -np.log2(1.0 - np.asarray(ssim, np.float64) + 1 / 4096)


def score_to_ssim(score: np.ndarray) -> np.ndarray:
    """Inverse of `ssim_to_score`, clipped to 0..1."""
    return np.clip(1.0 + 1 / 4096 - 2.0 ** (-np.asarray(score, np.float64)), 0.0, 1.0)
