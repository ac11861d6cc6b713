"""Colours stored as luma and halved chroma without a codec are not called HEIC."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import forensics
from forensics.results.analysis import Interval
from forensics.verdict.fine_hevc import LOWEST_RATIO, NOTE, withheld
from tests.verdict.test_members import RGB, analysis

FINE = Interval(2.5, 3.4, 8.0)
"""Of a ratio that nothing tells from a conversion."""


def noisy_scene(seed: int) -> np.ndarray:
    """Waves, discs and noise like a sensor's, each channel of its own."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:320, :384].astype(float)
    planes = []
    for k in range(3):
        plane = 120 + 45 * np.sin(x / (23 + 5 * k) + y / 41) + 35 * np.cos(y / (17 + 3 * k) - x / 61)
        for _ in range(14):
            across, down, radius = rng.integers(0, 384), rng.integers(0, 320), rng.integers(10, 60)
            plane += rng.normal(0, 40) * ((x - across) ** 2 + (y - down) ** 2 < radius**2)
        planes.append(plane + 12 * np.sin(x * (0.9 + 0.1 * k)) * (y > 190) + rng.normal(0, 5, plane.shape))
    scene = np.stack(planes, 2)
    scene = (scene + np.roll(scene, 1, 0) + np.roll(scene, 1, 1)) / 3
    return np.clip(scene + rng.normal(0, 2, scene.shape), 0, 255)


def halved_chroma(rgb: np.ndarray, down: int, across: int) -> np.ndarray:
    """To 8-bit YCbCr (T.871 clause 7), every other sample of chroma left out and repeated, and back."""
    red, green, blue = np.moveaxis(rgb.round(), 2, 0)
    luma = (0.299 * red + 0.587 * green + 0.114 * blue).round()
    chroma = [((blue - luma) / 1.772).round(), ((red - luma) / 1.402).round()]
    cb, cr = (c[::down, ::across].repeat(down, 0).repeat(across, 1) for c in chroma)
    planes = (luma + 1.402 * cr, luma - 0.344136 * cb - 0.714136 * cr, luma + 1.772 * cb)
    return np.clip(np.stack(planes, 2).round(), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("seed", "down", "across"), [(1, 1, 2), (1, 2, 2), (6, 1, 2)])
def test_noisy_pictures_with_halved_chroma_are_not_called_compressed(seed, down, across):
    said = forensics.analyze(halved_chroma(noisy_scene(seed), down, across))
    assert said.verdict in ("inconclusive", "uncompressed")
    assert said.agreement.status in ("open", "plain")


@pytest.mark.parametrize("verdict", ["heic", "bpg"])
def test_so_fine_an_hevc_is_withheld_and_a_coarser_one_is_not(verdict):
    named = analysis(verdict, 0.99)
    fine = withheld(replace(named, ratio=FINE), RGB)
    assert fine.verdict == "inconclusive"
    assert fine.limits[0] == NOTE
    assert fine.ranking == named.ranking
    assert fine.ratio is None
    assert withheld(named, RGB) is named
    assert named.ratio.low > LOWEST_RATIO


def test_grey_pictures_have_no_colours_to_convert():
    grey = replace(analysis("heic", 0.99), ratio=FINE)
    assert withheld(grey, RGB[:, :, 0]) is grey
