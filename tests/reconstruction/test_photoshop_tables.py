"""Tables of Adobe's programs."""

from __future__ import annotations

import numpy as np
import pytest
from PIL.JpegPresets import presets

from forensics.reconstruction.photoshop_tables import photoshop_tables, symmetric
from forensics.reconstruction.scaled_tables import known_pairs, known_tables

COARSE = "18 14 14 20 29 34 34 38"
"""First row of luma's steps in a file that "Save for Web" wrote."""


def test_all_are_symmetric_and_hold_steps_of_a_byte():
    tables = photoshop_tables()
    assert tables.shape[1:] == (2, 64)
    assert tables.min() >= 1
    assert tables.max() <= 255
    assert all(symmetric(table) for pair in tables for table in pair)
    assert len(np.unique(tables.reshape(len(tables), -1), axis=0)) == len(tables)


def test_a_table_that_differs_over_the_diagonal_is_not_symmetric():
    table = photoshop_tables()[0, 0].copy()
    table[1] += 1
    assert not symmetric(table)


def test_rows_are_those_of_a_file():
    row = [int(step) for step in COARSE.split()]
    assert (photoshop_tables()[:, 0, :8] == row).all(axis=1).sum() == 1


@pytest.mark.parametrize("name", ["web_medium", "maximum"])
def test_presets_are_among_them_with_their_chroma(name):
    luma, chroma = (np.array(table) for table in presets[name]["quantization"])
    tables = photoshop_tables()
    assert ((tables[:, 0] == luma) & (tables[:, 1] == chroma)).all(axis=1).any()


def test_they_are_known_alone_and_together():
    for pair in photoshop_tables():
        assert (known_pairs().tables == pair).all(axis=(1, 2)).sum() == 1
        for plane in (0, 1):
            assert (known_tables(plane).tables == pair[plane]).all(axis=1).sum() == 1
