"""Where a picture lies in its JPEG file, and planes cut into blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOCK = 8
"""Side of a block in pixels: ITU-T T.81 A.3.1."""


@dataclass(frozen=True)
class Layout:
    """Where a picture lies in its file.

    Attributes
    ----------
    top, left : int
        Rows and columns of the file above and left of the picture, 0..MCU side - 1; other than 0 where the picture is a
        crop.
    factors : tuple of int
        Vertical and horizontal factor of chroma subsampling.
    colour : str
        "ycbcr", "rgb" (components stored without a colour transform) or "grey".
    """

    top: int
    left: int
    factors: tuple[int, int]
    colour: str = "ycbcr"

    @property
    def mcu(self) -> tuple[int, int]:
        """Height and width of a minimum coded unit, in pixels."""
        return BLOCK * self.factors[0], BLOCK * self.factors[1]

    def padded(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Rows and columns of whole MCUs that hold a picture of that shape."""
        rows, columns = self.mcu
        return -(-(self.top + shape[0]) // rows) * rows, -(-(self.left + shape[1]) // columns) * columns


def blocks_of(plane: np.ndarray, height: int = BLOCK, width: int = BLOCK) -> np.ndarray:
    """Blocks of a plane row by row, `np.ndarray [shape=(n, height * width)]`; sides are multiples of the block's."""
    rows, columns = plane.shape[0] // height, plane.shape[1] // width
    return np.ascontiguousarray(
        plane.reshape(rows, height, columns, width).swapaxes(1, 2).reshape(rows * columns, height * width)
    )


def any_in_blocks(mask: np.ndarray, height: int = BLOCK, width: int = BLOCK) -> np.ndarray:
    """Whether each block holds a true sample, `np.ndarray [shape=(rows / height, columns / width), dtype=bool]`, of a
    bool plane whose sides are multiples of the block's.
    """
    lines = np.asarray(mask.reshape(-1, height, mask.shape[1]).any(axis=1))
    return np.asarray(lines.reshape(len(lines), -1, width).any(axis=2))


def all_in_blocks(mask: np.ndarray, height: int = BLOCK, width: int = BLOCK) -> np.ndarray:
    """Whether each block holds true samples alone; see `any_in_blocks`."""
    return ~any_in_blocks(~mask, height, width)


def and_beside(mask: np.ndarray) -> np.ndarray:
    """True samples of a bool plane and those beside them, corners too: a dilation by 3x3, in bytes and not by places
    as SciPy's.
    """
    across = mask.copy()
    across[:, 1:] |= mask[:, :-1]
    across[:, :-1] |= mask[:, 1:]
    out = across.copy()
    out[1:] |= across[:-1]
    out[:-1] |= across[1:]
    return out
