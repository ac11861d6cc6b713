"""The readings that the verdict weighs: a wavelet's zeros without its lattice are no trace of JPEG 2000."""

import numpy as np
import pytest

from forensics.codecs import registry
from forensics.dataset.synthetic import synthesise
from forensics.history.jpeg2000 import recovery
from forensics.history.jpeg2000.levels import FOUND
from forensics.history.readings import jpeg2000


def doubled(small: np.ndarray) -> np.ndarray:
    """Every second sample is the mean of its neighbours: the details of the 5/3 wavelet are zero."""
    height, width = small.shape[:2]
    large = np.zeros((2 * height - 1, 2 * width - 1, 3))
    large[::2, ::2] = small
    large[1::2] = (large[:-1:2] + large[2::2]) / 2
    large[:, 1::2] = (large[:, :-1:2] + large[:, 2::2]) / 2
    return np.rint(large).astype(np.uint8)


@pytest.mark.parametrize("kind", ["texture", "white-noise"])
def test_interpolated_pictures_are_no_jpeg_2000_though_a_parity_leads(kind):
    pixels = doubled(synthesise(kind, 110, 110, 3))
    assert recovery.recover(pixels).lead > FOUND
    reading = jpeg2000(pixels)
    assert reading.value == 0
    assert reading.against
    assert "no multiples" in reading.text


def test_where_nothing_leads_a_trace_is_only_missing():
    reading = jpeg2000(synthesise("texture", 160, 160, 3))
    assert (reading.value, reading.against) == (0, False)
    assert "no parity" in reading.text


def test_jpeg_2000_leads_by_as_much_as_is_told():
    codec = registry.get("jpeg2000")
    if not (codec.availability().encode and codec.availability().decode):
        pytest.skip("JPEG 2000 is missing")
    pixels = synthesise("texture", 192, 192, 3)
    reading = jpeg2000(codec.decode(codec.encode(pixels, ratio=12.0)))
    assert reading.value > FOUND
    assert f"by {reading.value:.1f} standard errors" in reading.text
