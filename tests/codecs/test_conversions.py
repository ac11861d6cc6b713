"""Drawn conversions from planes to RGB: right on the average, different in the last bits, the same for the same
draw.
"""

from __future__ import annotations

import numpy as np
import pytest

from forensics.codecs import registry
from forensics.codecs.bpg import colour as bpg_colour
from forensics.codecs.decoders import conversions, planes
from forensics.codecs.decoders.conversions import KERNELS, Conversion
from forensics.codecs.decoders.planes import CodedPlanes
from forensics.errors import CodecError

PLAIN = Conversion("bilinear", (False, False), True, False, 0, True)


def waves(height: int = 41, width: int = 54) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.rint(
        np.stack([128 + 80 * np.sin(x / a + y / b) for a, b in ((9, 13), (-11, 8), (15, 10))], axis=2)
    ).astype(np.uint8)


def coded(
    rgb: np.ndarray, subsampling: str, bit_depth: int = 8, space: str = "ycbcr", limited: bool = False
) -> CodedPlanes:
    luma, *chroma = bpg_colour.to_planes(rgb, space, bit_depth, limited)
    samples = (luma, *(bpg_colour.decimate(plane, subsampling, bit_depth) for plane in chroma))
    return CodedPlanes(samples, subsampling, space, bit_depth, limited)


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels_weigh_one_in_all_at_both_places(kernel):
    for place in (0.0, 0.25, 0.5):
        weights = KERNELS[kernel](np.abs(np.arange(-3, 4) - place))
        if not (kernel == "nearest" and place == 0.5):
            assert weights.sum() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("space", ["ycbcr", "bt709", "bt2020", "ycgco", "rgb"])
@pytest.mark.parametrize("limited", [False, True])
def test_floating_point_without_decimation_gives_the_picture_back(space, limited):
    rgb = waves()
    found = conversions.to_picture(coded(rgb, "4:4:4", 10, space, limited), PLAIN)
    assert np.abs(found.astype(int) - rgb).max() <= 1


def test_a_bilinear_conversion_is_that_of_the_fixed_point_one_to_a_level():
    stored = coded(waves(), "4:2:0")
    difference = conversions.to_picture(stored, PLAIN).astype(int) - planes.to_picture(stored, "bilinear")
    assert np.abs(difference).max() <= 2
    assert np.abs(difference).mean() < 0.1


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4"])
@pytest.mark.parametrize("bit_depth", [8, 10])
def test_every_draw_stays_near_the_picture(subsampling, bit_depth):
    rgb = waves()
    stored = coded(rgb, subsampling, bit_depth)
    numbers = np.random.default_rng(3)
    seen = set()
    for _ in range(40):
        found = conversions.to_picture(stored, conversions.draw(numbers))
        assert found.shape == rgb.shape
        assert found.dtype == np.uint8
        assert np.abs(found.astype(int) - rgb).mean() < 6
        seen.add(found.tobytes())
    assert len(seen) > 5


def test_grey_and_odd_sides():
    grey = waves()[:, :, 0]
    stored = CodedPlanes((bpg_colour.grey_to_plane(grey, 8, False),), "grey", "ycbcr", 8, False)
    np.testing.assert_array_equal(conversions.to_picture(stored, PLAIN), grey)


def test_cosited_chroma_moves_by_a_quarter_sample():
    ramp = np.tile(np.arange(20, dtype=np.uint16) * 8, (4, 1))
    between = conversions._doubled(ramp.astype(float), KERNELS["bilinear"], False, 1)
    cosited = conversions._doubled(ramp.astype(float), KERNELS["bilinear"], True, 1)
    np.testing.assert_allclose((cosited - between)[:, 4:-4], 2.0)


def test_the_draw_follows_its_generator():
    first, again = (conversions.draw(np.random.default_rng(5)) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4", "grey"])
@pytest.mark.parametrize("extent", ["full", "limited"])
@pytest.mark.parametrize("matrix", [6, 1])
def test_libheif_makes_the_same_of_a_heic_file(subsampling, extent, matrix):
    heic = registry.get("heic")
    if not (heic.availability().encode and heic.availability().decode):
        pytest.skip(heic.availability().reason)
    data = heic.encode(waves(), quality=70, subsampling=subsampling, range=extent, matrix=matrix)
    stored = planes.read_planes("heic", data).cropped(41, 54)
    if subsampling != "grey":
        assert (stored.limited, stored.colour_space) == (extent == "limited", {6: "ycbcr", 1: "bt709"}[matrix])
    found, real = conversions.as_libheif(stored), heic.decode(data)
    assert found.shape == real.shape
    # Its floating point is of single precision: a sum on the edge of two levels may fall to either side.
    assert np.mean(found != real) < 1e-3
    assert np.abs(found.astype(int) - real).max() <= 1


def test_libheif_is_not_guessed_for_what_it_was_not_compared_with():
    for stored in (coded(waves(), "4:2:0", 10), coded(waves(), "4:4:4", 8, "rgb")):
        with pytest.raises(CodecError, match="not known here"):
            conversions.as_libheif(stored)
