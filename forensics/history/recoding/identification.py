"""Which encoder repeats a picture best: luma coded again by each on the grid of its blocks, and off it.

A picture is nearly a fixed point of the codec that it was last coded with, at about the strength of then and on its
own grid (Bestagini et al. [1]_). How much less an encoder changes it there than a few pixels beside is that codec's
mark: contents, which change by as much on either grid, cancel, and what a decoder does to chroma is not seen. AV1 and
HEVC, whose features are alike, differ in it. Steps that act on every sample alike leave it, and medians do.

It is told twice: by its size, and by its consistency, which is how far most blocks agree that there is one. What blurs,
medians and noise leave of it is small and yet in nearly every block; chance and drawn edges make large ones of a few.

The blocks of a picture that was not cropped begin at its first sample; elsewhere nothing shows.

References
----------
.. [1] P. Bestagini et al., "Codec and GOP identification in double compressed videos", IEEE Trans. Image Processing
       25(5), 2016, doi:10.1109/TIP.2016.2541960.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from forensics_models.recompression import Repeats

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
_BLOCK = 8
"""Side in pixels of the blocks that have to agree. Of 36 validation pictures each after a median, a blur and noise, AV1
and HEVC are told apart by the difference of the consistencies of aom and x265 with areas under the curve of 0.93, 0.99
and 0.86, and with blocks of 16x16 of 0.89, 0.99 and 0.85."""
_BESIDE = (3, 5)
"""Where the control is: no block of 4 pixels or more is aligned there."""
_FLOOR = 0.02
"""Squared levels added to mean changes, a quarter of rounding noise. From 0.005 to 0.2 AV1 and HEVC are told apart
alike on 160 validation pictures (area under the curve 0.985 to 0.981)."""


@dataclass(frozen=True)
class Encoder:
    """An encoder and the strengths at which it is asked.

    Attributes
    ----------
    again : callable
        Planes of luma of one shape, `np.ndarray [shape=(height, width), dtype=uint8]`, and a strength give each coded
        by itself and decoded.
    strengths : tuple of int
        Ascending. Every third from the second is tried, then the neighbours of the best: of 160 validation pictures AV1
        and HEVC are told apart so as nearly as with all (0.981 and 0.985), with 10 codings instead of 17.
    limited : bool
        Whether its luma is of the limited range.
    """

    again: Callable[[Sequence[np.ndarray], int], Sequence[np.ndarray]]
    strengths: tuple[int, ...]
    limited: bool = False


@cache
def encoders() -> dict[str, Encoder]:
    """The encoders by name."""
    from forensics.codecs import key_frames

    aom, webp = Aom("psnr", screens=False), vp8.LibWebp("default")
    return {
        "aom": Encoder(aom.each_again, tuple(nearest(aom, (20, 40, 60, 80, 100, 130, 160, 190)))),
        "x265": Encoder(X265().each_again, (12, 15, 18, 21, 24, 27, 30, 33, 36)),
        "libwebp": Encoder(webp.each_again, (8, 16, 24, 32, 40, 50, 60, 75), limited=True),
        "libjpeg": Encoder(_jpeg, (40, 50, 60, 70, 75, 80, 85, 90, 94)),
        "libvpx-vp9": Encoder(key_frames.recode, (8, 14, 20, 26, 32, 38, 44, 50, 56), limited=True),
    }


def missing() -> str:
    """Why an encoder cannot be run here; empty where all can."""
    from forensics.codecs import key_frames, registry
    from forensics.codecs.hevc import pyav

    able = (registry.get(name).availability() for name in ("avif", "webp", "jpeg"))
    return next((one.reason for one in able if not one.encode), "") or pyav.missing() or key_frames.missing()


def repeats(pixels: np.ndarray) -> Repeats | None:
    """By how much less each encoder changes luma on the grid than beside it, at the strength where that is most, and in
    how many of the blocks.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        A picture that was not cropped since it was coded; of one that was, nothing shows.

    Returns
    -------
    Repeats or None
        In the order of `encoders`; gains in dB of the mean squared change, about 0 where nothing shows. None for a
        picture under `LEAST_SIDE` pixels a side.
    """
    from forensics_features.planes import to_rgb8

    if min(pixels.shape[:2]) < LEAST_SIDE:
        return None
    rgb = to_rgb8(eight_bit(pixels))
    planes = {False: recoding.luma(rgb), True: recoding.luma(rgb, vp8.LUMA)}
    found = each(lambda one: _best(one, *_parts(planes[one.limited])), list(encoders().values()))
    return Repeats(*(np.array(values) for values in zip(*found, strict=True)))


def consistency(on: np.ndarray, off: np.ndarray) -> float:
    """How far blocks agree that a picture changes less on the grid than beside it.

    Parameters
    ----------
    on, off : np.ndarray [shape=(height, width), dtype=float32]
        Squared changes of the same pixels on the grid and beside it, at least 8 pixels a side.

    Returns
    -------
    float
        The mean over whole blocks of 8x8 pixels of the difference of the logarithms of their mean changes, in standard
        errors of that mean; 0 where all blocks change alike. Blocks are not independent, and libjpeg's own size of
        block lets it fall to -5 on pictures that were never coded: it is compared, not tested.
    """
    here, there = (np.log(_blocks(one) + _FLOOR) for one in (on, off))
    differences = there - here
    spread = float(differences.std())
    return float(differences.mean()) / spread * float(np.sqrt(differences.size)) if spread > 0 else 0.0


def _blocks(errors: np.ndarray) -> np.ndarray:
    """Means over whole blocks, `np.ndarray [shape=(rows, columns), dtype=float64]`."""
    rows, columns = (length // _BLOCK for length in errors.shape)
    whole = errors[: rows * _BLOCK, : columns * _BLOCK].astype(np.float64)
    return np.asarray(whole.reshape(rows, _BLOCK, columns, _BLOCK).mean(axis=(1, 3)))


def _best(encoder: Encoder, on: np.ndarray, off: np.ndarray) -> tuple[float, float]:
    """The largest gain of an encoder and its consistency, on the pixels that both parts show."""
    known: dict[int, tuple[float, float]] = {}
    same = [
        tuple(
            slice(ROOM + more, length - ROOM - least)
            for length, more, least in zip(on.shape, before, behind, strict=True)
        )
        for before, behind in ((_BESIDE, (0, 0)), ((0, 0), _BESIDE))
    ]

    def at(place: int) -> tuple[float, float]:
        if place not in known:
            again = encoder.again([on, off], encoder.strengths[place])
            here, there = (
                change(part, coded)[rows, columns]
                for part, coded, (rows, columns) in zip((on, off), again, same, strict=True)
            )
            gain = 10 * float(np.log10((float(there.mean()) + _FLOOR) / (float(here.mean()) + _FLOOR)))
            known[place] = gain, consistency(here, there)
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


def _jpeg(planes: Sequence[np.ndarray], quality: int) -> list[np.ndarray]:
    from forensics.codecs import registry

    codec = registry.get("jpeg")
    return [codec.decode(codec.encode(plane, quality=quality)) for plane in planes]
