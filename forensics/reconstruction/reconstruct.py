"""`reconstruct`: from a picture that was a JPEG, the JPEG file again.

The history of the picture gives grid, subsampling and tables; the arithmetic of the decoder is the one under which most
blocks of a part are settled; then every block is turned back. The file is written, decoded again, and only blocks whose
pixels come out the same are counted.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from forensics.errors import ForensicsError
from forensics.history.jpeg import recovery as jpeg_history
from forensics.history.jpeg.chroma import FACTORS, ChromaHypothesis
from forensics.reconstruction import colour
from forensics.reconstruction.blocks import IMPOSSIBLE, OPEN_SATURATED, ROUNDED, SEARCHED
from forensics.reconstruction.coded import DECODERS, CodedPicture, Decoder, decode
from forensics.reconstruction.conversions import CONVERSIONS
from forensics.reconstruction.inversion import Inverted, invert
from forensics.reconstruction.jpeg_writer import write_jpeg
from forensics.reconstruction.layout import BLOCK, Layout
from forensics.reconstruction.sampled import Sampled, sample, stripes
from forensics.reconstruction.table_refinement import refined
from forensics.reconstruction.tables import component_steps

_TRIED_PIXELS = 1 << 16
"""Pixels on which arithmetics are distinguished."""
_CLEAR = 0.98
"""Share of settled blocks from which no other arithmetic is tried; a choice that saves time and costs no truth. The
right one settles 0.986 of grey blocks at quality 90 by rounding alone, nearly all at 75 (13,000 blocks of validation
pictures)."""
_SURE = 0.9
"""Probability of a kind of upsampling from which the other is not tried: rounding alone settles too few blocks of fine
quality to tell them apart.
"""
_UNEXPLAINED = 0.02
"""Share of pixels by which a conversion of colours may explain fewer than the best one and still be tried: a choice.
The nearest wrong ones leave 0.2 to 3 % of random colours without an antecedent, the others a third or more."""
_PLACED = 0.7
"""Share of settled blocks from which the history's place of the MCU is taken as it is; with a wrong one a third,
luma's, is settled at most, and flat blocks.
"""
_BETTER, _IN_SUBSTANCE = 0.05, 0.4
"""Share of settled blocks by which another subsampling has to be better than the history's, and what it has to settle:
choices. At the finest steps chroma at full size settles nearly as little, whatever the picture's.
"""
_AS_GOOD = 0.02
"""Share of settled blocks by which another arithmetic has to be better than the commonest one where none settles half:
a choice, ten blocks of five hundred."""
_WIDTH = 32
"""Sets of flips that the search keeps."""
MINIMUM_SHARE = 0.05
"""Share of settled luma blocks below which no file is given: a choice, low because a picture of which little is left
may still matter.
"""
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
            "unmatched": self.unmatched(),
        }


def subsampling_name(layout: Layout) -> str:
    """ "4:2:0" and the like, "grey" without chroma."""
    if layout.colour == "grey":
        return "grey"
    return {factors: name for name, factors in FACTORS.items()}.get(layout.factors, "4:1:1")


def reconstruct(source: Any, *, width: int = _WIDTH) -> Reconstruction:
    """Rebuild the JPEG file that a picture was decoded from.

    Parameters
    ----------
    source : str, Path, Picture or np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
        The picture, at least 64 pixels a side.
    width : int
        Sets of coefficients that the search for a block keeps; 0 for rounding alone. The default settles nearly all
        blocks up to quality 98.

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
    return judged(prepare(source, width=width))


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
    history: jpeg_history.JpegHistory


def prepare(source: Any, *, width: int = _WIDTH) -> Prepared:
    """What `reconstruct` rests on; same parameters and errors."""
    pixels = _pixels(source)
    history = _history(pixels)
    if history.colour == "grey" and pixels.ndim == 3:
        pixels = np.ascontiguousarray(pixels[..., 1])
    trials = _Trials(pixels, history)
    layout, decoders = _likeliest(trials)
    tables, decoder = _tables_and_decoder(trials, layout, decoders)
    inverted = invert(pixels, layout, tables, decoder, width=width)
    settled = np.isin(inverted.status[0], (ROUNDED, SEARCHED)).mean()
    if settled < MINIMUM_SHARE:
        raise NotReconstructible(
            "hardly any block comes out of a JPEG decoder known here: changed since it was decoded, or never a JPEG"
        )
    return Prepared(pixels, layout, tables, decoder, inverted, history)


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


