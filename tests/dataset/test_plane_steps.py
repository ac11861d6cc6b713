"""Filters of planes of luma and chroma: what comes back where the right values are known, and what is drawn of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import ndimage

from forensics.dataset import random_afterwards
from forensics.dataset.plane_steps import CHROMA_SIZES, PLANE_FILTERS, SWSCALE_WAYS, FilterPlanes
from forensics.dataset.shrinkage_steps import Shrink
from forensics.dataset.synthetic import synthesise


@pytest.fixture(scope="module")
def neutral() -> np.ndarray:
    """A picture without colour, of three equal channels."""
    return np.repeat(synthesise("texture", 96, 120, 5)[:, :, 1:2], 3, axis=2)


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
def test_a_picture_without_colour_comes_back_whole_in_full_range(neutral, matrix):
    assert np.array_equal(FilterPlanes("none", matrix=matrix, limited=False).apply(neutral), neutral)


def test_limited_range_has_219_steps_of_luma():
    ramp = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (16, 1))[:, :, None], 3, axis=2)
    made = FilterPlanes("none", limited=True).apply(ramp)
    assert len(np.unique(made)) == 220
    assert np.abs(made.astype(int) - ramp).max() == 1


@pytest.mark.parametrize(
    ("how", "amount", "twin"),
    [
        ("box", 2, lambda plane: ndimage.uniform_filter(plane, 5, mode="nearest")),
        ("median", 1, lambda plane: ndimage.median_filter(plane, 3, mode="nearest")),
        ("gaussian", 1.4, lambda plane: ndimage.gaussian_filter(plane, 1.4, mode="nearest")),
        ("mirror", 1, lambda plane: (plane + plane[:, ::-1]) / 2),
    ],
)
def test_luma_is_filtered_as_a_plane_of_its_own(neutral, how, amount, twin):
    made = FilterPlanes(how, amount, limited=False).apply(neutral)
    assert np.abs(made[:, :, 0] - twin(neutral[:, :, 0].astype(float))).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("rule", ["hard", "soft"])
def test_noise_is_reduced_in_luma_as_in_a_plane(neutral, rule):
    made = FilterPlanes("shrink", 9.0, limited=False, transform="dct", size=8, shifts=2, rule=rule).apply(neutral)
    twin = Shrink("dct", 8, 2, rule, 9.0).of_plane(neutral[:, :, 0].astype(float))
    assert np.abs(made[:, :, 0] - twin.clip(0, 255)).max() <= 0.5 + 1e-9


def test_a_low_pass_leaves_nothing_above_its_share(neutral):
    made = FilterPlanes("low-pass", 0.4, limited=False, bits=10).apply(neutral)[:, :, 0].astype(float)
    high = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.rfftfreq(120)[None]) > 0.2
    before, after = (np.abs(np.fft.rfft2(plane))[high].mean() for plane in (neutral[:, :, 0].astype(float), made))
    assert after < 0.1 * before


@pytest.mark.parametrize("chroma", CHROMA_SIZES)
def test_chroma_is_constant_in_blocks_of_its_reduction_where_it_is_repeated(chroma):
    picture = synthesise("texture", 96, 120, 5)
    rows, columns = CHROMA_SIZES[chroma]
    made = FilterPlanes("none", chroma=chroma, down="box", up="nearest", limited=False).apply(picture).astype(float)
    difference = (made[..., 2] - made @ (0.299, 0.587, 0.114)) / 1.772
    height, width = picture.shape[0] // rows * rows, picture.shape[1] // columns * columns
    inside = ((made > 0) & (made < 255)).all(axis=2)[:height, :width].reshape(height // rows, rows, -1, columns)
    blocks = difference[:height, :width].reshape(height // rows, rows, width // columns, columns)
    whole = inside.all(axis=(1, 3))
    assert whole.mean() > 0.5
    assert (np.ptp(blocks, axis=(1, 3))[whole] < 1.2).all()


def test_planes_are_scaled_together():
    assert FilterPlanes("scale", 0.75).apply(synthesise("texture", 96, 120, 5)).shape == (72, 90, 3)


def test_every_filter_and_size_of_chroma_is_drawn():
    numbers = np.random.default_rng(3)
    drawn = [random_afterwards.draw_planes(numbers) for _ in range(400)]
    assert set(Counter(step.how for step in drawn)) == set(PLANE_FILTERS)
    assert set(Counter(step.chroma for step in drawn)) == set(CHROMA_SIZES)
    kinds = {step.how: random_afterwards.kind_of([step]) for step in drawn if step.how != "scale"}
    assert kinds == {
        "none": "recoloured", "box": "blurred", "gaussian": "blurred", "median": "median", "low-pass": "blurred",
        "mirror": "composited", "shrink": "blurred",
    }  # fmt: skip
    for step in drawn:
        if step.how == "scale":
            assert random_afterwards.kind_of([step]) == ("enlarged" if step.amount > 1 else "reduced")


@pytest.mark.parametrize("way", SWSCALE_WAYS)
@pytest.mark.parametrize("chroma", CHROMA_SIZES)
def test_the_way_back_by_swscale_is_near_that_by_kernels(chroma, way):
    pytest.importorskip("av", reason="PyAV is not installed")
    picture = synthesise("texture", 96, 120, 5)
    kernel = "bicubic" if way.endswith("bicubic") else "bilinear"
    made, twin = (FilterPlanes("none", chroma=chroma, down="box", up=up).apply(picture) for up in (way, kernel))
    # With full chroma and accurate rounding swscale is a resize by the same kernel; its plain ways cut off, and repeat
    # chroma where rows or columns of it are as many.
    most = {"swscale-bilinear": 0.05, "swscale-bicubic": 0.2}.get(way, 3.0)
    assert made.shape == twin.shape
    assert np.abs(made.astype(int) - twin).mean() < most


@pytest.mark.parametrize("chroma", CHROMA_SIZES)
def test_untouched_planes_go_the_way_of_the_frames_of_video(chroma):
    """The twin of what a decoder of video does: FFmpeg's own arithmetic from the same planes."""
    av = pytest.importorskip("av", reason="PyAV is not installed")
    picture = synthesise("texture", 96, 120, 5)
    name = {"4:4:4": "444", "4:2:2": "422", "4:4:0": "440", "4:2:0": "420", "4:1:1": "411", "4:1:0": "410"}[chroma]
    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=f"yuv{name}p", dst_colorspace=5)
    wanted = frame.reformat(format="rgb24", src_colorspace=5, src_color_range=1, dst_color_range=2).to_ndarray()
    near = FilterPlanes("none", chroma=chroma, down="bilinear", up="swscale-plain-bilinear").apply(picture)
    assert np.abs(near.astype(int) - wanted).mean() < 2.5


@pytest.mark.parametrize(("chroma", "white"), [("4:4:4", 255), ("4:2:0", 255), ("4:1:1", 253), ("4:1:0", 253)])
def test_white_by_the_plain_way_of_swscale(chroma, white):
    """libswscale's own values (findings/pyav_white_of_rarer_chroma.sh): 4:1:1 and 4:1:0 come back two levels lower."""
    pytest.importorskip("av", reason="PyAV is not installed")
    step = FilterPlanes("none", chroma=chroma, down="box", up="swscale-plain-bilinear")
    assert np.unique(step.apply(np.full((32, 32, 3), 255, np.uint8))).tolist() == [white]
