"""Blocks that a JPEG's table makes possible prove a JPEG, unless the models hold processes with the same blocks
likelier.
"""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from forensics import analyze
from forensics.results.analysis import Analysis
from forensics.verdict import exact
from tests.history.test_jpeg_blocks import patch


def decoded(quality: int) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(patch()).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream).convert("RGB"))


def left_open(analysis: Analysis, **probabilities: float) -> Analysis:
    """The analysis with an open verdict and another ranking."""
    ranking = tuple(sorted(probabilities.items(), key=lambda one: -one[1]))
    return dataclasses.replace(analysis, verdict="inconclusive", ranking=ranking)


@pytest.mark.parametrize(
    ("kin", "named"), [({"other_lossy": 0.8}, False), ({"other_lossy": 0.3, "video_mpeg4": 0.3}, False), ({}, True)]
)
def test_kin_of_jpeg_keeps_its_blocks_from_proving_it(kin, named, monkeypatch):
    monkeypatch.setattr(exact, "weigh", lambda analysis, pixels: analysis)  # the other exact tests read it as JPEG, too
    pixels = decoded(75)
    shares = {name.replace("_", "-"): share for name, share in kin.items()}
    rest = 1 - sum(shares.values())
    opened = left_open(analyze(pixels, exact=False), jpeg=rest / 2, uncompressed=rest / 2, **shares)
    assert (exact.settled(opened, pixels).verdict == "jpeg") is named
