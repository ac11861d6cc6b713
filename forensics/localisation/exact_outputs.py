"""An exact map as text, JSON polygons and an overlay."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from forensics.localisation.exact_map import IMPOSSIBLE, KINDS, OUTSIDE, POSSIBLE, SATURATED, UNDECIDED, ExactMap
from forensics.localisation.outputs import cell_rings, write_files
from forensics.pixels import eight_bit
from forensics.reconstruction.layout import BLOCK
from forensics.results.chance import chance, reported
from forensics.version import __version__

FILES = ("exact.png", "exact.json")
"""What `save` writes."""
SCHEMA_VERSION = 1
"""Version of the JSON document."""
COLOURS = {IMPOSSIBLE: (204, 102, 119), SATURATED: (221, 204, 119), UNDECIDED: (136, 204, 238)}
"""Of blocks that are not possible, from the scheme "muted" by P. Tol; possible ones are left as they are."""
BLIND = (
    "a block moved by whole blocks within the picture, or taken from a JPEG with the same tables on the same grid, "
    "stays possible"
)
"""What this map cannot see."""
_SHADE = 0.5
"""Share of the tint in the overlay: a matter of looks."""


def _rings(found: ExactMap, region: np.ndarray) -> list[list[list[int]]]:
    """Closed rings of [x, y] in pixels of the picture, the exterior first."""
    rings = []
    for ring in cell_rings(region):
        places = [[c * BLOCK - found.layout.left, r * BLOCK - found.layout.top] for r, c in ring]
        rings.append([[min(max(x, 0), found.width), min(max(y, 0), found.height)] for x, y in places])
    return sorted(rings, key=lambda ring: -_extent(ring))


def _extent(ring: list[list[int]]) -> int:
    points = np.array(ring)
    return int(np.prod(points.max(axis=0) - points.min(axis=0)))


def _parts(region: np.ndarray) -> list[np.ndarray]:
    """A region's parts that touch by sides: a polygon each."""
    from scipy import ndimage

    labels, count = ndimage.label(region)
    return [labels == number for number in range(1, count + 1)]


def to_dict(found: ExactMap, *, name: str = "", sha256: str = "") -> dict[str, Any]:
    """A GeoJSON feature collection in pixel coordinates (see `outputs`), JSON-ready, with the kind of every block."""
    return {
        "type": "FeatureCollection",
        "schema_version": SCHEMA_VERSION,
        "picture": {"name": name, "sha256": sha256, "width": found.width, "height": found.height},
        "coordinates": "pixels; x to the right, y down, (0, 0) the top left corner of the first pixel",
        "decoder": found.decoder,
        "features": [
            {
                "type": "Feature",
                "id": number,
                "geometry": {"type": "MultiPolygon", "coordinates": [_rings(found, part) for part in _parts(region)]},
                "properties": {
                    "kind": "impossible",
                    "blocks": int(region.sum()),
                    "log10_nfa": reported(found.log10_nfa),
                },
            }
            for number, region in enumerate(found.regions, 1)
        ],
        "blocks": {
            "side": BLOCK,
            "left": -found.layout.left,
            "top": -found.layout.top,
            "kinds": list(KINDS),
            "values": found.kinds.tolist(),
        },
        "counts": found.counts(),
        "log10_nfa": reported(found.log10_nfa),
        "limits": [BLIND],
        "versions": {"forensics": __version__},
    }


def text(found: ExactMap, name: str) -> str:
    """The result for a terminal, without a newline at the end."""
    counts = found.counts()
    listed = ", ".join(f"{counts[kind]:,} {kind}" for kind in ("possible", "impossible", "saturated", "undecided"))
    lines = [
        f"{name}  {found.width}x{found.height}, blocks of 8x8 pixels under {found.decoder}",
        f"  blocks      {listed}",
    ]
    if not found.regions:
        lines.append("  changed     no block: each can have come out of the decoder, or is open")
    for number, region in enumerate(found.regions[:20], 1):
        points = np.concatenate([np.array(rings[0]) for rings in map(lambda part: _rings(found, part), _parts(region))])
        (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        label = "changed" if number == 1 else ""
        lines.append(
            f"  {label:<12}{number}: x {left} to {right}, y {top} to {bottom}: {int(region.sum())} blocks that no JPEG "
            f"decoder gives"
        )
    if len(found.regions) > 20:
        lines.append(f"  {'':<12}and {len(found.regions) - 20} more, see the JSON")
    lines.append(f"  chance      a block is called impossible by chance in {chance(found.log10_nfa)}")
    lines.append(f"  limits      {BLIND}")
    return "\n".join(lines)


def overlay(pixels: np.ndarray, found: ExactMap) -> np.ndarray:
    """The picture, possible blocks as they are, others tinted by kind; `np.ndarray [shape=(height, width, 3),
    dtype=uint8]`.
    """
    shown = eight_bit(pixels)
    shown = np.stack([shown] * 3, axis=2) if shown.ndim == 2 else shown
    kinds = found.to_pixels(found.kinds)
    out = shown.copy()
    for kind, tint in COLOURS.items():
        here = kinds == kind
        out[here] = np.rint(shown[here] * (1 - _SHADE) + np.array(tint) * _SHADE).astype(np.uint8)
    return out


def save(found: ExactMap, pixels: np.ndarray, folder: Path, *, name: str = "", sha256: str = "") -> tuple[Path, ...]:
    """Write `FILES` into a folder, made where it is missing; each file appears when it is complete.

    Returns the paths. Raises `UsageError` where they cannot be written.
    """
    picture = Image.fromarray(overlay(pixels, found))
    document = json.dumps(to_dict(found, name=name, sha256=sha256), allow_nan=False) + "\n"
    writers: tuple[Callable[[Path], Any], ...] = (
        lambda path: picture.save(path, format="PNG"),
        lambda path: path.write_text(document, encoding="utf-8"),
    )
    return write_files(folder, dict(zip(FILES, writers, strict=True)))


__all__ = ["FILES", "OUTSIDE", "POSSIBLE", "overlay", "save", "text", "to_dict"]
