"""Tables that files are known to have."""

from __future__ import annotations

import numpy as np
import pytest
from PIL.JpegPresets import presets

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES
from forensics.reconstruction.coded import DECODERS
from forensics.reconstruction.layout import Layout
from forensics.reconstruction.sampled import sample
from forensics.reconstruction.scaled_tables import known_tables, of_every_scale
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
