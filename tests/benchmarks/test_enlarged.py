"""The benchmark of enlarged pictures: what it makes, and what it counts."""

import numpy as np
import pytest
from forensics_benchmarks import enlarged
from forensics_benchmarks.enlarged import NONE, Case
from scipy.ndimage import gaussian_filter


@pytest.fixture
def picture() -> np.ndarray:
    rng = np.random.default_rng(2)
    rough = gaussian_filter(rng.normal(size=(270, 280, 3)), (4, 4, 0)) * 150 + rng.normal(0, 9, (270, 280, 3))
    return np.clip(128 + rough, 16, 239).astype(np.uint8)


def test_a_picture_is_measured_whole_and_cropped_by_every_program(picture, monkeypatch):
    chosen = {key: resize for key, resize in enlarged.programs().items() if key[0] == "Pillow"}
    monkeypatch.setattr(enlarged, "programs", lambda: chosen)
    cases = list(enlarged.measure([picture]))
    assert len(cases) == 4 + 2 * len(chosen)
    assert not any(case.found for case in cases if case.kernel == NONE)
    whole = [case for case in cases if case.whole and case.kernel != NONE]
    assert all(case.size_right and case.factor_error < 1e-9 for case in whole)
    assert {case.factors for case in whole} != {(1.0, 1.0)}


def test_rows_count_sizes_factors_kernels_and_false_alarms():
    cases = [
        Case("P", "cubic -0.5", True, (2.0, 2.0), True, True, True, 0.0),
        Case("P", "cubic -0.5", True, (2.0, 2.0), True, False, False, 0.01),
        Case("P", "cubic -0.5", False, (2.0, 2.0), True, False, True, 0.0005),
        Case(NONE, NONE, True, (1.0, 1.0), False, True, True, 0.0),
        Case(NONE, NONE, True, (1.0, 1.0), True, False, False, 0.0),
    ]
    first, every = enlarged.summary(cases, whole=True)
    assert (first["native size exact"], first["factor within 0.1 %"], first["kernel right"]) == (0.5, 0.5, 0.5)
    assert every["pictures"] == 2
    assert enlarged.summary(cases, whole=False)[0]["factor within 0.1 %"] == 1
    assert enlarged.false_alarms(cases)[0]["found"] == 0.5
