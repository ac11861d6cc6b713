"""Windows about wrong pixels: what they hold, that nothing else changes, and that they settle what the band does."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.reconstruction import mending, reconstruct
from forensics.reconstruction.blocks import Quantiser
from forensics.reconstruction.choice import Chosen
from forensics.reconstruction.coded import DECODERS
from forensics.reconstruction.inversion import invert
from forensics.reconstruction.layout import Layout
from forensics.reconstruction.mending import MendedBand
from tests.reconstruction.scenes import jpeg_file, real_decoding, scene, tables_of


def clipped_picture(height: int = 200, width: int = 230) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """A decoded 4:2:0 picture of which a patch is pushed beyond white before coding, and its tables."""
    pixels = scene(3, height, width)
    pixels[60:110, 40:90] = np.clip(pixels[60:110, 40:90].astype(int) + np.array([120, 60, 30]), 0, 255)
    data = jpeg_file(pixels, 75)
    luma, chroma = tables_of(data)
    return real_decoding(data), (luma, chroma, chroma)


def band_of(pixels: np.ndarray, tables: tuple[np.ndarray, ...], layout: Layout) -> MendedBand:
    rows, columns = layout.padded(pixels.shape)
    quantisers = [Quantiser.of(table, DECODERS[0].transform) for table in tables]
    return MendedBand(pixels, layout, quantisers, DECODERS[0], (0, rows), (0, rows), columns, 32, False)


@pytest.mark.parametrize("corner", [(0, 0), (5, 11)])
def test_a_window_holds_what_the_band_holds_there(corner):
    pixels, tables = clipped_picture()
    band = band_of(pixels, tables, Layout(*corner, (2, 2)))
    high, wide = band.none.shape
    for rows, columns in [(slice(0, 48), slice(16, 64)), (slice(32, high), slice(wide - 48, wide))]:
        window = band.cut(rows, columns)
        part = band.part[window_rows(rows, band.edges[0], high), window_rows(columns, band.edges[1], wide)]
        np.testing.assert_array_equal(window.part, part)
        np.testing.assert_array_equal(window.lo, band.lo[:, rows, columns])
        np.testing.assert_array_equal(window.first[1], band.first[1][:, rows, columns])
        np.testing.assert_array_equal(window.in_picture(window.inside), np.ones(part.shape[:2], bool))
        assert window.inside.sum() == part.shape[0] * part.shape[1]
        ring = window.kept.copy()
        ring[16 * (rows.start > 0) : len(ring) - 16 * (rows.stop < high)] = False
        assert not ring.any()
        assert window.kept[24, 24]
        window.lo[:] = 7
        assert not (band.lo[:, rows, columns] == 7).all()


def window_rows(span: slice, edges: tuple[int, int], length: int) -> slice:
    inside = np.arange(span.start, span.stop)
    inside = inside[(inside >= edges[0]) & (inside < length - edges[1])] - edges[0]
    return slice(int(inside[0]), int(inside[-1]) + 1)


def test_windows_hold_every_wrong_pixel_and_their_neighbours():
    pixels, tables = clipped_picture()
    band = band_of(pixels, tables, Layout(0, 0, (2, 2)))
    wrong = np.zeros(band.none.shape, bool)
    wrong[35, 100] = wrong[130, 20] = True
    windows = band._windows(wrong)
    assert len(windows) == 2
    assert (slice(0, 80), slice(64, 144)) in windows
    assert (slice(96, 176), slice(0, 64)) in windows
    assert band._windows(~wrong) == []


def test_only_blocks_of_the_window_change():
    pixels, tables = clipped_picture()
    band = band_of(pixels, tables, Layout(0, 0, (2, 2)))
    settled = invert(pixels, band.layout, tables, DECODERS[0])
    fitted = [(c.coefficients.copy(), s.copy()) for c, s in zip(settled.coded.components, settled.status, strict=True)]
    fitted[1][0][5, 4], fitted[1][1][5, 4] = 0, 3
    before = [(coefficients.copy(), status.copy()) for coefficients, status in fitted]
    after = band._within(slice(48, 128), slice(32, 112), fitted)
    np.testing.assert_array_equal(after[1][0][5, 4], settled.coded.components[1].coefficients[5, 4])
    for unit, (now, known), (then, old), (unchanged, same) in zip((8, 16, 16), after, fitted, before, strict=True):
        np.testing.assert_array_equal(then, unchanged)
        np.testing.assert_array_equal(old, same)
        outside = np.ones(known.shape, bool)
        outside[64 // unit : 112 // unit, 48 // unit : 96 // unit] = False
        np.testing.assert_array_equal(now[outside], then[outside])
        np.testing.assert_array_equal(known[outside], old[outside])


def test_a_settled_neighbour_that_is_wrong_is_searched_again():
    """A block whose neighbour is wrong comes out of nothing while that one is taken for known."""
    pixels, tables = clipped_picture()
    band = band_of(pixels, tables, Layout(0, 0, (2, 2)))
    settled = invert(pixels, band.layout, tables, DECODERS[0])
    fitted = [(c.coefficients.copy(), s.copy()) for c, s in zip(settled.coded.components, settled.status, strict=True)]
    true = fitted[2][0].copy()
    fitted[2][0][9, 10, 0] += 1
    fitted[2][0][9, 11, 1] += 3
    assert band._shown_wrongly(2, fitted[2][0]).any()
    after = band._with_neighbours(fitted)
    assert not band._shown_wrongly(2, after[2][0]).any()
    np.testing.assert_array_equal(after[2][0], true)
    np.testing.assert_array_equal(after[1][0], fitted[1][0])


def test_a_block_that_is_wrong_is_found_from_its_neighbours_that_are_right(monkeypatch):
    """A block of which the first half is seen, at fine steps, without any of its neighbours being searched again."""
    data = jpeg_file(scene(41, 120, 128), 97, "4:2:0")
    pixels, (luma, chroma) = real_decoding(data), tables_of(data)
    band = band_of(pixels, (luma, chroma, chroma), Layout(0, 0, (2, 2)))
    settled = invert(pixels, band.layout, (luma, chroma, chroma), DECODERS[0])
    fitted = [(c.coefficients.copy(), s.copy()) for c, s in zip(settled.coded.components, settled.status, strict=True)]
    assert not band.wrong(fitted).any()
    fitted[2][0][7, 4, 0] += 1
    assert band.wrong(fitted).any()
    search = band.searched_by_all_shown

    def of_one(k, start, known, places, width):
        fits = search(k, start, known, places, width)
        return fits if len(places) == 1 else (fits[0], np.zeros(len(places), bool))

    monkeypatch.setattr(band, "searched_by_all_shown", of_one)
    after = band._with_neighbours(fitted)
    assert not band.wrong(after).any()
    again = np.argwhere((after[2][0] != fitted[2][0]).any(axis=2))
    np.testing.assert_array_equal(again, [(7, 4)])


@pytest.mark.parametrize("corner", [(0, 0), (3, 6)])
def test_windows_leave_no_more_than_the_whole_band(corner, monkeypatch):
    pixels, tables = clipped_picture()
    pixels = np.ascontiguousarray(pixels[corner[0] :, corner[1] :])
    left = []
    for most in (12, -1):
        monkeypatch.setattr(mending, "_WINDOWS", most)
        found = invert(pixels, Layout(*corner, (2, 2)), tables, DECODERS[0])
        left.append(sum(int((status > 1).sum()) for status in found.status))
    assert left[0] <= left[1]


def test_known_tables_that_leave_nothing_are_beyond_doubt():
    pixels, tables = clipped_picture()
    layout = Layout(0, 0, (2, 2))
    inverted = invert(pixels, layout, tables, DECODERS[0])
    other = tables[0].copy()
    other[20] += 1
    answers = []
    for luma in (tables[0], other):
        chosen = Chosen(layout, (luma, *tables[1:]), DECODERS[0], None, None, True)  # type: ignore[arg-type]
        answers.append(reconstruct._beyond_doubt(chosen, inverted))
    assert answers == [True, False]
    chosen = Chosen(layout, tables, DECODERS[0], None, None, True)  # type: ignore[arg-type]
    inverted.status[1][:4] = 3  # the others hold steps that no other known table has
    assert reconstruct._beyond_doubt(chosen, inverted)
    held = inverted.coded.components[1].coefficients.copy()
    inverted.coded.components[1].coefficients[..., 1:] = 0
    assert not reconstruct._beyond_doubt(chosen, inverted)
    inverted.coded.components[1].coefficients[:] = held
    inverted.status[1][:] = 3
    assert not reconstruct._beyond_doubt(chosen, inverted)