def _history(pixels: np.ndarray) -> jpeg_history.JpegHistory:
    history = jpeg_history.recover(pixels, fixed_point=False)
    if not history.found:
        raise NotReconstructible(
            "no grid of quantised 8x8 blocks stands out: never a JPEG, or resized, filtered or coded otherwise since"
        )
    return history


class _Trials:
    """Tables by layout and way back, each read once, and how many blocks of a part they settle."""

    def __init__(self, pixels: np.ndarray, history: jpeg_history.JpegHistory) -> None:
        assert history.match is not None
        self.pixels, self.history, self.match = pixels, history, history.match
        self._samples: dict[tuple[Layout, str, str], Sampled] = {}
        self._tables: dict[tuple[Layout, str, str], tuple[np.ndarray, ...]] = {}
        self._shares: dict[tuple[Layout, str], float] = {}

    def sampled(self, layout: Layout, decoder: Decoder) -> Sampled:
        """Blocks that tables are read from."""
        key = layout, decoder.upsampling, decoder.conversion
        if key not in self._samples:
            self._samples[key] = sample(self.pixels, layout, decoder)
        return self._samples[key]

    def tables(self, layout: Layout, decoder: Decoder) -> tuple[np.ndarray, ...]:
        """Steps of each component."""
        key = layout, decoder.upsampling, decoder.conversion
        if key not in self._tables:
            self._tables[key] = component_steps(self.sampled(layout, decoder), decoder.upsampling, self.match)
        return self._tables[key]

    def share(self, layout: Layout, decoder: Decoder) -> float:
        """Share of blocks of all components that rounding settles, averaged over components and parts; of blocks
        without clipped samples where there are any.
        """
        key = layout, decoder.name
        if key not in self._shares:
            parts = stripes(self.pixels, layout, most=_TRIED_PIXELS, rows=2 * layout.mcu[0])
            self._shares[key] = _settled(parts, layout, self.tables(layout, decoder), decoder)
        return self._shares[key]


def _likeliest(trials: _Trials) -> tuple[Layout, list[Decoder]]:
    """Where blocks and MCUs begin, and the decoders to try, the likeliest first.

    Pasted parts can mislead the history about subsampling. So where few blocks are settled under its choice the best
    of each other subsampling is tried too.
    """
    pixels, history = trials.pixels, trials.history
    if history.colour != "ycbcr" or not history.hypotheses:
        top, left = (-phase % BLOCK for phase in history.grid.phase)
        return Layout(top, left, (1, 1), history.colour), _one_each(DECODERS, lambda d: d.transform)
    best: tuple[float, Layout, list[Decoder]] | None = None
    seen: set[str] = set()
    for hypothesis, _ in history.hypotheses:
        if hypothesis.subsampling in seen:
            continue
        seen.add(hypothesis.subsampling)
        layout, decoders = _candidates(pixels, history, hypothesis)
        if not decoders:
            continue
        layout, share = _placed(trials, layout, decoders[0])
        if best is None or share > max(best[0] + _BETTER, _IN_SUBSTANCE):
            best = share, layout, decoders
        if best[0] >= _PLACED:
            break
    assert best is not None
    return best[1], best[2]


def _candidates(
    pixels: np.ndarray, history: jpeg_history.JpegHistory, best: ChromaHypothesis
) -> tuple[Layout, list[Decoder]]:
    """Layout and decoders under one hypothesis about chroma."""
    factors = FACTORS[best.subsampling]
    first = [o + f * p for o, f, p in zip(best.origin, factors, best.phase, strict=True)]
    top, left = (-start % (BLOCK * f) for start, f in zip(first, factors, strict=True))
    layout = Layout(top, left, factors)
    decoders = _by_colour(pixels, layout)
    if factors == (1, 1):
        return layout, _one_each(decoders, lambda d: (d.transform, d.conversion))
    if best.upsampling == "scaled":
        return layout, [d for d in decoders if d.upsampling == "scaled"]
    repeated = best.upsampling == "repeat"
    likely = [d for d in decoders if (d.upsampling == "repeat") == repeated and d.upsampling != "scaled"]
    if best is history.hypotheses[0][0] and history.upsampling[1] >= _SURE:
        return layout, likely
    return layout, likely + [d for d in decoders if d not in likely and d.upsampling != "scaled"]


def _one_each(decoders: Sequence[Decoder], key: Callable[[Decoder], Any]) -> list[Decoder]:
    """The first decoder of each kind."""
    first: dict[Any, Decoder] = {}
    for decoder in decoders:
        first.setdefault(key(decoder), decoder)
    return list(first.values())


