"""Grey pictures with a few stray coloured pixels: judged by their luma, and never named a codec for those."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from forensics import analyze
from forensics.verdict.colours import STRAY, STRAY_LEVELS, luma, without_strays

GREY = np.asarray(Image.open("examples/uncompressed.png").convert("L"))


def strayed(share: float, levels: int, seed: int = 4) -> np.ndarray:
    """A grey picture in three channels, of which a share of the pixels is coloured by some levels."""
    numbers = np.random.default_rng(seed)
    pixels = np.repeat(GREY[..., None], 3, axis=2)
    flat = pixels.reshape(-1, 3)
    which = numbers.choice(len(flat), max(1, int(share * len(flat))), replace=False)
    channel = numbers.integers(0, 3, len(which))
    flat[which, channel] = np.where(
        flat[which, channel] < 128, flat[which, channel] + levels, flat[which, channel] - levels
    )
    return pixels


@pytest.mark.parametrize(("share", "levels"), [(0.0, 1), (STRAY / 2, 1), (STRAY / 2, STRAY_LEVELS)])
def test_a_few_strays_are_left_out(share: float, levels: int) -> None:
    pixels = strayed(share, levels)
    assert np.array_equal(without_strays(pixels), luma(pixels))


@pytest.mark.parametrize(("share", "levels"), [(2 * STRAY, 1), (STRAY / 2, STRAY_LEVELS + 1)])
def test_colours_are_kept(share: float, levels: int) -> None:
    pixels = strayed(share, levels)
    assert without_strays(pixels) is pixels


def test_a_grey_picture_is_as_it_is() -> None:
    plain = np.repeat(GREY[..., None], 3, axis=2)
    assert without_strays(GREY) is GREY
    assert without_strays(plain) is plain


@pytest.mark.parametrize("share", [1e-5, 0.02])
def test_strays_name_no_codec(share: float) -> None:
    """One coloured pixel was enough for JPEG XL at 0.99 and more."""
    assert analyze(strayed(share, 1)).verdict in ("uncompressed", "inconclusive")
