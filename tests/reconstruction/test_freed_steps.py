"""Single wrong steps, and known tables, by the blocks that other steps leave."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.reconstruction.coded import DECODERS
from forensics.reconstruction.freed_steps import _steps_of, with_freed
from forensics.reconstruction.inverse_transforms import ISLOW
from forensics.reconstruction.layout import Layout
from forensics.reconstruction.sampled import Tried, sample
from forensics.reconstruction.table_refinement import by_known
from tests.reconstruction.scenes import jpeg_file, real_decoding, scene, tables_of


def sampled_grey(quality: int, bright: float) -> tuple[Tried, np.ndarray]:
    data = jpeg_file(scene(9, 96, 96, bright=bright)[..., 1], quality)
    sampled = sample(real_decoding(data), Layout(0, 0, (1, 1), "grey"), DECODERS[0], clipped=0.75)
    return sampled.tried[0], tables_of(data)[0]


@pytest.mark.parametrize("bright", [0.0, 60.0])
def test_a_wrong_step_is_put_right(bright):
    tried, table = sampled_grey(75, bright)
    wrong = table.copy()
    wrong[17] += 3
    np.testing.assert_array_equal(with_freed([tried], wrong, ISLOW), table)


def test_a_right_table_stays_and_changed_blocks_do_not_move_it():
    tried, table = sampled_grey(75, 0.0)
    np.testing.assert_array_equal(with_freed([tried], table, ISLOW), table)
    changed = tried.lo.copy()
    changed[:3] = np.clip(changed[:3] + np.random.default_rng(0).integers(-9, 10, (3, 64)), 1, 254)
    moved = Tried(changed.astype(np.float32), changed, changed, tried.mode, tried.variance)
    np.testing.assert_array_equal(with_freed([moved], table, ISLOW), table)


def test_steps_of_some_values_are_ranked_by_how_many_they_divide():
    assert _steps_of([12, 18, 30])[0] == 6
    assert _steps_of([0]) == []
    assert _steps_of([17])[0] == 17


def test_a_known_table_outweighs_a_stray_step():
    """The same table twice as coarse at some frequencies, as two codings show it: the known one settles more."""
    data = jpeg_file(scene(10, 128, 128)[..., 1], 80)
    sampled = sample(real_decoding(data), Layout(0, 0, (1, 1), "grey"), DECODERS[0])
    (table,) = tables_of(data)
    wrong = table.copy()
    wrong[[3, 11, 18, 33]] *= 2
    np.testing.assert_array_equal(by_known(sampled, DECODERS[0], (wrong,), [0])[0], table)
    np.testing.assert_array_equal(by_known(sampled, DECODERS[0], (table,), [0])[0], table)
    np.testing.assert_array_equal(by_known(sampled, DECODERS[0], (wrong,), [])[0], wrong)
