"""Pictures of few colours are not called near-lossless WebP, which would code them by a palette."""

import math

import numpy as np

from forensics.dataset.synthetic import synthesise
from forensics.processes import webp_near_lossless


def test_few_colours_are_not_tested():
    colours = np.array([[180, 40, 20], [20, 160, 60], [90, 90, 200], [240, 220, 90]], np.uint8)
    trace = webp_near_lossless.test(colours[synthesise("texture", 128, 128, 5)[..., 0] // 64])
    assert not trace.found
    assert math.isnan(trace.log10_nfa)
    assert "256 colours" in trace.sentence


def test_many_colours_are():
    assert math.isfinite(webp_near_lossless.test(synthesise("texture", 128, 128, 5)).log10_nfa)
