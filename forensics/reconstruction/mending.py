"""Components searched again where the picture comes out otherwise: each with what the others say of it, or together."""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np
from scipy import ndimage

from forensics.reconstruction import colour
from forensics.reconstruction.acceptance import SEEN_BY
from forensics.reconstruction.blocks import (
    IMPOSSIBLE,
    OPEN,
    SEARCHED,
    fit_blocks,
    out_of_reach,
)
from forensics.reconstruction.chroma_samples import shared_bounds, stored_estimate
from forensics.reconstruction.coded import stored_samples
from forensics.reconstruction.component_fits import FittedBand
from forensics.reconstruction.joint_search import search_together
from forensics.reconstruction.layout import BLOCK, and_beside, any_in_blocks, blocks_of
from forensics.reconstruction.sample_search import PROMISING, search_saturated
from forensics.reconstruction.unit_search import search_units
from forensics.reconstruction.upsampling import TRIANGLES

_ROUNDS = 24
"""Times that components are searched again, as long as each leaves fewer wrong pixels: a bound on work, most gain is
the first one's. A window of a JPEG file found (red and blue clipped) comes to rest after more than six, with which ten
pixels of four blocks are left; with 24 none.
"""
_PLACES = 96
"""Places of a band at which components are searched together: a bound on work, a fiftieth of a second each."""
_SETS = 128
"""Sets of coefficients that are tried of its blocks then."""
_DOUBTS, _FEW = (4, 20), 16
"""Levels by which chroma may lie beyond what luma says, one after another, and MCUs up to which they are tried, a bound
on work: under clipped channels bounds settle luma that is wrong in single pixels. Of a file found 4 leave 4 of 8
blocks, of another 20 leave 11 of 22 (2, 4, 8 and 20 tried)."""
_TOLD = 0.5
"""Share of a luma block's samples that have to be known by the pixels' colours for it to tell anything of chroma where
its neighbours do not come out: few samples leave many sets of coefficients, of which the first that keeps the bounds is
taken, and may be wrong in the others. All of a block is trusted before, and nothing but known samples after that."""
_OPENED = [np.array([(0, 0)]), *(np.array([(0, 0), beside]) for beside in ((0, -1), (0, 1), (-1, 0), (1, 0)))]
"""Blocks that are opened together, one after another, by rows and columns from the first: it alone, whose neighbours'
borders then tell it, and with each block beside it."""
_UNITS, _WRONG, _FAILED, _MANY = 8, 13, 3, 0.25
"""MCUs of which all blocks are searched together at most, a bound on work, and wrong pixels from which one is that has
fewer than an MCU beside it, a twentieth of an MCU of 4:2:0: its neighbours' borders show its chroma too; how many of
them may fail, and the share of a window's MCUs that may come out otherwise: bounds on work, half a second each time."""
_IN_VAIN = 48
"""Places of a band that may be searched thoroughly in vain before no further one is: a bound on work, a fifth of a
second each."""
_WINDOWS, _LARGE, _MARGIN = 12, 0.5, 2
"""Windows that are searched at most instead of the whole band, the share of it that they may take, and the MCUs about
wrong ones that they hold: bounds on work, some milliseconds a window and a fiftieth of a second a band, and the reach
of the filter with room for one more MCU whose samples are known."""

Fitted = list[tuple[np.ndarray, np.ndarray]]
"""Coefficients and status of each component."""


