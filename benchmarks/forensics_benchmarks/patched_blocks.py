"""How well the block-exact map finds retouched patches in former JPEGs, and how often it finds some where none are.

A patch of a given side is put at any place into a picture decoded by libjpeg-turbo: pasted from another source, cloned
from elsewhere in the picture off the grid, smoothed over (as inpainting does), or written over with text. A block
counts as changed where a quarter of its samples or more differ from before. F1 is over blocks; over pixels next to it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from forensics.errors import ForensicsError
from forensics.localisation.exact_map import IMPOSSIBLE, exact_map
from forensics.pictures.opened import open_picture
from forensics.pixels import eight_bit
from forensics.reconstruction.layout import BLOCK, blocks_of

SIDES = (8, 16, 32, 64)
"""Sides of patches, in pixels."""
QUALITIES = (75, 90, 95)
"""Qualities that are encoded."""
KINDS = ("pasted", "cloned", "smoothed", "text")
_CHANGED = 0.25
"""Share of a block's samples from which it counts as changed: as the question was put."""


@dataclass(frozen=True)
class Found:
    """One picture: blocks rightly and falsely called changed and missed, and the same for pixels."""

    quality: int
    side: int
    kind: str
    blocks: tuple[int, int, int]
    pixels: tuple[int, int, int]
    said: str


def measured(paths: Sequence[Path], *, side: int, seed: int = 0) -> Iterator[Found]:
    """Every source at every quality: unretouched (patch side 0), then a patch of each side; kinds take turns."""
    rng = np.random.default_rng(seed)
    pictures = []
    for path in paths:
        pixels = eight_bit(open_picture(path).pixels)
        pixels = np.stack([pixels] * 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
        pictures.append(np.ascontiguousarray(pixels[:side, :side]))
    for number, pixels in enumerate(pictures):
        other = pictures[(number + 1) % len(pictures)]
        for quality in QUALITIES:
            decoded = _decoded(pixels, quality)
            yield _judged(decoded, decoded, quality, 0, "none")
            for turn, patch in enumerate(SIDES):
                kind = KINDS[(number + turn + quality) % len(KINDS)]
                yield _judged(decoded, retouched(decoded, other, patch, kind, rng), quality, patch, kind)


def unretouched(paths: Sequence[Path], *, side: int) -> Iterator[Found]:
    """Every source once, its middle `side` pixels, as a JPEG that nobody touched; qualities take turns."""
    for number, path in enumerate(paths):
        pixels = eight_bit(open_picture(path).pixels)
        pixels = np.stack([pixels] * 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
        top, left = (max(0, (length - side) // 2) for length in pixels.shape[:2])
        quality = QUALITIES[number % len(QUALITIES)]
        decoded = _decoded(np.ascontiguousarray(pixels[top : top + side, left : left + side]), quality)
        yield _judged(decoded, decoded, quality, 0, "none")


def _decoded(pixels: np.ndarray, quality: int) -> np.ndarray:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    with Image.open(out) as image:
        return np.array(image)


def retouched(pixels: np.ndarray, other: np.ndarray, side: int, kind: str, rng: np.random.Generator) -> np.ndarray:
    """A copy with one patch of `side` by `side` pixels changed.

    Parameters
    ----------
    pixels, other : np.ndarray [shape=(height, width, 3), dtype=uint8]
    side : int
    kind : str
        One of `KINDS`.
    rng : np.random.Generator
        Draws the place.
    """
    out = pixels.copy()
    top, left = (int(rng.integers(0, length - side + 1)) for length in pixels.shape[:2])
    here = np.s_[top : top + side, left : left + side]
    if kind == "pasted":
        rows, columns = (int(rng.integers(0, max(1, length - side + 1))) for length in other.shape[:2])
        patch = other[rows : rows + side, columns : columns + side]
        out[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
    elif kind == "cloned":
        rows = (top + BLOCK * int(rng.integers(4, 12)) + 3) % (pixels.shape[0] - side + 1)
        columns = (left + BLOCK * int(rng.integers(4, 12)) + 5) % (pixels.shape[1] - side + 1)
        out[here] = pixels[rows : rows + side, columns : columns + side]
    elif kind == "smoothed":
        smooth = ndimage.gaussian_filter(pixels.astype(np.float64), (side / 4, side / 4, 0))
        out[here] = np.rint(smooth[here]).astype(np.uint8)
    else:
        from PIL import Image, ImageDraw

        canvas = Image.fromarray(out[here].copy())
        ImageDraw.Draw(canvas).text((0, -2), "A8", fill=(250, 250, 250), font_size=side)
        out[here] = np.asarray(canvas)
    return out


def _judged(before: np.ndarray, after: np.ndarray, quality: int, side: int, kind: str) -> Found:
    differs = (before != after).any(axis=2)
    rows, columns = differs.shape[0] // BLOCK, differs.shape[1] // BLOCK
    inside = np.s_[: rows * BLOCK, : columns * BLOCK]
    truth = blocks_of(np.ascontiguousarray(differs[inside])).mean(axis=1) >= _CHANGED
    said = ""
    shown = np.zeros(differs.shape, bool)
    try:
        found = exact_map(after)
        shown = found.to_pixels(found.kinds == IMPOSSIBLE)
    except ForensicsError as error:
        said = str(error)
    called = blocks_of(np.ascontiguousarray(shown[inside])).mean(axis=1) >= 0.5
    touched = blocks_of(np.ascontiguousarray(differs[inside])).any(axis=1)
    blocks = int((called & truth).sum()), int((called & ~touched).sum()), int((truth & ~called).sum())
    pixels = int((shown & differs).sum()), int((shown & ~differs).sum()), int((differs & ~shown).sum())
    return Found(quality, side, kind, blocks, pixels, said)


def _f1(counts: Sequence[tuple[int, int, int]]) -> str:
    right, wrong, missed = (sum(column) for column in zip(*counts, strict=True))
    return f"{2 * right / (2 * right + wrong + missed):.3f}" if right + wrong + missed else "-"


def table(rows: Sequence[Found]) -> str:
    """Markdown: a line for each quality and side; of unretouched pictures the blocks called changed."""
    lines = [
        "| quality | patch | pictures | block F1 | pixel F1 | blocks missed | blocks falsely called |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for quality, side in dict.fromkeys(
        (row.quality, row.side) for row in sorted(rows, key=lambda r: (r.quality, r.side))
    ):
        own = [row for row in rows if (row.quality, row.side) == (quality, side)]
        blocks = [row.blocks for row in own]
        scores = f"{_f1(blocks)} | {_f1([row.pixels for row in own])}" if side else "- | -"
        lines.append(
            f"| {quality} | {side or 'none'} | {len(own)} | {scores} | {sum(b[2] for b in blocks)} | "
            f"{sum(b[1] for b in blocks)} |"
        )
    return "\n".join(lines)
