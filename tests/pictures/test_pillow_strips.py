"""Samples copied strip by strip are those of the whole picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from forensics.pictures import pillow_samples


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("strip", [1, 100, 1 << 24])
def test_strips_make_up_the_picture(mode, strip, monkeypatch):
    monkeypatch.setattr(pillow_samples, "_STRIP_BYTES", strip)
    bands = len(mode)
    pixels = np.random.default_rng(bands).integers(0, 256, (13, 9, bands), np.uint8)
    image = Image.fromarray(pixels[:, :, 0] if bands == 1 else pixels, mode)
    found = pillow_samples.in_strips(image)
    assert found.dtype == np.uint8
    assert np.array_equal(found, np.array(image))
    assert found.flags.owndata
