"""Copies of pictures, and JPEGs to be given back: what thresholds of `comparison` and `reconstruction` are tried on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw

from forensics_benchmarks import compared_copies
from forensics_benchmarks.threshold_examples import Example, Make, drawn, jpeg, outcome

COMPARED_SIDE, GIVEN_BACK_SIDE = 192, 96
"""Sides of the sources of pairs, and of JPEGs to be given back, in pixels: small, so that a set ends in minutes."""
USUAL, FINE = (75, 90, 95), (98, 99, 100)
"""Of the JPEGs that are to be given back: a usual one and two whose steps are near the rounding of samples, and those
whose steps are mostly ones.
"""
_STROKES = 24
"""Lines, circles and words of a drawing on white: about half of the blocks of 96 pixels hold some of one."""


def copies(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
    """Pairs of every kind of `compared_copies` in turn, every second one the other way round."""
    for index in range(number):
        source = sources[index % len(sources)][:COMPARED_SIDE, :COMPARED_SIDE]
        pair = compared_copies.MAKERS[index % len(compared_copies.MAKERS)]("", np.ascontiguousarray(source), rng)
        turned = index % 2 == 1
        one, other = (pair.after, pair.before) if turned else (pair.before, pair.after)
        truth = compared_copies.SAME if pair.same else compared_copies.SECOND if turned else compared_copies.FIRST
        yield Example(one, {"nearer": truth}, other)


def read_copies(example: Example) -> dict[str, str]:
    """Which copy is nearer to the source."""
    from forensics.comparison.compare import UNTOLD, compare

    found = compare(example.pixels, example.other, histories=False).nearer
    return {"nearer": outcome(None if found == UNTOLD else found, example.truth["nearer"])}


def given_back(qualities: Sequence[int], *, white: bool = False) -> Make:
    """Two of three a JPEG of one of the qualities, with and without halved chroma, cropped; the third as it is.
    `white`: a drawing on white in its place.
    """

    def make(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
        for index, pixels in enumerate(drawn(sources, number, GIVEN_BACK_SIDE + 16, rng)):
            top, left = int(rng.integers(16)), int(rng.integers(16))
            made = _on_white(pixels.shape[0], rng) if white else pixels
            if index % 3 < 2:
                made = jpeg(made, qualities[index // 3 % len(qualities)], subsampling=2 * (index % 3))
            part = made[top : top + GIVEN_BACK_SIDE, left : left + GIVEN_BACK_SIDE]
            yield Example(np.ascontiguousarray(part), {"jpeg": index % 3 < 2})

    return make


def _on_white(side: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth dark strokes of several colours and words on white, as in a scanned manual."""
    canvas = Image.new("RGB", (4 * side, 4 * side), "white")
    pen = ImageDraw.Draw(canvas)
    for number in range(_STROKES):
        colour = tuple(int(level) for level in rng.integers(0, 140, 3)) if number % 3 else (20, 20, 20)
        x, y, dx, dy = (int(place) for place in rng.integers(0, 4 * side, 4))
        if number % 3 == 0:
            pen.line((x, y, dx, dy), fill=colour, width=int(rng.integers(3, 10)))
        elif number % 3 == 1:
            pen.ellipse((x, y, x + dx // 4 + 8, y + dy // 4 + 8), outline=colour, width=int(rng.integers(3, 10)))
        else:
            pen.text((x, y), "Figure 12: the lower cover", fill=colour, font_size=int(rng.integers(28, 60)))
    return np.asarray(canvas.resize((side, side), Image.Resampling.BOX))


def read_given_back(example: Example) -> dict[str, str]:
    """A question for each whole block of a JPEG: whether it comes back to the pixel; for what was none, whether a file
    is given.
    """
    from forensics.reconstruction.reconstruct import NotReconstructible, reconstruct

    try:
        found = reconstruct(example.pixels)
    except NotReconstructible:
        found = None
    if not example.truth["jpeg"]:
        return {"no JPEG": "right" if found is None else "wrong"}
    if found is None:
        return {f"blocks #{at}": "open" for at in range((GIVEN_BACK_SIDE // 8 - 1) ** 2)}
    return {f"blocks #{at}": "right" if same else "open" for at, same in enumerate(found.same[found.whole])}
