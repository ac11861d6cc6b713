"""Training of the network; needs the extra `train` (Keras 3 with any of its backends).

The learning rate warms up and falls as a half cosine over the whole budget, which is a number of epochs or of minutes,
whichever ends first. Every epoch ends with a validation and a checkpoint that holds network, optimiser and curves, so a
killed run goes on at its last epoch.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from forensics_models.classes import FINE_CLASSES
from forensics_models.cnn_batches import TrainingBatches
from forensics_models.cnn_data import Balance, PatchTable, in_order
from forensics_models.cnn_network import QUANTILES, Architecture, build

PROGRESS_FILE = "progress.json"
"""Names the checkpoint that a run goes on from."""

SETTLING = 0.5
"""Share of the budget from which patience counts: the learning rate is then half of its peak and falling."""
PREDICTED_PIXELS = 64 * 128 * 128
"""Pixels judged at once on validation: bounds the memory to some 700 MB."""


@dataclass(frozen=True)
class CnnRecipe:
    """Everything that decides a training run.

    Attributes
    ----------
    epochs : int
        Largest number of epochs.
    minutes : float
        Largest training time, validation included; over all runs together where training was interrupted.
    steps : int
        Batches in an epoch.
    batch : int
    sides : tuple of (int, float)
        Sides of the patches with their shares.
    learning_rate, weight_decay : float
        Of AdamW; the rate is the peak's.
    warm_up : float
        Share of the budget over which the rate rises.
    label_smoothing : float
    strength_weight : float
        Of each strength loss relative to the class loss.
    patience : int
        Epochs without a lower validation loss after which training stops. They count from `SETTLING` of the budget on:
        before that the learning rate is high, and the loss of a network that training starts from rises first.
    validation_side, validation_patches : int
        Side and largest number of the patches judged after every epoch.
    precision : str
        `float32` or `mixed_bfloat16`; see `cnn_network.build`.
    started_from : str
        SHA-256 of the `.keras` file whose weights training starts from; empty for random ones.
    """

    epochs: int = 200
    minutes: float = 60.0
    steps: int = 250
    batch: int = 48
    sides: tuple[tuple[int, float], ...] = ((64, 0.15), (96, 0.5), (128, 0.25), (160, 0.1))
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    warm_up: float = 0.04
    label_smoothing: float = 0.02
    strength_weight: float = 0.1
    patience: int = 12
    validation_side: int = 128
    validation_patches: int = 1600
    precision: str = "float32"
    seed: int = 2026
    started_from: str = ""
    architecture: Architecture = field(default_factory=Architecture)
    balance: Balance = field(default_factory=Balance)


@keras.saving.register_keras_serializable("forensics")
class SmoothedCrossEntropy(keras.losses.Loss):
    """Cross-entropy of integer labels with `smoothing` of the mass spread over all classes."""

    def __init__(
        self,
        smoothing: float = 0.0,
        name: str = "cross_entropy",
        reduction: str = "sum_over_batch_size",
        **options: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, **options)
        self.smoothing = smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        logs = ops.log_softmax(ops.cast(y_pred, "float32"), axis=-1)
        wanted = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), logs.shape[-1])
        return -ops.sum((wanted * (1 - self.smoothing) + self.smoothing / logs.shape[-1]) * logs, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "smoothing": self.smoothing}


@keras.saving.register_keras_serializable("forensics")
class PinballLoss(keras.losses.Loss):
    """Mean quantile loss of three predictions for `QUANTILES` against one target (Koenker and Bassett 1978,
    doi:10.2307/1913643).
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        error = ops.cast(y_true, "float32") - ops.cast(y_pred, "float32")
        levels = ops.convert_to_tensor(np.array(QUANTILES, np.float32))
        return ops.mean(ops.maximum(levels * error, (levels - 1.0) * error), axis=-1)


def learning_rate(recipe: CnnRecipe, share: float) -> float:
    """The rate when `share` (0..1) of the budget is used: a straight rise, then half a cosine down to 1 % of the
    peak.
    """
    if share < recipe.warm_up:
        return recipe.learning_rate * max(share / recipe.warm_up, 0.02)
    place = (min(share, 1.0) - recipe.warm_up) / (1 - recipe.warm_up)
    return recipe.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * place)))


