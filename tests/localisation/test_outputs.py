"""Outlines against the cells they go around, and the files that are written."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from forensics_models.classes import CLASSES
from PIL import Image
from scipy import ndimage

from forensics.errors import UsageError
from forensics.localisation import outputs
from forensics.localisation.regions import locate


def crossings(rings: list[list[tuple[int, int]]], y: float, x: float) -> int:
    """How often a ray to the right from a point meets the vertical sides of the rings."""
    count = 0
    for ring in rings:
        for (ay, ax), (by, bx) in itertools.pairwise(ring):
            if ax == bx and ax > x and min(ay, by) < y < max(ay, by):
                count += 1
    return count


@pytest.mark.parametrize("seed", range(12))
def test_rings_hold_exactly_the_cells(seed):
    rng = np.random.default_rng(seed)
    cells = rng.random((7, 9)) < rng.uniform(0.2, 0.9)
    rings = outputs.cell_rings(cells)
    for row in range(7):
        for column in range(9):
            assert crossings(rings, row + 0.5, column + 0.5) % 2 == cells[row, column]
    for ring in rings:
        assert ring[0] == ring[-1]
        steps = np.diff(np.array(ring), axis=0)
        assert (np.count_nonzero(steps, axis=1) == 1).all()
        turns = [bool(a[0]) != bool(b[0]) for a, b in zip(steps, np.roll(steps, -1, axis=0), strict=True)]
        assert all(turns)


@pytest.mark.parametrize("seed", range(12))
def test_a_connected_part_has_one_outer_ring(seed):
    cells = np.random.default_rng(seed).random((8, 8)) < 0.6
    parts, count = ndimage.label(cells)
    for part in range(1, count + 1):
        rings = [[[x, y] for y, x in ring] for ring in outputs.cell_rings(parts == part)]
        areas = [outputs._area(ring) for ring in rings]
        assert sum(area > 0 for area in areas) == 1
        assert sum(areas) == (parts == part).sum()


def test_no_cell_has_no_ring():
    assert outputs.cell_rings(np.zeros((3, 3), bool)) == []


@pytest.fixture
def found(codec_map, planted, fake_judge):
    names, _ = planted
    names[10:, :3] = "jpeg2000"
    scanned = codec_map(names)
    scanned.evidence[0, :4] = 0.0
    return locate(scanned, judge=fake_judge(webp=0.9))


def picture(found) -> np.ndarray:
    shape = (found.map.height, found.map.width, 3)
    return np.random.default_rng(5).integers(0, 256, shape).astype(np.uint8)


def test_polygons_enclose_the_masks_pixels(found):
    document = outputs.to_dict(found, name="a.png", sha256="00")
    assert document["type"] == "FeatureCollection"
    assert document["host"] == {"codec": "jpegxr", "grid": None}
    assert len(document["features"]) == 2
    for feature, region in zip(document["features"], found.regions, strict=True):
        rings = feature["geometry"]["coordinates"]
        assert all(ring[0] == ring[-1] for ring in rings)
        assert sum(outputs._area(ring) for ring in rings) == feature["properties"]["pixels"]
        assert feature["properties"]["pixels"] == found.map.to_pixels(region.cells).sum()
    webp = document["features"][0]["properties"]
    assert (webp["codec"], webp["kind"]) == ("webp", "codec")
    assert webp["log10_nfa"] < -2
    assert webp["ratio"]["low"] < webp["ratio"]["high"]


def test_bounds_and_words(found):
    left, top, right, bottom = outputs.bounds(found.regions[0], found.map)
    rows, columns = np.where(found.map.to_pixels(found.regions[0].cells))
    assert (left, top, right, bottom) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    words = outputs.text(found, "a.png")
    assert f"x {left} to {right}, y {top} to {bottom}: WebP" in words
    assert "host        JPEG XR" in words


def test_the_maps_colours(found):
    drawn = outputs.class_picture(found.map)
    assert drawn.shape == (found.map.height, found.map.width, 3)
    row, column = 5 * 32 + 32, 7 * 32 + 32
    strength = 0.35 + 0.65 * found.map.confidence[5, 7]
    expected = 255 + (np.array(outputs.COLOURS["webp"]) - 255.0) * strength
    assert np.abs(drawn[row, column] - expected).max() <= 1
    silent = drawn[: 32 + 8, : 64 + 32].reshape(-1, 3)
    assert {tuple(colour) for colour in silent.tolist()} == {(255, 255, 255), (150, 150, 150)}


def test_the_overlay_leaves_the_regions_inside_as_it_is(found):
    pixels = picture(found)
    shown = outputs.overlay(pixels, found)
    region = ndimage.binary_erosion(found.map.to_pixels(found.regions[0].cells), iterations=25)
    assert region.any()
    assert (shown[region] == pixels[region]).all()
    away = ~ndimage.binary_dilation(found.mask, iterations=8)
    assert (shown[away].ptp(axis=1) if hasattr(shown, "ptp") else np.ptp(shown[away], axis=1)).max() == 0


def test_an_overlay_without_regions_is_the_picture(codec_map, fake_judge):
    found = locate(codec_map(np.full((3, 3), "webp", dtype="<U12")), judge=fake_judge(webp=0.9))
    grey = np.random.default_rng(1).integers(0, 65536, (128, 128)).astype(np.uint16)
    assert (outputs.overlay(grey, found) == np.rint(grey / 257).astype(np.uint8)[:, :, None]).all()


def test_colours_are_complete_and_apart():
    assert list(outputs.COLOURS) == list(CLASSES)
    colours = np.array(list(outputs.COLOURS.values()), float)
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=2) + 1000 * np.eye(len(colours))
    assert apart.min() > 80


def test_files(found, tmp_path):
    paths = outputs.save(found, picture(found), tmp_path / "new" / "deep", name="<b>.png", sha256="ab")
    assert (
        [path.name for path in paths]
        == list(outputs.FILES)
        == sorted(p.name for p in (tmp_path / "new" / "deep").iterdir())
    )
    for path in paths[:2]:
        with Image.open(path) as image:
            assert image.width == found.map.width
            assert image.height > found.map.height
    document = json.loads(paths[2].read_text())
    assert document["picture"] == {
        "name": "<b>.png",
        "sha256": "ab",
        "width": found.map.width,
        "height": found.map.height,
    }
    assert np.array(document["map"]["probabilities"]).shape == (*found.map.shape, len(CLASSES))


def test_a_place_that_cannot_be_written_is_one_line(found, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot write into"):
        outputs.save(found, picture(found), tmp_path / "file" / "below")


def test_the_plot(found):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    from forensics.report.map_plots import plot_map

    figure, axes = pyplot.subplots()
    assert plot_map(found, picture(found), ax=axes) is axes
    assert axes.get_xlim() == (0, found.map.width)
    assert axes.get_ylim() == (found.map.height, 0)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["JPEG 2000", "JPEG XR", "WebP", "no evidence"]
    assert len(axes.lines) == sum(len(outputs.outline(region, found.map)) for region in found.regions)
    figure.canvas.draw()
    pyplot.close(figure)
    alone = plot_map(found.map)
    assert not alone.lines
    pyplot.close(alone.figure)
