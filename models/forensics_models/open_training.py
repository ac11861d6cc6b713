"""Training of the open judge from feature tables; needs the extra `train`.

One network on the features of codecs and of processing answers which process was the last lossy step
(`classes.OPEN_CLASSES`), and what happened since (`classes.AFTERWARDS`). Its best epoch is chosen on validation
sources; there both answers are calibrated, and the first is combined with the judge of codecs
(`open_judge.Combination`), which knows pictures straight from a decoder better. Thresholds of answers come from
probabilities that were fitted on other validation sources (`cross_fitted`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from forensics_models import calibration
from forensics_models.baseline_training import FeatureTable, check_apart, fit_dependence
from forensics_models.classes import AFTERWARDS, FINE_CLASSES, OPEN_CLASSES
from forensics_models.open_answers_training import figures, fit_answers
from forensics_models.open_judge import (
    CARD_FILE,
    NETWORK_FILE,
    PROCESS_NAMES,
    TESTED_EXACTLY,
    Combination,
    group_of,
    left_to_models,
    merged_processes,
    together,
    with_codecs,
)
from forensics_models.open_network import OpenNetwork
from forensics_models.open_network_training import NetworkRecipe, Rows
from forensics_models.storage import write_atomically

FOLDS = 5
"""Parts of the sources in cross-fitting."""


@dataclass(frozen=True)
class OpenTable(FeatureTable):
    """Windows with what is known of their history beyond the codec; labels are indices in `OPEN_CLASSES`.

    Attributes
    ----------
    afterwards : np.ndarray [shape=(n,), dtype=int64]
        Index in `AFTERWARDS`; -1 for an untouched picture's own preparation.
    preparations, encoders, decoders : np.ndarray [shape=(n,), dtype=str]
        The kind of preparation before compression, the encoder, and the decoder that read it.
    """

    afterwards: np.ndarray
    preparations: np.ndarray
    encoders: np.ndarray
    decoders: np.ndarray


@dataclass(frozen=True)
class Asked:
    """Windows, and what those who are combined say of them.

    Attributes
    ----------
    table : OpenTable
    codec_trees : np.ndarray [shape=(n, len(FINE_CLASSES))]
        Probabilities by the trees of the judge of codecs.
    codec_logs : np.ndarray [shape=(n, len(FINE_CLASSES))]
        Logarithms of the probabilities by that judge as a whole.
    visible : np.ndarray [shape=(n,), dtype=bool]
        Whether the lossy step changed samples by one level squared or more on average: one that did less would not be
        seen, and does not count where `uncompressed` is said of it.
    """

    table: OpenTable
    codec_trees: np.ndarray
    codec_logs: np.ndarray
    visible: np.ndarray

    def __post_init__(self) -> None:
        if self.visible.shape != self.table.labels.shape:
            raise ValueError(f"what is visible has shape {self.visible.shape}")
        for given in (self.codec_trees, self.codec_logs):
            if given.shape != (len(self.table.labels), len(FINE_CLASSES)):
                raise ValueError(f"what the judge of codecs says has shape {given.shape}")


@dataclass(frozen=True)
class Said:
    """Windows with the margins of the network, and what a combination needs besides them.

    Attributes
    ----------
    table : OpenTable
    margins : np.ndarray [shape=(n, len(OPEN_CLASSES))]
    codec_logs : np.ndarray [shape=(n, len(FINE_CLASSES))]
    after : np.ndarray [shape=(n, len(AFTERWARDS))]
        Calibrated probabilities of what happened since.
    sizes : np.ndarray [shape=(n,)]
        log2 of the windows' pixels.
    visible : np.ndarray [shape=(n,), dtype=bool]
        As of `Asked`.
    """

    table: OpenTable
    margins: np.ndarray
    codec_logs: np.ndarray
    after: np.ndarray
    sizes: np.ndarray
    visible: np.ndarray

    @property
    def nothing(self) -> np.ndarray:
        """Log-odds that nothing happened since, `np.ndarray [shape=(n,)]`."""
        return np.log(self.after[:, 0] + 1e-6) - np.log(1 - self.after[:, 0] + 1e-6)

    def fitted(self, rows: np.ndarray, weights: np.ndarray) -> Combination:
        """The combination fitted to some of the rows."""
        return fit_combination(
            self.margins[rows],
            self.codec_logs[rows],
            self.nothing[rows],
            self.sizes[rows],
            self.table.labels[rows],
            weights[rows],
        )

    def combined(self, combination: Combination, rows: np.ndarray) -> np.ndarray:
        """Probabilities over `OPEN_CLASSES` of some of the rows."""
        logits = combination.logits(self.margins[rows], self.codec_logs[rows], self.nothing[rows], self.sizes[rows])
        return calibration.softmax(logits)


UNCOMPRESSED_WEIGHT, CODEC_WEIGHT = 3.0, 2.0
"""How much more windows of `uncompressed` and of the eight codecs count than those of other processes."""


def process_weights(table: OpenTable) -> np.ndarray:
    """Row weights: the square root of balance between classes, more for the codecs and for `uncompressed`; mean 1.

    Half-way to balance keeps classes of few files from being drowned and their rare members from being believed too
    readily.
    """
    processes = merged_truth(table.labels)  # the overlap modes of JPEG XR would count as three
    counts = np.bincount(processes, minlength=len(PROCESS_NAMES))
    weights = 1.0 / np.sqrt(np.maximum(counts, 1)[processes])
    weights[table.labels == 0] *= UNCOMPRESSED_WEIGHT
    weights[(table.labels > 0) & (table.labels < len(FINE_CLASSES))] *= CODEC_WEIGHT
    return weights / weights.mean()


def _after_weights(labels: np.ndarray) -> np.ndarray:
    counts = np.maximum(np.bincount(labels, minlength=len(AFTERWARDS)), 1)
    weights = 1.0 / np.sqrt(counts[labels])
    return weights / weights.mean()


def fit_combination(
    margins: np.ndarray,
    codec_logs: np.ndarray,
    nothing: np.ndarray,
    sizes: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
) -> Combination:
    """Fit a `Combination` by weighted log-likelihood.

    Parameters
    ----------
    margins : np.ndarray [shape=(n, len(OPEN_CLASSES))]
        Of processes, by the network.
    codec_logs : np.ndarray [shape=(n, len(FINE_CLASSES))]
        Logarithms of the codec judge's probabilities.
    nothing : np.ndarray [shape=(n,)]
        Log-odds that nothing happened since, by the calibrated network.
    sizes : np.ndarray [shape=(n,)]
        log2 of the windows' pixels.
    labels, weights : np.ndarray [shape=(n,)]
    """
    import scipy.optimize
    from scipy.special import logsumexp

    share = weights / weights.sum()

    def build(theta: np.ndarray) -> Combination:
        return Combination(tuple(theta[:6].tolist()), tuple(theta[6:].tolist()))

    def loss(theta: np.ndarray) -> float:
        logits = build(theta).logits(margins, codec_logs, nothing, sizes)
        fit = logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]
        return float(np.sum(share * fit) + 1e-3 * np.sum(theta**2))

    start = np.concatenate([[0.0, 0.0, -1.0, 0.0, 0.1, 0.0], np.zeros(len(OPEN_CLASSES))])
    return build(scipy.optimize.minimize(loss, start, method="L-BFGS-B").x)


def folds_of(sources: np.ndarray, names: np.ndarray, folds: int = FOLDS) -> np.ndarray:
    """The fold of each row by its source, `np.ndarray [shape=(n,), dtype=int64]`; `names` are all sources, sorted."""
    return np.searchsorted(names, sources) % folds


def cross_fitted(windows: Said, weights: np.ndarray, *tables: Said) -> list[np.ndarray]:
    """Probabilities of the windows of each table from a combination that was fitted to `windows` of other folds'
    sources, `np.ndarray [shape=(n, k)]` each.
    """
    names = np.unique(np.concatenate([one.table.sources for one in (windows, *tables)]))
    fold, folds = folds_of(windows.table.sources, names), [folds_of(one.table.sources, names) for one in tables]
    out = [np.zeros(one.margins.shape) for one in tables]
    for number in range(FOLDS):
        if not any((held == number).any() for held in folds):
            continue
        combination = windows.fitted(fold != number, weights)
        for one, held, into in zip(tables, folds, out, strict=True):
            into[held == number] = one.combined(combination, held == number)
    return out


def train_open(
    train: tuple[OpenTable, np.ndarray],
    validation: Asked,
    pictures: Asked | None,
    feature_names: tuple[str, ...],
    features_version: int,
    out: Path,
    *,
    recipe: NetworkRecipe,
    facts: Mapping[str, Any],
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Train, calibrate, combine and write the artefacts.

    Parameters
    ----------
    train : (OpenTable, np.ndarray [shape=(n, len(FINE_CLASSES))])
        Windows, and what the trees of the judge of codecs say of them. That those were trained on other files of the
        same sources does not show: on training windows they are right as often as on validation windows (0.893 and
        0.898).
    validation : Asked
        One window a file, of all sizes, of sources that training does not have.
    pictures : Asked, optional
        All windows that a verdict is made from, of files of the same sources as `validation`: they tell how windows of
        one picture count together. Without them windows count as one.
    feature_names, features_version
        Of the columns of features.
    out : Path
    recipe : NetworkRecipe
    facts : mapping
        What the card says of the data.
    report : callable
        Gets progress lines.

    Returns
    -------
    dict
        The card.

    Raises
    ------
    ValueError
        A source stands in both tables, or shapes do not fit.
    """
    from forensics_models.open_network_training import train_network

    rows, codec_trees = train
    check_apart(rows, validation.table)
    out.mkdir(parents=True, exist_ok=True)
    held_out = _rows(validation.table, validation.codec_trees)
    network, curve = train_network(_rows(rows, codec_trees), held_out, recipe, report)
    write_atomically(out / NETWORK_FILE, network.to_bytes())
    network = OpenNetwork.read(out / NETWORK_FILE)  # in the precision that is shipped

    def margins(asked: Asked) -> tuple[np.ndarray, np.ndarray]:
        return network.margins(with_codecs(asked.table.features, asked.codec_trees))

    return fit_and_write(
        (validation, *margins(validation)),
        None if pictures is None else (pictures, *margins(pictures)),
        feature_names,
        features_version,
        out,
        {**facts, "recipe": asdict(recipe), "curve": curve},
    )


