"""Tables and layout read again where blocks are left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forensics.reconstruction.choice import Chosen, Trials
from forensics.reconstruction.coded import DECODERS
from forensics.reconstruction.inversion import invert
from forensics.reconstruction.layout import Layout
from forensics.reconstruction.read_again import _others, chroma_again, luma_again
from forensics.reconstruction.reconstruct import judged, prepare
from tests.reconstruction.scenes import drawing, jpeg_file, real_decoding, tables_of

STEPS = np.random.default_rng(7)
TABLES = [STEPS.integers(8, 30, 64).tolist(), STEPS.integers(12, 40, 64).tolist()]
"""Steps of no family."""


def coloured(seed: int = 0) -> np.ndarray:
    """Lines of three colours on white ground, `np.ndarray [shape=(160, 208, 3), dtype=uint8]`."""
    inks = np.array([[200, 20, 30], [20, 120, 40], [30, 40, 180]], np.float64)
    white = np.full((160, 208, 3), 255.0)
    for number, ink in enumerate(inks):
        cover = (255.0 - drawing(3 * seed + number)[..., None]) / 255
        white = white * (1 - cover) + ink * cover
    return np.rint(white).astype(np.uint8)


def turned_back(pixels: np.ndarray, layout: Layout, tables: tuple[np.ndarray, ...]):
    chosen = replace(prepare_choice(pixels), layout=layout, tables=tables)
    return chosen, invert(pixels, layout, tables, DECODERS[0])


def prepare_choice(pixels: np.ndarray) -> Chosen:
    return Chosen(Layout(0, 0, (1, 1)), (), DECODERS[0], None, Trials(pixels, None), True)


@pytest.mark.parametrize("subsampling", [pytest.param("4:2:0", marks=pytest.mark.heavy), "4:2:2", "4:4:4"])
def test_a_coloured_drawing_with_steps_of_no_family_is_given_back(subsampling):
    data = jpeg_file(coloured(), 50, subsampling, qtables=TABLES)
    found = judged(prepare(real_decoding(data)))
    assert found.blocks_same >= found.blocks - 4
    factors = {"4:2:0": (2, 2), "4:2:2": (1, 2), "4:4:4": (1, 1)}[subsampling]
    assert found.layout == Layout(0, 0, factors)


def test_steps_of_luma_that_blocks_speak_against_are_read_again():
    pixels = real_decoding(jpeg_file(drawing(4), 80))
    true = tables_of(jpeg_file(drawing(4), 80))[0]
    wrong = true.copy()
    wrong[[1, 10, 27]] += 3
    chosen, inverted = turned_back(pixels, Layout(0, 0, (1, 1), "grey"), (wrong,))
    np.testing.assert_array_equal(luma_again(chosen, inverted).tables[0], true)
    right, inverted = turned_back(pixels, Layout(0, 0, (1, 1), "grey"), (true,))
    assert luma_again(right, inverted) is right
    assert chroma_again(right, inverted) is right


@pytest.mark.heavy
@pytest.mark.parametrize(("taken", "subsampling"), [((2, 2), "4:2:2"), ((1, 2), "4:2:0")])
def test_a_subsampling_taken_wrongly_is_told_once_luma_is_known(taken, subsampling):
    data = jpeg_file(coloured(1), 50, subsampling, qtables=TABLES)
    luma, chroma = (np.array(table) for table in tables_of(data)[:2])
    true = {"4:2:0": (2, 2), "4:2:2": (1, 2)}[subsampling]
    chosen, inverted = turned_back(real_decoding(data), Layout(0, 0, taken), (luma, chroma, chroma))
    again = chroma_again(chosen, inverted)
    assert again.layout == Layout(0, 0, true)
    assert (again.tables[1] != chroma).sum() <= 8  # of frequencies that no block holds
    np.testing.assert_array_equal(again.tables[1], again.tables[2])


def test_layouts_with_the_same_grid_of_luma():
    own = Layout(11, 5, (2, 2))
    others = list(_others(own))
    assert own not in others
    assert len(others) == 1 + 2 + 2 + 4 - 1
    assert {(one.top % 8, one.left % 8) for one in others} == {(3, 5)}
    assert all(one.top < one.mcu[0] and one.left < one.mcu[1] for one in others)
