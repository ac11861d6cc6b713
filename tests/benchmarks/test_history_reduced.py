"""The benchmark of JPEGs that were reduced or rotated: what it makes, and what it counts."""

import numpy as np
import pytest
from forensics_benchmarks import enlarged, history_reduced
from forensics_benchmarks.history_reduced import Case, Saved
from scipy.ndimage import gaussian_filter


@pytest.fixture
def picture(monkeypatch):
    chosen = {key: resize for key, resize in enlarged.programs().items() if key == ("Pillow", "Lanczos 3")}
    monkeypatch.setattr(enlarged, "programs", lambda: chosen)
    noise = np.random.default_rng(3).normal(size=(200, 240, 3))
    smooth = gaussian_filter(noise, (1.5, 1.5, 0)) * 150 + 128
    return np.clip(smooth, 0, 255).astype(np.uint8)


def test_every_jpeg_has_a_twin_that_was_never_compressed(picture):
    cases = list(history_reduced.measure([picture]))
    assert [(case.step, case.was_jpeg) for case in cases] == [
        ("reduced", True), ("rotated", True), ("reduced", False), ("rotated", False),
    ]  # fmt: skip
    assert all(0.45 < case.value < 0.96 for case in cases if case.step == "reduced")
    assert all(0.5 <= abs(case.value) <= 5 for case in cases if case.step == "rotated")
    saved = list(history_reduced.measure_saved([picture]))
    assert [case.was_jpeg for case in saved] == [True, False]


def test_rows_count_what_is_said_and_read():
    cases = [
        Case("reduced", "a", True, 0.8, "jpeg", 0.99, 0.801),
        Case("reduced", "a", True, 0.8, "uncompressed", 0.2, None),
        Case("reduced", "b", True, 0.8, "webp", 0.9, 0.7),
        Case("reduced", "b", True, 0.8, "inconclusive", 0.6, None),
        Case("rotated", "a", False, 2.0, "inconclusive", 0.4, -2.05),
    ]
    first, second = history_reduced.summary(cases)
    assert first["pictures"] == 4
    assert first["compressed is likelier"] == 0.75
    assert (first["named JPEG"], first["another name"], first["uncompressed"]) == (0.25, 0.25, 0.25)
    assert (first["scale or angle read"], first["right of those"]) == (0.5, 0.5)
    assert (second["before"], second["right of those"]) == ("never compressed", 1)
    assert [row["program"] for row in history_reduced.by_program(cases)] == ["a", "b"]
    saved = [
        Saved(True, "a", 0.6, 80, 0.602, 81.0),
        Saved(True, "a", 0.6, 80, None, None),
        Saved(False, "a", 0.6, 80, None, None),
    ]
    row, other = history_reduced.summary_saved(saved)
    assert (row["a first JPEG found"], row["scale right of those"], row["quality within 2 of those"]) == (0.5, 1, 1)
    assert (other["a first JPEG found"], other["scale right of those"]) == (0, "-")
