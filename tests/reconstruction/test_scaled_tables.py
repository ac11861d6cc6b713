"""Tables that files are known to have."""

from __future__ import annotations

import numpy as np
import pytest
from PIL.JpegPresets import presets

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.history.jpeg.comb import ac_likelihoods
from forensics.history.jpeg.steps import candidates
from forensics.reconstruction.coded import DECODERS
from forensics.reconstruction.layout import Layout
from forensics.reconstruction.photoshop_tables import photoshop_tables
from forensics.reconstruction.sampled import sample
from forensics.reconstruction.scaled_tables import (
    by_those_held,
    known_pairs,
    known_tables,
    match_pair,
    nearest_match,
    of_every_scale,
    usual_log_prior,
)
from forensics.reconstruction.table_refinement import by_known, near_ones
from forensics.reconstruction.tables import finest
from tests.reconstruction.scenes import jpeg_file, real_decoding, scene

GREY = Layout(0, 0, (1, 1), "grey")


@pytest.mark.parametrize("plane", [0, 1])
@pytest.mark.parametrize("added", [0.5, 0.0])
def test_tables_of_any_scale_are_among_them(plane, added):
    base = TABLE_FAMILIES["standard"][plane].ravel()
    every = of_every_scale(plane)
    assert len(np.unique(every, axis=0)) == len(every)
    for scale in np.random.default_rng(3).uniform(0.02, 2.5, 200):
        table = np.maximum(np.floor(scale * base.astype(float) + added), 1)
        assert (every == table).all(axis=1).sum() == 1


def test_all_of_them_come_out_of_one_scale():
    base = TABLE_FAMILIES["standard"][0].ravel().astype(float)
    for table in of_every_scale(0)[::97]:
        ways = []
        for added in (0.5, 0.0):
            least = ((table - added) / base)[table > 1]
            most = (table + 1 - added) / base
            ways.append(not len(least) or least.max() < most.min())
        assert any(ways)


def test_an_editors_presets_are_known():
    for preset in presets.values():
        for plane, table in enumerate(preset["quantization"]):
            assert (known_tables(plane).tables == np.array(table)).all(axis=1).any()


def grey_file(table: np.ndarray) -> np.ndarray:
    """A picture decoded from a file of one table."""
    return real_decoding(jpeg_file(scene(7, 256, 256)[..., 1], 50, qtables=[table.tolist()]))


def test_multiples_of_a_known_tables_steps_give_way_to_it():
    table = np.rint(0.1378 * TABLE_FAMILIES["standard"][0].ravel()).astype(np.int64)
    read = table.copy()
    read[[22, 29, 31, 37, 38]] *= 2  # as of a picture that was coded twice
    sampled = sample(grey_file(table), GREY, DECODERS[0])
    np.testing.assert_array_equal(by_known(sampled, DECODERS[0], (read,), [0])[0], table)


def test_steps_of_two_among_ones_stay_where_one_known_table_is_likeliest():
    table = np.array(presets["web_maximum"]["quantization"][0], np.int64)
    assert (finest(table) != table).any()
    sampled = sample(grey_file(table), GREY, DECODERS[0])
    np.testing.assert_array_equal(near_ones(sampled, DECODERS[0], (table,))[0], table)
    np.testing.assert_array_equal(near_ones(sampled, DECODERS[0], (finest(table) + (table > 1),))[0], table)


def test_each_is_there_once_and_the_commonest_come_first():
    known = known_tables(0)
    assert len(np.unique(known.tables, axis=0)) == len(known.tables)
    assert (np.diff(known.log_prior) <= 0).all()
    assert np.exp(known.log_prior).sum() == pytest.approx(1, abs=0.1)


def test_luma_and_chroma_are_known_together_as_files_hold_them():
    known = known_pairs()
    assert len(np.unique(known.tables.reshape(len(known.tables), -1), axis=0)) == len(known.tables)
    assert np.exp(known.log_prior).sum() == pytest.approx(1, abs=0.1)
    bases = [base.ravel().astype(float) for base in TABLE_FAMILIES["standard"]]
    same = np.stack([np.maximum(np.floor(0.7313 * base + 0.5), 1) for base in bases])
    mixed = np.stack([same[0], scaled_table(TABLE_FAMILIES["standard"][1], 90).ravel()])
    assert (known.tables == same).all(axis=(1, 2)).sum() == 1
    assert not (known.tables == mixed).all(axis=(1, 2)).any()


def test_chroma_of_paint_shop_pro_has_a_step_of_its_own():
    luma, chroma = (base.ravel().astype(float) for base in TABLE_FAMILIES["standard"])
    chroma[4] = 66
    pair = np.floor(0.4343 * np.stack([luma, chroma]))
    assert pair[1, 4] == 28
    assert pair[1, 32] == 42
    assert (known_pairs().tables == pair).all(axis=(1, 2)).sum() == 1


def test_qualities_at_multiples_of_five_are_commoner_and_nothing_else_changes():
    prior, known = usual_log_prior(), candidates()
    more = prior - known.log_prior
    fives = known.quality % 5 == 0
    np.testing.assert_allclose(more[fives], more[fives][0])
    np.testing.assert_allclose(more[~fives], more[~fives][0])
    assert np.exp(more[fives][0] - more[~fives][0]) == pytest.approx(2.7)
    assert np.exp(prior).sum() == pytest.approx(1)


def likelihoods_of(table: np.ndarray, seed: int) -> np.ndarray:
    """Of blocks whose high frequencies are zero, rounded."""
    rng = np.random.default_rng(seed)
    multiples = np.rint(rng.laplace(0, np.linspace(6, 0.05, 64), (300, 64)))
    return ac_likelihoods((multiples * table + rng.normal(0, 12**-0.5, (300, 64))).astype(np.float32))


@pytest.mark.parametrize("number", [0, 9, 20])
def test_a_setting_is_told_by_the_steps_that_are_seen(number):
    luma, chroma = photoshop_tables()[number]
    found = match_pair(likelihoods_of(luma, 1), likelihoods_of(chroma, 2))
    np.testing.assert_array_equal(found.tables, [luma, chroma])
    assert found.known == 1
    np.testing.assert_array_equal(match_pair(likelihoods_of(luma, 1), None).tables[0], luma)


def test_steps_of_no_setting_are_left_free():
    steps = np.random.default_rng(4).integers(5, 60, (2, 64))
    assert match_pair(likelihoods_of(steps[0], 1), likelihoods_of(steps[1], 2)) is None


def test_tables_are_given_the_nearest_family_and_quality():
    tables = np.stack([scaled_table(base, 80).ravel() for base in TABLE_FAMILIES["robidoux"]]).astype(np.int64)
    tables[0, 63] += 1
    match = nearest_match(tables, 0.0)
    assert (match.family, match.quality, match.known) == ("robidoux", 80, 0)
    np.testing.assert_array_equal(match.tables, tables)


@pytest.mark.parametrize(("plane", "setting"), [(0, 3), (1, 12)])
def test_steps_that_no_block_holds_are_thought_of_by_the_others(plane, setting):
    table = np.rint(2.9 * photoshop_tables()[setting, plane]).astype(np.int64)
    held = np.add.outer(np.arange(8), np.arange(8)).ravel() < 6
    found = by_those_held(np.where(held, table, 13), held, plane)
    np.testing.assert_array_equal(found[held], table[held])
    assert np.abs(found - table).max() <= 1


def test_too_few_steps_tell_no_table():
    table = np.arange(1, 65)
    assert by_those_held(table, np.arange(64) < 5, 0) is table
