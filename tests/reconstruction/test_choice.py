"""What a picture is turned back with: the commonest file at once, everything else by its history."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES
from forensics.history.jpeg import recovery
from forensics.reconstruction import choice, standard
from forensics.reconstruction.choice import choose
from forensics.reconstruction.coded import DECODERS, decode
from forensics.reconstruction.layout import Layout
from forensics.reconstruction.reconstruct import NotReconstructible, judged, prepare
from forensics.reconstruction.sampled import sample
from forensics.reconstruction.standard import MOST_CLIPPED, tables_by_blocks
from forensics.reconstruction.tables import component_steps, finest
from tests.reconstruction.scenes import drawing, jpeg_file, real_decoding, scene, tables_of


def never(*arguments, **options):
    raise AssertionError("the history was asked")


@pytest.mark.parametrize(("subsampling", "factors"), [("4:2:0", (2, 2)), ("4:2:2", (1, 2)), ("4:4:4", (1, 1))])
def test_the_commonest_file_needs_no_history(monkeypatch, subsampling, factors):
    data = jpeg_file(scene(31, 192, 256), 75, subsampling)
    monkeypatch.setattr(recovery, "recover", never)
    chosen = choose(real_decoding(data))
    assert chosen.layout.factors == factors
    assert (chosen.layout.top, chosen.layout.left) == (0, 0)
    for found, true in zip(chosen.tables, [tables_of(data)[k] for k in (0, 1, 1)], strict=True):
        np.testing.assert_array_equal(found, true)


@pytest.mark.parametrize("quality", [70, 85])
@pytest.mark.parametrize("colour", [False, True])
def test_a_drawing_on_white_whose_blocks_nearly_all_hold_clipped_samples(quality, colour):
    source = drawing(0)
    source = np.repeat(source[..., None], 3, axis=2) if colour else source
    found = judged(prepare(real_decoding(jpeg_file(source, quality))))
    assert found.quality == quality
    assert found.blocks_same >= found.blocks - 2
    with pytest.raises(NotReconstructible, match="no grid"):
        prepare(source)


@pytest.mark.heavy
def test_plain_upsampling_of_nearly_flat_chroma_is_told():
    """Rounding settles nearly all of its blocks as if it were fancy upsampling."""
    source = scene(38, 192, 192)
    source = (source[..., 1:2] * 0.97 + source * 0.03).astype(np.uint8)
    prepared = prepare(real_decoding(jpeg_file(source, 75)))
    shown = decode(prepared.inverted.coded, DECODERS[1])
    found = judged(prepare(shown))
    assert found.exact
    assert found.decoder == DECODERS[1].name


def test_fine_tables_that_rounding_cannot_judge_are_told_by_the_search(monkeypatch):
    monkeypatch.setattr(recovery, "recover", never)
    pixels = real_decoding(jpeg_file(scene(32, 192, 256), 95))
    chosen = choose(pixels)
    assert chosen.fine
    misread = np.concatenate([[1], chosen.tables[1][1:]])
    assert not replace(chosen, tables=(chosen.tables[0], misread, misread)).fine
    assert (chosen.layout, chosen.decoder.name) == (Layout(0, 0, (2, 2)), "libjpeg-turbo")
    assert (
        chosen.trials.share(chosen.layout, chosen.decoder)
        < 0.9
        < chosen.trials.searched(chosen.layout, chosen.decoder, 0)
    )
    with pytest.raises(AssertionError, match="history"):
        choose(np.ascontiguousarray(pixels[3:, 5:]))


def test_a_crop_is_left_to_the_history(monkeypatch):
    pixels = np.ascontiguousarray(real_decoding(jpeg_file(scene(32, 192, 256), 75))[3:, 5:])
    chosen = choose(pixels)
    assert (chosen.layout.top % 8, chosen.layout.left % 8) == (3, 5)
    monkeypatch.setattr(recovery, "recover", never)
    with pytest.raises(AssertionError, match="history"):
        choose(pixels)


def test_a_single_deviating_step_is_read():
    tables = [table.ravel().tolist() for table in tables_of(jpeg_file(scene(34, 64, 64), 75))]
    tables[0][9] = 31
    data = jpeg_file(scene(33, 256, 256), 50, qtables=tables)  # 50 takes tables as they are
    prepared = prepare(real_decoding(data))
    assert prepared.tables[0][9] == tables_of(data)[0][9] == 31
    assert judged(prepared).exact


def test_steps_of_two_among_ones_are_taken_as_ones():
    ones = np.ones(64, np.int64)
    doubtful = ones.copy()
    doubtful[[7, 56]] = 2
    doubtful[63] = 3
    expected = ones.copy()
    expected[63] = 3
    np.testing.assert_array_equal(finest(doubtful), expected)
    fine = tables_of(jpeg_file(scene(0), 98))[0]
    np.testing.assert_array_equal(finest(fine), fine)


def test_standard_tables_by_blocks():
    grey = Layout(0, 0, (1, 1), "grey")
    source = scene(36, 160, 160, bright=140)[..., 1]
    pixels = real_decoding(jpeg_file(source, 80))
    assert 0.3 < (pixels == 255).mean() < 0.9
    found = tables_by_blocks(sample(pixels, grey, DECODERS[0], clipped=MOST_CLIPPED))
    np.testing.assert_array_equal(found.tables[0], tables_of(jpeg_file(source, 80))[0])
    assert (found.family, found.quality, found.known) == ("standard", 80, 1)
    for other in (source, np.ascontiguousarray(pixels[3:, 5:])):
        assert tables_by_blocks(sample(other, grey, DECODERS[0], clipped=MOST_CLIPPED)) is None


def test_blocks_without_clipped_samples_are_left_to_the_history():
    grey = Layout(0, 0, (1, 1), "grey")
    pixels = real_decoding(jpeg_file(scene(36, 160, 160)[..., 1], 80))
    assert tables_by_blocks(sample(pixels, grey, DECODERS[0], clipped=MOST_CLIPPED)) is None


@pytest.mark.parametrize("colour", [pytest.param(0.05, marks=pytest.mark.heavy), 0.1])
def test_chroma_at_full_size_is_told_in_pictures_of_little_colour(colour):
    full = scene(3, 160, 192).astype(np.float64)
    grey = full.mean(axis=2, keepdims=True)
    steps = [9] * 5 + [11] * 59
    weak = np.clip(grey + colour * (full - grey), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(weak).save(out, "JPEG", qtables=[steps, steps], subsampling="4:4:4")
    found = judged(prepare(real_decoding(out.getvalue())))
    assert found.layout.factors == (1, 1)
    assert found.exact


def test_plain_upsampling_of_nearly_flat_chroma_is_told_by_what_it_shows_wrongly():
    pixels = scene(3, 160, 160).astype(np.float64)
    mean = pixels.mean(axis=2, keepdims=True)
    weak = np.rint(mean + 0.08 * (pixels - mean)).astype(np.uint8)
    coded = prepare(real_decoding(jpeg_file(weak, 75))).inverted.coded
    plain = next(d for d in DECODERS if d.name == "libjpeg-turbo, plain or merged upsampling")
    found = judged(prepare(np.ascontiguousarray(decode(coded, plain)[3:, 5:])))
    assert (found.decoder, found.blocks_same, found.blocks) == (plain.name, 361, 361)


@pytest.mark.parametrize("scale", [0.2991, 0.2013])
def test_a_drawings_table_between_two_qualities_is_found_by_its_blocks(scale):
    table = np.rint(scale * TABLE_FAMILIES["standard"][0].ravel()).astype(np.int64)
    pixels = real_decoding(jpeg_file(drawing(0), 50, qtables=[table.tolist()]))
    grey = Layout(0, 0, (1, 1), "grey")
    match = tables_by_blocks(sample(pixels, grey, DECODERS[0], clipped=MOST_CLIPPED))
    assert match is not None
    assert (match.tables[0] != table).sum() <= 2  # of the highest frequencies, which few blocks hold


@pytest.mark.parametrize("frequency", [63, 11])
def test_a_step_misread_gives_way_to_the_known_one(monkeypatch, frequency):
    data = jpeg_file(scene(31, 192, 256), 75)

    def misread(*arguments):
        tables = [table.copy() for table in component_steps(*arguments)]
        tables[1][frequency] = tables[2][frequency] = 4
        return tuple(tables)

    monkeypatch.setattr(choice, "component_steps", misread)
    chosen = choose(real_decoding(data))
    for found, true in zip(chosen.tables, [tables_of(data)[k] for k in (0, 1, 1)], strict=True):
        np.testing.assert_array_equal(found, true)


def test_coloured_lines_in_a_grey_picture_tell_chromas_size():
    """All other blocks of chroma are flat, and settled under any layout."""
    grey = np.repeat(scene(33, 256, 256)[..., 1:2], 3, axis=2)
    for at in range(40, 240, 48):
        grey[at : at + 1, at : at + 60] = 200, 40, 90
    for subsampling, factors in (("4:4:4", (1, 1)), ("4:2:0", (2, 2))):
        chosen = choose(real_decoding(jpeg_file(grey, 75, subsampling)))
        assert chosen.layout.factors == factors


def test_a_table_that_no_comb_shows_is_found_by_rounding(monkeypatch):
    grey = Layout(0, 0, (1, 1), "grey")
    table = np.rint(0.137 * TABLE_FAMILIES["standard"][0].ravel()).astype(np.int64)
    pixels = real_decoding(jpeg_file(drawing(3), 50, qtables=[table.tolist()]))
    read = standard.clipped_steps

    def only_from_a_start(tried, start=None):
        return None if start is None else read(tried, start=start)

    monkeypatch.setattr(standard, "clipped_steps", only_from_a_start)
    match = tables_by_blocks(sample(pixels, grey, DECODERS[0], clipped=MOST_CLIPPED))
    np.testing.assert_array_equal(match.tables[0], table)
    blank = sample(drawing(5), grey, DECODERS[0], clipped=MOST_CLIPPED)
    assert tables_by_blocks(blank) is None


def test_each_other_phase_of_the_mcu_is_at_hand():
    data = jpeg_file(scene(2, 96, 96), 85)
    chosen = choose(real_decoding(data))
    others = {(one.layout.top, one.layout.left) for one in chosen.by_phase()}
    assert (chosen.layout.top, chosen.layout.left) == (0, 0)
    assert others == {(0, 8), (8, 0), (8, 8)}
    assert replace(chosen, layout=Layout(0, 0, (1, 1), "grey")).by_phase() == []
