"""Training of the baseline from feature tables; needs the extra `train`.

The classifier is XGBoost over `FINE_CLASSES`; strength is two sets of quantile regressors (5, 50 and 95 %) for log2 of
the compression ratio and for SSIM on the scale of `ssim_to_score`. The number of rounds, calibration and interval
widths come from validation sources, which share no source with the training ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import scipy.optimize
from scipy.special import log_softmax

from forensics_models import calibration
from forensics_models.baseline import CARD_FILE, CLASSIFIER_FILE, STRENGTH_FILE
from forensics_models.classes import CLASSES, FINE_CLASSES, FINE_TO_CLASS
from forensics_models.judgement import INCONCLUSIVE_BELOW, merge_fine, ssim_to_score
from forensics_models.storage import write_atomically
from forensics_models.trees import from_boosters
from forensics_models.validation_table import validation_table

QUANTILES = (0.05, 0.5, 0.95)
"""Quantiles that the strength's trees are trained for: the median and the ends of a 90 % interval."""
MAX_BIN = 128
"""Bins of a feature's histogram (`max_bin`): half of XGBoost's default of 256, and half its memory."""


@dataclass(frozen=True)
class FeatureTable:
    """Windows of one split, a row a window.

    Attributes
    ----------
    features : np.ndarray [shape=(n, d), dtype=float32]
    labels : np.ndarray [shape=(n,), dtype=int64]
        Index into `FINE_CLASSES`.
    log2_ratio, ssim : np.ndarray [shape=(n,), dtype=float32]
        What the encoder reached; NaN for uncompressed rows.
    sources, files : np.ndarray [shape=(n,), dtype=str]
        Source picture and encoded file that a window comes from.
    """

    features: np.ndarray
    labels: np.ndarray
    log2_ratio: np.ndarray
    ssim: np.ndarray
    sources: np.ndarray
    files: np.ndarray

    def where(self, keep: np.ndarray) -> Self:
        """The rows that a boolean mask keeps."""
        return type(self)(**{name: getattr(self, name)[keep] for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class TreeRecipe:
    """What decides how trees are grown, whatever they are trained for."""

    learning_rate: float = 0.06
    max_depth: int = 6
    min_child_weight: float = 4.0
    subsample: float = 0.7
    column_share: float = 0.25
    regularisation: float = 2.0
    seed: int = 2026
    threads: int = 2

    def booster_parameters(self) -> dict[str, Any]:
        """XGBoost's names for them."""
        return {
            "tree_method": "hist",
            "eta": self.learning_rate,
            "max_depth": self.max_depth,
            "min_child_weight": self.min_child_weight,
            "subsample": self.subsample,
            "colsample_bynode": self.column_share,
            "lambda": self.regularisation,
            "max_bin": MAX_BIN,
            "seed": self.seed,
            "nthread": self.threads,
        }


@dataclass(frozen=True)
class Recipe(TreeRecipe):
    """Everything that decides a training run."""

    rounds: int = 700
    early_stopping: int = 40
    strength_rounds: int = 300
    uncompressed_weight: float = 3.0


def class_weights(labels: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Row weights that give every class the same total, `uncompressed` `recipe.uncompressed_weight` times that;
    mean 1.
    """
    counts = np.bincount(labels, minlength=len(FINE_CLASSES))
    weights = 1.0 / np.maximum(counts, 1)[labels]
    merged = np.bincount(FINE_TO_CLASS, minlength=len(CLASSES))
    weights /= merged[np.asarray(FINE_TO_CLASS)[labels]] ** 0.5
    weights[labels == 0] *= recipe.uncompressed_weight
    return weights / weights.mean()


def train_classifier(
    train: FeatureTable, validation: FeatureTable, recipe: Recipe, report: Callable[[str], None]
) -> Any:
    """Fit the class trees, stopping when the validation log-loss has not fallen for `recipe.early_stopping` rounds."""
    import xgboost

    sets = [
        xgboost.DMatrix(table.features, label=table.labels, weight=class_weights(table.labels, recipe))
        for table in (train, validation)
    ]
    parameters = {
        **recipe.booster_parameters(),
        "objective": "multi:softprob",
        "num_class": len(FINE_CLASSES),
        "eval_metric": "mlogloss",
    }

    class Progress(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            if epoch % 20 == 0:
                report(f"classifier round {epoch}: validation log-loss {evals_log['validation']['mlogloss'][-1]:.4f}")
            return False

    booster = xgboost.train(
        parameters,
        sets[0],
        recipe.rounds,
        evals=[(sets[1], "validation")],
        early_stopping_rounds=recipe.early_stopping,
        verbose_eval=False,
        callbacks=[Progress()],
    )
    return booster[: booster.best_iteration + 1]


def train_strength(train: FeatureTable, target: np.ndarray, recipe: Recipe) -> Any:
    """Fit quantile trees for one strength target on the compressed rows."""
    import xgboost

    keep = np.isfinite(target)
    data = xgboost.QuantileDMatrix(train.features[keep], label=target[keep], max_bin=MAX_BIN, nthread=recipe.threads)
    parameters = {
        **recipe.booster_parameters(),
        "objective": "reg:quantileerror",
        "quantile_alpha": list(QUANTILES),
        "max_depth": 6,
        "eta": 0.1,
    }
    return xgboost.train(parameters, data, recipe.strength_rounds)


def margins_of(booster: Any, features: np.ndarray) -> np.ndarray:
    """Raw margins of a booster, `np.ndarray [shape=(n, outputs), dtype=float32]`."""
    import xgboost

    return booster.predict(xgboost.DMatrix(features), output_margin=True)


def estimated_ratio(booster: Any, features: np.ndarray) -> np.ndarray:
    """Median compression ratio that the strength trees give, `np.ndarray [shape=(n,), dtype=float64]`; never under
    1.
    """
    return 2.0 ** np.maximum(np.sort(margins_of(booster, features), axis=1)[:, 1].astype(np.float64), 0.0)


def fit_dependence(probabilities: np.ndarray, labels: np.ndarray, files: np.ndarray) -> float:
    """Exponent d in 0..1 for which sum(log p) * n ** (d - 1) over a file's n windows gives the best log-likelihood."""
    _, first, inverse, count = np.unique(files, return_index=True, return_inverse=True, return_counts=True)
    total = np.zeros((len(first), probabilities.shape[1]))
    np.add.at(total, inverse, np.log(np.maximum(probabilities, 1e-9)))
    mean = total / count[:, None]
    truth = labels[first]

    def loss(exponent: float) -> float:
        scores = log_softmax(mean * (count**exponent)[:, None], axis=1)
        return -float(scores[np.arange(len(truth)), truth].mean())

    return float(scipy.optimize.minimize_scalar(loss, bounds=(0.0, 1.0), method="bounded").x)


def _dependence(
    classifier: Any, scaling: calibration.SizedScaling, together: FeatureTable, feature_names: tuple[str, ...]
) -> float:
    sizes = together.features[:, feature_names.index("picture.log2_pixels")]
    return fit_dependence(
        scaling.probabilities(margins_of(classifier, together.features), sizes), together.labels, together.files
    )


def evidence_ranges(features: np.ndarray, names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Per feature the 0.5 %, 50 % and 99.5 % quantile over windows of uncompressed pictures; NaN rows are left out."""
    ranges: dict[str, dict[str, float]] = {}
    for index, name in enumerate(names):
        column = features[:, index]
        column = column[np.isfinite(column)]
        if len(column):
            low, median, high = np.quantile(column, (0.005, 0.5, 0.995)).tolist()
            ranges[name] = {"low": low, "median": median, "high": high}
    return ranges


def figures(probabilities: np.ndarray, table: FeatureTable) -> dict[str, Any]:
    """Accuracy, calibration and false positives of calibrated fine probabilities on a table.

    `false_positive_rate` is None where the table holds no uncompressed window; classes without a window have no entry.
    """
    classes = np.asarray(FINE_TO_CLASS)[table.labels]
    merged = merge_fine(probabilities)
    right = merged.argmax(axis=1) == classes
    clean = classes == 0
    return {
        "windows": len(classes),
        "accuracy": float(right.mean()),
        "fine_accuracy": float((probabilities.argmax(axis=1) == table.labels).mean()),
        "accuracy_by_class": {
            name: float(right[classes == k].mean()) for k, name in enumerate(CLASSES) if (classes == k).any()
        },
        "false_positive_rate": float((~right[clean]).mean()) if clean.any() else None,
        "expected_calibration_error": calibration.expected_calibration_error(merged, classes),
    }


def check_apart(train: FeatureTable, validation: FeatureTable) -> None:
    """Raise `ValueError` where a source stands in both tables."""
    if shared := set(train.sources.tolist()) & set(validation.sources.tolist()):
        raise ValueError(f"sources stand in both training and validation: {', '.join(sorted(shared)[:3])}")


def train_baseline(
    train: FeatureTable,
    validation: FeatureTable,
    together: FeatureTable,
    feature_names: tuple[str, ...],
    features_version: int,
    out: Path,
    *,
    recipe: Recipe,
    facts: dict[str, Any],
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Train, calibrate and write the three artefact files.

    Parameters
    ----------
    train, validation : FeatureTable
        Windows of training and of validation sources; no source in both.
    together : FeatureTable
        Several windows of one size from each validation file, from which their dependence is fitted.
    feature_names : tuple of str
        Column names; `picture.log2_pixels` must be among them.
    features_version : int
    out : Path
        Folder that receives the artefacts; made if absent.
    recipe : Recipe
    facts : dict
        What the card says of the data: manifest hash, counts, package versions.
    report : callable
        Gets progress lines.

    Returns
    -------
    dict
        The model card.

    Raises
    ------
    ValueError
        A source stands in both tables, or one of them holds no compressed window.
    """
    check_apart(train, validation)
    for name, table in (("training", train), ("validation", validation)):
        if not (np.isfinite(table.log2_ratio) & np.isfinite(table.ssim)).any():
            raise ValueError(f"the {name} table holds no compressed window: strength cannot be learned")
    out.mkdir(parents=True, exist_ok=True)
    classifier = train_classifier(train, validation, recipe, report)
    report(f"classifier kept {classifier.num_boosted_rounds()} rounds")
    sizes = validation.features[:, feature_names.index("picture.log2_pixels")]
    margins = margins_of(classifier, validation.features)
    weights = class_weights(validation.labels, recipe)
    scaling = calibration.fit_scaling(margins, validation.labels, sizes, weights)
    probabilities = scaling.probabilities(margins, sizes)
    strengths, offsets, errors = _strength_models(train, validation, recipe, report)
    card = {
        "model": "baseline",
        "kind": "XGBoost trees on forensic features",
        **facts,
        "recipe": asdict(recipe),
        "rounds": classifier.num_boosted_rounds(),
        "inconclusive_below": INCONCLUSIVE_BELOW,
        "validation": {**figures(probabilities, validation), **errors},
        "validation_table": validation_table(
            probabilities,
            validation.labels,
            estimated_ratio(strengths[0], validation.features),
            2.0 ** (sizes / 2),
            INCONCLUSIVE_BELOW,
        ),
    }
    stored = {
        "card": card,
        "features_version": features_version,
        "feature_names": list(feature_names),
        "calibration": {
            "scaling": scaling.as_dict(),
            "window_dependence": _dependence(classifier, scaling, together, feature_names),
            "log2_ratio_offset": offsets[0],
            "ssim_offset": offsets[1],
        },
        "evidence": evidence_ranges(validation.features[validation.labels == 0], feature_names),
    }
    write_atomically(out / CLASSIFIER_FILE, from_boosters([classifier], [len(FINE_CLASSES)]).to_bytes())
    write_atomically(out / STRENGTH_FILE, from_boosters(strengths, [len(QUANTILES)] * len(strengths)).to_bytes())
    write_atomically(out / CARD_FILE, json.dumps(stored, indent=1, allow_nan=False).encode())
    return card


def _strength_models(
    train: FeatureTable, validation: FeatureTable, recipe: Recipe, report: Callable[[str], None]
) -> tuple[list[Any], list[float], dict[str, float]]:
    """Both quantile boosters, how far their intervals must be widened, and their validation errors."""
    boosters, offsets = [], []
    medians = []
    targets = ((train.log2_ratio, validation.log2_ratio), (ssim_to_score(train.ssim), ssim_to_score(validation.ssim)))
    for fit_on, check_on in targets:
        booster = train_strength(train, fit_on, recipe)
        keep = np.isfinite(check_on)
        quantiles = np.sort(margins_of(booster, validation.features[keep]), axis=1)
        offsets.append(calibration.conformal_offset(check_on[keep], quantiles[:, 0], quantiles[:, 2]))
        medians.append((quantiles[:, 1], check_on[keep]))
        boosters.append(booster)
        report(f"strength regressor {len(boosters)} of 2 done")
    ratio, true_ratio = (2.0**values for values in medians[0])
    ssim, true_ssim = (1.0 - 2.0 ** (-values) for values in medians[1])
    errors = {
        "ratio_mean_relative_error": float(np.mean(np.abs(ratio / true_ratio - 1))),
        "ssim_mean_absolute_error": float(np.mean(np.abs(ssim - true_ssim))),
    }
    return boosters, offsets, errors
