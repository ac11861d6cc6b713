"""x265's adaptive quantisation: by how much the QP of a block departs from the picture's, estimated from the block's
texture.

x265 raises the QP of blocks with much texture and lowers it in smooth ones by a rule of their variance
(`calcAdaptiveQuantFrame`, auto-variance, the default and what its tuning for SSIM, and so libheif, asks for): with a =
(E + 1)^0.1, E a block's sum of squared deviations in luma and chroma, and m and s the means of a and a^2 over the
picture, the offset is m a - m^2 + (s - 11) / 2, its mean over the `GROUP` that shares a QP. It is read from decoded
pixels here; compression takes little off variances to the power of a tenth. Taken off the QPs that single blocks tell,
it leaves the picture's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forensics.history.recoding.grid import places
from forensics.windows.choice import choose_windows

BLOCK, GROUP = 16, 32
"""Sides in pixels of the blocks that a variance is taken of, and of the groups that share a QP."""
_POWER = 0.1
"""Exponent of a block's energy in x265's `--aq-mode 2` and 3 (slicetype.cpp, `calcAdaptiveQuantFrame`)."""
_USUAL = 11.0
"""What x265 takes off the mean square of these powers at 8 bits (slicetype.cpp, `modeTwoConst`)."""


def block_energies(planes: Sequence[np.ndarray], places: np.ndarray, halved: bool) -> np.ndarray:
    """Sums of squared deviations from their means of `BLOCK`-sized blocks, luma and chroma together.

    Parameters
    ----------
    planes : sequence of np.ndarray [shape=(height, width)]
        Luma alone, or luma and two chroma planes at full resolution.
    places : np.ndarray [shape=(n, 2), dtype=int64]
        Row and column of each block's first sample, the block within the picture.
    halved : bool
        Chroma is coded at half resolution both ways.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float64]
    """
    step = np.arange(BLOCK)
    rows, columns = places[:, 0, None, None] + step[:, None], places[:, 1, None, None] + step
    energies = np.zeros(len(places))
    for number, plane in enumerate(planes):
        blocks = plane[rows, columns].astype(np.float32)
        if number and halved:
            half = BLOCK // 2
            blocks = blocks.reshape(-1, half, 2, half, 2).mean(axis=(2, 4))
        energies += ((blocks - blocks.mean(axis=(1, 2), keepdims=True)) ** 2).sum(axis=(1, 2))
    return energies


class TextureOffsets:
    """The offsets of one picture as a function of places; a `recoding_sweep.Offsets`.

    Parameters
    ----------
    planes, halved
        See `block_energies`.
    tree : (int, int)
        Where a coding tree of the picture begins; groups are aligned with it.
    """

    def __init__(self, planes: Sequence[np.ndarray], halved: bool, tree: tuple[int, int]) -> None:
        self._planes, self._halved, self._tree = planes, halved, np.array(tree)
        activity = self._activity(_sampled_places(planes[0], tree))
        self._mean, self._square = float(activity.mean()), float((activity**2).mean())

    @property
    def mean(self) -> float:
        """Of the offsets over the picture."""
        return 0.5 * (self._square - _USUAL)

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """The offset of the group that each block lies in, `np.ndarray [shape=(n,), dtype=float64]`, for places (n,
        2).
        """
        corners = places - (places - self._tree) % GROUP
        quarters = [(row, column) for row in (0, BLOCK) for column in (0, BLOCK)]
        last = np.array(self._planes[0].shape) - BLOCK
        activities = [self._activity(np.clip(corners + quarter, 0, last)) for quarter in quarters]
        return np.asarray(self._mean * (np.mean(activities, axis=0) - self._mean) + self.mean)

    def _activity(self, places: np.ndarray) -> np.ndarray:
        return np.asarray((block_energies(self._planes, places, self._halved) + 1) ** _POWER)


def _sampled_places(plane: np.ndarray, tree: tuple[int, int]) -> np.ndarray:
    """The blocks that lie in the windows by which a picture is judged, aligned with its trees."""
    found = []
    for window in choose_windows(plane):
        rows, columns = (
            np.arange(first + (at - first) % BLOCK, first + length - BLOCK + 1, BLOCK)
            for first, length, at in ((window.top, window.height, tree[0]), (window.left, window.width, tree[1]))
        )
        found.append(places(rows, columns).reshape(-1, 2))
    return np.concatenate(found)
