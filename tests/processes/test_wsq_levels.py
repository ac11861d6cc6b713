"""WSQ is not proven by patterns in black and white."""

import math

import numpy as np

from forensics.processes import wsq


def automaton(rule: int, side: int) -> np.ndarray:
    """Rows of a cellular automaton, black and white."""
    rows = np.zeros((side, side), np.uint8)
    rows[0] = np.random.default_rng(rule).integers(0, 2, side)
    for k in range(1, side):
        left, centre, right = np.roll(rows[k - 1], 1), rows[k - 1], np.roll(rows[k - 1], -1)
        rows[k] = (rule >> (4 * left + 2 * centre + right)) & 1
    return np.repeat(rows[..., None] * np.uint8(255), 3, axis=2)


def test_a_cellular_automaton_is_not_tested():
    trace = wsq.test(automaton(73, 320))
    assert not trace.found
    assert math.isnan(trace.log10_nfa)
    assert "2 grey levels" in trace.sentence


def test_many_levels_are():
    rows, columns = np.mgrid[:128, :128]
    plane = (128 + 60 * np.sin(rows / 9) + 40 * np.cos(columns / 5)).astype(np.uint8)
    assert math.isfinite(wsq.test(np.repeat(plane[..., None], 3, axis=2)).log10_nfa)
