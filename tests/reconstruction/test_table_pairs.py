"""Tables as files hold them together, tried where a reading leaves wrong pixels."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.reconstruction.choice import Chosen, Trials
from forensics.reconstruction.coded import DECODERS
from forensics.reconstruction.inversion import invert
from forensics.reconstruction.layout import Layout
from forensics.reconstruction.photoshop_tables import photoshop_tables
from forensics.reconstruction.table_pairs import _made_symmetric, with_pair
from tests.reconstruction.scenes import jpeg_file, real_decoding, scene, tables_of


def read_as(pixels: np.ndarray, layout: Layout, tables: tuple[np.ndarray, ...]) -> Chosen:
    return Chosen(layout, tables, DECODERS[0], None, Trials(pixels, None), True)


def other_choice(pixels: np.ndarray, layout: Layout, tables: tuple[np.ndarray, ...]) -> tuple[Chosen, Chosen]:
    """A choice and what is made of it."""
    chosen = read_as(pixels, layout, tables)
    inverted = invert(pixels, layout, tables, DECODERS[0], width=0)
    return chosen, with_pair(chosen, inverted, 0)


@pytest.mark.parametrize("setting", [None, 20])
def test_a_misread_chroma_is_told_by_luma_of_its_setting(setting):
    options = {} if setting is None else {"qtables": photoshop_tables()[setting].tolist()}
    data = jpeg_file(scene(3, 128, 128, bright=60), 50, "4:4:4", **options)
    luma, chroma = tables_of(data)
    misread = chroma + 1
    _, other = other_choice(real_decoding(data), Layout(0, 0, (1, 1)), (luma, misread, misread))
    for table, right in zip(other.tables, (luma, chroma, chroma), strict=True):
        np.testing.assert_array_equal(table, right)


def test_right_tables_of_no_setting_stay():
    steps = np.random.default_rng(5).integers(8, 30, (2, 64))
    data = jpeg_file(scene(3, 128, 128), 80, "4:4:4", qtables=steps.tolist())
    chosen, other = other_choice(real_decoding(data), Layout(0, 0, (1, 1)), (steps[0], steps[1], steps[1]))
    assert other is chosen


def test_nothing_is_tried_of_channels_that_were_coded_each():
    pixels = scene(1, 64, 64)
    table = np.full(64, 7)
    chosen, other = other_choice(pixels, Layout(0, 0, (1, 1), "rgb"), (table,) * 3)
    assert other is chosen


def test_a_step_takes_its_neighbours_over_the_diagonal_that_more_blocks_hold():
    table = photoshop_tables()[15, 0]
    held = 64 - np.arange(64)
    read = table.copy()
    read[16] += 3
    np.testing.assert_array_equal(_made_symmetric(read, held), table)
    np.testing.assert_array_equal(_made_symmetric(read, held[::-1])[2], read[16])


def test_tables_far_from_symmetric_stay():
    luma = tables_of(jpeg_file(scene(0), 75))[0]
    np.testing.assert_array_equal(_made_symmetric(luma, np.full(64, 9)), luma)
