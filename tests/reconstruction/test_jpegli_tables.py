"""jpegli's tables: those that the encoder writes, and pictures coded with them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from forensics.history.jpeg.comb import LARGEST_STEP
from forensics.reconstruction.jpegli_tables import jpegli_of, jpegli_tables, match_jpegli
from forensics.reconstruction.reconstruct import reconstruct
from tests.reconstruction.scenes import scene

WRITTEN = {
    1: ([63, 44, 74, 71, 169, 175, 195, 196], [61, 37, 65, 56, 136, 126, 150, 161]),
    50: ([12, 10, 20, 21, 33, 34, 37, 38], [12, 8, 17, 16, 26, 24, 29, 31]),
    75: ([6, 7, 13, 12, 17, 17, 19, 19], [6, 6, 11, 10, 13, 12, 15, 16]),
    90: ([3, 4, 6, 6, 7, 7, 8, 8], [3, 3, 5, 5, 6, 5, 6, 7]),
    100: ([1] * 8, [1] * 8),
}
"""First eight steps of luma and chroma that pyjpegli 0.3.2 writes, by quality."""


@pytest.mark.parametrize("quality", WRITTEN)
def test_steps_are_those_that_the_encoder_writes(quality):
    luma, chroma = jpegli_tables(quality)
    assert (luma[:8].tolist(), chroma[:8].tolist()) == WRITTEN[quality]


def test_a_picture_coded_with_them_comes_back_with_every_step():
    tables = jpegli_tables(82)
    stream = io.BytesIO()
    Image.fromarray(scene(0, 192, 187)).save(stream, "JPEG", qtables=[t.tolist() for t in tables], subsampling="4:2:0")
    with Image.open(stream) as image:
        found = reconstruct(np.array(image))
    assert (found.family, found.quality) == ("jpegli", 82.0)
    assert [table.tolist() for table in found.tables] == [tables[0].tolist()] + 2 * [tables[1].tolist()]
    assert found.blocks_same == found.blocks


def test_one_other_step_is_no_table_of_jpegli():
    luma, chroma = jpegli_tables(82)
    other = luma.copy()
    other[9] += 1
    assert jpegli_of((luma, chroma, chroma), (2, 2)).quality == 82
    assert jpegli_of((other, chroma, chroma), (2, 2)) is None
    assert jpegli_of((luma, chroma, chroma), (1, 1)) is None


def test_coefficients_that_say_nothing_speak_for_no_table():
    nothing = np.zeros((64, LARGEST_STEP))
    assert match_jpegli(nothing, nothing, (2, 2)) is None