def _by_colour(pixels: np.ndarray, layout: Layout) -> list[Decoder]:
    """The decoders whose conversion can have given the picture's colours, those that explain most pixels first.

    Under the right one all pixels but those changed since have an antecedent.
    """
    parts = stripes(pixels, layout, most=_TRIED_PIXELS, rows=layout.mcu[0] * 2)
    missing = {
        name: np.mean([(colour.antecedents(part, name)[3] == colour.NONE).mean() for part in parts])
        for name in CONVERSIONS
    }
    least = min(missing.values())
    possible = [d for d in DECODERS if missing[d.conversion] <= least + _UNEXPLAINED]
    return sorted(possible, key=lambda d: missing[d.conversion])


def _placed(trials: _Trials, layout: Layout, decoder: Decoder) -> tuple[Layout, float]:
    """The layout with the MCU's phase under which most chroma blocks are settled, where the history's settles few, and
    the share of settled blocks.

    Luma's grid leaves one bit an axis open, and coarse chroma may show it wrongly.
    """
    options = [
        replace(layout, top=(layout.top + down) % layout.mcu[0], left=(layout.left + right) % layout.mcu[1])
        for down in range(0, layout.mcu[0], BLOCK)
        for right in range(0, layout.mcu[1], BLOCK)
    ]
    shares: list[float] = []
    for option in options:
        shares.append(trials.share(option, decoder))
        if shares[0] >= _PLACED:
            break
    best = int(np.argmax(shares))
    return options[best], shares[best]


def _tables_and_decoder(
    trials: _Trials, layout: Layout, decoders: list[Decoder]
) -> tuple[tuple[np.ndarray, ...], Decoder]:
    """Tables and decoder, of the decoder that settles most blocks."""
    shares: list[float] = []
    for decoder in decoders:
        shares.append(trials.share(layout, decoder))
        if shares[-1] >= _CLEAR:
            break
    at = int(np.argmax(shares))
    best = decoders[0 if shares[at] < min(0.5, shares[0] + _AS_GOOD) else at]
    return refined(trials.sampled(layout, best), best, trials.tables(layout, best)), best


def _settled(parts: list[np.ndarray], layout: Layout, tables: tuple[np.ndarray, ...], decoder: Decoder) -> float:
    inside = replace(layout, top=0, left=0)
    shares = []
    for part in parts:
        status = invert(part, inside, tables, decoder, width=0).status
        shares.append(np.mean([_of_known(plane) for plane in status]))
    return float(np.mean(shares))


def _of_known(status: np.ndarray) -> float:
    """Share of settled blocks: clipped samples tell nothing about the arithmetic."""
    known = status[status != OPEN_SATURATED]
    return float((known <= SEARCHED).mean()) if known.size else 0.0


def judged(prepared: Prepared) -> Reconstruction:
    """The file, and what decoding it again says."""
    pixels, layout, inverted = prepared.pixels, prepared.layout, prepared.inverted
    history, decoder = prepared.history, prepared.decoder
    assert history.match is not None
    coded = inverted.coded
    data = write_jpeg(coded)
    _check_file(data, coded)
    again = decode(coded, decoder)[layout.top :, layout.left :]
    equal = again == pixels if pixels.ndim == 2 else (again == pixels).all(axis=2)
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
        decoder.name, layout, prepared.tables, history.match.quality, history.match.family, coded, data, same, whole,
        _reasons(inverted, same, whole, layout),
    )  # fmt: skip


def _touching(edges: tuple[tuple[int, int], tuple[int, int]], shape: tuple[int, ...]) -> np.ndarray:
    """Blocks that hold a pixel of the picture: those of the last MCUs may hold none."""
    inside = []
    for (before, after), count in zip(edges, shape, strict=True):
        starts = np.arange(count) * BLOCK
        inside.append((starts + BLOCK > before) & (starts < count * BLOCK - after))
    return np.logical_and.outer(*inside)


def _check_file(data: bytes, coded: CodedPicture) -> None:
    """The file read by the real library, against our own decoding of the coefficients, where the library is the one we
    know.
    """
    from PIL import Image, features

    if not features.check_feature("libjpeg_turbo"):
        return
    with Image.open(io.BytesIO(data)) as image:
        real = np.asarray(image)
    if not np.array_equal(real, decode(coded, DECODERS[0])):
        raise ForensicsError("the rebuilt file does not decode to what its coefficients say; nothing is claimed")


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
