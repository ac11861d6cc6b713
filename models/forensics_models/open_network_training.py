"""Training of the open judge's network (`open_network`); needs the extra `train` (Keras 3 with any of its backends)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics_models.classes import AFTERWARDS, OPEN_CLASSES
from forensics_models.open_network import Layer, OpenNetwork, Ranks

if TYPE_CHECKING:
    import keras

PREDICTED = 4096
"""Windows judged at once on validation."""


@dataclass(frozen=True)
class Rows:
    """What a network is trained or checked on.

    Attributes
    ----------
    features : np.ndarray [shape=(n, c), dtype=float32]
    labels : np.ndarray [shape=(n,), dtype=int]
        Index in `OPEN_CLASSES`.
    afterwards : np.ndarray [shape=(n,), dtype=int]
        Index in `AFTERWARDS`, -1 where it is not known.
    weights, after_weights : np.ndarray [shape=(n,)]
        Of the two questions; the second 0 where it is not known.
    """

    features: np.ndarray
    labels: np.ndarray
    afterwards: np.ndarray
    weights: np.ndarray
    after_weights: np.ndarray


@dataclass(frozen=True)
class NetworkRecipe:
    """Everything that decides the training of a network.

    Attributes
    ----------
    width, depth : int
        Of the hidden layers.
    epochs, batch : int
    learning_rate, weight_decay : float
        Of AdamW; the rate falls as half a cosine from this to nothing.
    dropout : float
        Share of the hidden units that a step leaves out, and half of it of the inputs.
    noise : float
        Standard deviation of the noise on the inputs, whose own is 1.
    smoothing : float
        Share of the mass that is spread over all classes.
    after_weight : float
        Of the question what happened since.
    precision : str
        Keras dtype policy of the hidden layers; `mixed_bfloat16` trains faster on processors that have it.
    """

    width: int = 768
    depth: int = 3
    epochs: int = 30
    batch: int = 512
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    dropout: float = 0.3
    noise: float = 0.1
    smoothing: float = 0.03
    after_weight: float = 0.3
    precision: str = "float32"
    seed: int = 2026


def train_network(
    train: Rows, validation: Rows, recipe: NetworkRecipe, report: Callable[[str], None]
) -> tuple[OpenNetwork, list[dict[str, float]]]:
    """Train a network; the epoch with the lowest validation loss of processes is kept.

    Returns
    -------
    network : OpenNetwork
    curve : list of dict
        The training loss of both questions and the validation losses of each, by epoch.
    """
    import keras

    keras.utils.set_random_seed(recipe.seed)
    numbers = np.random.default_rng(recipe.seed)
    ranks = Ranks.of(train.features)
    rows, held_out = (_in_halves(ranks, one.features) for one in (train, validation))
    model = _built(ranks.width, recipe, max(len(rows) // recipe.batch, 1) * recipe.epochs)
    wanted = _smoothed(train.labels, len(OPEN_CLASSES), recipe.smoothing)
    since = _smoothed(np.maximum(train.afterwards, 0), len(AFTERWARDS), 0.0)
    curve: list[dict[str, float]] = []
    best: list[Any] = model.get_weights()
    for epoch in range(1, recipe.epochs + 1):
        order, losses = numbers.permutation(len(rows)), []
        for start in range(0, max(len(order) - recipe.batch, 0) + 1, recipe.batch):
            some = order[start : start + recipe.batch]
            loss = model.train_on_batch(
                rows[some].astype(np.float32),
                [wanted[some], since[some]],
                sample_weight=[train.weights[some], train.after_weights[some]],
            )
            losses.append(float(np.ravel(loss)[0]))
        process, after = _predicted(model, held_out)
        found = {
            "train": float(np.mean(losses[-50:])),
            "process": _log_loss(process, validation.labels, validation.weights),
            "after": _log_loss(after, np.maximum(validation.afterwards, 0), validation.after_weights),
        }
        if not curve or found["process"] < min(row["process"] for row in curve):
            best = model.get_weights()
        curve.append(found)
        report(
            f"epoch {epoch} of {recipe.epochs}: validation log-loss {found['process']:.4f} of processes, "
            f"{found['after']:.4f} of what happened since"
        )
    model.set_weights(best)
    return OpenNetwork(ranks, *_folded(model, recipe.depth)), curve


def _built(width: int, recipe: NetworkRecipe, steps: int) -> keras.Model:
    import keras

    given = keras.Input((width,))
    seen = keras.layers.GaussianNoise(recipe.noise)(given)
    seen = keras.layers.Dropout(recipe.dropout / 2)(seen)
    for number in range(recipe.depth):
        made = keras.layers.Dense(recipe.width, name=f"hidden{number}", dtype=recipe.precision)(seen)
        made = keras.layers.BatchNormalization(name=f"scaled{number}")(made)
        made = keras.layers.Dropout(recipe.dropout)(keras.layers.Activation("silu")(made))
        seen = made if number == 0 else keras.layers.Add()([seen, made])
    answers = [
        keras.layers.Dense(len(names), name=name, dtype="float32")(seen)
        for name, names in (("process", OPEN_CLASSES), ("after", AFTERWARDS))
    ]
    model = keras.Model(given, answers)
    rate = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay),
        loss=[keras.losses.CategoricalCrossentropy(from_logits=True) for _ in answers],
        loss_weights=[1.0, recipe.after_weight],
    )
    return model


def _folded(model: keras.Model, depth: int) -> tuple[tuple[Layer, ...], Layer, Layer]:
    """The layers with the scales of the normalisation taken into their weights."""
    hidden = []
    for number in range(depth):
        weights, bias = model.get_layer(f"hidden{number}").get_weights()
        normal = model.get_layer(f"scaled{number}")
        gamma, beta, mean, variance = normal.get_weights()
        scale = gamma / np.sqrt(variance + normal.epsilon)
        hidden.append(Layer((weights * scale).astype(np.float32), ((bias - mean) * scale + beta).astype(np.float32)))
    process, after = (Layer(*model.get_layer(name).get_weights()) for name in ("process", "after"))
    return tuple(hidden), process, after


def _in_halves(ranks: Ranks, features: np.ndarray) -> np.ndarray:
    """Ranks of many windows in half precision, `np.ndarray [shape=(n, width), dtype=float16]`: a quarter of the memory
    at a time, and far finer than the noise on them.
    """
    made = np.empty((len(features), ranks.width), np.float16)
    for start in range(0, len(features), PREDICTED):
        made[start : start + PREDICTED] = ranks(features[start : start + PREDICTED])
    return made


def _smoothed(labels: np.ndarray, classes: int, smoothing: float) -> np.ndarray:
    return (np.eye(classes, dtype=np.float32) * (1 - smoothing) + np.float32(smoothing / classes))[labels]


def _predicted(model: keras.Model, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    said = [
        [np.asarray(part, np.float64) for part in model.predict_on_batch(rows[k : k + PREDICTED].astype(np.float32))]
        for k in range(0, len(rows), PREDICTED)
    ]
    process, after = (np.concatenate(parts) for parts in zip(*said, strict=True))
    return process, after


def _log_loss(margins: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    from scipy.special import logsumexp

    if not weights.any():
        return 0.0
    lost = logsumexp(margins, axis=1) - margins[np.arange(len(labels)), labels]
    return float(np.average(lost, weights=weights))
