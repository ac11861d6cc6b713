"""The pixels that a block's samples are seen in, as weighted sums of its samples and of those around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

_BESIDE = 5.0
"""Deviation of the samples of a block beside that is not settled, in levels: more than the noise of least squares, a
bound on trust."""


@cache
def _weights(factors: tuple[int, int]) -> np.ndarray:
    """Of the samples of a block and of one row and column around it in the pixels that the block's samples are seen in,
    `np.ndarray [shape=(lines * columns, 100)]`.
    """
    axes = []
    for factor in factors:
        weights = np.zeros((8 if factor == 1 else 18, 10))
        for at in range(len(weights)):
            near = at + 1 if factor == 1 else (at + 1) >> 1
            weights[at, near] += 1.0 if factor == 1 else 0.75
            if factor == 2:
                weights[at, near + (1 if at % 2 == 0 else -1)] += 0.25
        axes.append(weights)
    return np.kron(*axes)


@lru_cache(256)
def _told_apart(
    factors: tuple[int, int], down: tuple[int, ...], across: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which of the 100 samples about a block, in rows and columns counted from its first, are its own, bool; the
    weights of its 64 samples in each pixel, and those of the others that are not its own.
    """
    ys, xs = (plane.ravel() for plane in np.meshgrid(down, across, indexing="ij"))
    own = (ys >> 3 == 0) & (xs >> 3 == 0)
    window = _weights(factors)
    weights = np.zeros((64, len(window)))
    np.add.at(weights, 8 * ys[own] + xs[own], window[:, own].T)
    return own, np.ascontiguousarray(weights.T), np.ascontiguousarray(window[:, ~own])


@dataclass(frozen=True)
class Around:
    """A block in its window.

    Attributes
    ----------
    weights : np.ndarray [shape=(n, 64), dtype=float64]
        Of the block's samples in each pixel.
    beside : np.ndarray [shape=(n,), dtype=float64]
        What level-shifted samples of other blocks add there.
    doubt : np.ndarray [shape=(n,), dtype=float64]
        Variance of that; zero where all of them are settled.
    excess : np.ndarray [shape=(n,), dtype=float64]
        Mean of the sum over what is shown of it: the filter cuts after its bias.
    inside : np.ndarray [shape=(n,), dtype=bool]
        Whether the pixel lies in the picture.
    pixels : tuple
        Index of the pixels into full-size planes, those outside moved in.
    """

    weights: np.ndarray
    beside: np.ndarray
    doubt: np.ndarray
    excess: np.ndarray
    inside: np.ndarray
    pixels: tuple[np.ndarray, ...]

    def rows(self, low: np.ndarray, most: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights, values and deviations of sums of the block's level-shifted samples, from bounds of what each pixel
        shows, float64 [n]; pixels that say nothing are left out.
        """
        values = (low + most) / 2 - 128 + self.excess - self.beside
        variance = (1 + (most - low) ** 2 + (self.weights**2).sum(axis=1)) / 12 + self.doubt
        some = self.inside & (most - low < 255) & self.weights.any(axis=1)
        return self.weights[some], values[some], np.sqrt(variance[some])

    def shown(self, samples: np.ndarray) -> np.ndarray:
        """What is shown of blocks of samples, uint8 [count, 64], `np.ndarray [shape=(count, n), dtype=int64]`."""
        # Sixteenths below 2^8 and the halves of them that the bias is: exact in single precision.
        added = (self.beside + 128 - self.excess).astype(np.float32)
        sums = (samples.astype(np.float32) - 128) @ self.weights.T.astype(np.float32) + added
        return np.asarray(np.rint(sums), np.int64)


class Window:
    """The windows of a component of some factors, 1 or 2, in a picture of a shape, under the triangle filter."""

    def __init__(self, factors: tuple[int, int], shape: tuple[int, ...], *, half_up: bool = False) -> None:
        self.factors, self.shape = factors, shape
        self.half_up = half_up

    def _excess(self, line: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Of some lines and places in them, see `Around`, `np.ndarray [shape=(lines * places,), dtype=float64]`."""
        line, at = np.meshgrid(line, at, indexing="ij")
        if self.factors == (1, 1):
            bias, levels = 0 * line, 1
        elif self.factors == (2, 2):
            bias, levels = 8 - (0 * at if self.half_up else at & 1), 16
        else:
            bias, levels = 1 + (0 * at + 1 if self.half_up else (at if self.factors[1] == 2 else line) & 1), 4
        return np.asarray(0.5 - (bias.ravel() + 0.5) / levels)

    def about(self, stored: np.ndarray, known: np.ndarray, row: int, column: int) -> Around:
        """A block in its window; stored: uint8 [rows, columns], known: bool by block, whether it is settled."""
        high, wide = stored.shape
        down, across = np.arange(8 * row - 1, 8 * row + 9), np.arange(8 * column - 1, 8 * column + 9)
        down, across = np.clip(down, 0, high - 1), np.clip(across, 0, wide - 1)
        own, weights, others = _told_apart(
            self.factors, tuple((down - 8 * row).tolist()), tuple((across - 8 * column).tolist())
        )
        ys, xs = (plane.ravel()[~own] for plane in np.meshgrid(down, across, indexing="ij"))
        spans = []
        for place, factor, length in zip((row, column), self.factors, self.shape, strict=True):
            span = np.arange(8 * place * factor - factor + 1, 8 * (place + 1) * factor + factor - 1)
            spans.append((np.clip(span, 0, length - 1), (span >= 0) & (span < length)))
        inside = np.logical_and.outer(spans[0][1], spans[1][1]).ravel()
        pixels = np.ix_(spans[0][0], spans[1][0])
        beside = others @ (stored[ys, xs].astype(np.float64) - 128)
        doubt = others**2 @ np.where(known[ys >> 3, xs >> 3], 0.0, _BESIDE**2)
        return Around(weights, beside, doubt, self._excess(spans[0][0], spans[1][0]), inside, pixels)