class MendedBand(FittedBand):
    """A band whose components are searched again after each was fitted alone."""

    def once_more(self, fitted: Fitted) -> Fitted:
        """All again where the picture comes out otherwise: settled luma tells more of chroma under clipped channels
        than the box of all three, and both chroma components together tell more than each. In windows about the wrong
        pixels where those are few; not where pixels were changed since, of which no chroma is known.
        """
        self._leave_out_changed(fitted[0][1])
        wrong = self.wrong(fitted)
        for _ in range(_ROUNDS):
            windows = self._windows(wrong)
            if windows:
                for rows, columns in windows:
                    fitted = self._within(rows, columns, fitted)
                break
            found = self._round(fitted, wrong)
            if found is None:
                break
            fitted, wrong = found
        return fitted

    def _leave_out_changed(self, status: np.ndarray) -> None:
        """MCUs that hold a block of luma that was changed since are asked for no longer, nor the pixels beside them,
        which show their chroma.
        """
        high, wide = self.layout.mcu
        changed = self._changed(status, (self.none.shape[0] // high, self.none.shape[1] // wide))
        if changed.any():
            spread = np.repeat(np.repeat(changed, high, axis=0), wide, axis=1)
            self.kept &= ~and_beside(spread)

    def _round(self, fitted: Fitted, wrong: np.ndarray) -> tuple[Fitted, np.ndarray] | None:
        """The first answer that leaves fewer wrong pixels, and those; None where nothing does."""
        few = any_in_blocks(wrong, *self.layout.mcu).sum() <= _FEW
        ways = [partial(self._after_luma, fitted), partial(self._together, fitted, wrong, thorough=bool(few))]
        if few and self.layout.factors != (1, 1):
            ways += [partial(self._after_luma, fitted, told=_TOLD)]
            ways += [partial(self._together, fitted, wrong, told=told) for told in (_TOLD, 0.0)]
            ways += [partial(self._together, fitted, wrong, told=0.0, backwards=True)]
        if few:
            ways += [partial(self._after_luma, fitted, doubt) for doubt in _DOUBTS]
        for way in ways:
            if wrong.any():
                other = way()
                left = self.wrong(other)
                if left.sum() < wrong.sum():
                    return other, left
        if few and wrong.any():
            other = self._with_neighbours(fitted)
            left = self.wrong(other)
            if left.sum() < wrong.sum():
                return other, left
        return self._units(fitted, wrong) if wrong.any() else None

    def _units(self, fitted: Fitted, wrong: np.ndarray) -> tuple[Fitted, np.ndarray] | None:
        """The same by all blocks of an MCU together, one MCU after another, the one with most wrong pixels first."""
        factors, kind = self.layout.factors, self.decoder.upsampling
        if factors != (1, 1) and (kind not in TRIANGLES or factors not in SEEN_BY):
            return None
        counts = np.asarray(blocks_of(wrong, *self.layout.mcu).sum(axis=1)).reshape(fitted[1][1].shape)
        if (counts > 0).mean() > _MANY:
            return None
        peaks = (counts > 0) & (counts == ndimage.maximum_filter(counts, 3, mode="constant"))
        wrong_ones = peaks | (counts >= _WRONG)
        places = np.argwhere(wrong_ones & ~self._changed(fitted[0][1], counts.shape))
        places = places[np.argsort(-counts[tuple(places.T)], kind="stable")][:_UNITS]
        before, failed = wrong, 0
        for place in places:
            other = self._unit(fitted, wrong_ones, place)
            left = wrong if other is None else self.wrong(other)
            if other is not None and left.sum() < wrong.sum():
                fitted, wrong = other, left
                continue
            failed += 1
            if failed == _FAILED:
                break
        return (fitted, wrong) if wrong.sum() < before.sum() else None

    def _unit(self, fitted: Fitted, doubted: np.ndarray, place: np.ndarray) -> Fitted | None:
        """With the blocks of one MCU searched together, those of doubted ones not known."""
        luma, *others = fitted
        (_, bottom), (_, right) = self.edges
        factors = self.layout.factors
        shape = self.none.shape[0] - bottom, self.none.shape[1] - right
        used = np.s_[: -(-shape[0] // factors[0]), : -(-shape[1] // factors[1])]
        known = ~doubted
        known[tuple(place)] = False
        for _, status in others:
            known &= status <= SEARCHED
        spread = np.repeat(np.repeat(known, BLOCK, axis=0), BLOCK, axis=1)
        stored = []
        for k, (coefficients, _) in enumerate(others, 1):
            guess = stored_estimate(self.nearest[k].astype(np.float32), factors, self.decoder.upsampling)
            settled = stored_samples(coefficients, self.quantisers[k])
            stored.append(np.where(spread, settled, np.clip(np.rint(guess), 0, 255)).astype(np.uint8)[used])
        picture, whole = np.s_[: shape[0], : shape[1]], stored_samples(luma[0], self.quantisers[0])
        key = b"unit" + self._around(place, stored, whole)
        if key in self.in_vain:
            return None
        coefficients, found = search_units(
            np.pad(self.part, (*self.edges, (0, 0)))[picture], whole[picture],
            (self.inside & ~self.none)[picture], np.stack(stored), known, place[None], factors, self.quantisers,
            self.decoder.conversion, half_up=self.decoder.upsampling == "triangle, half up",
        )  # fmt: skip
        if not found[0]:
            self.in_vain.add(key)
            return None
        mended = []
        for (before, status), blocks in zip(others, coefficients, strict=True):
            after, answers = before.copy(), status.copy()
            after[tuple(place)], answers[tuple(place)] = blocks[0], SEARCHED
            mended.append((after, answers))
        return [self._luma_again(luma, mended), *mended]

    def _around(self, place: np.ndarray, stored: list[np.ndarray], luma: np.ndarray) -> bytes:
        """What a search of an MCU rests on."""
        shown = np.pad(self.part, (*self.edges, (0, 0)))
        found = []
        for plane, unit in (*((plane, (BLOCK, BLOCK)) for plane in stored), (luma, self.layout.mcu)):
            (top, left), (high, wide) = place * unit, unit
            found.append(plane[max(top - 2, 0) : top + high + 2, max(left - 2, 0) : left + wide + 2].tobytes())
        (top, left), (high, wide) = place * self.layout.mcu, self.layout.mcu
        return b"".join([*found, shown[top : top + high, left : left + wide].tobytes()])

    def _with_neighbours(self, fitted: Fitted) -> Fitted:
        """Chroma blocks that nothing settles searched alone, all others known, or with one of the settled blocks beside
        them open, and that one after them: of a block of which a part is seen several sets may show the picture, but
        the next one's border tells them apart.
        """
        factors = self.layout.factors
        if factors == (1, 1) or self.decoder.upsampling not in TRIANGLES or factors not in SEEN_BY:
            return fitted
        luma, *others = fitted
        self._tighten_chroma(luma, 0)
        return [luma, *(self._searched_with(k, *chroma) for k, chroma in enumerate(others, 1))]

    def _searched_with(self, k: int, coefficients: np.ndarray, status: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        wrong = self._shown_wrongly(k, coefficients)
        near = and_beside(wrong)
        places = np.argwhere(any_in_blocks(near, *self.layout.mcu))[:_FEW]
        for place, opened in product(places, _OPENED):
            blocks = place + opened
            if not wrong.any() or (blocks < 0).any() or (blocks >= status.shape).any():
                continue
            known = np.ones(status.shape, bool)
            known[tuple(blocks.T)] = False
            start = stored_samples(coefficients, self.quantisers[k])
            found, fits = self.searched_by_all_shown(k, start, known, blocks, _SETS)
            if fits.all():
                other, settled = coefficients.copy(), status.copy()
                other[tuple(blocks.T)], settled[tuple(blocks.T)] = found, SEARCHED
                left = self._shown_wrongly(k, other)
                if left.sum() < wrong.sum():
                    coefficients, status, wrong = other, settled, left
        return coefficients, status

    def _shown_wrongly(self, k: int, coefficients: np.ndarray) -> np.ndarray:
        """Pixels that show a component otherwise than its bounds allow, bool of the band's shape."""
        shown = self.shown(coefficients, self.quantisers[k])
        return ((shown < self.lo[k]) | (shown > self.hi[k])) & ~self.none & self.kept

    def _windows(self, wrong: np.ndarray) -> list[tuple[slice, slice]]:
        """Windows of whole MCUs about wrong pixels, rows and columns; none where they would be many or large."""
        high, wide = self.layout.mcu
        units = any_in_blocks(wrong, high, wide)
        near = ndimage.binary_dilation(units, np.ones((3, 3), bool), iterations=_MARGIN) if units.any() else units
        found = ndimage.find_objects(ndimage.label(near, np.ones((3, 3), int))[0])
        sizes = [(rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in found]
        if len(found) > _WINDOWS or sum(sizes) > _LARGE * units.size:
            return []
        return [
            (slice(rows.start * high, rows.stop * high), slice(columns.start * wide, columns.stop * wide))
            for rows, columns in found
        ]

    def _within(self, rows: slice, columns: slice, fitted: Fitted) -> Fitted:
        """The same with the blocks of a window searched again."""
        window = self.cut(rows, columns)
        spans, own, kept = [], [], []
        for k in range(len(fitted)):
            down, across = (BLOCK, BLOCK) if k == 0 else self.layout.mcu
            spans.append(
                np.s_[rows.start // down : rows.stop // down, columns.start // across : columns.stop // across]
            )
            own.append((fitted[k][0][spans[k]].copy(), fitted[k][1][spans[k]].copy()))
            kept.append(any_in_blocks(window.kept, down, across))
        before, wrong = own, window.wrong(own)
        for _ in range(_ROUNDS):
            found = window._round(own, wrong)
            if found is None:
                break
            own, wrong = found
        if own is before:
            return fitted
        out = []
        for (coefficients, status), span, inside, part in zip(fitted, spans, kept, own, strict=True):
            coefficients, status = coefficients.copy(), status.copy()
            coefficients[span][inside], status[span][inside] = part[0][inside], part[1][inside]
            out.append((coefficients, status))
        return out

    def _after_luma(self, fitted: Fitted, doubt: int = 0, told: float = 0.0) -> Fitted:
        """Chroma searched again with luma known, which may be wrong in single pixels, then luma with chroma."""
        luma, *others = fitted
        luma = self._luma_again(luma)
        self._tighten_chroma(luma, doubt, told)
        others = [self._mended(k, *chroma) for k, chroma in enumerate(others, 1)]
        return [self._luma_again(luma, others), *others]

    def _together(
        self,
        fitted: Fitted,
        wrong: np.ndarray,
        *,
        told: float = 1.0,
        backwards: bool = False,
        thorough: bool = True,
    ) -> Fitted:
        """Components searched together about wrong pixels, at clipped ones or where luma is settled: elsewhere each is
        known as well alone, and pixels that were changed since would be searched in vain. All three where they have
        one size, else chroma, and luma with it then; `told` as of `_tighten_chroma`, `thorough` of `search_together`.
        """
        factors, kind = self.layout.factors, self.decoder.upsampling
        if factors != (1, 1) and (kind not in TRIANGLES or factors not in SEEN_BY):
            return fitted
        alone = fitted[: 1 if factors != (1, 1) else 0]
        near = wrong if factors == (1, 1) else and_beside(wrong)
        again = any_in_blocks(near, *self.layout.mcu)
        clipped = np.pad(((self.part == 0) | (self.part == 255)).any(axis=2), self.edges)
        clipped = any_in_blocks(clipped, *self.layout.mcu)
        again &= and_beside(clipped) | self._luma_settled(fitted[0][1], again.shape)
        if again.sum() > PROMISING * self.units:
            return fitted
        again &= ~self._changed(fitted[0][1], again.shape)
        places = np.argwhere(again)[:: -1 if backwards else 1][:_PLACES]
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
        bounds = self.first
        if alone and told < 1:
            self._tighten_chroma(alone[0], 0, told)
            bounds = self.lo, self.hi
        lo, hi = (bound[len(alone) :, : shape[0], : shape[1]] for bound in bounds)
        keys = []
        thorough = thorough and len(self.in_vain_together) < _IN_VAIN
        if thorough:
            planes = [*stored, spread[used]]
            luma = stored_samples(alone[0][0], self.quantisers[0])[picture] if alone else stored[0]
            keys = [b"%g" % told + self._around(place, planes, luma) for place in places]
            places = places[np.array([key not in self.in_vain_together for key in keys], bool)]
            keys = [key for key in keys if key not in self.in_vain_together]
        coefficients, found = search_together(
            np.pad(self.part, (*self.edges, (0, 0)))[picture], lo, hi, (self.inside & ~self.none)[picture],
            np.stack(stored), known, places, factors, self.quantisers[len(alone) :], self.decoder.conversion,
            half_up=kind == "triangle, half up", thorough=thorough,
        )  # fmt: skip
        self.in_vain_together.update(key for key, answer in zip(keys, found, strict=False) if not answer)
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
            self.tighten_luma(chroma)
            samples = stored_samples(coefficients, self.quantisers[0])
            wrong = ((samples < self.lo[0]) | (samples > self.hi[0])) & ~self.none & self.kept
            again = again | any_in_blocks(wrong)
        if not again.any():
            return luma
        found, known = self.plain(0, again.ravel(), chroma or ())
        better = again & (known <= SEARCHED)
        return np.where(better[..., None], found, coefficients), np.where(better, known, status)

    def _tighten_chroma(self, luma: tuple[np.ndarray, np.ndarray], doubt: int, told: float = 0.0) -> None:
        """Chroma under clipped channels where luma is settled and that share of its block's samples known, as far as
        some levels of doubt allow; what another luma said of it before is forgotten.
        """
        coefficients, status = luma
        samples = self.in_picture(stored_samples(coefficients, self.quantisers[0]))
        sure = status <= SEARCHED
        if told:
            known = blocks_of((self.first[0][0] == self.first[1][0]) & self.inside).mean(axis=1)
            sure = sure & (known >= told).reshape(status.shape)
        settled = self.in_picture(np.repeat(np.repeat(sure, BLOCK, axis=0), BLOCK, axis=1))
        lo, hi = (np.stack([self.in_picture(bound[k]) for k in (1, 2)]) for bound in self.first)
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
        if not self.reopen(k, found, status).any():
            return coefficients, known
        impossible = status == IMPOSSIBLE
        again = status == OPEN
        lo, hi = self.lo[k], self.hi[k]
        shown = self.shown(coefficients, quantiser)
        stored = stored_estimate(np.clip(shown, lo, hi).astype(np.float32), factors, kind)
        if kind in TRIANGLES and factors in SEEN_BY and factors != (1, 1):
            stored = self.whole(k, stored, found, status, impossible)
            self.by_all_shown(k, stored, found, status, impossible, width=_SETS)
        elif kind != "scaled" or factors == (1, 1):
            lo, hi = shared_bounds(lo, hi, factors)
            boxes, centers = (blocks_of(lo), blocks_of(hi)), blocks_of(np.clip(stored, lo, hi))
            self.at_edges(factors, quantiser, boxes, found, status)
            rest = np.flatnonzero((status > SEARCHED) & ~impossible)
            found[rest], status[rest] = fit_blocks(
                boxes[0][rest], boxes[1][rest], quantiser, width=self.width, centers=centers[rest]
            )
            search_saturated(*boxes, quantiser, impossible, found, status)
        rest = ~again | (status > SEARCHED)
        found[rest], status[rest] = before[0][rest], before[1][rest]
        return self.shaped(found, status, factors)
