"""Fitting the fusion of judges on validation windows: weights, ordinary range, flattening, strengths and conformal thresholds.

Nothing here sees a training source: judges were fitted on those, and their margins there are too sure. Figures on the very windows a fusion
was fitted on would flatter it a little, so `cross_fitted` gives probabilities from folds of sources that the fold's fit never saw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import logsumexp

from forensics_models.calibration import conformal_offset
from forensics_models.fusion import Fusion, JudgeWeight, Ordinary, mixed_quantiles

FOLDS = 5
_SHRINKAGE = 1e-3


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
        judges = {name: JudgeWeight(float(a + start), float(b), float(c)) for name, (a, b, c) in zip(names, parts, strict=True)}
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
    """The flattening with the best log-likelihood on strange windows whose answer is known, for instance resized after decoding.

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
    first: np.ndarray, second: np.ndarray, truth: np.ndarray, *, error: Callable[[np.ndarray, np.ndarray], float], coverage: float = 0.9
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
