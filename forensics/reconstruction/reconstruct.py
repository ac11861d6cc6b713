"""`reconstruct`: from a picture that was a JPEG, the JPEG file again.

The history of the picture gives grid, subsampling and tables; the arithmetic of the decoder is the one under which most
blocks of a part are settled; then every block is turned back. The file is written, decoded again, and only blocks whose
pixels come out the same are counted.
"""

from __future__ import annotations

import io
import math
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics.errors import ForensicsError
from forensics.history.jpeg.chroma import FACTORS
from forensics.history.jpeg.planes import without_colour
from forensics.history.jpeg.steps import TableMatch, candidates
from forensics.reconstruction.blocks import IMPOSSIBLE, OPEN_SATURATED, ROUNDED, SEARCHED
from forensics.reconstruction.choice import Chosen, choose
from forensics.reconstruction.coded import DECODERS, CodedPicture, Decoder
from forensics.reconstruction.few_blocks import one_of_many
from forensics.reconstruction.inversion import Inverted, invert
from forensics.reconstruction.jpeg_writer import write_jpeg
from forensics.reconstruction.jpegli_tables import jpegli_of
from forensics.reconstruction.layout import BLOCK, Layout
from forensics.reconstruction.otherwise import (
    away_from_clipping,
    channels,
    tried_on_worst_part,
    unlike,
    wrong_where_luma_is_settled,
)
from forensics.reconstruction.read_again import chroma_again, luma_again, with_chroma
from forensics.reconstruction.table_pairs import with_pair
from forensics.reconstruction.unheld_steps import with_unheld

if TYPE_CHECKING:
    from forensics_features.inset import Inset

_WORTH_A_LOOK = 0.02
"""Share of blocks that are not settled from which standard tables are tried on blocks too. A wrong step leaves the
blocks unsettled that hold its coefficient; clipping leaves up to a hundredth open (eight times 1 MP put together of
validation pictures, quality 75), and the trial takes longer than the search for all blocks. Of 1,001 blocks of eight
validation JPEGs of qualities 75, 90 and 95 the same 948 come back at 0 and at 0.01."""
_ANOTHER_ARITHMETIC = 0.001
"""The same, and the share of samples that come out otherwise, from which other arithmetics are tried: where chroma is
nearly flat the wrong way of upsampling settles 98 to 100 % of the blocks by rounding (validation pictures at quality
75), and leaves pixels between them."""
_FAR_FEWER = 0.5
"""Share of the wrong samples of the part with most of them that another arithmetic or subsampling may leave there: what
the full trial is worth."""
_SHOWN_OTHERWISE = 2e-4
"""Share of samples that come out otherwise though luma is settled, from which those are tried: of 256x256 pixels with
nearly flat chroma and plain upsampling the triangle filter left 0.0005 to 0.004."""
_FEW_PIXELS = 8
"""Pixels that come out otherwise in spite of it with no clipped sample about them, in a square that two MCUs hold, from
which the same are tried: nothing else leaves those. A file found with chroma at full
size and little colour, taken for 4:2:0, has 42; right ones have none in three others of four looked at, 20 in one."""
_LEFT_BY_RIGHT_TABLES = 0.01
"""Share of a component's blocks that known tables of a whole quality may leave without others being tried. Of three
pictures put together of validation pictures and coded at six qualities from 50 to 95 the next quality's tables leave 11
to 99 % of each component's blocks by rounding; right ones left 0.1 % of a million pixels at most (ten pictures put
together so, qualities 75 and 90)."""
_MOST, _HOLD = 0.5, 3
"""Share of a component's blocks that have to be settled for those to prove its table, and how many have to hold a
coefficient: a block changed since may come out by chance. Of the map's three patches of 16 pixels in 480 blocks
(quality 80) all tables are proved so."""
_WIDTH = 32
"""Sets of flips that the search keeps."""
_CHECKED_ROWS = 512
"""Rows of the file's pixels that are compared at once: a bound on memory."""
MINIMUM_SHARE = 0.05
"""Share of settled luma blocks below which no file is given, low because a picture of which little is left may still
matter. Of four validation pictures that were no JPEG none is given at 0.01 either, and of 1,001 blocks of eight
validation JPEGs of qualities 75, 90 and 95 the same 948 come back at 0.01 and at 0.2."""
REASONS = {
    "changed": "no coefficients give these samples: changed since, or another decoder",
    "saturated": "clipped samples leave it open",
    "search": "no coefficients were found within the bounds of the search",
    "edge": "reaches beyond the picture",
}
"""Why a block is not the same, by its word."""


