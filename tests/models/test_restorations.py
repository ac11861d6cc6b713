"""Pictures that are resized or rotated and restored for the judge of block phases: their blocks are at the first
sample."""

from __future__ import annotations

import numpy as np
import pytest
from forensics_features.block_phases import block_phases

from forensics.dataset import random_afterwards
from forensics.training import restorations
from tests.features.test_scaled_grid import photograph


def blocks(side: int) -> np.ndarray:
    """A picture of flat blocks of eight samples, from the first sample on."""
    levels = np.random.default_rng(4).integers(60, 200, (-(-side // 8), -(-side // 8), 3), np.uint8)
    return np.kron(levels, np.ones((8, 8, 1), np.uint8))[:side, :side]


def phase_of_blocks(pixels: np.ndarray) -> tuple[int, int]:
    """Rows and columns before the first border, by the differences between neighbours."""
    across, down = (block_phases(pixels)[0, axis].mean(axis=0).reshape(-1, 8).mean(axis=0) for axis in (0, 1))
    return int(down.argmax()), int(across.argmax())


@pytest.mark.parametrize("how", restorations.SHARES)
def test_blocks_start_where_they_did(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restorations, "SHARES", {how: 1.0})
    monkeypatch.setattr(random_afterwards, "_RESIZERS", (("pillow", 1.0),))  # one that aligns edges
    monkeypatch.setattr(restorations, "_BEFORE", 0.0)
    monkeypatch.setattr(restorations, "_AFTER", 0.0)
    part, numbers = blocks(384), np.random.default_rng(6)
    made = [restorations.draw_restored(part, numbers) for _ in range(4)]
    kept = [one for one in made if one is not None]
    assert len(kept) >= 2
    apart = np.array([np.subtract(phase_of_blocks(one), phase_of_blocks(part)) for one in kept])
    # Borders are a sample or two wide by now.
    assert set(np.unique(apart % 8)) <= {0, 1, 7}
    assert np.mean(apart == 0) >= 0.5


def test_a_part_is_found_in_its_picture() -> None:
    picture = photograph(220)
    assert restorations.place_of(picture[17:190, 41:200], picture) == (17, 41)
    assert restorations.place_of(picture[17:190, 41:200, 1], picture) == (17, 41)


def test_a_wrong_angle_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    part = photograph(256)
    monkeypatch.setattr(restorations, "SHARES", {"rotated": 1.0})
    monkeypatch.setattr(restorations, "place_of", lambda *_: (3, 3))
    assert all(restorations.draw_restored(part, np.random.default_rng(seed)) is None for seed in range(3))


def test_nothing_is_left_of_a_small_picture() -> None:
    assert restorations.draw_restored(blocks(100), np.random.default_rng(1)) is None
