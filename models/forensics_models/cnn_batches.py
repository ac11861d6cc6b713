"""Batches for Keras: a `PyDataset` of balanced, randomly cut and turned patches, the same for the same seed and
epoch.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from forensics_models.cnn_data import Balance, Batch, PatchTable, batch_of, draw, draw_weights, random_view


class TrainingBatches(keras.utils.PyDataset):
    """The batches of one epoch.

    Parameters
    ----------
    table : PatchTable
    sides : tuple of (int, float)
        Sides of the patches in pixels with their shares; a batch has one side.
    batch : int
        Patches in a batch.
    steps : int
        Batches in an epoch.
    balance : Balance
    seed, epoch : int
        Decide what is drawn; a batch depends on nothing but these and its place.
    """

    def __init__(
        self,
        table: PatchTable,
        *,
        sides: tuple[tuple[int, float], ...],
        batch: int,
        steps: int,
        balance: Balance,
        seed: int,
        epoch: int,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._table, self._sides, self._batch, self._steps = table, sides, batch, steps
        self._key = (seed, epoch)
        numbers = np.random.default_rng(self._key)
        self._order = draw(draw_weights(table, balance), batch * steps, numbers)

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
        numbers = np.random.default_rng((*self._key, index))
        shares = np.array([share for _, share in self._sides])
        side = self._sides[int(numbers.choice(len(shares), p=shares / shares.sum()))][0]
        indices = self._order[index * self._batch : (index + 1) * self._batch]
        views = [random_view(self._table.pixels[int(place)], side, numbers) for place in indices]
        return for_keras(batch_of(self._table, indices, views))


def for_keras(batch: Batch) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Pixels, targets and sample weights by output name, as Keras takes them."""
    targets: dict[str, Any] = {
        "margins": batch.labels,
        "log2_ratio": batch.strengths[:, :1],
        "ssim_score": batch.strengths[:, 1:],
    }
    weights = {
        "margins": np.ones(len(batch.labels), np.float32),
        "log2_ratio": batch.compressed,
        "ssim_score": batch.compressed,
    }
    return batch.pixels, targets, weights
