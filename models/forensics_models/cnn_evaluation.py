"""What a trained network is worth on validation sources, its calibration, and the files that are shipped of it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from forensics_models import calibration
from forensics_models.baseline_training import (
    INCONCLUSIVE_BELOW,
    FeatureTable,
    Recipe,
    class_weights,
    figures,
    fit_dependence,
)
from forensics_models.classes import FINE_CLASSES
from forensics_models.cnn import CARD_FILE, KERAS_FILE, NETWORK_FILE
from forensics_models.cnn_data import PatchTable, corners
from forensics_models.cnn_export import largest_difference, to_onnx
from forensics_models.cnn_network import build, multiply_adds
from forensics_models.cnn_training import CnnRecipe, Progress, predictions
from forensics_models.judgement import score_to_ssim, ssim_to_score
from forensics_models.validation_table import validation_table

SIDES = (64, 96, 128, 192)
"""Sides of the validation patches that calibration and figures rest on, as far as the patches are that large."""

TOLERANCE = 1e-4
"""Largest difference between Keras and the exported model in any output."""

CURVES_FILE, CURVES_PICTURE = "cnn_curves.csv", "cnn_curves.png"
CONFUSION_FILE, CONFUSION_PICTURE = "cnn_confusion.csv", "cnn_confusion.png"


@dataclass(frozen=True)
class Evaluation:
    """Calibration and figures of a network on validation patches.

    Attributes
    ----------
    stored : dict
        The calibration as `forensics_models.cnn.Cnn` reads it.
    figures : dict
        For a card: accuracy and more over all sides, strength errors, and `by_side`.
    confusion : np.ndarray [shape=(11, 11), dtype=int64]
        True fine class by row, given one by column, at the largest side.
    """

    stored: dict[str, Any]
    figures: dict[str, Any]
    confusion: np.ndarray


def in_float32(model: keras.Model, recipe: CnnRecipe) -> keras.Model:
    """The same network computing in float32 throughout, without optimiser."""
    plain = build(recipe.architecture)
    plain.set_weights(model.get_weights())
    return plain


def evaluate(model: keras.Model, validation: PatchTable) -> Evaluation:
    """Calibrate a network on validation patches and measure it there.

    The figures are of the patches that calibration was fitted on; a test split gives unbiased ones.
    """
    largest = min(validation.pixels[0].shape[:2])
    sides = [side for side in SIDES if side <= largest]
    outputs = {side: predictions(model, validation, side) for side in sides}
    margins = np.concatenate([outputs[side]["margins"] for side in sides])
    labels = np.tile(validation.labels, len(sides))
    pixels = np.repeat(2 * np.log2(sides), len(validation))
    scaling = calibration.fit_scaling(margins, labels, pixels, class_weights(labels, Recipe()))
    probabilities = scaling.probabilities(margins, pixels)
    offsets, errors = _strengths(outputs, validation)
    last = probabilities[-len(validation) :]
    confusion = np.zeros((len(FINE_CLASSES),) * 2, np.int64)
    np.add.at(confusion, (validation.labels, last.argmax(axis=1)), 1)
    ratios = np.concatenate(
        [2.0 ** np.maximum(outputs[side]["log2_ratio"][:, 1].astype(np.float64), 0.0) for side in sides]
    )
    by_side = {
        str(side): {
            **_brief(probabilities[index * len(validation) : (index + 1) * len(validation)], validation),
            "log_loss": log_loss(outputs[side]["margins"], validation.labels),
        }
        for index, side in enumerate(sides)
    }
    whole = figures(probabilities, _rows(validation, len(sides)))
    table = validation_table(
        probabilities, labels, ratios, np.repeat(np.array(sides, float), len(validation)), INCONCLUSIVE_BELOW
    )
    stored = {
        "scaling": scaling.as_dict(),
        "window_dependence": _dependence(model, validation, scaling),
        "log2_ratio_offset": offsets[0],
        "ssim_offset": offsets[1],
    }
    return Evaluation(stored, {**whole, **errors, "by_side": by_side, "table": table}, confusion)


def log_loss(margins: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy of uncalibrated margins."""
    logs = margins.astype(np.float64) - margins.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(logs).sum(axis=1)) - logs[np.arange(len(labels)), labels]))


def _brief(probabilities: np.ndarray, table: PatchTable) -> dict[str, Any]:
    found = figures(probabilities, _rows(table, 1))
    return {
        name: found[name] for name in ("accuracy", "fine_accuracy", "false_positive_rate", "expected_calibration_error")
    }


def _rows(table: PatchTable, times: int) -> FeatureTable:
    """The facts of a table `times` over, without features, as the baseline's figures take them."""
    columns = (
        np.tile(values, times) for values in (table.labels, table.log2_ratio, table.ssim, table.sources, table.files)
    )
    return FeatureTable(np.empty((times * len(table), 0), np.float32), *columns)


def _strengths(outputs: dict[int, dict[str, np.ndarray]], table: PatchTable) -> tuple[list[float], dict[str, float]]:
    """How far the intervals must be widened, and the errors of the medians."""
    keep = np.isfinite(table.log2_ratio) & np.isfinite(table.ssim)
    offsets, medians = [], {}
    for name, truth in (("log2_ratio", table.log2_ratio), ("ssim_score", ssim_to_score(table.ssim))):
        quantiles = np.sort(np.concatenate([found[name][keep] for found in outputs.values()]), axis=1)
        wanted = np.tile(truth[keep], len(outputs))
        offsets.append(calibration.conformal_offset(wanted, quantiles[:, 0], quantiles[:, 2]))
        medians[name] = (quantiles[:, 1].astype(np.float64), wanted)
    ratio, true_ratio = (2.0**values for values in medians["log2_ratio"])
    ssim, true_ssim = (score_to_ssim(values) for values in medians["ssim_score"])
    return offsets, {
        "ratio_mean_relative_error": float(np.mean(np.abs(ratio / true_ratio - 1))),
        "ssim_mean_absolute_error": float(np.mean(np.abs(ssim - true_ssim))),
    }


