"""A whole picture turned back into quantised coefficients, band by band, under a given decoder, grid and tables.

Chroma comes first: its full-size samples are known wherever no channel is clipped, and once its blocks are found they
tell luma under clipped channels. A block is settled when the decoder's arithmetic gives its samples again; only blocks
that rounding does not settle are searched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from forensics.reconstruction import colour
from forensics.reconstruction.acceptance import DIRECT, SEEN_BY, SEEN_THROUGH
from forensics.reconstruction.blocks import (
    IMPOSSIBLE,
    OPEN,
    OPEN_SATURATED,
    ROUNDED,
    SEARCHED,
    Quantiser,
    fit_blocks,
    out_of_reach,
    rounding_settles,
)
from forensics.reconstruction.chroma_samples import chroma_noise, propagated_bounds, shared_bounds, stored_estimate
from forensics.reconstruction.coded import CodedPicture, Component, Decoder, full_size, stored_samples
from forensics.reconstruction.joint_search import search_together
from forensics.reconstruction.layout import BLOCK, Layout, blocks_of
from forensics.reconstruction.likely_search import search_likely
from forensics.reconstruction.sample_search import PROMISING, search_known, search_saturated
from forensics.reconstruction.shown_search import USUAL_SETS, search_shown
from forensics.reconstruction.upsampling import TRIANGLES
from forensics.reconstruction.whole_samples import others_alike, whole_samples

_BAND_ROWS = 512
"""Rows of pixels turned back at once."""
_FILLINGS = 12
"""Rounds in which chroma under clipped channels is filled in from the blocks found so far."""
_ROUNDED = 0.99
"""Share of blocks that rounding can settle from which whole samples are not looked for in blocks with clipped pixels:
those leave many sets of them, of which hardly any comes out of coarse steps."""
_FINE, _ALIKE = 40.0, 12
"""Binary logarithm of the product of a table's steps up to which other whole samples that show the same are tried, and
how often. Of such samples a share of about 0.6 over that product comes out of the transform."""
_ROUNDS = 6
"""Times that chroma is searched again with the luma found before: a bound on work, most gain is the first one's."""
_PLACES = 96
"""Places of a band at which components are searched together: a bound on work, a fiftieth of a second each."""
_SETS = 128
"""Sets of coefficients that are tried of its blocks then."""
_AROUND = 3
"""Levels about their estimate in which stored chroma samples are looked for: five standard deviations of its noise."""
_AROUND_CLIPPED, _WIDER = 40, 8.0
"""The same where clipped channels leave the estimate open, and by how much wider its noise is taken then."""


_DOUBTS, _FEW = (4, 20), 16
"""Levels by which chroma may lie beyond what luma says, one after another, and MCUs up to which they are tried, a bound
on work: under clipped channels bounds settle luma that is wrong in single pixels. Of a file found 4 leave 4 of 8
blocks, of another 20 leave 11 of 22 (2, 4, 8 and 20 tried)."""
_SHOWN = 64
"""Blocks of a band that are searched by all that is shown of them; of many, a twentieth: bounds on work, some
milliseconds a block."""


@dataclass(frozen=True)
class Inverted:
    """Coefficients, and what is known of each block.

    Attributes
    ----------
    coded : CodedPicture
    status : tuple of np.ndarray [shape=(rows, columns), dtype=uint8]
        One a component: the numbers of `blocks`.
    """

    coded: CodedPicture
    status: tuple[np.ndarray, ...]