class NotReconstructible(ForensicsError):
    """The picture does not show what a JPEG file could be rebuilt from; the message says what is missing."""


@dataclass(frozen=True)
class Reconstruction:
    """A JPEG file rebuilt from pixels, and how much of the picture it gives again.

    Attributes
    ----------
    decoder : str
        Whose arithmetic turns the file into the picture.
    layout : Layout
        Subsampling, colour and where the picture lies in the file.
    tables : tuple of np.ndarray [shape=(64,), dtype=int64]
        Quantisation steps of each component, raster order.
    quality : float
        Of the nearest known tables, 1..100.
    family : str
        Of those tables.
    coded : CodedPicture
        What the file holds.
    data : bytes
        The file.
    same : np.ndarray [shape=(rows, columns), dtype=bool]
        Blocks of 8x8 pixels on the file's grid, partial ones at the edges too, whose pixels come out the same.
    whole : np.ndarray [shape=(rows, columns), dtype=bool]
        Blocks that lie in the picture with all their pixels.
    why : np.ndarray [shape=(rows, columns), dtype=U9]
        A key of `REASONS` for blocks that are not the same, else "".
    inset : Inset or None
        The part of the picture that was the JPEG, where it is set into flat surroundings; everything else is said of
        that part.
    stopped : bool
        Whether the time that was given ended the search for what is left.
    one_of_many : bool
        Whether nothing in the picture tells that it was a JPEG, as hardly any block varies: many files give it, and
        this is one.

    Examples
    --------
    >>> import numpy as np
    >>> import forensics
    >>> from forensics.codecs import registry
    >>> rng = np.random.default_rng(0)
    >>> texture = np.cumsum(np.cumsum(rng.normal(0, 1, (128, 128)), axis=0), axis=1)
    >>> grey = np.clip(128 + texture, 0, 255).astype(np.uint8)
    >>> decoded = registry.get("jpeg").decode(registry.get("jpeg").encode(grey, quality=80))
    >>> found = forensics.reconstruct(decoded)
    >>> found.data[:2], found.same.shape, found.unmatched()
    (b'\\xff\\xd8', (16, 16), [])
    """

    decoder: str
    layout: Layout
    tables: tuple[np.ndarray, ...]
    quality: float
    family: str
    coded: CodedPicture
    data: bytes
    same: np.ndarray
    whole: np.ndarray
    why: np.ndarray
    inset: Inset | None = None
    stopped: bool = False
    one_of_many: bool = False

    @property
    def blocks(self) -> int:
        """Whole blocks in the picture."""
        return int(self.whole.sum())

    @property
    def blocks_same(self) -> int:
        """Of them, those whose pixels come out the same."""
        return int((self.whole & self.same).sum())

    @property
    def exact(self) -> bool:
        """Whether every pixel of the picture comes out the same."""
        return bool(self.same.all())

    def unmatched(self) -> list[dict[str, Any]]:
        """Blocks that do not come out the same: `x`, `y` of the top left pixel in the picture, and `reason`, a key of
        `REASONS`.
        """
        rows, columns = np.nonzero(~self.same)
        return [
            {
                "x": int(c * BLOCK - self.layout.left),
                "y": int(r * BLOCK - self.layout.top),
                "reason": str(self.why[r, c]),
            }
            for r, c in zip(rows, columns, strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Everything but the file, as JSON values."""
        edges = ~self.whole
        return {
            "decoder": self.decoder,
            "colour": self.layout.colour,
            "subsampling": subsampling_name(self.layout),
            "quality": self.quality,
            "table_family": self.family,
            "tables": [table.tolist() for table in self.tables],
            "offset": {"x": self.layout.left, "y": self.layout.top},
            "file": {"width": self.coded.width, "height": self.coded.height, "bytes": len(self.data)},
            "blocks": self.blocks,
            "blocks_same": self.blocks_same,
            "edge_blocks": int(edges.sum()),
            "edge_blocks_same": int((edges & self.same).sum()),
            "exact": self.exact,
            "stopped": self.stopped,
            "one_of_many": self.one_of_many,
            "inset": None if self.inset is None else list(self.inset[:4]),
            "unmatched": self.unmatched(),
        }


def subsampling_name(layout: Layout) -> str:
    """ "4:2:0" and the like, "grey" without chroma."""
    if layout.colour == "grey":
        return "grey"
    return {factors: name for name, factors in FACTORS.items()}.get(layout.factors, "4:1:1")


def reconstruct(source: Any, *, width: int = _WIDTH, seconds: float = math.inf) -> Reconstruction:
    """Rebuild the JPEG file that a picture was decoded from.

    Parameters
    ----------
    source : str, Path, Picture or np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
        The picture, at least 64 pixels a side; a JPEG that is set into flat surroundings, as in a screenshot, is cut
        out.
    width : int
        Sets of coefficients that the search for a block keeps; 0 for rounding alone. The default settles nearly all
        blocks up to quality 98.
    seconds : float
        Processor time after which no further way is begun of finding what is left; what was found by then is the
        answer, and says so.

    Returns
    -------
    Reconstruction

    Raises
    ------
    NotReconstructible
        The picture is too small or not 8 bits deep, shows no grid of a JPEG, or no block comes out of a decoder known
        here.
    PictureError
        The file cannot be opened.

    Examples
    --------
    >>> import numpy as np
    >>> import forensics
    >>> from forensics.codecs import registry
    >>> rng = np.random.default_rng(0)
    >>> texture = np.cumsum(np.cumsum(rng.normal(0, 1, (128, 128)), axis=0), axis=1)
    >>> grey = np.clip(128 + texture, 0, 255).astype(np.uint8)
    >>> decoded = registry.get("jpeg").decode(registry.get("jpeg").encode(grey, quality=80))
    >>> found = forensics.reconstruct(decoded)
    >>> found.blocks, found.exact
    (256, True)
    """
    from forensics_features import inset

    pixels = _pixels(source)
    for found in inset.find(pixels):
        try:
            return replace(judged(prepare(found.cut(pixels), width=width, seconds=seconds)), inset=found)
        except NotReconstructible:
            continue
    return judged(prepare(pixels, width=width, seconds=seconds, few=True))


class _Clock:
    """Processor time that is left; `stopped` once anything was left out for lack of it."""

    def __init__(self, seconds: float) -> None:
        self._end, self.stopped = time.process_time() + seconds, False

    def allows(self) -> bool:
        """Whether another way may be begun."""
        self.stopped = self.stopped or time.process_time() > self._end
        return not self.stopped


@dataclass(frozen=True)
class Prepared:
    """A picture turned back, before anything is claimed: pixels as the decoder gave them, what was found out of them,
    and the blocks.
    """

    pixels: np.ndarray
    layout: Layout
    tables: tuple[np.ndarray, ...]
    decoder: Decoder
    inverted: Inverted
    match: TableMatch
    stopped: bool
    one_of_many: bool = False


def prepare(source: Any, *, width: int = _WIDTH, seconds: float = math.inf, few: bool = False) -> Prepared:
    """What `reconstruct` rests on; same parameters and errors. `few` tells whether a picture of which hardly any block
    varies, so that it shows no grid, may be given as one of the many files that it can come from.
    """
    clock = _Clock(seconds)
    pixels = _pixels(source)
    if pixels.ndim == 3 and without_colour(pixels):
        pixels = np.ascontiguousarray(pixels[..., 1])
    chosen = choose(pixels)
    if chosen is not None and chosen.luma_alone:
        chosen = with_chroma(chosen, width)
    if chosen is None and few and (chosen := one_of_many(pixels, width)) is not None:
        again = invert(pixels, chosen.layout, chosen.tables, chosen.decoder, width=width)
        return Prepared(pixels, chosen.layout, chosen.tables, chosen.decoder, again, chosen.match, False, True)
    if chosen is None:
        raise NotReconstructible(
            "no grid of quantised 8x8 blocks stands out: never a JPEG, or resized, filtered or coded otherwise since"
        )
    inverted = invert(pixels, chosen.layout, chosen.tables, chosen.decoder, width=width)
    doubtful = max(_unsettled(inverted), unlike(inverted, pixels, chosen)) > _ANOTHER_ARITHMETIC
    if not chosen.refined and doubtful and clock.allows():
        other = chosen.by_rival()
        again = inverted if other is chosen else invert(pixels, other.layout, other.tables, other.decoder, width=width)
        if unlike(again, pixels, other) < unlike(inverted, pixels, chosen):
            chosen, inverted = other, again
    if not chosen.refined and _unsettled(inverted) > _WORTH_A_LOOK and clock.allows():
        better = chosen.better()
        if any((one != other).any() for one, other in zip(chosen.tables, better.tables, strict=True)):
            inverted = invert(pixels, chosen.layout, better.tables, chosen.decoder, width=width)
        chosen = better
    wrong = wrong_where_luma_is_settled(inverted, pixels, chosen)
    share = wrong.mean() / (pixels.size / wrong.size)
    shown = share > _SHOWN_OTHERWISE or away_from_clipping(wrong > 0, pixels).sum() > _FEW_PIXELS
    if shown and clock.allows():
        chosen, inverted = _shown_otherwise(chosen, inverted, pixels, width)
    chosen, inverted = _mended(chosen, inverted, pixels, width, clock)
    settled = np.isin(inverted.status[0], (ROUNDED, SEARCHED)).mean()
    if settled < MINIMUM_SHARE:
        raise NotReconstructible(
            "hardly any block comes out of a JPEG decoder known here: changed since it was decoded, or never a JPEG"
        )
    match = jpegli_of(chosen.tables, chosen.layout.factors) or chosen.match
    return Prepared(pixels, chosen.layout, chosen.tables, chosen.decoder, inverted, match, clock.stopped)


def _mended(
    chosen: Chosen, inverted: Inverted, pixels: np.ndarray, width: int, clock: _Clock
) -> tuple[Chosen, Inverted]:
    """The choice with tables, and chroma's layout, under which fewer samples come out otherwise, and what it gives.

    Steps that no block holds are asked of first, where a few blocks are left, which costs least; and once more at the
    end, where the other ways left a few of many.
    """
    unheld = partial(_with_unheld, width=width)
    asked: Chosen | None = None
    for way in (unheld, partial(with_pair, width=width), luma_again, chroma_again, _with_known, _with_freed, unheld):
        if _beyond_doubt(chosen, inverted) or not clock.allows():
            break
        if way is unheld:
            if asked is chosen:  # the answer was had, and it was no better
                break
            asked = chosen
        other = way(chosen, inverted)
        if other is not chosen:
            again = invert(pixels, other.layout, other.tables, other.decoder, width=width)
            mixed = other
            if other.layout == chosen.layout:
                mixed = _component_by_component(chosen, inverted, other, again)
                if all(np.array_equal(*pair) for pair in zip(mixed.tables, chosen.tables, strict=True)):
                    continue
            if mixed is not other:
                other, again = mixed, invert(pixels, mixed.layout, mixed.tables, mixed.decoder, width=width)
            if unlike(again, pixels, other) < unlike(inverted, pixels, chosen):
                chosen, inverted = other, again
    return chosen, inverted


def _shown_otherwise(chosen: Chosen, inverted: Inverted, pixels: np.ndarray, width: int) -> tuple[Chosen, Inverted]:
    """The choice of another arithmetic, subsampling or phase that leaves less than half of the wrong samples in the
    part that holds most of them, where it leaves fewer in the picture as well; else the given one.
    """
    others = [*chosen.by_arithmetic(), *chosen.by_subsampling(), *chosen.by_phase()]
    if others:
        wrong = wrong_where_luma_is_settled(inverted, pixels, chosen)
        own, *shares = tried_on_worst_part([chosen, *others], wrong, pixels, width)
        other = others[int(np.argmin(shares))]
        if min(shares) < _FAR_FEWER * own:
            again = invert(pixels, other.layout, other.tables, other.decoder, width=width)
            if unlike(again, pixels, other) < unlike(inverted, pixels, chosen):
                return other, again
    return chosen, inverted


def _beyond_doubt(chosen: Chosen, inverted: Inverted) -> bool:
    """Whether the tables are known ones of one whole quality and leave next to no blocks, or no other known ones have
    the steps that blocks hold: what is left then is left by clipped samples and edges, or was changed since.
    """
    return _of_whole_quality(chosen) and all(
        (status > SEARCHED).mean() <= _LEFT_BY_RIGHT_TABLES or _alone_holds(chosen, inverted, k)
        for k, status in enumerate(inverted.status)
    )


def _alone_holds(chosen: Chosen, inverted: Inverted, k: int) -> bool:
    """Whether most of a component's blocks are settled and a component's table is the one known table with the steps of
    those frequencies of which some hold coefficients.
    """
    settled = inverted.status[k] <= SEARCHED
    if settled.mean() < _MOST:
        return False
    held = (inverted.coded.components[k].coefficients[settled] != 0).sum(axis=0) >= _HOLD
    known, own = candidates().tables[:, min(k, 1)], chosen.tables[k]
    alike = (known[:, held] == own[held]).all(axis=1)
    return bool((known[alike] == own).all())


def _of_whole_quality(chosen: Chosen) -> bool:
    """Whether the tables are known ones of one whole quality."""
    luma, chroma, known = chosen.tables[0], chosen.tables[-1], candidates()
    alike = (known.tables[:, 0] == luma).all(axis=1) & (known.quality % 1 == 0)
    if len(chosen.tables) == 3:
        alike &= (known.tables[:, 1] == chroma).all(axis=1) & np.array_equal(*chosen.tables[1:])
    return bool(alike.any())


def _with_unheld(chosen: Chosen, inverted: Inverted, *, width: int) -> Chosen:
    """As `unheld_steps.with_unheld`; known tables have no step that is not known, and blocks that they leave were
    changed.
    """
    return chosen if _of_whole_quality(chosen) else with_unheld(chosen, inverted, width)


def _left(inverted: Inverted) -> list[int]:
    """Components of which blocks are not settled."""
    return [k for k, status in enumerate(inverted.status) if (status > SEARCHED).any()]


def _with_known(chosen: Chosen, inverted: Inverted) -> Chosen:
    return chosen.with_known(left) if (left := _left(inverted)) else chosen


def _with_freed(chosen: Chosen, inverted: Inverted) -> Chosen:
    return chosen.with_freed(left) if (left := _left(inverted)) else chosen


def _component_by_component(one: Chosen, found: Inverted, other: Chosen, again: Inverted) -> Chosen:
    """The other choice with the first one's tables of those components of which it leaves more blocks."""
    worse = [
        int((after > SEARCHED).sum()) > int((before > SEARCHED).sum())
        for before, after in zip(found.status, again.status, strict=True)
    ]
    if not any(worse):
        return other
    pairs = zip(worse, one.tables, other.tables, strict=True)
    return replace(other, tables=tuple(own if keep else table for keep, own, table in pairs))


def _unsettled(inverted: Inverted) -> float:
    """Share of blocks without clipped samples that are not settled, of the worst component."""
    shares = []
    for status in inverted.status:
        known = status[status != OPEN_SATURATED]
        shares.append(float((known > SEARCHED).mean()) if known.size else 0.0)
    return max(shares)


def _pixels(source: Any) -> np.ndarray:
    from forensics.pictures.opened import open_picture

    if isinstance(source, str | Path | bytes):
        source = open_picture(source)
    pixels = np.asarray(getattr(source, "pixels", source))
    if pixels.dtype != np.uint8:
        raise NotReconstructible(f"JPEG decoders give 8-bit samples; these are {pixels.dtype}")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if min(pixels.shape[:2]) < 64:
        raise NotReconstructible(f"at least 64 pixels a side are needed, not {pixels.shape[1]}x{pixels.shape[0]}")
    return np.ascontiguousarray(pixels)


def judged(prepared: Prepared) -> Reconstruction:
    """The file, and what decoding it again says."""
    pixels, layout, inverted = prepared.pixels, prepared.layout, prepared.inverted
    match, decoder = prepared.match, prepared.decoder
    coded = inverted.coded
    data = write_jpeg(coded)
    _check_file(data, inverted)
    again = inverted.decoded(decoder)[layout.top :, layout.left :]
    equal = np.ones(pixels.shape[:2], bool)
    for one, other in zip(channels(again), channels(pixels), strict=True):
        equal &= one == other
    shape = inverted.status[0].shape
    rows, columns = shape[0] * BLOCK, shape[1] * BLOCK
    edges = ((layout.top, rows - layout.top - pixels.shape[0]), (layout.left, columns - layout.left - pixels.shape[1]))
    same, whole = (
        np.pad(plane, edges, constant_values=value).reshape(shape[0], BLOCK, shape[1], BLOCK).all(axis=(1, 3))
        for plane, value in ((equal, True), (np.ones(equal.shape, bool), False))
    )
    shown = _touching(edges, shape)
    same, whole = same | ~shown, whole & shown
    return Reconstruction(
        decoder.name, layout, prepared.tables, match.quality, match.family, coded, data, same, whole,
        _reasons(inverted, same, whole, layout), stopped=prepared.stopped,
        one_of_many=prepared.one_of_many,
    )  # fmt: skip


def _touching(edges: tuple[tuple[int, int], tuple[int, int]], shape: tuple[int, ...]) -> np.ndarray:
    """Blocks that hold a pixel of the picture: those of the last MCUs may hold none."""
    inside = []
    for (before, after), count in zip(edges, shape, strict=True):
        starts = np.arange(count) * BLOCK
        inside.append((starts + BLOCK > before) & (starts < count * BLOCK - after))
    return np.logical_and.outer(*inside)


def _check_file(data: bytes, inverted: Inverted) -> None:
    """The file read by the real library, against our own decoding of the coefficients, where the library is the one we
    know.
    """
    from PIL import Image, features

    if not features.check_feature("libjpeg_turbo"):
        return
    own = inverted.decoded(DECODERS[0])
    with Image.open(io.BytesIO(data)) as image:
        parts = range(0, len(own), _CHECKED_ROWS)
        same = (np.array_equal(_some_rows(image, top, _CHECKED_ROWS), own[top : top + _CHECKED_ROWS]) for top in parts)
        right = image.size == own.shape[1::-1] and all(same)
    if not right:
        raise ForensicsError("the rebuilt file does not decode to what its coefficients say; nothing is claimed")


def _some_rows(image: Any, top: int, count: int) -> np.ndarray:
    """Rows of a picture of Pillow's, without a second copy of it all."""
    return np.asarray(image.crop((0, top, image.width, min(top + count, image.height))))


def _reasons(inverted: Inverted, same: np.ndarray, whole: np.ndarray, layout: Layout) -> np.ndarray:
    luma, *others = inverted.status
    worst = luma.copy()
    for status in others:
        spread = status
        if layout.colour == "ycbcr":
            spread = np.repeat(np.repeat(status, layout.factors[0], axis=0), layout.factors[1], axis=1)
        worst = np.maximum(worst, spread)
    why = np.full(same.shape, "search", dtype="<U9")
    why[worst == OPEN_SATURATED] = "saturated"
    why[worst == IMPOSSIBLE] = "changed"
    why[~whole] = "edge"
    why[same] = ""
    return why
