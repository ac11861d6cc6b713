"""Constants of standards: what holds among them, and that the copies that cannot be shared are the same."""

from __future__ import annotations

import numpy as np
import pytest
from forensics_features.standards import LUMA_WEIGHTS, YCBCR_BT601, ZIGZAG

from forensics.codecs.headers import jpeg


@pytest.mark.parametrize("standard", LUMA_WEIGHTS)
def test_luma_weights_sum_to_one(standard):
    assert sum(LUMA_WEIGHTS[standard]) == pytest.approx(1.0, abs=1e-12)


def test_the_rows_of_chroma_follow_from_those_of_luma():
    red, green, blue = LUMA_WEIGHTS["bt601"]
    cb = np.array([-red, -green, 1 - blue]) / (2 * (1 - blue))
    cr = np.array([1 - red, -green, -blue]) / (2 * (1 - red))
    assert np.allclose(YCBCR_BT601, [[red, green, blue], cb, cr], atol=5e-7)


def test_the_zigzag_order_is_that_of_the_header_reader():
    assert tuple(jpeg.ZIGZAG.tolist()) == ZIGZAG
    assert sorted(ZIGZAG) == list(range(64))
