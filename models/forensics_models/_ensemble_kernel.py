"""Kernel of `ensembles`: rows walk down trees. It knows only arrays."""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import kernel


@kernel
def add_leaves(
    rows: np.ndarray,
    first: np.ndarray,
    output: np.ndarray,
    feature: np.ndarray,
    value: np.ndarray,
    right: np.ndarray,
    missing_left: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Adds to sums[row, output] the leaf that each row reaches in each tree, tree by tree.

    A node whose feature is negative is a leaf. Left is the next node, right that many further.
    """
    for tree in range(first.shape[0]):
        k = output[tree]
        for i in range(rows.shape[0]):
            node = np.int64(first[tree])
            column = np.int64(feature[node])
            while column >= 0:
                x = rows[i, column]
                left = missing_left[node] if np.isnan(x) else x < value[node]
                node += 1 if left else np.int64(right[node])
                column = np.int64(feature[node])
            sums[i, k] += value[node]
