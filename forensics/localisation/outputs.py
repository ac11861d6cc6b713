"""A localisation as files: the map and the overlay as PNG pictures with a legend, regions as JSON polygons.

Pictures are drawn with Pillow alone, pixel for pixel in the size of the analysed picture; the legend is a strip below.
The JSON is a GeoJSON feature collection [1]_ in pixel coordinates: x to the right, y down, (0, 0) the top left corner
of the first pixel, so that a region of whole pixels has whole coordinates. Exterior rings run clockwise as seen, holes
counter-clockwise.

References
----------
.. [1] RFC 7946, "The GeoJSON format"; it has no coordinate system for pictures, so only the structure is taken from it.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from forensics_features.standards import LUMA_WEIGHTS
from forensics_models.classes import CLASSES
from forensics_models.storage import replacing
from PIL import Image, ImageDraw, ImageFont

from forensics.errors import UsageError
from forensics.localisation.regions import Localisation, Region
from forensics.localisation.scan import CodecMap
from forensics.pixels import eight_bit
from forensics.results.chance import chance, reported
from forensics.results.wording import TITLES, percent
from forensics.version import __version__

SCHEMA_VERSION = 1
"""Version of the form of `regions.json`."""
FILES = ("map.png", "overlay.png", "regions.json")
"""What `save` writes."""
COLOURS: dict[str, tuple[int, int, int]] = {
    "uncompressed": (187, 187, 187),
    "jpeg": (204, 102, 119),
    "jpeg2000": (51, 34, 136),
    "jpegxr": (136, 204, 238),
    "bpg": (17, 119, 51),
    "webp": (221, 204, 119),
    "avif": (136, 34, 85),
    "heic": (68, 170, 153),
    "jpegxl": (153, 153, 51),
}
"""Colour of every class: the scheme "muted" by P. Tol (SRON technical note EPS/TN/09-002), distinguished by
colour-blind readers.
"""
NO_EVIDENCE = 0.15
"""Windows whose `CodecMap.confidence` is below this are hatched: they say nothing worth a colour."""
_HATCH = 12
"""Pixels between hatched lines: a matter of looks."""
_EFFORT = 3
"""zlib's level for the overlay: 12 megapixels take 0.85 seconds and 16.5 MiB, at the usual 6 1.93 seconds and 16.0."""
_SHADE = 0.45
"""Share of contrast that the picture under the overlay keeps: a matter of looks."""


def class_picture(scanned: CodecMap) -> np.ndarray:
    """The map in colours, `np.ndarray [shape=(height, width, 3), dtype=uint8]`.

    A window's best class gives its cell's colour, paler the less confident; cells without evidence are white, hatched
    in grey.
    """
    palette = np.array([COLOURS[name] for name in CLASSES], np.float64)
    strength = (0.35 + 0.65 * scanned.confidence)[:, :, None]
    cells = np.rint(255 + (palette[scanned.best] - 255) * strength).astype(np.uint8)
    silent = scanned.confidence < NO_EVIDENCE
    cells[silent] = 255
    picture = scanned.to_pixels(cells)
    tops, lefts = scanned.row_edges(), scanned.column_edges()
    for row, column in np.argwhere(silent).tolist():
        rows, columns = np.ogrid[tops[row] : tops[row + 1], lefts[column] : lefts[column + 1]]
        cell = picture[tops[row] : tops[row + 1], lefts[column] : lefts[column + 1]]
        cell[(rows + columns) % _HATCH < 1] = 150
    return picture