def _dependence(model: keras.Model, table: PatchTable, scaling: calibration.SizedScaling) -> float:
    """The exponent of `combine_windows`, from the four corners of each patch, which do not overlap."""
    side = min(table.pixels[0].shape[:2]) // 2
    margins = []
    for start in range(0, len(table), 16):
        cut = [
            corner
            for place in range(start, min(start + 16, len(table)))
            for corner in corners(table.pixels[place], side)
        ]
        margins.append(np.asarray(model.predict_on_batch(np.stack(cut).astype(np.float32))["margins"]))
    joined = np.concatenate(margins)
    probabilities = scaling.probabilities(joined, np.full(len(joined), 2 * np.log2(side)))
    return fit_dependence(probabilities, np.repeat(table.labels, 4), np.repeat(table.files, 4))


def write_artefacts(
    model: keras.Model,
    progress: Progress,
    validation: PatchTable,
    out: Path,
    *,
    recipe: CnnRecipe,
    facts: dict[str, Any],
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Evaluate a trained network and write `cnn.json`, `cnn.onnx.gz`, `cnn.keras`, curves and confusion matrix.

    Parameters
    ----------
    model : keras.Model
        As `cnn_training.fit` gives it.
    progress : Progress
    validation : PatchTable
    out : Path
        Folder; made if absent.
    recipe : CnnRecipe
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
        The exported model does not agree with Keras to `TOLERANCE`, or validation holds no compressed patch.
    """
    if not np.isfinite(validation.log2_ratio).any():
        raise ValueError("validation holds no compressed patch: strength cannot be judged")
    out.mkdir(parents=True, exist_ok=True)
    plain = in_float32(model, recipe)
    exported = to_onnx(plain)
    sample = np.stack(
        [validation.pixels[place] for place in range(0, len(validation), max(1, len(validation) // 16))][:16]
    )
    difference = largest_difference(plain, exported, sample)
    if not difference <= TOLERANCE:
        raise ValueError(f"the exported model differs from Keras by {difference:.2g}, more than {TOLERANCE}")
    report("evaluating on validation")
    evaluation = evaluate(plain, validation)
    card = {
        "model": "cnn",
        "kind": "convolutional network on raw patches",
        **facts,
        "recipe": asdict(recipe),
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "minutes": round(progress.seconds / 60, 1),
        "parameters": int(plain.count_params()),
        "multiply_adds_224": multiply_adds(plain, 224),
        "export_difference": difference,
        "inconclusive_below": INCONCLUSIVE_BELOW,
        "validation": evaluation.figures,
    }
    write(out / NETWORK_FILE, gzip.compress(exported, mtime=0))
    plain.save(out / ("part_" + KERAS_FILE))
    (out / ("part_" + KERAS_FILE)).replace(out / KERAS_FILE)
    write_curves(progress, out)
    write_confusion(evaluation.confusion, out)
    write(
        out / CARD_FILE,
        json.dumps({"card": card, "calibration": evaluation.stored}, indent=1, allow_nan=False).encode(),
    )
    return card


def write_curves(progress: Progress, out: Path) -> None:
    """The curves of a run as CSV, and as a picture where matplotlib is installed."""
    write_table(out / CURVES_FILE, progress.curves)
    figure = _figure(9, 3.5)
    if figure is None or not progress.curves:
        return
    epochs = [row["epoch"] for row in progress.curves]
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [row["train_loss"] for row in progress.curves], label="training (all heads)")
    left.plot(epochs, [row["val_loss"] for row in progress.curves], label="validation (classes)")
    left.set(xlabel="epoch", ylabel="loss")
    left.legend()
    right.plot(epochs, [row["val_accuracy"] for row in progress.curves], color="tab:green")
    right.set(xlabel="epoch", ylabel="validation accuracy, eleven classes", ylim=(0, 1))
    _save(figure, out / CURVES_PICTURE)


def write_confusion(confusion: np.ndarray, out: Path) -> None:
    """A confusion matrix as CSV (counts), and as a picture (shares of the true class) where matplotlib is installed."""
    rows = [{"true": name, **dict(zip(FINE_CLASSES, line.tolist()))} for name, line in zip(FINE_CLASSES, confusion)]
    write_table(out / CONFUSION_FILE, rows)
    figure = _figure(6.5, 6)
    if figure is None:
        return
    axes = figure.subplots()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(FINE_CLASSES)), FINE_CLASSES, rotation=60, ha="right")
    axes.set_yticks(range(len(FINE_CLASSES)), FINE_CLASSES)
    axes.set(xlabel="judged", ylabel="true")
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.005:
            axes.text(
                column,
                row,
                f"{100 * share:.0f}",
                ha="center",
                va="center",
                fontsize=7,
                color="white" if share > 0.5 else "black",
            )
    _save(figure, out / CONFUSION_PICTURE)


def _figure(width: float, height: float) -> Any:
    """An empty figure that needs no display, None without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: Path) -> None:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    write(path, stream.getvalue())


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    """Rows with equal keys as CSV, atomically."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write(path, text.getvalue().encode())


def write(path: Path, data: bytes) -> None:
    """Write a file under another name and rename it into place."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
