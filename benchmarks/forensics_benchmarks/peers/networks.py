"""Plain image networks trained from scratch on the same patches, as people first try: no high-pass planes, no phases,
no care for small traces.

- `plain-network`: four blocks of two 3x3 convolutions with batch normalisation and max pooling, global average pooling;
  colour; any size.
- `lenet-grey`: LeNet-5 (LeCun et al. 1998) on 64x64 grey tiles; a larger patch is the mean over its tiles.

Both are small on purpose and train for minutes: they show what the task gives away to a network that is not made for
it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from forensics_features.standards import LUMA_WEIGHTS
from forensics_models.classes import FINE_CLASSES
from forensics_models.fused import as_rgb
from forensics_models.storage import replacing

from forensics_benchmarks.models import Judged, PatchBatch, Workplace, digest, only_classes
from forensics_benchmarks.peers.training_patches import chosen_rows, cut

SIDE = 64
"""Side of the training patches and of LeNet's tiles, in pixels."""
EPOCHS = 32
"""Passes over the patches that a peer's network is trained for."""
_BATCH = 32
"""Pictures a batch: a bound on memory."""
_MODEL = "network.keras"


@dataclass(frozen=True)
class PlainNetwork:
    """One of the two networks; `home` holds it once it is prepared."""

    name: str
    home: Path | None = None

    def prepare(self, place: Workplace) -> PlainNetwork:
        import keras  # noqa: F401

        rows = chosen_rows(place.train_data, "train", place.windows, place.seed)
        key = digest(self.name, EPOCHS, SIDE, place.seed, [row.id for _, row in rows])
        home = place.folder / f"{self.name}-{key}"
        if not (home / _MODEL).exists():
            home.mkdir(parents=True, exist_ok=True)
            place.report(f"{self.name}: training on {len(rows)} patches")
            patches = list(cut(rows, place.seed, SIDE))
            pixels = prepared(self.name, [patch.pixels for patch in patches])
            _train(self.name, home / _MODEL, pixels, np.array([patch.label for patch in patches]), place.seed)
        return replace(self, home=home)

    def key(self) -> str:
        return self.home.name.rpartition("-")[2] if self.home else ""

    def judge(self, batch: PatchBatch) -> Judged:
        assert self.home is not None
        network = _loaded(self.home)
        start = time.perf_counter()
        if self.name == "lenet-grey":
            said = np.stack([network.predict_on_batch(tiles(patch)).mean(axis=0) for patch in batch])
        else:
            pixels = prepared(self.name, list(batch))
            said = np.concatenate(
                [network.predict_on_batch(pixels[k : k + _BATCH]) for k in range(0, len(pixels), _BATCH)]
            )
        said = said.astype(np.float64)
        return only_classes(said / said.sum(axis=1, keepdims=True), time.perf_counter() - start)


def prepared(name: str, patches: Sequence[np.ndarray]) -> np.ndarray:
    """Patches of one size as a network takes them: RGB, or grey in one channel, `np.ndarray [shape=(n, side, side, c),
    dtype=float32]` in 0..1.
    """
    rgb = np.stack([as_rgb(patch) for patch in patches])
    if name == "lenet-grey":
        return (rgb @ np.array(LUMA_WEIGHTS["bt601"], np.float32) / 255.0)[..., None].astype(np.float32)
    return rgb.astype(np.float32) / 255.0


def tiles(patch: np.ndarray) -> np.ndarray:
    """The 64x64 tiles of a patch from its first pixel on, as `prepared` gives them."""
    grey = prepared("lenet-grey", [patch])[0]
    return np.stack([
        grey[top : top + SIDE, left : left + SIDE]
        for top in range(0, grey.shape[0] - SIDE + 1, SIDE)
        for left in range(0, grey.shape[1] - SIDE + 1, SIDE)
    ])  # fmt: skip


def network(name: str) -> Any:
    """An untrained network with a softmax over `FINE_CLASSES`."""
    import keras
    from keras import layers

    if name == "lenet-grey":
        return keras.Sequential([
            keras.Input((SIDE, SIDE, 1)),
            layers.Conv2D(6, 5, padding="same", activation="tanh"), layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="tanh"), layers.AveragePooling2D(2),
            layers.Flatten(), layers.Dense(120, activation="tanh"), layers.Dense(84, activation="tanh"),
            layers.Dense(len(FINE_CLASSES), activation="softmax"),
        ])  # fmt: skip
    stack = [keras.Input((None, None, 3))]
    for filters in (16, 32, 64, 96):
        for _ in range(2):
            stack += [
                layers.Conv2D(filters, 3, padding="same", use_bias=False),
                layers.BatchNormalization(),
                layers.ReLU(),
            ]
        stack.append(layers.MaxPooling2D(2))
    return keras.Sequential(
        [*stack, layers.GlobalAveragePooling2D(), layers.Dense(len(FINE_CLASSES), activation="softmax")]
    )


def _train(name: str, path: Path, pixels: np.ndarray, labels: np.ndarray, seed: int) -> None:
    import keras
    from forensics_models.baseline_training import Recipe, class_weights

    keras.utils.set_random_seed(seed)
    model = network(name)
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    model.fit(
        pixels, labels, sample_weight=class_weights(labels, Recipe()), batch_size=_BATCH, epochs=EPOCHS, verbose=0
    )
    with replacing(path) as part:
        model.save(part)


@cache
def _loaded(home: Path) -> Any:
    import keras

    return keras.models.load_model(home / _MODEL, compile=False, safe_mode=True)
