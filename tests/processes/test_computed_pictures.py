"""Pictures that a program computed: samples that depend on each other pass for no coder's."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from forensics.history.jpeg import reduced
from forensics.processes import jpeg_ls_near, webp_near_lossless, wsq
from forensics.processes.sampling import measured_by_chance

Y, X = np.mgrid[:300, :400]


def levels(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def grey(values):
    return np.repeat(levels(values)[..., None], 3, axis=2)


def stops():
    along = X * np.cos(0.6) + Y * np.sin(0.6)
    values = ([200, 30, 90, 240], [10, 180, 60, 200], [90, 20, 220, 40])
    return np.stack([levels(np.interp(along, [0, 120, 260, 480], each)) for each in values], axis=2)


def identity_lookup_table():
    n = np.arange(216 * 216).reshape(216, 216)
    return np.stack([levels((n // 36**k % 36) * 255 / 35) for k in range(3)], axis=2)


def colour_mapped():
    value = (np.sin(X / 20) * np.cos(Y / 30) + 1) / 2
    ramps = ([0.27, 0.2, 0.3, 0.99], [0, 0.4, 0.75, 0.9], [0.33, 0.55, 0.4, 0.14])
    return np.stack([levels(255 * np.interp(value, [0, 0.3, 0.6, 1], ramp)) for ramp in ramps], axis=2)


def page_of_text():
    page = Image.new("RGB", (500, 300), "white")
    draw = ImageDraw.Draw(page)
    for line in range(18):
        draw.text((8, 8 + 16 * line), f"Lorem ipsum dolor sit amet consectetur 0123456789 {line}", fill="black")
    return np.asarray(page)


COMPUTED = {
    "plane": lambda: grey(20 + 0.27 * X + 0.4 * Y),
    "cone": lambda: grey(255 - np.hypot(X - 180, Y - 140)),
    "stops": stops,
    "ramps": lambda: np.stack([levels(X % 256), levels(Y % 256), levels((X + Y) / 2 % 256)], axis=2),
    "saws": lambda: np.stack([levels(4 * X % 256), levels(4 * Y % 256), levels((X + Y) % 256)], axis=2),
    "identity-lookup-table": identity_lookup_table,
    "colour-mapped": colour_mapped,
    "text": page_of_text,
}


@pytest.mark.parametrize("name", COMPUTED)
@pytest.mark.parametrize("process", [webp_near_lossless, jpeg_ls_near, wsq], ids=lambda module: module.PROCESS.name)
def test_no_process_is_proven_by_a_computed_picture(process, name):
    pixels = COMPUTED[name]()
    assert not measured_by_chance(pixels)
    assert process.test(pixels).speaks_for == ()


@pytest.mark.parametrize("name", COMPUTED)
def test_a_computed_picture_was_no_reduced_jpeg(name):
    reading = reduced.read(COMPUTED[name]())
    assert reading is None or not reading.found


def test_blocks_that_are_all_alike_are_no_jpeg():
    stripes = np.where((X // 3 + Y // 5) % 2, 210, 40)
    reading = reduced.read(grey(stripes))
    assert reading is None or not reading.found