def overlay(pixels: np.ndarray, found: Localisation) -> np.ndarray:
    """The picture with its regions, `np.ndarray [shape=(height, width, 3), dtype=uint8]`.

    The host is shown paler and in grey, regions in their own colours with an outline in the codec's colour.
    """
    shown = eight_bit(pixels)
    shown = np.stack([shown] * 3, axis=2) if shown.ndim == 2 else shown
    if not found.regions:
        return shown.copy()
    grey = shown @ np.array(LUMA_WEIGHTS["bt601"], np.float32)
    pale = np.rint(255 - (255 - grey) * _SHADE).astype(np.uint8)
    image = np.where(found.mask[:, :, None], shown, pale[:, :, None]).astype(np.uint8)
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture)
    width = max(3, round(max(image.shape[:2]) / 250))
    for number, region in enumerate(found.regions, 1):
        rings = outline(region, found.map)
        for ring in rings:
            corners = [tuple(point) for point in _inside(ring, found.map)]
            draw.line([*corners, corners[1]], fill=(255, 255, 255), width=width + 2)
            draw.line([*corners, corners[1]], fill=COLOURS[region.codec], width=width)
        _tag(draw, str(number), tuple(rings[0][0]), COLOURS[region.codec], image.shape)
    return np.asarray(picture)


def outline(region: Region, scanned: CodecMap) -> list[list[list[int]]]:
    """Closed rings of [x, y] around a region, in pixels: the exterior first, then holes."""
    rows, columns = scanned.row_edges(), scanned.column_edges()
    rings = [[[int(columns[c]), int(rows[r])] for r, c in ring] for ring in cell_rings(region.cells)]
    return sorted(rings, key=lambda ring: -_area(ring))


def cell_rings(cells: np.ndarray) -> list[list[tuple[int, int]]]:
    """Closed rings of lattice corners (row, column) around the True cells of `np.ndarray [shape=(rows, columns),
    dtype=bool]`.

    The cells lie to the right of the way; where two touch by a corner alone, the rings stay apart. Corners on straight
    runs are left out.
    """
    ways = _border_ways(cells)
    rings = []
    while ways:
        start = next(iter(ways))
        ring, point, step = [start], start, ways[start][0]
        while True:
            ways[point].remove(step)
            if not ways[point]:
                del ways[point]
            point = (point[0] + step[0], point[1] + step[1])
            if point == start and (point not in ways or _turn(step) not in ways[point]):
                break
            onward = ways[point]
            following = _turn(step) if _turn(step) in onward else step if step in onward else onward[0]
            if following != step:
                ring.append(point)
            step = following
        rings.append([*ring, start])
    return [_without_straight_start(ring) for ring in rings]


def _border_ways(cells: np.ndarray) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Steps along the border that leave each corner, the cell on the right."""
    padded = np.pad(cells, 1)
    ways: dict[tuple[int, int], list[tuple[int, int]]] = {}
    sides = (((-1, 0), (0, 0), (0, 1)), ((0, 1), (0, 1), (1, 0)), ((1, 0), (1, 1), (0, -1)), ((0, -1), (1, 0), (-1, 0)))
    for row, column in np.argwhere(cells).tolist():
        for (down, right), (y, x), step in sides:
            if not padded[row + 1 + down, column + 1 + right]:
                ways.setdefault((row + y, column + x), []).append(step)
    return ways


def _turn(step: tuple[int, int]) -> tuple[int, int]:
    """The step to the right of a step, as seen with rows growing downwards."""
    return step[1], -step[0]


def _without_straight_start(ring: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Drop the corner a ring was started from where the way goes straight through it."""
    (ay, ax), (by, bx), (cy, cx) = ring[-2], ring[0], ring[1]
    if (ay == by == cy) or (ax == bx == cx):
        return [*ring[1:-1], ring[1]]
    return ring


def _area(ring: list[list[int]]) -> float:
    """Signed area of a closed ring: positive for one that runs clockwise as seen."""
    points = np.array(ring, np.float64)
    x, y = points[:, 0], points[:, 1]
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)


def _inside(ring: list[list[int]], scanned: CodecMap) -> np.ndarray:
    """Corners as pixels of the picture: the far border is one pixel in."""
    return np.minimum(np.array(ring), [scanned.width - 1, scanned.height - 1])


