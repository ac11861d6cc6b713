"""Copies of pictures, and JPEGs to be given back: what thresholds of `comparison` and `reconstruction` are tried on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from forensics_benchmarks import compared_copies
from forensics_benchmarks.threshold_examples import Example, Make, drawn, jpeg, outcome

COMPARED_SIDE, GIVEN_BACK_SIDE = 192, 96
"""Sides of the sources of pairs, and of JPEGs to be given back, in pixels: small, so that a set ends in minutes."""
USUAL, FINE = (75, 90, 95), (98, 99, 100)
"""Of the JPEGs that are to be given back: a usual one and two whose steps are near the rounding of samples, and those
whose steps are mostly ones.
"""


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


def given_back(qualities: Sequence[int]) -> Make:
    """Two of three a JPEG of one of the qualities, with and without halved chroma, cropped; the third as it is."""

    def make(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
        for index, pixels in enumerate(drawn(sources, number, GIVEN_BACK_SIDE + 16, rng)):
            top, left = int(rng.integers(16)), int(rng.integers(16))
            made = pixels
            if index % 3 < 2:
                made = jpeg(made, qualities[index // 3 % len(qualities)], subsampling=2 * (index % 3))
            part = made[top : top + GIVEN_BACK_SIDE, left : left + GIVEN_BACK_SIDE]
            yield Example(np.ascontiguousarray(part), {"jpeg": index % 3 < 2})

    return make


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