def compiled(recipe: CnnRecipe) -> keras.Model:
    """An untrained network ready to be trained."""
    keras.utils.set_random_seed(recipe.seed)
    model = build(recipe.architecture, precision=recipe.precision)
    model.compile(
        optimizer=keras.optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay, global_clipnorm=1.0),
        loss={
            "margins": SmoothedCrossEntropy(recipe.label_smoothing),
            "log2_ratio": PinballLoss(),
            "ssim_score": PinballLoss(),
            "embedding": None,
        },
        loss_weights={
            "margins": 1.0,
            "log2_ratio": recipe.strength_weight,
            "ssim_score": recipe.strength_weight,
            "embedding": 0.0,
        },
    )
    return model


@dataclass
class Progress:
    """Where a run stands; written next to the checkpoint that it names.

    `curves` holds a row an epoch: epoch, minutes, rate, train_loss, val_loss, val_accuracy.
    """

    epoch: int = 0
    seconds: float = 0.0
    best_epoch: int = 0
    best_loss: float = math.inf
    curves: list[dict[str, float]] = field(default_factory=list)

    def save(self, folder: Path, recipe: CnnRecipe) -> None:
        """Write `progress.json` atomically."""
        content = {
            **asdict(self),
            "best_loss": self.best_loss if math.isfinite(self.best_loss) else None,
            "recipe": _plain(recipe),
        }
        part = folder / (PROGRESS_FILE + ".part")
        part.write_text(json.dumps(content, indent=1), encoding="utf-8")
        part.replace(folder / PROGRESS_FILE)


def _plain(recipe: CnnRecipe) -> dict[str, Any]:
    """The recipe as JSON gives it back, without what may change between the parts of an interrupted run."""
    content = json.loads(json.dumps(asdict(recipe)))
    return {name: value for name, value in content.items() if name not in ("epochs", "minutes", "patience")}


def resume(folder: Path, recipe: CnnRecipe, start: Path | None = None) -> tuple[keras.Model, Progress]:
    """The network and progress of an interrupted run in `folder`, or new ones, with the weights of `start` where it is
    given.

    Raises
    ------
    ValueError
        The run in the folder had another recipe (budget and patience may differ), or `start` holds another network.
    """
    path = folder / PROGRESS_FILE
    if not path.exists():
        model = compiled(recipe)
        if start is not None:
            take_weights(model, start)
        return model, Progress()
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.pop("recipe") != _plain(recipe):
        raise ValueError(f"{folder} holds a run with another recipe: name another folder, or empty this one")
    progress = Progress(**{**content, "best_loss": math.inf if content["best_loss"] is None else content["best_loss"]})
    return keras.saving.load_model(_checkpoint(folder, progress.epoch)), progress


def take_weights(model: keras.Model, path: Path) -> None:
    """Give a network the weights of a saved one.

    Raises
    ------
    ValueError
        The file cannot be read, or holds a network of another shape.
    """
    try:
        weights = keras.saving.load_model(path, compile=False).get_weights()
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{path} holds no network that can be read: {str(error).splitlines()[0]}") from None
    if [one.shape for one in weights] != [one.shape for one in model.get_weights()]:
        raise ValueError(f"{path} holds a network of another architecture")
    model.set_weights(weights)