def to_dict(found: Localisation, *, name: str = "", sha256: str = "") -> dict[str, Any]:
    """The feature collection, JSON-ready: regions with their polygons, and the map's lattice."""
    scanned = found.map
    return {
        "type": "FeatureCollection",
        "schema_version": SCHEMA_VERSION,
        "picture": {"name": name, "sha256": sha256, "width": scanned.width, "height": scanned.height},
        "inset": None if found.inset is None else list(found.inset[:4]),
        "coordinates": "pixels; x to the right, y down, (0, 0) the top left corner of the first pixel",
        "host": {"codec": found.host.codec, "grid": found.host.grid},
        "features": [_feature(number, region, scanned) for number, region in enumerate(found.regions, 1)],
        "map": {
            "side": scanned.side, "step": scanned.step, "tops": scanned.tops.tolist(), "lefts": scanned.lefts.tolist(),
            "classes": list(CLASSES), "probabilities": np.round(scanned.probabilities, 4).tolist(),
            "evidence": np.round(scanned.evidence, 3).tolist(), "notes": list(scanned.notes),
        },
        "versions": {"forensics": __version__},
    }  # fmt: skip


def _feature(number: int, region: Region, scanned: CodecMap) -> dict[str, Any]:
    low, estimate, high = region.ratio
    ratio = {"low": low, "estimate": estimate, "high": high} if math.isfinite(estimate) else None
    return {
        "type": "Feature",
        "id": number,
        "geometry": {"type": "Polygon", "coordinates": outline(region, scanned)},
        "properties": {
            "kind": region.kind,
            "history": region.history.codec,
            "grid": region.history.grid,
            "codec": region.codec,
            "probability": region.probability,
            "ratio": ratio,
            "score": region.score,
            "log10_nfa": reported(region.log10_nfa),
            "pixels": int(scanned.to_pixels(region.cells).sum()),
        },
    }


def sentence(number: int, region: Region, found: Localisation) -> str:
    """One region in words."""
    left, top, right, bottom = bounds(region, found.map)
    ratio = f", ratio about {region.ratio[1]:.3g}:1" if math.isfinite(region.ratio[1]) else ""
    what = f"{TITLES[region.history.codec]} ({percent(region.probability)}{ratio})"
    how = {
        "codec": f"{what}, in a picture that is otherwise {TITLES[found.host.codec]}",
        "grid": f"{what} on the block grid {_grid(region.history.grid)}, the rest on that {_grid(found.host.grid)}",
    }[region.kind]
    return f"{number}: x {left} to {right}, y {top} to {bottom}: {how}; chance gives this in {chance(region.log10_nfa)}"


def _grid(grid: tuple[int, int] | None) -> str:
    """Where a grid begins, in words."""
    return "that was not read" if grid is None else f"from row {grid[0]}, column {grid[1]}"


