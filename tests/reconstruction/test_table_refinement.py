"""Tables put right by the blocks that they settle."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.reconstruction.coded import DECODERS
from forensics.reconstruction.layout import Layout
from forensics.reconstruction.sampled import sample
from forensics.reconstruction.table_refinement import coarser_where_told, refined
from tests.reconstruction.scenes import jpeg_file, real_decoding, scene, tables_of

FACTORS = {"4:2:0": (2, 2), "4:4:4": (1, 1)}


@pytest.mark.parametrize("subsampling", FACTORS)
def test_wrong_steps_are_mended(subsampling):
    data = jpeg_file(scene(5, 192, 256), 88, subsampling)
    sampled = sample(real_decoding(data), Layout(0, 0, FACTORS[subsampling]), DECODERS[0])
    luma, chroma = tables_of(data)
    wrong = luma.copy(), chroma.copy(), chroma.copy()
    for table, frequencies in zip(wrong, ((0, 2, 9), (1, 8), (1, 8)), strict=True):
        table[list(frequencies)] += 1
    mended = refined(sampled, DECODERS[0], wrong)
    np.testing.assert_array_equal(mended[0], luma)
    for table in mended[1:]:
        np.testing.assert_array_equal(table[[0, 1, 8, 9]], chroma[[0, 1, 8, 9]])


def test_a_changed_part_does_not_make_steps_one():
    data = jpeg_file(scene(1, 128, 160), 75)
    pixels = real_decoding(data)
    pixels[40:82, 50:103] = scene(2, 42, 53)
    sampled = sample(pixels, Layout(0, 0, (2, 2)), DECODERS[0])
    ones = (np.ones(64, np.int64),) * 3
    luma, chroma = tables_of(data)
    for table, known in zip(coarser_where_told(sampled, DECODERS[0], ones), (luma, chroma, chroma), strict=True):
        np.testing.assert_array_equal(table, known)


def test_steps_of_one_stay_where_no_coarser_ones_explain_the_blocks():
    sampled = sample(real_decoding(jpeg_file(scene(1, 128, 160), 100)), Layout(0, 0, (2, 2)), DECODERS[0])
    ones = (np.ones(64, np.int64),) * 3
    for table in coarser_where_told(sampled, DECODERS[0], ones):
        np.testing.assert_array_equal(table, 1)


def test_right_steps_stay():
    data = jpeg_file(scene(6, 128, 128)[..., 1], 80)
    sampled = sample(real_decoding(data), Layout(0, 0, (1, 1), "grey"), DECODERS[0])
    (table,) = tables_of(data)
    np.testing.assert_array_equal(refined(sampled, DECODERS[0], (table,))[0], table)


def test_nothing_to_look_at_leaves_tables_alone():
    white = np.full((64, 64), 255, np.uint8)
    table = np.full(64, 7, np.int64)
    sampled = sample(white, Layout(0, 0, (1, 1), "grey"), DECODERS[0])
    np.testing.assert_array_equal(refined(sampled, DECODERS[0], (table,))[0], table)
