"""Patches that the network learns from: a table of them, balanced draws, and crops and turns that keep the traces of
compression.

Whatever changes pixel values would erase what is to be learned, so patches are only cut, mirrored and turned here.
Cameras, noise, gamma, resizing and colour conversion come before the codec and are part of a data set's preparations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forensics_models.classes import CLASSES, FINE_CLASSES, FINE_TO_CLASS
from forensics_models.judgement import ssim_to_score


@dataclass(frozen=True)
class PatchTable:
    """Patches of one split, an entry a patch.

    Attributes
    ----------
    pixels : sequence of np.ndarray [shape=(side, side, 3), dtype=uint8]
        Random access by index; may lie on disk.
    labels : np.ndarray [shape=(n,), dtype=int64]
        Index into `FINE_CLASSES`.
    log2_ratio, ssim : np.ndarray [shape=(n,), dtype=float32]
        What the encoder reached on the whole file; NaN for uncompressed patches.
    sources, files : np.ndarray [shape=(n,), dtype=str]
        Source picture and encoded file that a patch comes from.
    """

    pixels: Sequence[np.ndarray]
    labels: np.ndarray
    log2_ratio: np.ndarray
    ssim: np.ndarray
    sources: np.ndarray
    files: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> PatchTable:
        """The entries at `indices`; pixels stay where they are."""
        columns = {name: getattr(self, name)[indices] for name in self.__dataclass_fields__ if name != "pixels"}
        return PatchTable(_Chosen(self.pixels, np.asarray(indices)), **columns)


def join(tables: Sequence[PatchTable]) -> PatchTable:
    """Several tables one after the other."""
    names = [name for name in PatchTable.__dataclass_fields__ if name != "pixels"]
    columns = {name: np.concatenate([getattr(table, name) for table in tables]) for name in names}
    return PatchTable(Parts([table.pixels for table in tables]), **columns)


class _Chosen(Sequence[np.ndarray]):
    def __init__(self, pixels: Sequence[np.ndarray], indices: np.ndarray) -> None:
        self._pixels, self._indices = pixels, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: Any) -> Any:
        return self._pixels[int(self._indices[index])]


class Parts(Sequence[np.ndarray]):
    """Patches of several sequences, or arrays `[shape=(n, side, side, 3), dtype=uint8]`, as one sequence; nothing is
    copied.
    """

    def __init__(self, parts: Sequence[Sequence[np.ndarray] | np.ndarray]) -> None:
        self._parts = list(parts)
        self._ends = np.cumsum([len(part) for part in self._parts])

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, index: Any) -> Any:
        index = range(len(self))[index]
        part = int(np.searchsorted(self._ends, index, side="right"))
        return self._parts[part][index - int(self._ends[part]) + len(self._parts[part])]


@dataclass(frozen=True)
class Balance:
    """How often patches are drawn.

    Attributes
    ----------
    uncompressed : float
        Share of the class `uncompressed` relative to a class's share of 1.
    weak : float
        Each halving of the compression ratio multiplies a patch's share within its class by 2 ** `weak`, within
        `weak_range` of the mean.
    """

    uncompressed: float = 2.0
    weak: float = 0.3
    weak_range: float = 1.6


def draw_weights(table: PatchTable, balance: Balance) -> np.ndarray:
    """The share of each patch in what is drawn, `np.ndarray [shape=(n,), dtype=float64]`, sum 1.

    Classes have equal shares, save that overlap modes of JPEG XR have 1 / sqrt(3) each and `uncompressed` has its own.
    """
    strength = np.where(np.isfinite(table.log2_ratio), table.log2_ratio, 0.0)
    weights = np.ones(len(table))
    members = np.bincount(FINE_TO_CLASS, minlength=len(CLASSES))[list(FINE_TO_CLASS)]
    for label in range(len(FINE_CLASSES)):
        rows = table.labels == label
        if not rows.any():
            continue
        lean = 2.0 ** (balance.weak * (strength[rows].mean() - strength[rows]))
        lean = np.clip(lean, 1 / balance.weak_range, balance.weak_range)
        weights[rows] = lean / lean.sum() * (balance.uncompressed if label == 0 else members[label] ** -0.5)
    return weights / weights.sum()


def draw(weights: np.ndarray, count: int, numbers: np.random.Generator) -> np.ndarray:
    """Indices of `count` patches in random order: each as often as its weight says, to within one (systematic
    sampling).
    """
    places = (np.arange(count) + numbers.random()) / count
    order = numbers.permutation(len(weights))
    shares = np.cumsum(weights[order])
    chosen = order[np.minimum(np.searchsorted(shares, places * shares[-1], side="right"), len(weights) - 1)]
    return numbers.permutation(chosen)


def random_view(pixels: np.ndarray, side: int, numbers: np.random.Generator) -> np.ndarray:
    """A square of `side` pixels at a random offset, mirrored and turned by a random multiple of 90 degrees; a view."""
    top, left = (int(numbers.integers(extent - side + 1)) for extent in pixels.shape[:2])
    view = pixels[top : top + side, left : left + side]
    if numbers.random() < 0.5:
        view = view[:, ::-1]
    return np.rot90(view, int(numbers.integers(4)))


def centre(pixels: np.ndarray, side: int) -> np.ndarray:
    """The central square of `side` pixels, a view."""
    top, left = ((extent - side) // 2 for extent in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]


@dataclass(frozen=True)
class Batch:
    """Patches of one shape with what is to be learned of them.

    Attributes
    ----------
    pixels : np.ndarray [shape=(n, side, side, 3), dtype=float32]
        0..255.
    labels : np.ndarray [shape=(n,), dtype=int64]
    strengths : np.ndarray [shape=(n, 2), dtype=float32]
        log2 of the ratio, and SSIM on the scale of `ssim_to_score`; 0 where there is none.
    compressed : np.ndarray [shape=(n,), dtype=float32]
        1 where the strengths count, 0 on uncompressed patches.
    """

    pixels: np.ndarray
    labels: np.ndarray
    strengths: np.ndarray
    compressed: np.ndarray


def batch_of(table: PatchTable, indices: np.ndarray, views: Sequence[np.ndarray]) -> Batch:
    """The batch of the patches at `indices`, which `views` were cut from."""
    strengths = np.stack([table.log2_ratio[indices], ssim_to_score(table.ssim[indices])], axis=1)
    known = np.isfinite(strengths).all(axis=1)
    return Batch(
        np.stack(views).astype(np.float32),
        table.labels[indices],
        np.where(known[:, None], strengths, 0.0).astype(np.float32),
        known.astype(np.float32),
    )


def corners(pixels: np.ndarray, side: int) -> list[np.ndarray]:
    """The four squares of `side` pixels at the corners, views."""
    return [
        pixels[rows, columns]
        for rows in (slice(side), slice(-side, None))
        for columns in (slice(side), slice(-side, None))
    ]


def in_order(table: PatchTable, side: int, size: int) -> Iterator[Batch]:
    """The central squares of all patches, `size` at a time."""
    for start in range(0, len(table), size):
        indices = np.arange(start, min(start + size, len(table)))
        yield batch_of(table, indices, [centre(table.pixels[int(index)], side) for index in indices])
