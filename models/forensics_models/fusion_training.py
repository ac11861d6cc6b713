"""Fitting the fusion of judges on validation windows: weights, ordinary range, flattening, strengths and conformal
thresholds.

Nothing here sees a training source: judges were fitted on those, and their margins there are too sure. Figures on the
very windows a fusion was fitted on would flatter it a little, so `cross_fitted` gives probabilities from folds of
sources that the fold's fit never saw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import logsumexp

from forensics_models import conformal
from forensics_models.baseline_training import FeatureTable, Recipe, class_weights, figures, fit_dependence
from forensics_models.calibration import conformal_offset
from forensics_models.classes import CLASSES, FINE_TO_CLASS
from forensics_models.fused import MODES, Outputs
from forensics_models.fusion import Fusion, JudgeWeight, Ordinary, mixed_quantiles
from forensics_models.judgement import merge_fine, ssim_to_score
from forensics_models.validation_table import validation_table

FOLDS = 5
"""Parts of the validation sources in cross-fitting."""
_SHRINKAGE = 1e-3
"""Weight of the squared coefficients in the fit: a numerical guard that keeps the minimum unique."""


def fit_fusion(
    margins: Mapping[str, np.ndarray],
    labels: np.ndarray,
    log2_pixels: np.ndarray,
    log2_ratio: np.ndarray,
    weights: np.ndarray,
) -> Fusion:
    """Fit the weights and biases by weighted log-likelihood, with a slight pull to equal, constant weights.

    Parameters
    ----------
    margins : mapping of str to np.ndarray [shape=(n, k)]
        Uncalibrated margins by judge.
    labels : np.ndarray [shape=(n,), dtype=int]
        Index of the true fine class.
    log2_pixels, log2_ratio, weights : np.ndarray [shape=(n,)]
        Size, estimated (not true) log2 ratio, and importance of each window.
    """
    import scipy.optimize

    names = sorted(margins)
    classes = next(iter(margins.values())).shape[1]
    share = weights / weights.sum()
    start = -np.log(len(names))

    def build(theta: np.ndarray) -> Fusion:
        parts = theta[: 3 * len(names)].reshape(len(names), 3)
        judges = {
            name: JudgeWeight(float(a + start), float(b), float(c))
            for name, (a, b, c) in zip(names, parts, strict=True)
        }
        return Fusion(judges, tuple(theta[3 * len(names) :].tolist()))

    def loss(theta: np.ndarray) -> float:
        logits = build(theta).logits(margins, log2_pixels, log2_ratio)
        fit = logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]
        return float(np.sum(share * fit) + _SHRINKAGE * np.sum(theta**2))

    found = scipy.optimize.minimize(loss, np.zeros(3 * len(names) + classes), method="L-BFGS-B")
    return build(found.x)


def cross_fitted(
    margins: Mapping[str, np.ndarray],
    labels: np.ndarray,
    log2_pixels: np.ndarray,
    log2_ratio: np.ndarray,
    weights: np.ndarray,
    sources: np.ndarray,
    folds: int = FOLDS,
) -> np.ndarray:
    """Probabilities of every window from a fusion fitted on the other folds' sources, `np.ndarray [shape=(n, k)]`."""
    names = np.unique(sources)
    fold_of = dict(zip(names.tolist(), np.arange(len(names)) % folds, strict=True))
    fold = np.array([fold_of[source] for source in sources.tolist()])
    out = np.zeros_like(next(iter(margins.values())), dtype=np.float64)
    for number in range(folds):
        held = fold == number
        if not held.any():
            continue
        kept = {name: values[~held] for name, values in margins.items()}
        fusion = fit_fusion(kept, labels[~held], log2_pixels[~held], log2_ratio[~held], weights[~held])
        own = {name: values[held] for name, values in margins.items()}
        out[held] = fusion.probabilities(own, log2_pixels[held], log2_ratio[held])
    return out


