"""Which encoder repeats a picture best: luma coded again by each on the grid of its blocks, and off it.

A picture is nearly a fixed point of the codec that it was last coded with, at about the strength of then and on its
own grid (Bestagini et al. [1]_). How much less an encoder changes it there than a few pixels beside is that codec's
mark: contents, which change by as much on either grid, cancel, and what a decoder does to chroma is not seen. AV1 and
HEVC, whose features are alike, differ in it. Steps that act on every sample alike leave it, and medians do.

The blocks of a picture that was not cropped begin at its first sample; elsewhere nothing shows.

References
----------
.. [1] P. Bestagini et al., "Codec and GOP identification in double compressed videos", IEEE Trans. Image Processing
       25(5), 2016, doi:10.1109/TIP.2016.2541960.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from forensics.history.recoding import coder as recoding
from forensics.history.recoding import vp8
from forensics.history.recoding.av1 import Aom
from forensics.history.recoding.coder import LEAST_SIDE
from forensics.history.recoding.grid import ROOM, change, nearest
from forensics.history.recoding.hevc import X265
from forensics.history.recoding.threads import each
from forensics.pixels import eight_bit

SIDE = 256
"""Largest side of the part that is coded, in pixels: what it costs does not grow with the picture."""
_TREE = 64
"""The part starts at a multiple of this: the largest blocks of HEVC, and half of AV1's."""
_BESIDE = (3, 5)
"""Where the control is: no block of 4 pixels or more is aligned there."""
_FLOOR = 0.02
"""Squared levels added to both mean changes, a quarter of rounding noise. From 0.005 to 0.2 AV1 and HEVC are told apart
alike on 160 validation pictures (area under the curve 0.985 to 0.981)."""


@dataclass(frozen=True)
class Encoder:
    """An encoder and the strengths at which it is asked.

    Attributes
    ----------
    again : callable
        Luma, `np.ndarray [shape=(height, width), dtype=uint8]`, and a strength give luma coded and decoded.
    strengths : tuple of int
        Ascending. Every third from the second is tried, then the neighbours of the best: of 160 validation pictures AV1
        and HEVC are told apart so as nearly as with all (0.981 and 0.985), with 10 codings instead of 17.
    limited : bool
        Whether its luma is of the limited range.
    """

    again: Callable[[np.ndarray, int], np.ndarray]
    strengths: tuple[int, ...]
    limited: bool = False


@cache
def encoders() -> dict[str, Encoder]:
    """The encoders by name."""
    aom, webp = Aom("psnr", screens=False), vp8.LibWebp("default")
    return {
        "aom": Encoder(aom.again, tuple(nearest(aom, (20, 40, 60, 80, 100, 130, 160, 190)))),
        "x265": Encoder(X265().again, (12, 15, 18, 21, 24, 27, 30, 33, 36)),
        "libwebp": Encoder(webp.again, (8, 16, 24, 32, 40, 50, 60, 75), limited=True),
        "libjpeg": Encoder(_jpeg, (40, 50, 60, 70, 75, 80, 85, 90, 94)),
    }


def missing() -> str:
    """Why an encoder cannot be run here; empty where all can."""
    from forensics.codecs import registry
    from forensics.codecs.hevc import pyav

    able = (registry.get(name).availability() for name in ("avif", "webp", "jpeg"))
    return next((one.reason for one in able if not one.encode), "") or pyav.missing()


def gains(pixels: np.ndarray) -> np.ndarray | None:
    """By how much less each encoder changes luma on the grid than beside it, at the strength where that is most.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        A picture that was not cropped since it was coded; of one that was, nothing shows.

    Returns
    -------
    np.ndarray [shape=(len(encoders()),), dtype=float64] or None
        In dB of the mean squared change, in the order of `encoders`: about 0 where nothing shows. None for a picture
        under `LEAST_SIDE` pixels a side.
    """
    from forensics_features.planes import to_rgb8

    if min(pixels.shape[:2]) < LEAST_SIDE:
        return None
    rgb = to_rgb8(eight_bit(pixels))
    planes = {False: recoding.luma(rgb), True: recoding.luma(rgb, vp8.LUMA)}
    return np.array(each(lambda one: _best(one, *_parts(planes[one.limited])), list(encoders().values())))


def _best(encoder: Encoder, on: np.ndarray, off: np.ndarray) -> float:
    """The largest gain of an encoder, on the pixels that both parts show."""
    known: dict[int, float] = {}
    same = [
        tuple(
            slice(ROOM + more, length - ROOM - least)
            for length, more, least in zip(on.shape, before, behind, strict=True)
        )
        for before, behind in ((_BESIDE, (0, 0)), ((0, 0), _BESIDE))
    ]

    def at(place: int) -> float:
        if place not in known:
            changed = (change(part, encoder.again(part, encoder.strengths[place])) for part in (on, off))
            here, there = (
                float(one[rows, columns].mean()) + _FLOOR for one, (rows, columns) in zip(changed, same, strict=True)
            )
            known[place] = 10 * float(np.log10(there / here))
        return known[place]

    best = max(range(1, len(encoder.strengths), 3), key=at)
    return max(at(place) for place in (best - 1, best, best + 1) if 0 <= place < len(encoder.strengths))


def _parts(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part in the middle of a plane, on the grid and beside it, of one shape whose sides are multiples of 16."""
    corner = [max(length - SIDE, 0) // 2 // _TREE * _TREE for length in plane.shape]
    sides = [
        min(SIDE, (length - at - more) // 16 * 16)
        for length, at, more in zip(plane.shape, corner, _BESIDE, strict=True)
    ]
    on, off = (
        plane[corner[0] + rows : corner[0] + rows + sides[0], corner[1] + columns : corner[1] + columns + sides[1]]
        for rows, columns in ((0, 0), _BESIDE)
    )
    return np.ascontiguousarray(on), np.ascontiguousarray(off)


def _jpeg(plane: np.ndarray, quality: int) -> np.ndarray:
    from forensics.codecs import registry

    codec = registry.get("jpeg")
    return codec.decode(codec.encode(plane, quality=quality))
