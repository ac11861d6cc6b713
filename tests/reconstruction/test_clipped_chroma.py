"""Chroma under clipped channels once luma is known."""

from __future__ import annotations

import numpy as np

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.reconstruction.block_search import WAVES
from forensics.reconstruction.coded import DECODERS, CodedPicture, Component, decode
from forensics.reconstruction.inversion import invert
from forensics.reconstruction.layout import Layout, blocks_of
from tests.reconstruction.scenes import scene


def component(plane: np.ndarray, table: np.ndarray) -> Component:
    coefficients = np.rint((blocks_of(plane) - 128) @ WAVES.T.astype(float) / table).astype(np.int16)
    return Component(coefficients.reshape(plane.shape[0] // 8, -1, 64), table)


def test_what_a_luma_replaced_since_said_of_chroma_is_forgotten():
    """Saturated red: bounds of luma are wide at first, and luma that they settle wrongly narrows chroma wrongly."""
    luma, chroma = (scaled_table(base, 90.0).ravel().astype(np.int64) for base in TABLE_FAMILIES["standard"])
    s = scene(1, 64, 64).astype(float) - 110
    planes = 88 + 0.05 * s[..., 0], 100 + 0.1 * s[::2, ::2, 2], 244 + 0.12 * s[::2, ::2, 1]
    tables = luma, chroma, chroma
    parts = tuple(component(plane, table) for plane, table in zip(planes, tables, strict=True))
    pixels = decode(CodedPicture(64, 64, parts, (2, 2)), DECODERS[0])
    assert 0.1 < (pixels == 255).mean() < 0.3
    found = invert(pixels, Layout(0, 0, (2, 2)), tables, DECODERS[0])
    wrong = (decode(found.coded, DECODERS[0]) != pixels).any(axis=2)
    assert blocks_of(wrong, 16, 16).any(axis=1).sum() <= 4  # of 16; 10 before it was forgotten
