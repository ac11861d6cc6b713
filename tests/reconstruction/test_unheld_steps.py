"""Steps that hardly any block holds: read from the blocks that they leave, several at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forensics.reconstruction.blocks import SEARCHED
from forensics.reconstruction.choice import choose
from forensics.reconstruction.coded import DECODERS, decode
from forensics.reconstruction.inversion import invert
from forensics.reconstruction.reconstruct import prepare
from forensics.reconstruction.unheld_steps import with_unheld
from tests.reconstruction.scenes import jpeg_file, real_decoding, scene

FREQUENCIES, STEPS, WRONG = (62, 55, 61), (46, 42, 45), 33


@pytest.mark.parametrize("k", [0, 1])
def test_several_steps_of_one_block_are_read(k):
    coded = prepare(real_decoding(jpeg_file(scene(3, 96, 96), 75))).inverted.coded
    components = list(coded.components)
    for n in (k, 2) if k else (0,):
        table, coefficients = components[n].table.copy(), components[n].coefficients.copy()
        table[list(FREQUENCIES)] = STEPS
        coefficients[..., list(FREQUENCIES)] = 0
        if n == k:
            coefficients[2, 2, list(FREQUENCIES)] = 1, -1, 1
        components[n] = replace(components[n], table=table, coefficients=coefficients)
    pixels = decode(replace(coded, components=tuple(components)), DECODERS[0])
    chosen = choose(pixels)
    assert chosen is not None
    assert chosen.layout.factors == (2, 2)
    right = tuple(component.table for component in components)
    wrong = [table.copy() for table in right]
    for n in (k, 2) if k else (0,):
        wrong[n][list(FREQUENCIES)] = WRONG
    chosen = replace(chosen, tables=tuple(wrong))
    inverted = invert(pixels, chosen.layout, chosen.tables, chosen.decoder)
    assert (inverted.status[k] > SEARCHED).any()
    found = with_unheld(chosen, inverted, 32)
    np.testing.assert_array_equal(found.tables[k], right[k])
    again = invert(pixels, found.layout, found.tables, found.decoder)
    assert all((status <= SEARCHED).all() for status in again.status)
    assert with_unheld(found, again, 32) is found


def test_a_step_of_chroma_that_is_wrong_by_one_is_read_from_the_block_that_it_leaves():
    frequency, right, wrong = 9, 11, 12
    coded = prepare(real_decoding(jpeg_file(scene(3, 96, 96), 75))).inverted.coded
    components = list(coded.components)
    assert components[1].table[frequency] == right
    for n in (1, 2):
        coefficients = components[n].coefficients.copy()
        coefficients[..., frequency] = 0
        if n == 1:
            coefficients[1, 1, frequency] = wrong  # as many levels as `right` of the wrong steps: comes out of both
            coefficients[3, 3, frequency] = 1
        components[n] = replace(components[n], coefficients=coefficients)
    pixels = decode(replace(coded, components=tuple(components)), DECODERS[0])
    chosen = choose(pixels)
    assert chosen is not None
    assert chosen.layout.factors == (2, 2)
    tables = [component.table.copy() for component in components]
    for n in (1, 2):
        tables[n][frequency] = wrong
    chosen = replace(chosen, tables=tuple(tables))
    inverted = invert(pixels, chosen.layout, chosen.tables, chosen.decoder)
    assert inverted.coded.components[1].coefficients[1, 1, frequency] == right
    assert inverted.status[1][1, 1] <= SEARCHED < inverted.status[1][3, 3]
    found = with_unheld(chosen, inverted, 32)
    for n in (1, 2):
        np.testing.assert_array_equal(found.tables[n], components[n].table)