def fit_ordinary(embedding: np.ndarray, labels: np.ndarray, validation: np.ndarray) -> Ordinary:
    """Class means and shared covariance of training embeddings; the range of distances from validation ones.

    Parameters
    ----------
    embedding : np.ndarray [shape=(n, d)]
        Of windows that cover every class, training ones as a rule.
    labels : np.ndarray [shape=(n,), dtype=int]
    validation : np.ndarray [shape=(m, d)]
        Of windows that are ordinary, from other sources.
    """
    embedding = np.asarray(embedding, np.float64)
    present = np.unique(labels)
    means = np.stack([embedding[labels == label].mean(axis=0) for label in present])
    centred = embedding - means[np.searchsorted(present, labels)]
    covariance = centred.T @ centred / max(len(embedding) - len(present), 1)
    covariance += 1e-3 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, vectors = np.linalg.eigh(covariance)
    whitening = vectors / np.sqrt(values)
    fitted = Ordinary(means.astype(np.float32), whitening.astype(np.float32), 0.0, 0.0)
    distance = fitted.distance(validation)
    return Ordinary(fitted.means, fitted.whitening, float(np.median(distance)), float(np.quantile(distance, 0.99)))


def fit_flattening(
    logits: np.ndarray,
    labels: np.ndarray,
    strangeness: np.ndarray,
    candidates: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0),
) -> float:
    """The flattening with the best log-likelihood on strange windows whose answer is known, for instance resized after
    decoding.

    Parameters
    ----------
    logits : np.ndarray [shape=(n, k)]
        Of a fusion without flattening.
    labels : np.ndarray [shape=(n,), dtype=int]
        What a careful judge should say.
    strangeness : np.ndarray [shape=(n,)]
    """

    def loss(flattening: float) -> float:
        scaled = logits / (1.0 + flattening * strangeness[:, None])
        return float(np.mean(logsumexp(scaled, axis=1) - scaled[np.arange(len(labels)), labels]))

    return float(min(candidates, key=loss))


def fit_strength_share(
    first: np.ndarray,
    second: np.ndarray,
    truth: np.ndarray,
    *,
    error: Callable[[np.ndarray, np.ndarray], float],
    coverage: float = 0.9,
) -> tuple[float, float]:
    """How much the second judge's strength estimate counts, and how far the mixed interval must be widened.

    Parameters
    ----------
    first, second : np.ndarray [shape=(n, 3)]
        Lower end, median, upper end.
    truth : np.ndarray [shape=(n,)]
    error : callable
        Error of medians against the truth, to be made small.
    coverage : float
        Of the widened interval.
    """
    shares = np.linspace(0.0, 1.0, 11)
    share = float(min(shares, key=lambda s: error(mixed_quantiles(first, second, s, 0.0)[:, 1], truth)))
    mixed = mixed_quantiles(first, second, share, 0.0)
    return share, conformal_offset(truth, mixed[:, 0], mixed[:, 2], coverage)


@dataclass(frozen=True)
class Judged:
    """Windows that the judges have seen, with the truth about them; a row a window.

    Attributes
    ----------
    outputs : Outputs
        Of every judge.
    labels : np.ndarray [shape=(n,), dtype=int]
        Index into `FINE_CLASSES`.
    log2_ratio, ssim : np.ndarray [shape=(n,)]
        NaN for uncompressed windows.
    sources, files : np.ndarray [shape=(n,), dtype=str]
    """

    outputs: Outputs
    labels: np.ndarray
    log2_ratio: np.ndarray
    ssim: np.ndarray
    sources: np.ndarray
    files: np.ndarray


