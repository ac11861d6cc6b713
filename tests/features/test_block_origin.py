"""Places of the first block in pictures that do not begin with one."""

from __future__ import annotations

import numpy as np
import pytest
from forensics_features.block_origin import origins


def blocks(block: int, count: int) -> np.ndarray:
    levels = np.random.default_rng(block).integers(100, 156, (count, count), np.uint8)
    return np.kron(levels, np.ones((block, block), np.uint8))


@pytest.mark.parametrize(("top", "left"), [(0, 0), (3, 5), (7, 1)])
def test_blocks_of_eight_are_found_modulo_eight(top: int, left: int) -> None:
    for row, column in origins(blocks(8, 40)[top:, left:], 3):
        assert ((row + top) % 8, (column + left) % 8) == (0, 0)


def test_larger_blocks_come_first() -> None:
    row, column = origins(blocks(64, 6)[20:, 9:], 3)[0]
    assert (row, column) == (44, 55)


def test_enough_pixels_are_left() -> None:
    assert origins(np.zeros((159, 400), np.uint8), 3) == []
    assert all(row <= 10 and column <= 4 for row, column in origins(blocks(8, 30)[:170, :164], 3))
