"""The measuring code of JPEG recovery: its crops have the phase it says, and its figures are counted as it says."""

from __future__ import annotations

import numpy as np
import pytest
from forensics_benchmarks import history_jpeg


def test_crops_have_the_stated_phase() -> None:
    pixels = np.arange(96 * 120, dtype=np.int64).reshape(96, 120)
    rng = np.random.default_rng(0)
    phases = set()
    for _ in range(60):
        part, (top, left) = history_jpeg.random_crop(pixels, 64, rng)
        row, column = divmod(int(part[top, left]), 120)
        assert (row % 8, column % 8) == (0, 0)
        assert part.shape == (64, 64)
        phases.add((top, left))
    assert len(phases) > 20


def test_figures_are_shares_of_what_they_say() -> None:
    def outcome(identified: int, right: int, coloured: bool, subsampling: bool) -> history_jpeg.Outcome:
        return history_jpeg.Outcome(
            phase_right=True,
            identified=identified,
            right=right,
            quality_error=1.0,
            inside_interval=True,
            family_right=True,
            coloured=coloured,
            subsampling_stated=coloured,
            subsampling_right=subsampling,
            chroma_identified=0,
            chroma_right=0,
            fixed_point=float("nan"),
            seconds=0.1,
        )

    row = history_jpeg.summary([outcome(60, 60, True, True), outcome(3, 0, False, False)])
    assert row["identified"] == pytest.approx(63 / 126)
    assert row["steps_right"] == pytest.approx(60 / 63)
    assert row["subsampling_right"] == 1.0
    assert np.isnan(row["chroma_right"])
    assert np.isnan(row["fixed_point"])


def test_a_textured_picture_scores_full_marks() -> None:
    rng = np.random.default_rng(1)
    smooth = np.cumsum(np.cumsum(rng.normal(size=(160, 160, 3)), axis=0), axis=1)
    pixels = np.clip(
        128 + 30 * (smooth - smooth.mean()) / smooth.std() + rng.normal(0, 12, smooth.shape), 5, 250
    ).astype(np.uint8)
    (row,) = history_jpeg.recovery_rows([pixels], sides=[128], qualities=[85], subsamplings=["4:2:0"])
    assert (row["phase_right"], row["steps_right"], row["quality_error"], row["subsampling_right"]) == (1, 1, 0, 1)
    assert row["identified"] > 0.5