def fit_mode(
    mode: str,
    windows: Judged,
    together: Judged,
    strange: Judged | None,
    ordinary: Ordinary | None,
    *,
    accuracy: float,
    coverage: float,
    false_alarms: float,
) -> dict[str, Any]:
    """Everything that a mode's judge needs, as plain values.

    Parameters
    ----------
    mode : str
        One of `fused.MODES`.
    windows : Judged
        Validation windows of all sizes.
    together : Judged
        Several windows of one size from each validation file.
    strange : Judged, optional
        Windows unlike training, with the answer a careful judge would give; needs `ordinary`.
    ordinary : Ordinary, optional
        The ordinary range of the embedding.
    accuracy : float
        Share of right answers below which a verdict is not given.
    coverage : float
        Of the conformal sets, class by class.
    false_alarms : float
        Share of uncompressed windows for which a codec may be named.

    Returns
    -------
    dict
        `fusion`, `strength`, `window_dependence`, `conformal` and `card`, whose figures are cross-fitted over sources.
    """
    recipe = Recipe()
    margins, pixels, ratio = _of_mode(mode, windows.outputs)
    weights = class_weights(windows.labels, recipe)
    fusion = fit_fusion(margins, windows.labels, pixels, ratio, weights)
    if strange is not None and ordinary is not None and "cnn" in MODES[mode] and strange.outputs.embedding is not None:
        distance = ordinary.strangeness(strange.outputs.embedding)
        fusion = replace(
            fusion, flattening=fit_flattening(fusion.logits(*_of_mode(mode, strange.outputs)), strange.labels, distance)
        )
    crossed = cross_fitted(margins, windows.labels, pixels, ratio, weights, windows.sources)
    merged, classes = merge_fine(crossed), np.asarray(FINE_TO_CLASS)[windows.labels]
    thresholds = conformal.fit_thresholds(merged, classes, coverage)
    threshold = conformal.fit_answer_threshold(merged, classes, accuracy)
    compressed_from = conformal.fit_false_alarm_threshold(1.0 - merged[classes == 0, 0], false_alarms)
    answered, right = conformal.answered(merged, classes, threshold, compressed_from)
    shared = fusion.probabilities(*_of_mode(mode, together.outputs))
    strength, errors, estimated = _fit_strengths(mode, windows)
    return {
        "fusion": fusion.as_dict(),
        "strength": strength,
        "window_dependence": fit_dependence(shared, together.labels, together.files),
        "conformal": {"coverage": coverage, "thresholds": dict(zip(CLASSES, thresholds, strict=True))},
        "card": {
            "inconclusive_below": threshold,
            "compressed_from": compressed_from,
            "answers": {
                "share": answered,
                "right": right,
                "asked_for": accuracy,
                "false_alarms_asked_for": false_alarms,
            },
            "validation": {**_figures(crossed, windows), **errors},
            "validation_table": validation_table(
                crossed, windows.labels, 2.0**estimated, 2.0 ** (pixels / 2), threshold, compressed_from
            ),
        },
    }


def _of_mode(mode: str, outputs: Outputs) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Margins of a mode's judges, sizes, and the ratio estimate that weights follow."""
    names = MODES[mode]
    own = replace(outputs, strengths={name: outputs.strengths[name] for name in names})
    return {name: outputs.margins[name] for name in names}, outputs.log2_pixels, own.log2_ratio()


def _figures(probabilities: np.ndarray, windows: Judged) -> dict[str, Any]:
    table = FeatureTable(
        np.zeros((len(windows.labels), 0), np.float32),
        windows.labels,
        windows.log2_ratio,
        windows.ssim,
        windows.sources,
        windows.files,
    )
    return {
        **figures(probabilities, table),
        "log_loss": float(
            -np.log(np.maximum(probabilities[np.arange(len(windows.labels)), windows.labels], 1e-12)).mean()
        ),
    }


def _fit_strengths(mode: str, windows: Judged) -> tuple[dict[str, float], dict[str, float], np.ndarray]:
    """Shares and widths of the mixed intervals, the errors of their medians, and every window's estimated log2
    ratio.
    """
    names = MODES[mode]
    known = np.isfinite(windows.log2_ratio) & np.isfinite(windows.ssim)

    def relative(estimate: np.ndarray, truth: np.ndarray) -> float:
        return float(np.mean(np.abs(2.0 ** (estimate - truth) - 1)))

    def absolute(estimate: np.ndarray, truth: np.ndarray) -> float:
        return float(np.mean(np.abs(2.0**-estimate - 2.0**-truth)))

    truths = (windows.log2_ratio[known].astype(np.float64), ssim_to_score(windows.ssim[known]))
    fitted: dict[str, float] = {}
    errors = {}
    for index, (name, truth, error) in enumerate(zip(("ratio", "ssim"), truths, (relative, absolute), strict=True)):
        first, last = (windows.outputs.strengths[judge][known, index] for judge in (names[0], names[-1]))
        share, offset = fit_strength_share(first, last, truth, error=error)
        fitted.update({f"{name}_share": share, f"{name}_offset": offset})
        errors[name] = error(mixed_quantiles(first, last, share, 0.0)[:, 1], truth)
    first, last = (windows.outputs.strengths[judge][:, 0] for judge in (names[0], names[-1]))
    estimated = mixed_quantiles(first, last, fitted["ratio_share"], 0.0)[:, 1]
    return fitted, {"ratio_mean_relative_error": errors["ratio"], "ssim_mean_absolute_error": errors["ssim"]}, estimated