def _rows(table: OpenTable, codec_trees: np.ndarray) -> Rows:
    known, after = table.afterwards >= 0, np.zeros(len(table.afterwards))
    after[known] = _after_weights(table.afterwards[known])
    return Rows(with_codecs(table.features, codec_trees), table.labels, table.afterwards, process_weights(table), after)


_Margins = tuple[Asked, np.ndarray, np.ndarray]
"""Windows with the margins of processes and of what happened since."""


def fit_and_write(
    validation: _Margins,
    pictures: _Margins | None,
    feature_names: tuple[str, ...],
    features_version: int,
    out: Path,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything that follows the network: calibration, combination, dependence of windows, thresholds, the card.

    Thresholds hold on single windows and on whole pictures together; figures of the card are of each alone.
    """
    size = feature_names.index("picture.log2_pixels")
    scaling = _after_scaling(validation[0], validation[2], size)
    windows = _said(validation, scaling, size)
    weights = process_weights(windows.table)
    combination = windows.fitted(np.ones(len(weights), bool), weights)
    seen = [] if pictures is None else [_said(pictures, scaling, size)]
    fair, *whole = cross_fitted(windows, weights, windows, *seen)
    judged = [_Judged(windows.table, fair, windows.after, windows.visible)]
    dependence = (0.0, 0.0)
    for said, probabilities in zip(seen, whole, strict=True):
        dependence = _dependence(said, probabilities)
        judged.append(_whole(said, probabilities, dependence))
    known = windows.table.afterwards >= 0
    asked = [one.asked() for one in judged]
    answers = fit_answers(*(np.concatenate(part) for part in zip(*asked, strict=True)))
    card = {
        "model": "open",
        "kind": "a network on forensic features of codecs and of processing, combined with the judge of codecs",
        **facts,
        "validation": figures(*asked[0][:4], answers),
        **({"pictures": figures(*asked[1][:4], answers)} if pictures is not None else {}),
        "afterwards_right": float((windows.after[known].argmax(axis=1) == windows.table.afterwards[known]).mean()),
        "log_loss": judged[0].log_loss(),
    }
    stored = {
        "card": card,
        "features_version": features_version,
        "feature_names": list(feature_names),
        "after_scaling": scaling.as_dict(),
        "combination": combination.as_dict(),
        "answers": asdict(answers),
        "window_dependence": list(dependence),
    }
    write_atomically(out / CARD_FILE, json.dumps(stored, indent=1, allow_nan=False).encode())
    return card


def _after_scaling(asked: Asked, after_margins: np.ndarray, size: int) -> calibration.SizedScaling:
    known = asked.table.afterwards >= 0
    labels = asked.table.afterwards[known]
    sizes = asked.table.features[known, size].astype(np.float64)
    return calibration.fit_scaling(after_margins[known], labels, sizes, _after_weights(labels))


def _said(margins: _Margins, scaling: calibration.SizedScaling, size: int) -> Said:
    asked, process, after = margins
    sizes = asked.table.features[:, size].astype(np.float64)
    after = scaling.probabilities(after, sizes)
    return Said(asked.table, process.astype(np.float64), asked.codec_logs, after, sizes, asked.visible)


@dataclass(frozen=True)
class _Judged:
    """Windows or pictures with what is true and what is said of them."""

    table: OpenTable
    probabilities: np.ndarray
    after: np.ndarray
    visible: np.ndarray

    def log_loss(self) -> float:
        return float(-np.log(self.probabilities[np.arange(len(self.after)), self.table.labels] + 1e-9).mean())

    def asked(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Arguments of `fit_answers`, without what an exact test finds: that is not asked of the models."""
        truth = merged_truth(self.table.labels)
        rows = ~np.isin(truth, [PROCESS_NAMES.index(name) for name in TESTED_EXACTLY])
        processes = left_to_models(merged_processes(self.probabilities))
        groups = group_of(self.after)
        return processes[rows], truth[rows], groups[rows], self.table.afterwards[rows], self.visible[rows]


def _dependence(seen: Said, fair: np.ndarray) -> tuple[float, float]:
    known = seen.table.afterwards >= 0
    return (
        fit_dependence(fair, seen.table.labels, seen.table.files),
        fit_dependence(seen.after[known], seen.table.afterwards[known], seen.table.files[known]),
    )


def _whole(seen: Said, fair: np.ndarray, dependence: tuple[float, float]) -> _Judged:
    """One row a picture, its windows taken together."""
    _, first, inverse = np.unique(seen.table.files, return_index=True, return_inverse=True)
    return _Judged(
        seen.table.where(first),
        together(fair, inverse, dependence[0]),
        together(seen.after, inverse, dependence[1]),
        seen.visible[first],
    )


def merged_truth(labels: np.ndarray) -> np.ndarray:
    """Index of the merged process of labels in `OPEN_CLASSES`, `np.ndarray [shape=(n,), dtype=int64]`."""
    return merged_processes(np.eye(len(OPEN_CLASSES))[labels]).argmax(axis=1)