def bounds(region: Region, scanned: CodecMap) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a region in pixels; right and bottom lie just outside."""
    points = np.array(outline(region, scanned)[0])
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return left, top, right, bottom


def text(found: Localisation, name: str) -> str:
    """The result for a terminal, without a newline at the end."""
    scanned = found.map
    rows, columns = scanned.shape
    lines = [
        f"{name}  {scanned.width}x{scanned.height}, {rows * columns} windows of {scanned.side} pixels, {scanned.step} "
        f"apart",
        f"  host        {TITLES[found.host.codec]}",
    ]
    if not found.regions:
        lines.append("  regions     none: no part departs from the rest at its false-alarm limit")
    for number, region in enumerate(found.regions, 1):
        lines.append(f"  {'regions' if number == 1 else '':<12}{sentence(number, region, found)}")
    return "\n".join([*lines, *(f"  limits      {note}" for note in scanned.notes)])


def with_legend(picture: np.ndarray, names: list[str], *, silent: bool = False) -> Image.Image:
    """A picture with a strip below that names the colours of some classes, and the hatching where `silent`."""
    entries = [(TITLES[name], COLOURS[name]) for name in names] + ([("no evidence", None)] if silent else [])
    height, width = picture.shape[:2]
    size = min(max(11, round(width / 45)), 40)
    font = ImageFont.load_default(size)
    lines: list[list[tuple[int, str, tuple[int, int, int] | None]]] = [[]]
    x = size // 2
    for title, colour in entries:
        wide = round(font.getlength(title)) + 3 * size
        if x + wide > width and lines[-1]:
            lines.append([])
            x = size // 2
        lines[-1].append((x, title, colour))
        x += wide
    result = Image.new("RGB", (width, height + (2 * size) * len(lines)), (255, 255, 255))
    result.paste(Image.fromarray(picture), (0, 0))
    draw = ImageDraw.Draw(result)
    for row, line in enumerate(lines):
        top = height + 2 * size * row + size // 2
        for left, title, colour in line:
            draw.rectangle((left, top, left + size, top + size), fill=colour or (255, 255, 255), outline=(90, 90, 90))
            if colour is None:
                draw.line((left, top + size, left + size, top), fill=(150, 150, 150))
            draw.text((left + 1.5 * size, top - size * 0.1), title, fill=(0, 0, 0), font=font)
    return result


def _tag(
    draw: ImageDraw.ImageDraw, text: str, corner: tuple[int, ...], colour: tuple[int, int, int], shape: tuple[int, ...]
) -> None:
    """A number on a plate at a region's first corner."""
    size = max(14, round(max(shape[:2]) / 36))
    font = ImageFont.load_default(size)
    wide = round(font.getlength(text)) + size // 2
    left, top = min(corner[0], shape[1] - wide), min(corner[1], shape[0] - size - size // 3)
    draw.rectangle((left, top, left + wide, top + size + size // 3), fill=colour)
    ink = (0, 0, 0) if sum(colour) > 380 else (255, 255, 255)
    draw.text((left + size // 4, top), text, fill=ink, font=font)


def as_mapped(pixels: np.ndarray, found: Localisation) -> np.ndarray:
    """Pixels of the part and at the size that was mapped: the nearest ones where an enlargement was undone, the same
    array where nothing was.
    """
    pixels = pixels if found.inset is None else found.inset.cut(pixels)
    shape = (found.map.height, found.map.width)
    if pixels.shape[:2] == shape:
        return pixels
    rows, columns = ((np.arange(new) + 0.5) * old / new for new, old in zip(shape, pixels.shape[:2], strict=True))
    return np.ascontiguousarray(pixels[rows.astype(int)][:, columns.astype(int)])


def save(
    found: Localisation, pixels: np.ndarray, folder: Path, *, name: str = "", sha256: str = ""
) -> tuple[Path, ...]:
    """Write `FILES` into a folder, made where it is missing; each file appears when it is complete.

    Returns the paths. Raises `UsageError` where they cannot be written.
    """
    scanned = found.map
    pixels = as_mapped(pixels, found)
    silent = scanned.confidence < NO_EVIDENCE
    shown = [CLASSES[k] for k in np.unique(scanned.best[~silent])]
    with ThreadPoolExecutor(1) as aside:  # the overlay, as large as the picture, is compressed meanwhile
        marked = aside.submit(_overlay_png, found, pixels)
        drawn = with_legend(class_picture(scanned), shown, silent=bool(silent.any()))
        document = json.dumps(to_dict(found, name=name, sha256=sha256), allow_nan=False) + "\n"
        writers: tuple[Callable[[Path], Any], ...] = (
            lambda path: drawn.save(path, format="PNG"),
            lambda path: path.write_bytes(marked.result()),
            lambda path: path.write_text(document, encoding="utf-8"),
        )
        return write_files(folder, dict(zip(FILES, writers, strict=True)))


def _overlay_png(found: Localisation, pixels: np.ndarray) -> bytes:
    """The overlay with its legend, where there are regions to name."""
    codecs = list(dict.fromkeys(region.codec for region in found.regions))
    marked = overlay(pixels, found)
    picture = with_legend(marked, codecs) if codecs else Image.fromarray(marked)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", compress_level=_EFFORT)
    return buffer.getvalue()


def write_files(folder: Path, writers: Mapping[str, Callable[[Path], Any]]) -> tuple[Path, ...]:
    """Write files by name into a folder, made where it is missing; each appears when it is complete.

    Returns the paths. Raises `UsageError` where they cannot be written.
    """
    paths = tuple(folder / name for name in writers)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, write in zip(paths, writers.values(), strict=True):
            with replacing(path) as partial:
                write(partial)
    except OSError as error:
        raise UsageError(f"cannot write into {str(folder)!r}: {error.strerror or error}") from None
    return paths
