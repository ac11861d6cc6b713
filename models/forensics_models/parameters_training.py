"""Training of the parameter estimators from feature tables whose files' true parameters are known; needs the extra
`train`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import log_softmax

from forensics_models import calibration
from forensics_models.baseline_training import MAX_BIN, QUANTILES, FeatureTable, TreeRecipe, check_apart, margins_of
from forensics_models.parameters import CARD_FILE, EARLIER, TARGETS, TREES_FILE, Target, inputs
from forensics_models.storage import write_atomically
from forensics_models.trees import from_boosters

LEAST_WINDOWS = 60
"""A target with fewer windows in training or validation is left out."""


@dataclass(frozen=True)
class Recipe(TreeRecipe):
    """Everything that decides a training run."""

    rounds: int = 220
    name_rounds: int = 80
    earlier_rounds: int = 160
    learning_rate: float = 0.09
    max_depth: int = 5
    column_share: float = 0.3


Truths = Mapping[str, Mapping[str, Any]]
"""True parameters by file id: name to value, `class` among them."""


def values_of(target: Target, files: np.ndarray, truths: Truths) -> np.ndarray:
    """A target's true values for windows of files, on the scale of the trees; NaN where the target does not apply.

    Parameters
    ----------
    target : Target
    files : np.ndarray [shape=(n,), dtype=str]
    truths : mapping
        True parameters by file.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float64]
        Numbers on the target's scale, or indices into its names.
    """
    by_file = {}
    for file in set(files.tolist()):
        facts = truths.get(file, {})
        value = facts.get(target.name) if facts.get("class") in target.classes else None
        if value is None:
            by_file[file] = np.nan
        elif target.names:
            by_file[file] = float(target.names.index(value)) if value in target.names else np.nan
        else:
            inside = float(value) > 0 or not target.logarithmic
            by_file[file] = float(target.to_scale(np.array(float(value)))) if inside else np.nan
    return np.array([by_file[file] for file in files.tolist()])


def _classes_of(files: np.ndarray, truths: Truths) -> list[str]:
    return [str(truths.get(file, {}).get("class", "")) for file in files.tolist()]


def train_parameters(
    train: FeatureTable,
    validation: FeatureTable,
    truths: Truths,
    feature_names: tuple[str, ...],
    features_version: int,
    out: Path,
    *,
    recipe: Recipe,
    facts: dict[str, Any],
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Fit every target that has data, calibrate it on validation sources, and write the two artefact files.

    Parameters
    ----------
    train, validation : FeatureTable
        Windows of sources that are in one of the two only.
    truths : mapping
        True parameters by file id, for both tables.
    feature_names : tuple of str
    features_version : int
    out : Path
        Folder for the artefacts.
    recipe : Recipe
    facts : dict
        What the card says of the data.
    report : callable
        Gets progress lines.

    Returns
    -------
    dict
        The model card.

    Raises
    ------
    ValueError
        A source stands in both tables, or no target has enough windows.
    """
    check_apart(train, validation)
    boosters, kept, fitted, figures = [], [], {}, {}
    learned, checked = (inputs(table.features, _classes_of(table.files, truths)) for table in (train, validation))
    for target in TARGETS:
        truth, check = (values_of(target, table.files, truths) for table in (train, validation))
        target, truth, check = _present(target, truth, check)
        if min(np.isfinite(truth).sum(), np.isfinite(check).sum()) < LEAST_WINDOWS:
            report(f"{target.key}: too few windows, left out")
            continue
        if len(target.names) == 1:
            report(f"{target.key}: {target.names[0]} alone in the data, left out")
            continue
        booster = _fit(target, learned, truth, recipe)
        keep = np.isfinite(check)
        fitted[target.key], figures[target.key] = _calibrated(target, margins_of(booster, checked[keep]), check[keep])
        boosters.append(booster)
        kept.append(target)
        report(
            f"{target.key}: validation error {figures[target.key]['error']:.3f} on {figures[target.key]['windows']} "
            f"windows"
        )
    if not kept:
        raise ValueError("no parameter has enough windows to learn from")
    card = {
        "model": "parameters",
        "kind": "XGBoost trees on forensic features",
        **facts,
        "recipe": asdict(recipe),
        "validation": figures,
    }
    stored = {
        "card": card,
        "features_version": features_version,
        "feature_names": list(feature_names),
        "targets": [asdict(target) for target in kept],
        "calibration": fitted,
    }
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / TREES_FILE, from_boosters(boosters, [target.outputs for target in kept]).to_bytes())
    write_atomically(out / CARD_FILE, json.dumps(stored, indent=1, allow_nan=False).encode())
    return card


def _present(target: Target, truth: np.ndarray, check: np.ndarray) -> tuple[Target, np.ndarray, np.ndarray]:
    """A named target with those names only that training holds often enough to learn."""
    if not target.names:
        return target, truth, check
    counts = np.bincount(truth[np.isfinite(truth)].astype(int), minlength=len(target.names))
    kept = np.flatnonzero(counts >= 20)
    place = np.full(len(target.names) + 1, np.nan)
    place[kept] = np.arange(len(kept))
    names = tuple(target.names[i] for i in kept)
    mapped = [place[np.nan_to_num(values, nan=len(target.names)).astype(int)] for values in (truth, check)]
    return Target(**{**asdict(target), "names": names}), mapped[0], mapped[1]


def _fit(target: Target, features: np.ndarray, truth: np.ndarray, recipe: Recipe) -> Any:
    import xgboost

    keep = np.isfinite(truth)
    data = xgboost.QuantileDMatrix(features[keep], label=truth[keep], max_bin=MAX_BIN, nthread=recipe.threads)
    common = recipe.booster_parameters()
    if target.names:
        parameters = {**common, "objective": "multi:softprob", "num_class": len(target.names), "min_child_weight": 1.0}
        return xgboost.train(parameters, data, recipe.earlier_rounds if target.name == EARLIER else recipe.name_rounds)
    parameters = {**common, "objective": "reg:quantileerror", "quantile_alpha": list(QUANTILES)}
    return xgboost.train(parameters, data, recipe.rounds)


def _calibrated(target: Target, outputs: np.ndarray, check: np.ndarray) -> tuple[dict[str, float], dict[str, Any]]:
    """What turns the trees' outputs into honest statements, and the validation figures."""
    if target.names:
        truth = check.astype(int)
        temperatures = np.exp(np.linspace(-2, 1, 61))
        scores = [log_softmax(outputs * t, axis=1)[np.arange(len(truth)), truth].mean() for t in temperatures]
        wrong = float((outputs.argmax(axis=1) != truth).mean())
        return {"inverse_temperature": float(temperatures[int(np.argmax(scores))])}, {
            "error": wrong,
            "windows": len(truth),
        }
    quantiles = np.sort(outputs.astype(np.float64), axis=1)
    offset = calibration.conformal_offset(check, quantiles[:, 0], quantiles[:, 2])
    estimate, truth = target.from_scale(quantiles[:, 1]), target.from_scale(check)
    distance = np.abs(estimate - truth)
    return {"offset": offset}, {
        "error": float(distance.mean()),
        "median_error": float(np.median(distance)),
        "windows": len(truth),
        "mean_relative_error": float(np.mean(distance / np.maximum(truth, 1e-9))) if target.logarithmic else None,
        "mean_interval": float(
            np.mean(target.from_scale(quantiles[:, 2] + offset) - target.from_scale(quantiles[:, 0] - offset))
        ),
    }
