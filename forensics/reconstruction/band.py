"""Some rows of a picture as the file's components: bounds and estimates of them, and what is shown of coefficients."""

from __future__ import annotations

import copy
from typing import Self

import numpy as np

from forensics.reconstruction import colour
from forensics.reconstruction.acceptance import SEEN_BY, SEEN_THROUGH
from forensics.reconstruction.blocks import Quantiser
from forensics.reconstruction.coded import Decoder, full_size, stored_samples
from forensics.reconstruction.layout import BLOCK, Layout, blocks_of


class Band:
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
        self.in_vain: set[bytes] = set()
        self.in_vain_together: set[bytes] = set()
        self.units = self.none.size // (layout.mcu[0] * layout.mcu[1])

    def cut(self, rows: slice, columns: slice) -> Self:
        """A window of whole MCUs. Its outermost ones are not kept, but at the ends of the band itself: what is shown of
        them takes in samples beyond the window.
        """
        window = copy.copy(self)  # what was searched in vain is shared
        window.lo, window.hi, window.nearest = (p[:, rows, columns].copy() for p in (self.lo, self.hi, self.nearest))
        window.first = self.first[0][:, rows, columns], self.first[1][:, rows, columns]
        for name in ("none", "open", "clipped", "inside", "kept"):
            setattr(window, name, getattr(self, name)[rows, columns].copy())
        edges, visible = [], []
        for axis, span in enumerate((rows, columns)):
            (before, after), length, unit = self.edges[axis], self.none.shape[axis], self.layout.mcu[axis]
            edges.append((max(0, before - span.start), max(0, span.stop - length + after)))
            visible.append(slice(max(0, span.start - before), min(span.stop, length - after) - before))
            kept = np.moveaxis(window.kept, axis, 0)
            kept[: unit if span.start else 0] = False
            kept[len(kept) - (unit if span.stop < length else 0) :] = False
        window.edges, window.part = (edges[0], edges[1]), self.part[visible[0], visible[1]]
        window.visible = tuple(
            slice(before, length - after) for (before, after), length in zip(edges, window.none.shape, strict=True)
        )
        return window

    def shaped(self, found: np.ndarray, status: np.ndarray, factors: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        shape = self.none.shape[0] // factors[0] // BLOCK, self.none.shape[1] // factors[1] // BLOCK
        return found.reshape(*shape, 64), status.reshape(shape)

    def in_picture(self, plane: np.ndarray) -> np.ndarray:
        """The part of a plane, at full size, that the picture shows."""
        return np.ascontiguousarray(plane[self.visible])

    def wrong(self, fitted: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """Pixels that come out otherwise than the picture has them, bool of the band's shape."""
        luma, *others = (coefficients for coefficients, _ in fitted)
        y = self.in_picture(stored_samples(luma, self.quantisers[0]))
        cb, cr = (self.in_picture(self.shown(c, q)) for c, q in zip(others, self.quantisers[1:], strict=True))
        again = colour.to_rgb(y, cb, cr, self.decoder.conversion)
        return np.pad((again != self.part).any(axis=2), self.edges) & self.kept & ~self.none

    def seen_parts(self, factors: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
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

    def seen(self, k: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Bounds of chroma at full size, MCU by MCU, and how stored samples are seen in it."""
        lo, hi, factors, kind = self.lo[k], self.hi[k], self.layout.factors, self.decoder.upsampling
        if kind == "triangle, half up" and factors == (1, 2):
            lo, hi = lo.copy(), hi.copy()
            odd = np.s_[:, lo.shape[1] - self.edges[1][1] - 2 :]
            lo[odd], hi[odd] = 0, 255
        return blocks_of(lo, *self.layout.mcu), blocks_of(hi, *self.layout.mcu), SEEN_BY[factors] + SEEN_THROUGH[kind]

    def shown(self, coefficients: np.ndarray, quantiser: Quantiser) -> np.ndarray:
        """A component as the decoder shows it, repeated beyond the picture."""
        (_, bottom), (_, right) = self.edges
        shape = self.none.shape[0] - bottom, self.none.shape[1] - right
        shown = full_size(coefficients, quantiser, self.layout.factors, self.decoder.upsampling, shape)
        return np.pad(shown, ((0, bottom), (0, right)), mode="edge")

    def tighten_luma(self, chroma: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Luma under clipped channels where chroma is settled."""
        if not self.open.any():
            return
        planes = []
        for (coefficients, _), quantiser in zip(chroma, self.quantisers[1:], strict=True):
            planes.append(self.shown(coefficients, quantiser))
        lo, hi = (self.in_picture(bound[0]) for bound in (self.lo, self.hi))
        cb, cr = (self.in_picture(plane) for plane in planes)
        colour.narrow_luma(np.ascontiguousarray(self.part), cb, cr, lo, hi, self.decoder.conversion)
        self.lo[0][self.visible], self.hi[0][self.visible] = lo, hi
        self.nearest[0] = np.minimum(np.maximum(self.nearest[0], self.lo[0]), self.hi[0])