def fit(
    train: PatchTable,
    validation: PatchTable,
    folder: Path,
    *,
    recipe: CnnRecipe,
    start: Path | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[keras.Model, Progress]:
    """Train until the budget is used or patience ends; the network of the best epoch.

    Parameters
    ----------
    train, validation : PatchTable
        Share no source.
    folder : Path
        Keeps the checkpoints; a run that was interrupted there goes on.
    recipe : CnnRecipe
    start : Path, optional
        A `.keras` file with the first weights; random ones when not given.
    report : callable
        Gets a line an epoch.

    Returns
    -------
    keras.Model, Progress

    Raises
    ------
    ValueError
        A source stands in both tables, the folder holds a run with another recipe, or `start` holds another network.
    """  # fmt: skip
    shared = set(train.sources.tolist()) & set(validation.sources.tolist())
    if shared:
        raise ValueError(f"sources stand in both training and validation: {', '.join(sorted(shared)[:3])}")
    folder.mkdir(parents=True, exist_ok=True)
    model, progress = resume(folder, recipe, start)
    checked = _validation_subset(validation, recipe)
    while not _finished(progress, recipe):
        started = time.monotonic()
        loss, complete = _epoch(model, train, recipe, progress, started)
        judged = measure(model, checked, recipe.validation_side)
        progress.epoch += 1
        progress.seconds += time.monotonic() - started
        progress.curves.append(
            {
                "epoch": progress.epoch,
                "minutes": round(progress.seconds / 60, 3),
                "rate": learning_rate(recipe, _share(progress, recipe)),
                "train_loss": loss,
                "val_loss": judged["loss"],
                "val_accuracy": judged["accuracy"],
            }
        )
        if judged["loss"] < progress.best_loss:
            progress.best_loss, progress.best_epoch = judged["loss"], progress.epoch
        _keep(model, folder, progress, recipe)
        report(
            f"epoch {progress.epoch}: {progress.seconds / 60:.1f} min, {complete} batches, loss {loss:.4f}, "
            f"validation {judged['loss']:.4f}, accuracy {judged['accuracy']:.4f}"
        )
    best = keras.saving.load_model(_checkpoint(folder, progress.best_epoch)) if progress.best_epoch else model
    return best, progress


def _share(progress: Progress, recipe: CnnRecipe, seconds: float = 0.0, batches: int = 0) -> float:
    return _share_at((progress.seconds + seconds) / 60, progress.epoch + batches / recipe.steps, recipe)


def _share_at(minutes: float, epochs: float, recipe: CnnRecipe) -> float:
    return max(minutes / recipe.minutes, epochs / recipe.epochs)


def _finished(progress: Progress, recipe: CnnRecipe) -> bool:
    return _share(progress, recipe) >= 1 or _stale(progress, recipe) >= recipe.patience


def _stale(progress: Progress, recipe: CnnRecipe) -> int:
    """Epochs since the lowest validation loss, of those from `SETTLING` of the budget on."""
    settled = [
        row["val_loss"] for row in progress.curves if _share_at(row["minutes"], row["epoch"], recipe) >= SETTLING
    ]
    return len(settled) - 1 - int(np.argmin(settled)) if settled else 0


def _epoch(
    model: keras.Model, train: PatchTable, recipe: CnnRecipe, progress: Progress, started: float
) -> tuple[float, int]:
    """One pass over an epoch's batches, ended early where the time is used; mean loss and batches done."""
    batches = TrainingBatches(
        train,
        sides=recipe.sides,
        batch=recipe.batch,
        steps=recipe.steps,
        balance=recipe.balance,
        seed=recipe.seed,
        epoch=progress.epoch,
    )
    total = 0.0
    for index in range(len(batches)):
        share = _share(progress, recipe, time.monotonic() - started, index)
        if share >= 1 and index:
            return total / index, index
        model.optimizer.learning_rate = learning_rate(recipe, share)
        pixels, targets, weights = batches[index]
        found = model.train_on_batch(pixels, targets, sample_weight=weights, return_dict=True)
        model.reset_metrics()
        total += float(found["loss"])
    return total / len(batches), len(batches)


def _validation_subset(table: PatchTable, recipe: CnnRecipe) -> PatchTable:
    """At most `validation_patches` patches, evenly spread over the table, always the same."""
    step = max(1.0, len(table) / recipe.validation_patches)
    return table.take(np.arange(0, len(table), step).astype(int))


def predictions(model: keras.Model, table: PatchTable, side: int) -> dict[str, np.ndarray]:
    """Outputs by name on the central squares of all patches, `PREDICTED_PIXELS` at a time."""
    found: dict[str, list[np.ndarray]] = {}
    for batch in in_order(table, side, max(1, PREDICTED_PIXELS // side**2)):
        for name, values in model.predict_on_batch(batch.pixels).items():
            found.setdefault(name, []).append(np.asarray(values, np.float32))
    return {name: np.concatenate(values) for name, values in found.items()}


def measure(model: keras.Model, table: PatchTable, side: int) -> dict[str, float]:
    """Log-loss and accuracy over `FINE_CLASSES`, every class counted alike."""
    margins = predictions(model, table, side)["margins"].astype(np.float64)
    logs = margins - margins.max(axis=1, keepdims=True)
    logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
    counts = np.bincount(table.labels, minlength=len(FINE_CLASSES))
    weights = 1.0 / counts[table.labels]
    weights /= weights.sum()
    right = margins.argmax(axis=1) == table.labels
    return {
        "loss": float(-(weights * logs[np.arange(len(logs)), table.labels]).sum()),
        "accuracy": float((weights * right).sum()),
    }


def _checkpoint(folder: Path, epoch: int) -> Path:
    return folder / f"epoch-{epoch:04d}.keras"


def _keep(model: keras.Model, folder: Path, progress: Progress, recipe: CnnRecipe) -> None:
    """Write the checkpoint, then the progress that names it, then drop what neither needs."""
    part = folder / "part.keras"
    model.save(part)
    part.replace(_checkpoint(folder, progress.epoch))
    progress.save(folder, recipe)
    needed = {_checkpoint(folder, epoch) for epoch in (progress.epoch, progress.best_epoch)}
    for path in set(folder.glob("epoch-*.keras")) - needed:
        path.unlink()
