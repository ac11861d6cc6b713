"""Steps after decoding: their way through JSON, plain twins, exact properties, and what is drawn of them."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter

import numpy as np
import pytest
from forensics_models.classes import AFTERWARDS
from PIL import Image

from forensics.dataset import afterwards, preparation, random_afterwards
from forensics.dataset.afterwards import (
    ChromaPath,
    Compose,
    Filter,
    FilterPlanes,
    GreyBy,
    Halftone,
    Noise,
    PaletteBy,
    Recolour,
    Repeat,
    Resample,
    Rotate,
    Shrink,
)
from forensics.dataset.plane_steps import CHROMA_SIZES, PLANE_FILTERS, RESIZERS
from forensics.dataset.readings import DECODERS
from forensics.dataset.shrinkage_steps import WAVELETS
from forensics.dataset.synthetic import KINDS, synthesise
from forensics.errors import UsageError


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return synthesise("texture", 96, 120, 5)


EVERY = [
    *(Resample(1.3, 0.7, program, kernel) for program, kernels in afterwards.PROGRAMS.items() for kernel in kernels),
    Repeat(3, 2),
    Rotate(2.5),
    Rotate(-3.0, "pillow", "bilinear", 0.02),
    *(Filter(how, 3 if how in ("box", "median", "pillow-median") else 1.1) for how in afterwards.FILTERS),
    *(Noise(how, 4.0, 7) for how in afterwards.NOISES),
    *(Recolour(how, 0.8 if how != "posterise" else 12, 3) for how in afterwards.RECOLOURS),
    *(GreyBy(weights) for weights in afterwards.GREYS),
    *(PaletteBy(method, 32, True) for method in afterwards.PALETTES),
    *(Compose(how, 5) for how in afterwards.COMPOSITIONS),
    *(ChromaPath(way) for way in afterwards.CHROMA_PATHS),
    Halftone(4, 2, 0.6),
    Shrink("dct", 8, 2, "soft", 6.0),
    *(FilterPlanes(how, 0.7 if how in ("low-pass", "scale") else 1.2) for how in PLANE_FILTERS),
    *(
        FilterPlanes("box", 1, chroma, down, up, bits=10)
        for chroma, down, up in zip(CHROMA_SIZES, RESIZERS, reversed(RESIZERS))
    ),
]


def runs(step: object) -> bool:
    """Whether the programs that a step needs are here."""
    import shutil

    if isinstance(step, PaletteBy) and step.method == "libimagequant":
        return shutil.which("pngquant") is not None
    opencv = (isinstance(step, Filter) and step.how in ("bilateral", "non-local")) or getattr(
        step, "program", ""
    ) == "opencv"
    if isinstance(step, Shrink) and step.transform in WAVELETS and importlib.util.find_spec("pywt") is None:
        return False
    return not (opencv and afterwards.missing("opencv"))


@pytest.mark.parametrize("step", EVERY, ids=lambda step: f"{step.kind}-{'-'.join(map(str, vars(step).values()))[:40]}")
def test_a_step_read_back_from_json_gives_the_same_pixels(step, picture):
    if not runs(step):
        pytest.skip("a program that this step needs is not installed")
    again = preparation.from_json(json.loads(json.dumps(preparation.to_json([step]))))
    assert again == [step]
    for pixels in (picture, np.ascontiguousarray(picture[:, :, 1])):
        first, second = preparation.apply([step], pixels), preparation.apply(again, pixels)
        assert first.dtype == np.uint8
        assert np.array_equal(first, second)
        assert min(first.shape[:2]) >= 8


def test_repetition_is_undone_by_taking_every_nth_sample(picture):
    made = Repeat(3, 2).apply(picture)
    assert np.array_equal(made[1::3, 1::2], picture)


@pytest.mark.parametrize(
    ("program", "kernel"),
    [("pillow", "bicubic"), ("swscale", "bicubic"), ("scipy", "bilinear"), ("linear-light", "area")],
)
def test_a_resize_keeps_a_flat_picture_and_gives_the_size(program, kernel):
    flat = np.full((60, 80, 3), (10, 130, 240), np.uint8)
    made = Resample(1.5, 0.5, program, kernel).apply(flat)
    assert made.shape == (90, 40, 3)
    assert np.abs(made.astype(int) - flat[0, 0]).max() <= 1


def test_opencv_resizes_between_half_pixel_centres_without_anti_aliasing():
    cv2 = pytest.importorskip("cv2", reason="opencv is not installed")
    ramp = np.arange(0, 200, 10, dtype=np.uint8)[None].repeat(16, axis=0)
    made = Resample(1.0, 2.0, "opencv", "bilinear").apply(ramp)
    # (2 j + 1) / 4 - 1 / 2 of the old samples: 3 : 1 mixes of neighbours.
    assert (
        made[8, 4:8].tolist() == [18, 23, 28, 33]
        or np.abs(made[8, 4:8] - np.array([17.5, 22.5, 27.5, 32.5])).max() <= 0.5
    )
    assert np.array_equal(made, cv2.resize(ramp, (40, 16), interpolation=cv2.INTER_LINEAR))


def test_a_median_and_a_box_are_what_plain_loops_give(picture):
    grey = np.ascontiguousarray(picture[:20, :20, 0])
    for how, made in (("median", np.median), ("box", np.mean)):
        expected = np.array([[made(grey[i - 1 : i + 2, j - 1 : j + 2]) for j in range(1, 19)] for i in range(1, 19)])
        assert np.abs(Filter(how, 3).apply(grey)[1:-1, 1:-1] - expected).max() <= 0.5


def test_wavelet_shrinkage_takes_noise_off_and_keeps_a_flat_picture():
    noisy = synthesise("white-noise", 64, 64, 2)[:, :, 1]
    assert Filter("wavelet", 8).apply(noisy).std() < 0.7 * noisy.std()
    flat = np.full((64, 64), 99, np.uint8)
    assert np.array_equal(Filter("wavelet", 8).apply(flat), flat)


def test_grey_is_the_rounded_or_the_cut_off_weighted_sum(picture):
    mean = picture @ np.array([0.299, 0.587, 0.114])
    assert np.array_equal(GreyBy("bt601").apply(picture), np.floor(mean + 0.5).astype(np.uint8))
    assert np.array_equal(GreyBy("bt601", rounded=False).apply(picture), np.floor(mean + 1e-9).astype(np.uint8))
    assert GreyBy("green", channels=3).apply(picture).shape == picture.shape


def test_a_palette_holds_no_more_colours_than_asked_for(picture):
    for method in ("median-cut", "octree", "coverage", "k-means"):
        made = PaletteBy(method, 20, True).apply(picture)
        assert len(np.unique(made.reshape(-1, 3), axis=0)) <= 20


def test_saturation_zero_is_grey_and_one_changes_nothing(picture):
    assert np.ptp(Recolour("saturation", 0.0, 2).apply(picture), axis=2).max() == 0
    assert np.array_equal(Recolour("saturation", 1.0, 2).apply(picture), picture)


def test_display_p3_and_back_is_within_a_level(picture):
    middle = (64 + picture // 2).astype(np.uint8)
    there = Recolour("srgb-to-p3", 1.0).apply(middle)
    assert np.abs(Recolour("p3-to-srgb", 1.0).apply(there).astype(int) - middle).max() <= 2


def test_six_bits_are_left_of_eight(picture):
    assert len(np.unique(Recolour("six-bit", 1.0).apply(picture))) <= 64


def test_a_turned_picture_has_no_empty_corners():
    bright = np.full((120, 160, 3), 200, np.uint8)
    for program in ("pillow", *(() if afterwards.missing("opencv") else ("opencv",))):
        for degrees in (0.5, -4, 7):
            assert Rotate(degrees, program).apply(bright).min() >= 199


@pytest.mark.parametrize(
    "step",
    [
        Resample(1, 1, "gimp"),
        Rotate(2, "scipy"),
        Filter("melt", 1),
        Recolour("melt", 1),
        PaletteBy("web", 300),
        ChromaPath("melt"),
        FilterPlanes("melt"),
        FilterPlanes("none", up="melt"),
        GreyBy("melt"),
        Compose("melt", 1),
        Noise("melt", 1, 1),
        Rotate(80),
    ],
)
def test_unknown_values_are_refused(step, picture):
    with pytest.raises(UsageError):
        step.apply(picture)


def test_a_chroma_path_leaves_luma_and_halves_the_detail_of_chroma(picture):
    made = ChromaPath("planes-bilinear", "4:2:0").apply(picture)
    weights = np.array([0.299, 0.587, 0.114])
    assert np.abs(made @ weights - picture @ weights).mean() < 1.5
    difference = lambda pixels: np.abs(np.diff(pixels[:, :, 2].astype(int) - pixels[:, :, 1], axis=1)).mean()  # noqa: E731
    assert difference(made) < 0.75 * difference(picture)


def test_every_decoder_that_works_on_planes_has_an_untouched_twin():
    """A judge that sees a decoder's arithmetic with a codec alone takes the arithmetic for the codec's trace."""
    drawn = {name for weights in DECODERS.values() for name in weights}
    on_planes = {name for name in drawn if name.startswith(("planes-", "swscale-"))}
    drawn_untouched = {
        step.way
        for kind in random_afterwards.UNTOUCHED
        for number in range(20)
        for step in random_afterwards.draw_untouched(kind, 400, 400, np.random.default_rng(number))
        if isinstance(step, ChromaPath)
    }
    assert on_planes
    assert on_planes <= drawn_untouched


def test_every_kind_is_drawn_and_read_off_the_steps_again():
    numbers, seen = np.random.default_rng(4), Counter()
    for _ in range(600):
        kind = random_afterwards.draw_kind(numbers)
        steps = random_afterwards.draw_afterwards(kind, numbers)
        assert random_afterwards.kind_of(steps) == kind
        seen[kind] += 1
    assert set(seen) == set(AFTERWARDS) - {"nothing"}
    assert 0.1 < seen["several"] / 600 < 0.27
    assert random_afterwards.draw_afterwards("nothing", numbers) == ()
    assert random_afterwards.kind_of(()) == "nothing"


@pytest.mark.parametrize("kind", random_afterwards.UNTOUCHED)
def test_an_untouched_kind_gives_a_picture_of_a_usual_size(kind):
    made = []
    for number in range(4):
        steps = random_afterwards.draw_untouched(kind, 432, 432, np.random.default_rng(number))
        assert not any(step.kind == "coded" for step in steps)
        if all(runs(step) for step in steps):
            made.append(preparation.apply(steps, synthesise("texture", 432, 432, number)))
    assert made
    assert all(min(pixels.shape[:2]) >= 64 and max(pixels.shape[:2]) <= 500 for pixels in made)


@pytest.mark.parametrize("kind", KINDS)
def test_a_synthetic_picture_is_the_same_for_the_same_seed(kind):
    first, second = synthesise(kind, 96, 128, 11), synthesise(kind, 96, 128, 11)
    assert first.shape == (96, 128, 3)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, synthesise(kind, 96, 128, 12))


def test_programs_held_out_are_no_programs_of_training():
    assert not set(afterwards.HELD_OUT_PROGRAMS) & set(afterwards.PROGRAMS)


def test_pillow_resizes_as_pillow(picture):
    expected = np.asarray(Image.fromarray(picture).resize((84, 125), Image.Resampling.LANCZOS))
    assert np.array_equal(Resample(1.3, 0.7, "pillow", "lanczos").apply(picture), expected)