def invert(
    pixels: np.ndarray,
    layout: Layout,
    tables: tuple[np.ndarray, ...],
    decoder: Decoder,
    *,
    width: int = 32,
    trial: bool = False,
) -> Inverted:
    """Turn a picture back.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
    layout : Layout
    tables : tuple of np.ndarray [shape=(64,), dtype=int64]
        Steps in raster order: one table for grey, three for Y, Cb and Cr.
    decoder : Decoder
    width : int
        Sets of flips that the search keeps; 0 for rounding alone.
    trial : bool
        Whether shares of settled blocks alone are asked for, under this layout against others: luma is only rounded,
        and what brings the last blocks is left out.
    """
    rows, columns = layout.padded(pixels.shape)
    quantisers = [Quantiser.of(table, decoder.transform) for table in tables]
    factors = [(1, 1), layout.factors, layout.factors][: len(tables)]
    coefficients = [np.zeros((rows // v // BLOCK, columns // h // BLOCK, 64), np.int16) for v, h in factors]
    status = [np.zeros(c.shape[:2], np.uint8) for c in coefficients]
    step = max(1, _BAND_ROWS // layout.mcu[0]) * layout.mcu[0]
    margin = layout.mcu[0] if layout.factors[0] > 1 else 0
    for first in range(0, rows, step):
        last = min(first + step, rows)
        a, b = max(0, first - margin), min(rows, last + margin)
        band = _Band(pixels, layout, quantisers, decoder, (a, b), (first - a, last - a), columns, width, trial)
        for k, (found, known) in enumerate(band.fitted()):
            unit = BLOCK * factors[k][0]
            inside = np.s_[(first - a) // unit : (last - a) // unit]
            coefficients[k][first // unit : last // unit] = found[inside]
            status[k][first // unit : last // unit] = known[inside]
    components = tuple(Component(c, q.table) for c, q in zip(coefficients, quantisers, strict=True))
    height, full_width = layout.top + pixels.shape[0], layout.left + pixels.shape[1]
    return Inverted(CodedPicture(height, full_width, components, layout.factors, layout.colour), tuple(status))


class _Band:
    """Some rows of the file, a multiple of the MCU's height, with what the picture shows of them. Those `kept` are
    asked for; at the others, whose neighbours are missing, nothing is mended.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        layout: Layout,
        quantisers: list[Quantiser],
        decoder: Decoder,
        rows: tuple[int, int],
        kept: tuple[int, int],
        columns: int,
        width: int,
        trial: bool,
    ) -> None:
        top = max(0, layout.top - rows[0])
        part = pixels[max(0, rows[0] - layout.top) : max(0, rows[1] - layout.top)]
        self.edges = ((top, rows[1] - rows[0] - top - len(part)), (layout.left, columns - layout.left - part.shape[1]))
        self.layout, self.quantisers, self.decoder, self.width = layout, quantisers, decoder, width
        self.part, self.trial = part, trial
        if layout.colour != "ycbcr":
            planes = part[None] if part.ndim == 2 else np.moveaxis(part, 2, 0)
            self.lo = self.hi = self.nearest = planes
            state = np.zeros(part.shape[:2], np.uint8)
        else:
            self.lo, self.hi, self.nearest, state = colour.antecedents(np.ascontiguousarray(part), decoder.conversion)
        self.lo = np.pad(self.lo, ((0, 0), *self.edges))
        self.hi = np.pad(self.hi, ((0, 0), *self.edges), constant_values=255)
        self.nearest = np.pad(self.nearest, ((0, 0), *self.edges), mode="edge")
        self.first = self.lo.copy(), self.hi.copy()
        self.none = np.pad(state == colour.NONE, self.edges)
        self.open = np.pad(state == colour.BOUNDED, self.edges, constant_values=True)
        self.clipped = np.pad(state == colour.BOUNDED, self.edges)
        self.inside = np.pad(np.ones(state.shape, bool), self.edges)
        self.visible = tuple(
            slice(before, length - after) for (before, after), length in zip(self.edges, self.none.shape, strict=True)
        )
        self.kept = np.zeros(self.none.shape, bool)
        self.kept[kept[0] : kept[1]] = True

    def fitted(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Coefficients and status of each component."""
        others = []
        if self.layout.colour == "rgb":
            return [self._plain(k) for k in range(3)]
        if len(self.quantisers) > 1:
            others = [self._chroma(k) for k in (1, 2)]
            self._tighten_luma(others)
        fitted = [self._plain(0), *others]
        return self._once_more(fitted) if others and self.width and not self.trial else fitted

    def _once_more(self, fitted: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[np.ndarray, np.ndarray]]:
        """All again where the picture comes out otherwise: settled luma tells more of chroma under clipped channels
        than the box of all three, and both chroma components together tell more than each. The first answer where that
        brings nothing.
        """
        wrong = self._wrong(fitted)
        for _ in range(_ROUNDS):
            few = blocks_of(wrong, *self.layout.mcu).any(axis=1).sum() <= _FEW
            for doubt in (0, None, *(_DOUBTS if few else ())):
                if wrong.any():
                    other = self._together(fitted, wrong) if doubt is None else self._after_luma(fitted, doubt)
                    left = self._wrong(other)
                    if left.sum() < wrong.sum():
                        fitted, wrong = other, left
                        break
            else:
                break
        return fitted

    def _after_luma(
        self, fitted: list[tuple[np.ndarray, np.ndarray]], doubt: int
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Chroma searched again with luma known, which may be wrong in single pixels, then luma with chroma."""
        luma, *others = fitted
        luma = self._luma_again(luma)
        self._tighten_chroma(luma, doubt)
        others = [self._mended(k, *chroma) for k, chroma in enumerate(others, 1)]
        return [self._luma_again(luma, others), *others]

    def _together(
        self, fitted: list[tuple[np.ndarray, np.ndarray]], wrong: np.ndarray
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Components searched together about wrong pixels, at clipped ones or where luma is settled: elsewhere each is
        known as well alone, and pixels that were changed since would be searched in vain. All three where they have
        one size, else chroma, and luma with it then.
        """
        factors, kind = self.layout.factors, self.decoder.upsampling
        if factors != (1, 1) and (kind not in TRIANGLES or factors not in SEEN_BY):
            return fitted
        alone = fitted[: 1 if factors != (1, 1) else 0]
        near = wrong if factors == (1, 1) else ndimage.binary_dilation(wrong, np.ones((3, 3), bool))
        again = np.asarray(blocks_of(near, *self.layout.mcu).any(axis=1)).reshape(fitted[1][1].shape)
        clipped = np.pad(((self.part == 0) | (self.part == 255)).any(axis=2), self.edges)
        clipped = np.asarray(blocks_of(clipped, *self.layout.mcu).any(axis=1)).reshape(again.shape)
        again &= ndimage.binary_dilation(clipped, np.ones((3, 3), bool)) | self._luma_settled(fitted[0][1], again.shape)
        if again.mean() > PROMISING:
            return fitted
        again &= ~self._changed(fitted[0][1], again.shape)
        places = np.argwhere(again)[:_PLACES]
        (_, bottom), (_, right) = self.edges
        shape = self.none.shape[0] - bottom, self.none.shape[1] - right
        used = np.s_[: -(-shape[0] // factors[0]), : -(-shape[1] // factors[1])]
        known = ~again
        for _, status in fitted[len(alone) :]:
            known &= status <= SEARCHED
        spread = np.repeat(np.repeat(known, BLOCK, axis=0), BLOCK, axis=1)
        stored = []
        for k in range(len(alone), 3):
            guess = stored_estimate(self.nearest[k].astype(np.float32), factors, kind)
            settled = stored_samples(fitted[k][0], self.quantisers[k])
            stored.append(np.where(spread, settled, np.clip(np.rint(guess), 0, 255)).astype(np.uint8)[used])
        picture = np.s_[: shape[0], : shape[1]]
        lo, hi = (bound[len(alone) :, : shape[0], : shape[1]] for bound in self.first)
        coefficients, found = search_together(
            np.pad(self.part, (*self.edges, (0, 0)))[picture], lo, hi, (self.inside & ~self.none)[picture],
            np.stack(stored), known, places, factors, self.quantisers[len(alone) :], self.decoder.conversion,
            half_up=kind == "triangle, half up",
        )  # fmt: skip
        at = tuple(places[found].T)
        mended = []
        for (before, status), blocks in zip(fitted[len(alone) :], coefficients, strict=True):
            after, answers = before.copy(), status.copy()
            after[at], answers[at] = blocks[found], SEARCHED
            mended.append((after, answers))
        return [self._luma_again(alone[0], mended), *mended] if alone else mended

    def _luma_settled(self, status: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Places, bool of that shape, whose blocks of luma are all settled."""
        down, across = self.layout.factors
        return np.asarray((status <= SEARCHED).reshape(shape[0], down, shape[1], across).all(axis=(1, 3)))

    def _changed(self, status: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Places, bool of that shape, with a block of luma that is known to the pixel and comes out of no
        coefficients.
        """
        far, rows = np.zeros(status.size, bool), np.flatnonzero(status > SEARCHED)
        lo, hi, centers = (blocks_of(p)[rows] for p in (self.first[0][0], self.first[1][0], self.nearest[0]))
        far[rows] = out_of_reach(lo, hi, centers, self.quantisers[0])
        down, across = self.layout.factors
        return np.asarray(far.reshape(shape[0], down, shape[1], across).any(axis=(1, 3)))

    def _luma_again(
        self, luma: tuple[np.ndarray, np.ndarray], chroma: list[tuple[np.ndarray, np.ndarray]] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Blocks of luma that are not settled, from what clipped channels allow at first, or tightened by chroma; then
        those too that chroma speaks against.
        """
        coefficients, status = luma
        again = status > SEARCHED
        self.lo[0], self.hi[0] = self.first[0][0], self.first[1][0]
        if chroma is not None:
            self._tighten_luma(chroma)
            samples = stored_samples(coefficients, self.quantisers[0])
            wrong = ((samples < self.lo[0]) | (samples > self.hi[0])) & ~self.none & self.kept
            again = again | blocks_of(wrong).any(axis=1).reshape(again.shape)
        if not again.any():
            return luma
        found, known = self._plain(0, again.ravel())
        better = again & (known <= SEARCHED)
        return np.where(better[..., None], found, coefficients), np.where(better, known, status)

    def _in_picture(self, plane: np.ndarray) -> np.ndarray:
        """The part of a plane, at full size, that the picture shows."""
        return np.ascontiguousarray(plane[self.visible])

    def _wrong(self, fitted: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """Pixels that come out otherwise than the picture has them, bool of the band's shape."""
        luma, *others = (coefficients for coefficients, _ in fitted)
        y = self._in_picture(stored_samples(luma, self.quantisers[0]))
        cb, cr = (self._in_picture(self._shown(c, q)) for c, q in zip(others, self.quantisers[1:], strict=True))
        again = colour.to_rgb(y, cb, cr, self.decoder.conversion)
        return np.pad((again != self.part).any(axis=2), self.edges) & self.kept & ~self.none

    def _tighten_chroma(self, luma: tuple[np.ndarray, np.ndarray], doubt: int) -> None:
        """Chroma under clipped channels where luma is settled, as far as some levels of doubt allow; what another luma
        said of it before is forgotten.
        """
        coefficients, status = luma
        samples = self._in_picture(stored_samples(coefficients, self.quantisers[0]))
        settled = self._in_picture(np.repeat(np.repeat(status <= SEARCHED, BLOCK, axis=0), BLOCK, axis=1))
        lo, hi = (np.stack([self._in_picture(bound[k]) for k in (1, 2)]) for bound in self.first)
        before = lo.copy(), hi.copy()
        colour.narrow_chroma(np.ascontiguousarray(self.part), samples, lo, hi, self.decoder.conversion)
        if doubt:
            lo = np.maximum(np.maximum(lo, doubt) - doubt, before[0])
            hi = np.minimum(np.minimum(hi, 255 - doubt) + doubt, before[1])
        inside = (slice(None), *self.visible)
        self.lo[1:][inside], self.hi[1:][inside] = np.where(settled, lo, before[0]), np.where(settled, hi, before[1])

    def _mended(self, k: int, coefficients: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Blocks of chroma that bounds, tightened since, speak against, or that are open, searched again."""
        factors, quantiser, kind = self.layout.factors, self.quantisers[k], self.decoder.upsampling
        found, status = coefficients.reshape(-1, 64).copy(), known.ravel().copy()
        before = found.copy(), status.copy()
        status[status < IMPOSSIBLE] = SEARCHED
        if not self._reopen(k, found, status).any():
            return coefficients, known
        impossible = status == IMPOSSIBLE
        again = status == OPEN
        lo, hi = self.lo[k], self.hi[k]
        shown = self._shown(coefficients, quantiser)
        stored = stored_estimate(np.clip(shown, lo, hi).astype(np.float32), factors, kind)
        if kind in TRIANGLES and factors in SEEN_BY and factors != (1, 1):
            stored = self._whole(k, stored, found, status, impossible)
            self._by_all_shown(k, stored, found, status, impossible, width=_SETS)
        elif kind != "scaled" or factors == (1, 1):
            lo, hi = shared_bounds(lo, hi, factors)
            boxes, centers = (blocks_of(lo), blocks_of(hi)), blocks_of(np.clip(stored, lo, hi))
            self._at_edges(factors, quantiser, boxes, found, status)
            rest = np.flatnonzero((status > SEARCHED) & ~impossible)
            found[rest], status[rest] = fit_blocks(
                boxes[0][rest], boxes[1][rest], quantiser, width=self.width, centers=centers[rest]
            )
            search_saturated(*boxes, quantiser, impossible, found, status)
        rest = ~again | (status > SEARCHED)
        found[rest], status[rest] = before[0][rest], before[1][rest]
        return self._shaped(found, status, factors)

    def _shaped(self, found: np.ndarray, status: np.ndarray, factors: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        shape = self.none.shape[0] // factors[0] // BLOCK, self.none.shape[1] // factors[1] // BLOCK
        return found.reshape(*shape, 64), status.reshape(shape)

    def _plain(self, k: int, among: np.ndarray | bool = True) -> tuple[np.ndarray, np.ndarray]:
        """A component at full size; `among` which blocks it is worth looking at."""
        lo, hi, centers = blocks_of(self.lo[k]), blocks_of(self.hi[k]), blocks_of(self.nearest[k])
        impossible = np.asarray(blocks_of(self.none).any(axis=1))
        found, status = np.zeros((len(lo), 64), np.int16), np.full(len(lo), OPEN, np.uint8)
        rows = np.flatnonzero(np.broadcast_to(among, len(lo)))
        found[rows], status[rows] = fit_blocks(lo[rows], hi[rows], self.quantisers[k], width=0, centers=centers[rows])
        if self.width:
            self._at_edges((1, 1), self.quantisers[k], (lo, hi), found, status, among)
        again = np.flatnonzero((status > SEARCHED) & ~impossible & among) if self.width else np.empty(0, np.int64)
        if len(again):
            found[again], status[again] = search_known(
                lo[again], hi[again], self.quantisers[k], self.width, centers[again]
            )
            search_saturated(lo, hi, self.quantisers[k], impossible, found, status)
        status[impossible] = IMPOSSIBLE
        return self._shaped(found, status, (1, 1))

    def _seen_parts(self, factors: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """What is seen of each block of a component, as `search_likely` takes it, and whether that is a part only."""
        sides = []
        for (before, after), length, factor in zip(self.edges, self.none.shape, factors, strict=True):
            starts = np.arange(length // factor // BLOCK) * BLOCK
            first = np.clip(-(-before // factor) - starts, 0, BLOCK)
            last = np.clip(-(-(length - after) // factor) - starts, 0, BLOCK)
            sides.append(np.stack([first, last], axis=1).astype(np.int64))
        rows, columns = np.repeat(sides[0], len(sides[1]), axis=0), np.tile(sides[1], (len(sides[0]), 1))
        high, wide = rows[:, 1] - rows[:, 0], columns[:, 1] - columns[:, 0]
        return np.concatenate([rows, columns], axis=1), (high > 0) & (wide > 0) & (high * wide < BLOCK * BLOCK)

    def _at_edges(
        self,
        factors: tuple[int, int],
        quantiser: Quantiser,
        bounds: tuple[np.ndarray, np.ndarray],
        found: np.ndarray,
        status: np.ndarray,
        among: np.ndarray | bool = True,
    ) -> None:
        """Blocks that reach beyond the picture and are not settled, of those `among` which they are looked for, from
        the bounds of the samples that are seen; `found` and `status` change.
        """
        seen, partly = self._seen_parts(factors)
        again = np.flatnonzero(partly & (status > SEARCHED) & among)
        if len(again):
            coefficients, fits = search_likely(bounds[0][again], bounds[1][again], quantiser, seen[again])
            found[again[fits]], status[again[fits]] = coefficients[fits], SEARCHED

    def _tighten_luma(self, chroma: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Luma under clipped channels where chroma is settled."""
        if not self.open.any():
            return
        planes = []
        for (coefficients, _), quantiser in zip(chroma, self.quantisers[1:], strict=True):
            planes.append(self._shown(coefficients, quantiser))
        lo, hi = (self._in_picture(bound[0]) for bound in (self.lo, self.hi))
        cb, cr = (self._in_picture(plane) for plane in planes)
        colour.narrow_luma(np.ascontiguousarray(self.part), cb, cr, lo, hi, self.decoder.conversion)
        self.lo[0][self.visible], self.hi[0][self.visible] = lo, hi
        self.nearest[0] = np.minimum(np.maximum(self.nearest[0], self.lo[0]), self.hi[0])

    def _shown(self, coefficients: np.ndarray, quantiser: Quantiser) -> np.ndarray:
        """A component as the decoder shows it, repeated beyond the picture."""
        (_, bottom), (_, right) = self.edges
        shape = self.none.shape[0] - bottom, self.none.shape[1] - right
        shown = full_size(coefficients, quantiser, self.layout.factors, self.decoder.upsampling, shape)
        return np.pad(shown, ((0, bottom), (0, right)), mode="edge")

    def _seen(self, k: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Bounds of chroma at full size, MCU by MCU, and how stored samples are seen in it."""
        lo, hi, factors, kind = self.lo[k], self.hi[k], self.layout.factors, self.decoder.upsampling
        if kind == "triangle, half up" and factors == (1, 2):
            lo, hi = lo.copy(), hi.copy()
            odd = np.s_[:, lo.shape[1] - self.edges[1][1] - 2 :]
            lo[odd], hi[odd] = 0, 255
        return blocks_of(lo, *self.layout.mcu), blocks_of(hi, *self.layout.mcu), SEEN_BY[factors] + SEEN_THROUGH[kind]

    def _chroma(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        factors, quantiser = self.layout.factors, self.quantisers[k]
        kind = self.decoder.upsampling
        lo, hi = self.lo[k], self.hi[k]
        if kind not in SEEN_THROUGH or factors not in SEEN_BY or factors == (1, 1):
            return self._repeated(k)
        full = self._seen(k)
        guess = self.nearest[k].astype(np.float32)
        noise = chroma_noise(factors, kind)
        anything = np.zeros((len(full[0]), 64), np.uint8), np.full((len(full[0]), 64), 255, np.uint8)
        left = len(full[0]) + 1
        for _ in range(_FILLINGS):
            stored = stored_estimate(guess, factors, kind)
            found, status = fit_blocks(*anything, quantiser, width=0, centers=blocks_of(stored), seen=full)
            before, left = left, int((status > SEARCHED).sum())
            if left in (0, before) or not self.open.any():
                break
            shown = self._shown(self._shaped(found, status, factors)[0], quantiser)
            guess = np.where(self.open, np.minimum(np.maximum(shown, lo), hi), guess).astype(np.float32)
        impossible = np.asarray(blocks_of(self.none, *self.layout.mcu).any(axis=1))
        saturated = np.asarray(blocks_of(self.open, *self.layout.mcu).any(axis=1))
        doubted = np.zeros(len(status), bool)
        left_out = impossible
        if self.width and kind in TRIANGLES:
            clipped = np.asarray(blocks_of(self.clipped, *self.layout.mcu).any(axis=1))
            clipped &= blocks_of(self.inside, *self.layout.mcu).all(axis=1)
            left_out = impossible | clipped if rounding_settles(quantiser.table, noise) >= _ROUNDED else impossible
            doubted |= self._reopen(k, found, status)
            stored = self._whole(k, stored, found, status, left_out)
        centers = blocks_of(stored)
        for wide, around, wider in ((False, _AROUND, 1.0), (True, _AROUND_CLIPPED, _WIDER)):
            again = np.flatnonzero((status > SEARCHED) & ~impossible & (saturated | (not wide)))
            if len(again) and self.width and kind != "scaled":
                half_up = kind == "triangle, half up"
                low, high = propagated_bounds(stored, lo, hi, factors, again, around=around, half_up=half_up)
                seen = full[0][again], full[1][again], full[2]
                found[again], status[again] = fit_blocks(
                    low, high, quantiser, width=self.width, centers=centers[again], seen=seen, noise=wider * noise
                )
        if self.width and kind in TRIANGLES:
            doubted |= self._reopen(k, found, status)
            if doubted.any():
                self._whole(k, stored, found, status, left_out)
            self._by_all_shown(k, stored, found, status, impossible)
            samples = blocks_of(np.clip(np.rint(stored), 0, 255).astype(np.uint8))
            self._at_edges(factors, quantiser, (samples, samples), found, status)
        status[doubted & (status > SEARCHED)] = SEARCHED
        status[(status == OPEN) & saturated] = OPEN_SATURATED
        status[impossible & (status > SEARCHED)] = IMPOSSIBLE
        return self._shaped(found, status, factors)

    def _by_all_shown(
        self,
        k: int,
        stored: np.ndarray,
        found: np.ndarray,
        status: np.ndarray,
        impossible: np.ndarray,
        width: int = USUAL_SETS,
    ) -> None:
        """Blocks not settled yet, by all pixels that their samples are seen in; `found` and `status` change."""
        factors, quantiser = self.layout.factors, self.quantisers[k]
        kept = np.asarray(blocks_of(self.kept, *self.layout.mcu).any(axis=1))
        again = np.flatnonzero((status > SEARCHED) & ~impossible & kept)[: max(_SHOWN, len(status) // 20)]
        if not len(again):
            return
        (_, bottom), (_, right) = self.edges
        shape = self.none.shape[0] - bottom, self.none.shape[1] - right
        used = np.s_[: -(-shape[0] // factors[0]), : -(-shape[1] // factors[1])]
        coefficients, known = self._shaped(found, status <= SEARCHED, factors)
        settled = np.repeat(np.repeat(known, BLOCK, axis=0), BLOCK, axis=1)
        start = np.where(settled, stored_samples(coefficients, quantiser), np.clip(np.rint(stored), 0, 255))
        half_up = self.decoder.upsampling == "triangle, half up"
        places = np.stack(np.unravel_index(again, known.shape), axis=1)
        lo, hi = (np.ascontiguousarray(bound[k][: shape[0], : shape[1]]) for bound in (self.lo, self.hi))
        coefficients, fits = search_shown(
            np.ascontiguousarray(start[used].astype(np.uint8)), known.copy(), lo, hi, factors, quantiser,
            places, half_up=half_up, width=width,
        )  # fmt: skip
        found[again[fits]], status[again[fits]] = coefficients[fits], SEARCHED

    def _reopen(self, k: int, found: np.ndarray, status: np.ndarray) -> np.ndarray:
        """Settled blocks at which the component is shown otherwise than the picture has it, opened again; which they
        are. A block is settled by the pixels that no other one takes part in.
        """
        shown = self._shown(self._shaped(found, status, self.layout.factors)[0], self.quantisers[k])
        wrong = ((shown < self.lo[k]) | (shown > self.hi[k])) & ~self.none & self.kept
        near = ndimage.binary_dilation(wrong, np.ones((3, 3), bool)) if wrong.any() else wrong
        again = np.asarray(blocks_of(near, *self.layout.mcu).any(axis=1)) & (status <= SEARCHED)
        status[again] = OPEN
        return again

    def _whole(
        self, k: int, stored: np.ndarray, found: np.ndarray, status: np.ndarray, impossible: np.ndarray
    ) -> np.ndarray:
        """Blocks not settled yet by whole samples that show what the picture shows; these samples. `found` and `status`
        change.
        """
        rest = (status > SEARCHED) & ~impossible
        if not rest.any():
            return stored
        factors, quantiser = self.layout.factors, self.quantisers[k]
        shape = self.none.shape[0] - self.edges[0][1], self.none.shape[1] - self.edges[1][1]
        used = np.s_[: -(-shape[0] // factors[0]), : -(-shape[1] // factors[1])]
        coefficients, known = self._shaped(found, status, factors)
        settled = np.repeat(np.repeat(known <= SEARCHED, BLOCK, axis=0), BLOCK, axis=1)
        start = np.where(settled, stored_samples(coefficients, quantiser), stored).astype(np.float32)
        lo, hi = (np.ascontiguousarray(bound[k][: shape[0], : shape[1]]) for bound in (self.lo, self.hi))
        half_up = self.decoder.upsampling == "triangle, half up"
        whole = start.copy()
        share = rounding_settles(quantiser.table, chroma_noise(factors, self.decoder.upsampling))
        plane = whole_samples(
            start[used], lo, hi, factors, rest.reshape(known.shape), half_up=half_up, settled=share,
            walks=not self.trial,
        )  # fmt: skip
        fine = float(np.log2(quantiser.table).sum()) <= _FINE and factors == (2, 2)
        turns = _ALIKE if fine and not self.trial else 0
        for turn in range(turns + 1):
            if turn:
                plane, clear = others_alike(plane, lo, hi, factors, rest.reshape(known.shape), turn, half_up=half_up)
                whole[used] = plane
                again = np.flatnonzero(rest & clear.ravel())
            else:
                whole[used] = plane
                again = np.flatnonzero(rest)
            samples = blocks_of(np.clip(np.rint(whole), 0, 255).astype(np.uint8))[again]
            coefficients, answers = fit_blocks(samples, samples, quantiser, width=self.width)
            if not turn and not self.trial:  # pure red has a Cr at the end of the scale, pure blue a Cb
                left_out = np.cumsum(answers == OPEN_SATURATED) > _SHOWN
                search_saturated(samples, samples, quantiser, left_out, coefficients, answers)
            fits = answers <= SEARCHED
            found[again[fits]], status[again[fits]] = coefficients[fits], SEARCHED
            rest[again[fits]] = False
            if not rest.any():
                break
        samples = blocks_of(np.clip(np.rint(whole), 0, 255).astype(np.uint8))
        _, clear = others_alike(plane, lo, hi, factors, rest.reshape(known.shape), 0, half_up=half_up)
        self._at_edges(factors, quantiser, (samples, samples), found, status, clear.ravel())
        return whole

    def _repeated(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Chroma whose samples are shown as they are, once or several times."""
        factors, quantiser = self.layout.factors, self.quantisers[k]
        lo, hi = shared_bounds(self.lo[k], self.hi[k], factors)
        impossible = np.asarray(blocks_of(lo > hi).any(axis=1) | blocks_of(self.none, *self.layout.mcu).any(axis=1))
        near = stored_estimate(self.nearest[k].astype(np.float32), factors, "repeat")
        near = np.minimum(np.maximum(near, lo), hi)
        boxes, centers = (blocks_of(lo), blocks_of(hi)), blocks_of(near)
        found, status = fit_blocks(*boxes, quantiser, width=0, centers=centers)
        if self.width:
            self._at_edges(factors, quantiser, boxes, found, status)
        again = np.flatnonzero((status > SEARCHED) & ~impossible) if self.width else np.empty(0, np.int64)
        if len(again):
            found[again], status[again] = search_known(
                boxes[0][again], boxes[1][again], quantiser, self.width, centers[again]
            )
            search_saturated(*boxes, quantiser, impossible, found, status)
        status[impossible] = IMPOSSIBLE
        return self._shaped(found, status, factors)


__all__ = ["DIRECT", "IMPOSSIBLE", "OPEN", "OPEN_SATURATED", "ROUNDED", "SEARCHED", "Inverted", "Layout", "invert"]
