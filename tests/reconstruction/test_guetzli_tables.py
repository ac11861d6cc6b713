"""Guetzli's tables: those that the encoder writes, and a picture coded with one."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from forensics.history.jpeg.comb import LARGEST_STEP
from forensics.reconstruction.guetzli_tables import guetzli_tables, match_guetzli
from forensics.reconstruction.reconstruct import reconstruct, subsampling_name
from tests.reconstruction.scenes import scene

WRITTEN = """
    3 3 3 3 5 5 5 5  3 3 3 5 5 5 5 5  3 3 5 5 5 5 5 5  3 5 5 5 5 5 5 5
    5 5 5 5 5 5 5 5  5 5 5 5 5 5 5 5  5 5 5 5 5 5 5 5  5 5 5 5 5 5 5 5
"""
"""What Guetzli 1.0.1 wrote for a photograph at quality 95."""


def test_what_the_encoder_wrote_is_among_them_and_ones_are_not():
    tables = {tuple(table) for table in guetzli_tables().tolist()}
    assert tuple(map(int, WRITTEN.split())) in tables
    assert (1,) * 64 not in tables
    assert (3,) * 64 in tables
    assert len(tables) == len(guetzli_tables())


def test_a_picture_of_little_colour_coded_with_one_keeps_chroma_at_full_size():
    pixels = scene(3, 136, 145)
    grey = pixels.mean(axis=2, keepdims=True)
    table = [int(step) for step in WRITTEN.split()]
    stream = io.BytesIO()
    weak = np.rint(grey + 0.06 * (pixels - grey)).astype(np.uint8)
    Image.fromarray(weak).save(stream, "JPEG", qtables=[table, table], subsampling="4:4:4")
    with Image.open(stream) as image:
        found = reconstruct(np.array(image))
    assert (subsampling_name(found.layout), found.exact) == ("4:4:4", True)
    assert [own.tolist() for own in found.tables] == [table] * 3


def test_coefficients_that_say_nothing_speak_for_no_table():
    assert match_guetzli(np.zeros((64, LARGEST_STEP))) is None
