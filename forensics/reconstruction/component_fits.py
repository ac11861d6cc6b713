"""The components of a band, each fitted alone: luma and chroma at full size, chroma through the triangle filter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forensics.reconstruction.acceptance import SEEN_BY, SEEN_THROUGH
from forensics.reconstruction.band import Band
from forensics.reconstruction.blocks import (
    IMPOSSIBLE,
    OPEN,
    OPEN_SATURATED,
    SEARCHED,
    Quantiser,
    fit_blocks,
    rounding_settles,
)
from forensics.reconstruction.chroma_samples import chroma_noise, propagated_bounds, shared_bounds, stored_estimate
from forensics.reconstruction.coded import stored_samples
from forensics.reconstruction.layout import BLOCK, all_in_blocks, and_beside, any_in_blocks, blocks_of
from forensics.reconstruction.likely_search import GUESSES, search_likely
from forensics.reconstruction.sample_search import search_known, search_saturated
from forensics.reconstruction.shown_search import USUAL_SETS, search_shown
from forensics.reconstruction.upsampling import TRIANGLES
from forensics.reconstruction.whole_samples import others_alike, whole_samples

_FILLINGS = 12
"""Rounds in which chroma under clipped channels is filled in from the blocks found so far."""
_ROUNDED = 0.99
"""Share of blocks that rounding can settle from which whole samples are not looked for in blocks with clipped pixels:
those leave many sets of them, of which hardly any comes out of coarse steps."""
_FINE, _ALIKE = 40.0, 12
"""Binary logarithm of the product of a table's steps up to which other whole samples that show the same are tried, and
how often. Of such samples a share of about 0.6 over that product comes out of the transform."""
_AROUND = 3
"""Levels about their estimate in which stored chroma samples are looked for: five standard deviations of its noise."""
_AROUND_CLIPPED, _WIDER = 40, 8.0
"""The same where clipped channels leave the estimate open, and by how much wider its noise is taken then."""
_SHOWN = 64
"""Blocks of a band that are searched by all that is shown of them; of many, a twentieth: bounds on work, some
milliseconds a block."""


class FittedBand(Band):
    """A band whose components are fitted one by one."""

    def plain(
        self,
        k: int,
        among: np.ndarray | bool = True,
        chroma: Sequence[tuple[np.ndarray, np.ndarray]] = (),
    ) -> tuple[np.ndarray, np.ndarray]:
        """A component at full size; `among` which blocks are worth a look, `chroma` what luma's bounds rest on."""
        lo, hi, centers = blocks_of(self.lo[k]), blocks_of(self.hi[k]), blocks_of(self.nearest[k])
        impossible = any_in_blocks(self.none).ravel()
        found, status = np.zeros((len(lo), 64), np.int16), np.full(len(lo), OPEN, np.uint8)
        rows = np.flatnonzero(np.broadcast_to(among, len(lo)))
        found[rows], status[rows] = fit_blocks(lo[rows], hi[rows], self.quantisers[k], width=0, centers=centers[rows])
        if self.width:
            self.at_edges((1, 1), self.quantisers[k], (lo, hi), found, status, among, further=True)
        again = np.flatnonzero((status > SEARCHED) & ~impossible & among) if self.width else np.empty(0, np.int64)
        if len(again):
            bounds = [lo[n].tobytes() + hi[n].tobytes() for n in again]
            sure = self._sure(k, chroma)[again] & np.array([one not in self.in_vain for one in bounds])
            found[again], status[again] = search_known(
                lo[again], hi[again], self.quantisers[k], self.width, centers[again], sure
            )
            self.in_vain.update(bounds[n] for n in np.flatnonzero(sure & (status[again] > SEARCHED)))
            search_saturated(lo, hi, self.quantisers[k], impossible, found, status)
        status[impossible] = IMPOSSIBLE
        return self.shaped(found, status, (1, 1))

    def _sure(self, k: int, chroma: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """Blocks, bool, whose bounds rest on nothing else, or on chroma that is settled: the others may have bounds
        that no coefficients keep.
        """
        sure = all_in_blocks(self.first[0][k] == self.first[1][k]).ravel()
        if chroma:
            down, across = self.layout.factors
            settled = np.logical_and.reduce([status <= SEARCHED for _, status in chroma])
            sure |= np.repeat(np.repeat(settled, down, axis=0), across, axis=1).ravel()
        return sure

    def chroma(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        factors, quantiser = self.layout.factors, self.quantisers[k]
        kind = self.decoder.upsampling
        lo, hi = self.lo[k], self.hi[k]
        if kind not in SEEN_THROUGH or factors not in SEEN_BY or factors == (1, 1):
            return self._repeated(k)
        full = self.seen(k)
        guess = self.nearest[k].astype(np.float32)
        noise = chroma_noise(factors, kind)
        anything = np.zeros((len(full[0]), 64), np.uint8), np.full((len(full[0]), 64), 255, np.uint8)
        left = len(full[0]) + 1
        found, status = np.empty((len(full[0]), 64), np.int16), np.full(len(full[0]), OPEN, np.uint8)
        for _ in range(_FILLINGS):
            stored = stored_estimate(guess, factors, kind)
            rest = np.flatnonzero(status > SEARCHED)
            part = full if len(rest) == len(status) else (full[0][rest], full[1][rest], full[2])
            lowest, highest = (bound[rest] for bound in anything)
            found[rest], status[rest] = fit_blocks(
                lowest, highest, quantiser, width=0, centers=blocks_of(stored)[rest], seen=part
            )
            before, left = left, int((status > SEARCHED).sum())
            if left in (0, before) or not self.open.any():
                break
            shown = self.shown(self.shaped(found, status, factors)[0], quantiser)
            guess = np.where(self.open, np.minimum(np.maximum(shown, lo), hi), guess).astype(np.float32)
        impossible = any_in_blocks(self.none, *self.layout.mcu).ravel()
        saturated = any_in_blocks(self.open, *self.layout.mcu).ravel()
        doubted = np.zeros(len(status), bool)
        left_out = impossible
        if self.width and kind in TRIANGLES:
            clipped = any_in_blocks(self.clipped, *self.layout.mcu).ravel()
            clipped &= all_in_blocks(self.inside, *self.layout.mcu).ravel()
            left_out = impossible | clipped if rounding_settles(quantiser.table, noise) >= _ROUNDED else impossible
            doubted |= self.reopen(k, found, status)
            stored = self.whole(k, stored, found, status, left_out)
        centers, (_, partly) = blocks_of(stored), self.seen_parts(factors)
        # Blocks seen in part have no bounds beyond the edge; all that is shown of them tells them further on.
        for wide, around, wider in ((False, _AROUND, 1.0), (True, _AROUND_CLIPPED, _WIDER)):
            again = np.flatnonzero((status > SEARCHED) & ~impossible & (saturated & ~partly | (not wide)))
            if len(again) and self.width and kind != "scaled":
                half_up = kind == "triangle, half up"
                low, high = propagated_bounds(stored, lo, hi, factors, again, around=around, half_up=half_up)
                seen = full[0][again], full[1][again], full[2]
                found[again], status[again] = fit_blocks(
                    low, high, quantiser, width=self.width, centers=centers[again], seen=seen, noise=wider * noise
                )
        if self.width and kind in TRIANGLES:
            doubted |= self.reopen(k, found, status)
            if doubted.any():
                self.whole(k, stored, found, status, left_out)
            self.by_all_shown(k, stored, found, status, impossible)
            samples = blocks_of(np.clip(np.rint(stored), 0, 255).astype(np.uint8))
            self.at_edges(factors, quantiser, (samples, samples), found, status)
        status[doubted & (status > SEARCHED)] = SEARCHED
        status[(status == OPEN) & saturated] = OPEN_SATURATED
        status[impossible & (status > SEARCHED)] = IMPOSSIBLE
        return self.shaped(found, status, factors)

    def _repeated(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Chroma whose samples are shown as they are, once or several times."""
        factors, quantiser = self.layout.factors, self.quantisers[k]
        lo, hi = shared_bounds(self.lo[k], self.hi[k], factors)
        impossible = (any_in_blocks(lo > hi) | any_in_blocks(self.none, *self.layout.mcu)).ravel()
        near = stored_estimate(self.nearest[k].astype(np.float32), factors, "repeat")
        near = np.minimum(np.maximum(near, lo), hi)
        boxes, centers = (blocks_of(lo), blocks_of(hi)), blocks_of(near)
        found, status = fit_blocks(*boxes, quantiser, width=0, centers=centers)
        if self.width:
            self.at_edges(factors, quantiser, boxes, found, status)
        again = np.flatnonzero((status > SEARCHED) & ~impossible) if self.width else np.empty(0, np.int64)
        if len(again):
            found[again], status[again] = search_known(
                boxes[0][again], boxes[1][again], quantiser, self.width, centers[again]
            )
            search_saturated(*boxes, quantiser, impossible, found, status)
        status[impossible] = IMPOSSIBLE
        return self.shaped(found, status, factors)

    def whole(
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
        coefficients, known = self.shaped(found, status, factors)
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
        if not rest.any():
            return whole
        samples = blocks_of(np.clip(np.rint(whole), 0, 255).astype(np.uint8))
        _, clear = others_alike(plane, lo, hi, factors, rest.reshape(known.shape), 0, half_up=half_up)
        again = np.flatnonzero(rest & clear.ravel() & ~self.seen_parts(factors)[1])
        if len(again) and factors != (2, 2) and not self.trial:  # there these samples are some of many
            part = samples[again]
            coefficients, answers = search_known(part, part, quantiser, self.width, part.astype(np.float32))
            fits = answers <= SEARCHED
            found[again[fits]], status[again[fits]] = coefficients[fits], SEARCHED
        self.at_edges(factors, quantiser, (samples, samples), found, status, clear.ravel(), guesses=1)
        return whole

    def by_all_shown(
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
        kept = any_in_blocks(self.kept, *self.layout.mcu).ravel()
        again = np.flatnonzero((status > SEARCHED) & ~impossible & kept)[: max(_SHOWN, len(status) // 20)]
        if not len(again):
            return
        coefficients, known = self.shaped(found, status <= SEARCHED, factors)
        settled = np.repeat(np.repeat(known, BLOCK, axis=0), BLOCK, axis=1)
        start = np.where(settled, stored_samples(coefficients, quantiser), np.clip(np.rint(stored), 0, 255))
        places = np.stack(np.unravel_index(again, known.shape), axis=1)
        coefficients, fits = self.searched_by_all_shown(k, start, known, places, width)
        found[again[fits]], status[again[fits]] = coefficients[fits], SEARCHED

    def searched_by_all_shown(
        self, k: int, start: np.ndarray, known: np.ndarray, places: np.ndarray, width: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """`search_shown` of some places of a component, from its samples and which blocks are settled."""
        factors, (_, bottom), (_, right) = self.layout.factors, *self.edges
        shape = self.none.shape[0] - bottom, self.none.shape[1] - right
        used = np.s_[: -(-shape[0] // factors[0]), : -(-shape[1] // factors[1])]
        lo, hi = (np.ascontiguousarray(bound[k][: shape[0], : shape[1]]) for bound in (self.lo, self.hi))
        return search_shown(
            np.ascontiguousarray(start[used].astype(np.uint8)), known.copy(), lo, hi, factors, self.quantisers[k],
            places, half_up=self.decoder.upsampling == "triangle, half up", width=width,
        )  # fmt: skip

    def at_edges(
        self,
        factors: tuple[int, int],
        quantiser: Quantiser,
        bounds: tuple[np.ndarray, np.ndarray],
        found: np.ndarray,
        status: np.ndarray,
        among: np.ndarray | bool = True,
        *,
        further: bool = False,
        guesses: int = GUESSES,
    ) -> None:
        """Blocks that reach beyond the picture and are not settled, of those `among` which they are looked for, from
        the bounds of the samples that are seen; `found` and `status` change. The rest as of `search_likely`.
        """
        seen, partly = self.seen_parts(factors)
        again = np.flatnonzero(partly & (status > SEARCHED) & among)
        if len(again):
            coefficients, fits = search_likely(
                bounds[0][again], bounds[1][again], quantiser, seen[again], guesses=guesses, further=further
            )
            found[again[fits]], status[again[fits]] = coefficients[fits], SEARCHED

    def reopen(self, k: int, found: np.ndarray, status: np.ndarray) -> np.ndarray:
        """Settled blocks at which the component is shown otherwise than the picture has it, opened again; which they
        are. A block is settled by the pixels that no other one takes part in.
        """
        shown = self.shown(self.shaped(found, status, self.layout.factors)[0], self.quantisers[k])
        wrong = ((shown < self.lo[k]) | (shown > self.hi[k])) & ~self.none & self.kept
        again = any_in_blocks(and_beside(wrong), *self.layout.mcu).ravel() & (status <= SEARCHED)
        status[again] = OPEN
        return again
