"""Which layout, tables and decoder a picture is turned back with: those under which most blocks of a part are settled.

The commonest file is tried first: standard tables, blocks from the picture's first pixel on, libjpeg's transform. Where
it settles nearly all blocks nothing else is asked. Otherwise grid, subsampling and tables come from the history of the
picture, and where quantisation by steps of one left no comb the grid comes from the blocks themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forensics.history.jpeg import recovery as jpeg_history
from forensics.history.jpeg.chroma import FACTORS, ChromaHypothesis
from forensics.history.jpeg.steps import TableMatch
from forensics.reconstruction import colour, quartered
from forensics.reconstruction.blocks import OPEN_SATURATED, SEARCHED, rounding_settles
from forensics.reconstruction.coded import DECODERS, Decoder
from forensics.reconstruction.conversions import CONVERSIONS
from forensics.reconstruction.finest import finest_grid
from forensics.reconstruction.freed_steps import with_freed
from forensics.reconstruction.inversion import invert
from forensics.reconstruction.jpegli_tables import jpegli_of
from forensics.reconstruction.layout import BLOCK, Layout
from forensics.reconstruction.sampled import Sampled, sample, stripes
from forensics.reconstruction.standard import MOST_CLIPPED, standard_tables, tables_by_blocks
from forensics.reconstruction.table_refinement import by_known, coarser_where_told, near_ones, refined
from forensics.reconstruction.tables import component_steps, guetzli_table

_TRIED_PIXELS = 1 << 16
"""Pixels on which arithmetics are distinguished."""
_COMMON_PIXELS = 1 << 18
"""Pixels that tables of the commonest file are read from."""
_CLEAR = 0.98
"""Share of settled blocks from which no other arithmetic is tried, which saves time and costs no truth. The right one
settles 0.986 of grey blocks at quality 90 by rounding alone, nearly all at 75 (13,000 blocks of validation pictures).
Of 1,001 blocks of eight validation JPEGs of qualities 75, 90 and 95 the same 948 come back at 0.9 and at 0.999."""
_NEARLY = 0.9
"""Share from which the commonest arithmetic is taken with standard tables where no other comes near. Of 1 MP put
together of nine validation pictures at quality 75 rounding settles 0.977 under it and 0.77 under the next: the value
lies between. Of 1,001 blocks of eight validation JPEGs of qualities 75, 90 and 95 the same 948 come back at 0.5 and at
0.99."""
_MISREAD = 4
"""Steps of a component in which tables may depart from the nearest known ones for those to be tried as they are. Of 22
pictures of a million pixels put together of validation pictures (quality 75) four are read with one wrong step, of
which the known tables settle as many blocks or 0.7 to 8.5 % more.
"""
_TOLD = 0.75
"""Share of the chroma blocks that vary which the layout of the commonest file has to settle: in pictures with little
colour all layouts settle the others. Of three pictures put together of validation pictures the right one settles 0.99
and more at qualities 75 and 90 and 0.92 at 95; of a file found with little colour wrong ones settle 0, 0.1 and 0.5.
"""
_TELLING = 40.0
"""Binary logarithm of the product of a table's steps from which blocks that the search settles tell the arithmetic: it
tries some 2^13 sets of a block, of which one in that product is a block's by chance. At quality 95 (two million
pixels put together of validation pictures) it settles 0.997 and more of a part under the right one, 0.65 under the
next, so that `_NEARLY` lies between, where rounding settles 0.76 under the right one."""
_GLIMPSE, _FAR = 1 << 14, 0.1
"""Pixels of a glimpse of the picture, and by what share of settled blocks another arithmetic falls behind there to be
left out: a glimpse holds a hundred blocks, of which chance moves the share by 0.03. Under the right tables the next
arithmetic settles 0.77 where the right one settles 0.977 (see above)."""
_MOST_FREED = 0.75
"""Share of a block's pixels that may be clipped where single steps are freed; more leave any step possible."""
_SURE = 0.9
"""Probability of a kind of upsampling from which the other is not tried: rounding alone settles too few blocks of fine
quality to tell them apart.
"""
_UNEXPLAINED = 0.02
"""Share of pixels by which a conversion of colours may explain fewer than the best one and still be tried. The nearest
wrong ones leave 0.2 to 3 % of random colours without an antecedent, the others a third or more. Of 1,001 blocks of
eight validation JPEGs of qualities 75, 90 and 95 the same 948 come back at 0.01 and at 0.04."""
_PLACED = 0.7
"""Share of settled blocks from which the history's place of the MCU is taken as it is; with a wrong one a third,
luma's, is settled at most, and flat blocks.
"""
_ALIKE = 0.005
"""Share of settled blocks by which another arithmetic has to be better than a commoner one: at the finest steps, where
few blocks of a picture vary, FFmpeg's settles 0.876 and libjpeg-turbo's, the right one, 0.875 (one file found)."""
_BETTER, _IN_SUBSTANCE = 0.05, 0.4
"""Share of settled blocks by which another subsampling has to be better than the history's, and what it has to settle.
At the finest steps chroma at full size settles nearly as little, whatever the picture's. Of 1,001 blocks of eight
validation JPEGs of qualities 75, 90 and 95 the same 948 come back with 0.0 and 0.2 of the first and 0.1 of the second;
with 0.8 of the second 857."""
_JUDGED = 0.5
"""Share of blocks that rounding can settle from which steps are no finer than it can judge: it is 0.97 with steps of
two and 0.004 with steps of one, which explain changed parts by chance."""
_SEARCHED_PIXELS, _SEARCHED_WIDTH, _PHASE_BETTER = 1 << 14, 32, 0.1
"""Pixels on which phases of the MCU are distinguished by the whole search where rounding settles few blocks under any,
sets that the search keeps, and by how much another phase has to be better than the history's. At quality 100 the right
phase settles nearly half of the chroma blocks more (three phases of one validation picture); chance moves the share by
0.05."""
_AS_GOOD = 0.02
"""Share of settled blocks by which another arithmetic has to be better than the commonest one where none settles half:
ten blocks of five hundred. Of 1,001 blocks of eight validation JPEGs of qualities 75, 90 and 95 the same 948 come back
at 0.005 and at 0.08."""


class Trials:
    """Tables by layout and way back, each read once, and how many blocks of a part they settle."""

    def __init__(
        self,
        pixels: np.ndarray,
        match: TableMatch,
        samples: dict[tuple[Layout, str, str], Sampled] | None = None,
    ) -> None:
        self.pixels, self.match = pixels, match
        self._samples = dict(samples or {})
        self._tables: dict[tuple[Layout, str, str], tuple[np.ndarray, ...]] = {}
        self._shares: dict[tuple[Layout, str], tuple[float, float]] = {}

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
            found = component_steps(self.sampled(layout, decoder), decoder.upsampling, self.match)
            found = coarser_where_told(self.sampled(layout, decoder), decoder, found)
            found = near_ones(self.sampled(layout, decoder), decoder, found)
            self._tables[key] = self._or_known(layout, decoder, found)
        return self._tables[key]

    def _or_known(self, layout: Layout, decoder: Decoder, found: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        """Tables, or the known ones that they nearly are where those settle no fewer blocks: a step that hardly any
        coefficient shows is easily misread.
        """
        known = tuple(self.match.tables[min(k, 1)] for k in range(len(found)))
        off = [int((one != other).sum()) for one, other in zip(found, known, strict=True)]
        if not 0 < max(off) <= _MISREAD:
            return found
        own, other = (self.settled(layout, tables, decoder) for tables in (found, known))
        return known if other >= own else found

    def share(self, layout: Layout, decoder: Decoder) -> float:
        """Share of blocks of all components that rounding settles, averaged over components and parts; of blocks
        without clipped samples where there are any.
        """
        return self._judged(layout, decoder)[0]

    def told(self, layout: Layout, decoder: Decoder) -> float:
        """The same of those chroma blocks alone that vary, of the worse component: flat ones are settled under any
        layout. 1 where there are none.
        """
        return self._judged(layout, decoder)[1]

    def _judged(self, layout: Layout, decoder: Decoder) -> tuple[float, float]:
        key = layout, decoder.name
        if key not in self._shares:
            parts = stripes(self.pixels, layout, most=_TRIED_PIXELS, rows=2 * layout.mcu[0])
            self._shares[key] = _shares(parts, layout, self.tables(layout, decoder), decoder)
        return self._shares[key]

    def settled(self, layout: Layout, tables: tuple[np.ndarray, ...], decoder: Decoder) -> float:
        """The same under given tables."""
        parts = stripes(self.pixels, layout, most=_TRIED_PIXELS, rows=2 * layout.mcu[0])
        return _settled(parts, layout, tables, decoder)

    def searched(self, layout: Layout, decoder: Decoder, first: int = 1) -> float:
        """The same of chroma, or of components from `first` on, after the search for each block, on a smaller part."""
        parts = stripes(self.pixels, layout, most=_SEARCHED_PIXELS, rows=2 * layout.mcu[0])
        return _settled(parts, layout, self.tables(layout, decoder), decoder, _SEARCHED_WIDTH, first)


def _likeliest(trials: Trials, history: jpeg_history.JpegHistory) -> tuple[Layout, list[Decoder]]:
    """Where blocks and MCUs begin, and the decoders to try, the likeliest first.

    Pasted parts can mislead the history about subsampling. So where few blocks are settled under its choice the best
    of each other subsampling is tried too.
    """
    pixels = trials.pixels
    if history.colour != "ycbcr" or not history.hypotheses:
        top, left = (-phase % BLOCK for phase in history.grid.phase)
        return Layout(top, left, (1, 1), history.colour), _one_each(DECODERS, lambda d: d.transform)
    by_fours = _quartered(trials, history)
    if by_fours is not None:
        return by_fours
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
        own = decoders[0]
        if share < _PLACED:
            own = max(_one_each(decoders, lambda d: d.transform), key=lambda d: trials.share(layout, d))
            share = trials.share(layout, own)
        if best is None or share > max(best[0] + _BETTER, _IN_SUBSTANCE):
            best = share, layout, decoders
        if share >= _PLACED and best[1] == layout and trials.told(layout, own) >= _TOLD:
            break
    assert best is not None
    share, layout, decoders = _or_full_size(trials, history, *best)
    return layout if share >= _PLACED else _by_search(trials, layout, decoders[0]), decoders


def _quartered(trials: Trials, history: jpeg_history.JpegHistory) -> tuple[Layout, list[Decoder]] | None:
    """The same where chroma repeats by fours, which the history does not look for; None elsewhere."""
    top, left = (-phase % BLOCK for phase in history.grid.phase)
    layout = Layout(top, left, quartered.FACTORS)
    decoders = _one_each(_by_colour(trials.pixels, layout), lambda d: (d.transform, d.conversion))
    if not quartered.is_quartered(trials.pixels, layout, decoders[0].conversion):
        return None
    options = _phases(layout)
    told = [(trials.told(option, decoders[0]), trials.share(option, decoders[0])) for option in options]
    layout = options[max(range(len(options)), key=told.__getitem__)]
    return layout if max(told)[1] >= _PLACED else _by_search(trials, layout, decoders[0]), decoders


def _or_full_size(
    trials: Trials, history: jpeg_history.JpegHistory, share: float, layout: Layout, decoders: list[Decoder]
) -> tuple[float, Layout, list[Decoder]]:
    """The same, or chroma at full size where that settles clearly more blocks under steps that rounding can judge: with
    little colour the history may take the one for the other.
    """
    full = next((one for one, _ in history.hypotheses if FACTORS[one.subsampling] == (1, 1)), None)
    if full is None or layout.factors == (1, 1) or not _PLACED <= share < _CLEAR:
        return share, layout, decoders
    other, others = _candidates(trials.pixels, history, full)
    if not others or min(map(rounding_settles, trials.tables(other, others[0]))) < _JUDGED:
        return share, layout, decoders
    settled = trials.share(other, others[0])
    return (settled, other, others) if settled > share + _BETTER else (share, layout, decoders)


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
    without = missing(pixels, layout, list(CONVERSIONS))
    least = min(without.values())
    possible = [d for d in DECODERS if without[d.conversion] <= least + _UNEXPLAINED]
    return sorted(possible, key=lambda d: without[d.conversion])


def _placed(trials: Trials, layout: Layout, decoder: Decoder) -> tuple[Layout, float]:
    """The layout with the MCU's phase under which most chroma blocks are settled, where the history's settles few, and
    the share of settled blocks.

    Luma's grid leaves one bit an axis open, and coarse chroma may show it wrongly.
    """
    options = _phases(layout)
    shares: list[float] = []
    for option in options:
        shares.append(trials.share(option, decoder))
        if shares[0] >= _PLACED:
            break
    best = int(np.argmax(shares))
    best = best if shares[best] > shares[0] + _BETTER else 0
    return options[best], shares[best]


def _phases(layout: Layout) -> list[Layout]:
    """The layout with each phase of the MCU that luma's grid leaves open, its own first."""
    return [
        replace(layout, top=(layout.top + down) % layout.mcu[0], left=(layout.left + right) % layout.mcu[1])
        for down in range(0, layout.mcu[0], BLOCK)
        for right in range(0, layout.mcu[1], BLOCK)
    ]


def _by_search(trials: Trials, layout: Layout, decoder: Decoder) -> Layout:
    """The phase of the MCU under which the search settles most chroma blocks, where rounding settles few under any."""
    options = _phases(layout)
    if len(options) == 1:
        return layout
    shares: list[float] = []
    for option in options:
        shares.append(trials.searched(option, decoder))
        if shares[0] + _PHASE_BETTER > 1:
            break
    best = int(np.argmax(shares))
    return options[best if shares[best] >= shares[0] + _PHASE_BETTER else 0]


def _tables_and_decoder(
    trials: Trials, layout: Layout, decoders: list[Decoder]
) -> tuple[tuple[np.ndarray, ...], Decoder]:
    """Tables and decoder, of the decoder that settles most blocks; not tried on blocks yet."""
    shares: list[float] = []
    for decoder in decoders:
        shares.append(trials.share(layout, decoder))
        if shares[-1] >= _CLEAR:
            break
    at = next(i for i, share in enumerate(shares) if share >= max(shares) - _ALIKE)
    best = decoders[0 if shares[at] < min(0.5, shares[0] + _AS_GOOD) else at]
    return trials.tables(layout, best), best


def _settled(
    parts: list[np.ndarray],
    layout: Layout,
    tables: tuple[np.ndarray, ...],
    decoder: Decoder,
    width: int = 0,
    first: int = 0,
) -> float:
    """Share of settled blocks, averaged over components from `first` on and parts."""
    return _shares(parts, layout, tables, decoder, width, first)[0]


def _shares(
    parts: list[np.ndarray],
    layout: Layout,
    tables: tuple[np.ndarray, ...],
    decoder: Decoder,
    width: int = 0,
    first: int = 0,
) -> tuple[float, float]:
    """The same, and the share of chroma blocks that vary, see `Trials.told`."""
    inside = replace(layout, top=0, left=0)
    shares, counts = [], np.zeros((max(len(tables), 2), 2), np.int64)
    for part in parts:
        found = invert(part, inside, tables, decoder, width=width, trial=True)
        shares.append(np.mean([_of_known(plane) for plane in found.status[first:]]))
        for k, (component, status) in enumerate(zip(found.coded.components, found.status, strict=True)):
            settled = status <= SEARCHED
            varied = settled & component.coefficients[..., 1:].any(axis=2)
            counts[k] += int(varied.sum()), int(((status != OPEN_SATURATED) & ~settled).sum())
    varied, left = counts[1:].T
    return float(np.mean(shares)), float(np.min(np.where(varied + left, varied / np.maximum(varied + left, 1), 1.0)))


def _of_known(status: np.ndarray) -> float:
    """Share of settled blocks: clipped samples tell nothing about the arithmetic."""
    known = status[status != OPEN_SATURATED]
    return float((known <= SEARCHED).mean()) if known.size else 0.0


@dataclass(frozen=True)
class Chosen:
    """What a picture is turned back with; `refined` tells whether the tables were tried on blocks, `history` what
    subsampling and phase are from, where it was asked, and `luma_alone` that nothing is known of chroma yet.
    """

    layout: Layout
    tables: tuple[np.ndarray, ...]
    decoder: Decoder
    match: TableMatch
    trials: Trials
    refined: bool
    history: jpeg_history.JpegHistory | None = None
    luma_alone: bool = False

    def rivals(self) -> list[tuple[float, Decoder]]:
        """The other arithmetics with the same conversion of colours, with the shares of blocks that they settle, those
        that settle most first.
        """
        found = [(self.trials.share(self.layout, decoder), decoder) for decoder in self._others()]
        return sorted(found, key=lambda pair: -pair[0])

    @property
    def fine(self) -> bool:
        """Whether rounding settles few blocks under the tables, but chance explains none: the search tells them. That
        goes for known ones; a single step of one may be misread where hardly any block tells it.
        """
        tables = self.tables
        if not all(np.array_equal(table, self.match.tables[min(k, 1)]) for k, table in enumerate(tables)):
            return False
        few = min(map(rounding_settles, tables)) < _NEARLY
        return few and min(float(np.log2(table).sum()) for table in tables) >= _TELLING

    def stands_alone(self, share: float) -> bool:
        """Whether every other arithmetic with the same conversion settles clearly fewer blocks than a share."""
        return all(self.trials.share(self.layout, other) <= share - _AS_GOOD for other in self._near())

    def _near(self) -> list[Decoder]:
        """Other arithmetics with the same conversion, but those that settle far fewer blocks of a glimpse under these
        tables.
        """
        part = stripes(self.trials.pixels, self.layout, most=_GLIMPSE, rows=2 * self.layout.mcu[0])
        least = _settled(part, self.layout, self.tables, self.decoder) - _FAR
        return [other for other in self._others() if _settled(part, self.layout, self.tables, other) > least]

    def _others(self) -> list[Decoder]:
        """Other arithmetics with the same conversion of colours."""
        kinds = _one_each(DECODERS, lambda d: (d.transform, d.upsampling, d.conversion))
        return [d for d in kinds if d != self.decoder and d.conversion == self.decoder.conversion]

    def by_arithmetic(self) -> list[Chosen]:
        """With each other arithmetic that settles hardly fewer blocks of a part by rounding."""
        least = self.trials.share(self.layout, self.decoder) - _AS_GOOD
        return [
            replace(self, decoder=decoder, tables=self.trials.tables(self.layout, decoder))
            for share, decoder in self.rivals()
            if share >= least
        ]

    def by_rival(self) -> Chosen:
        """With another arithmetic where that settles no fewer blocks by rounding."""
        shares = [(self.trials.share(self.layout, decoder), decoder) for decoder in self._near()]
        share, decoder = max(shares, key=lambda pair: pair[0], default=(0.0, self.decoder))
        if share < self.trials.share(self.layout, self.decoder):
            return self
        return replace(self, decoder=decoder, tables=self.trials.tables(self.layout, decoder))

    def by_subsampling(self) -> list[Chosen]:
        """With each other subsampling, at its likeliest place, that settles hardly fewer blocks of a part by rounding,
        those that settle most first: where chroma is nearly flat there, all settle nearly all.
        """
        if self.layout.colour != "ycbcr":
            return []
        phase = -self.layout.top % BLOCK, -self.layout.left % BLOCK
        history = self.history or jpeg_history.recover_on(self.trials.pixels, phase)
        found, least = [], self.trials.share(self.layout, self.decoder) - _ALIKE
        seen = {self.layout.factors}
        for hypothesis, _ in history.hypotheses:
            if FACTORS[hypothesis.subsampling] in seen:
                continue
            seen.add(FACTORS[hypothesis.subsampling])
            layout, decoders = _candidates(self.trials.pixels, history, hypothesis)
            if decoders:
                layout, share = _placed(self.trials, layout, decoders[0])
                if share >= least:
                    tables = self.trials.tables(layout, decoders[0])
                    found.append((share, replace(self, layout=layout, decoder=decoders[0], tables=tables)))
        return [one.better() for _, one in sorted(found, key=lambda pair: -pair[0])]

    def by_phase(self) -> list[Chosen]:
        """With each other phase of the MCU, and the same tables."""
        if self.layout.colour != "ycbcr":
            return []
        return [replace(self, layout=layout) for layout in _phases(self.layout)[1:]]

    def better(self) -> Chosen:
        """With tables that settle at least as many blocks."""
        if self.refined:
            return self
        sampled = self.trials.sampled(self.layout, self.decoder)
        tables = near_ones(sampled, self.decoder, refined(sampled, self.decoder, self.tables))
        if jpegli_of(self.tables, self.layout.factors):
            own, other = (self.trials.settled(self.layout, t, self.decoder) for t in (self.tables, tables))
            tables = tables if other > own + _AS_GOOD else self.tables
        return replace(self, tables=tables, refined=True)

    def with_known(self, components: Sequence[int]) -> Chosen:
        """With known tables for some components where those settle more blocks; itself where none do."""
        sampled = self.trials.sampled(self.layout, self.decoder)
        tables = by_known(sampled, self.decoder, self.tables, components)
        return self._with(tables)

    def with_freed(self, components: Sequence[int]) -> Chosen:
        """With single steps changed where those leave blocks of some components; itself where that brings nothing."""
        sampled = sample(self.trials.pixels, self.layout, self.decoder, clipped=_MOST_FREED)
        tables = list(self.tables)
        same = len(tables) == 3 and np.array_equal(tables[1], tables[2])
        for group in [(0,), (1, 2)] if same else [(k,) for k in range(len(tables))]:
            if not set(group).isdisjoint(components):
                found = with_freed([sampled.tried[k] for k in group], tables[group[0]], self.decoder.transform)
                for k in group:
                    tables[k] = found
        return self._with(tuple(tables))

    def _with(self, tables: tuple[np.ndarray, ...]) -> Chosen:
        same = all(np.array_equal(*pair) for pair in zip(self.tables, tables, strict=True))
        return self if same else replace(self, tables=tables)


def choose(pixels: np.ndarray) -> Chosen | None:
    """Layout, tables and decoder of a picture, `np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]`;
    None where it shows no grid of a JPEG.
    """
    common = _commonest(pixels)
    if common is not None:
        return common
    history = jpeg_history.recover(pixels, fixed_point=False)
    if history.match is not None:
        return by_history(pixels, history, history.match)
    first = Layout(0, 0, (1, 1), "grey" if pixels.ndim == 2 else "ycbcr")
    match = tables_by_blocks(sample(pixels, first, DECODERS[0], most=_COMMON_PIXELS, clipped=MOST_CLIPPED))
    if match is not None and pixels.ndim == 3 and not match.known:
        luma, chroma = match.tables
        return Chosen(first, (luma, chroma, chroma), DECODERS[0], match, Trials(pixels, match), True, luma_alone=True)
    phase = finest_grid(pixels) if match is None else (0, 0)
    return None if phase is None else by_history(pixels, jpeg_history.recover_on(pixels, phase), match)


def by_history(pixels: np.ndarray, history: jpeg_history.JpegHistory, match: TableMatch | None) -> Chosen | None:
    """The same with grid, subsampling and arithmetic from the history, and the nearest known tables; its own by
    default.
    """
    match = match or history.match
    if match is None:
        return None
    trials = Trials(pixels, match)
    layout, decoders = _likeliest(trials, history)
    tables, decoder = _tables_and_decoder(trials, layout, decoders)
    chosen = Chosen(layout, tables, decoder, match, trials, False, history)
    if layout.colour == "rgb" and trials.share(layout, decoder) < _IN_SUBSTANCE:
        # Where colour hardly varies, green is luma but for a constant, and rounded once where luma is three times.
        other = by_history(pixels, jpeg_history.recover_on(pixels, history.grid.phase), None)
        if other is not None and other.trials.share(other.layout, other.decoder) > trials.share(layout, decoder):
            return other
    return (_by_guetzli(chosen) or chosen).better()


def _by_guetzli(chosen: Chosen) -> Chosen | None:
    """With luma's table for chroma at full size where it is one of Guetzli's and that settles no fewer blocks: steps
    and size of chroma with little colour are easily misread.
    """
    if chosen.layout.colour != "ycbcr":
        return None
    table = guetzli_table(chosen.trials.sampled(chosen.layout, chosen.decoder))
    if table is None:
        return None
    layout = replace(chosen.layout, top=chosen.layout.top % BLOCK, left=chosen.layout.left % BLOCK, factors=(1, 1))
    tables = (table,) * 3
    other = chosen.trials.settled(layout, tables, chosen.decoder)
    if other < chosen.trials.settled(chosen.layout, chosen.tables, chosen.decoder):
        return None
    return replace(chosen, layout=layout, tables=tables, refined=True)


def _commonest(pixels: np.ndarray) -> Chosen | None:
    """The commonest file, where it settles nearly all blocks of a part and many of them vary."""
    first = Layout(0, 0, (1, 1), "grey" if pixels.ndim == 2 else "ycbcr")
    kinds = [first]
    if pixels.ndim == 3:
        if quartered.is_quartered(pixels, first):
            return None
        kinds = [replace(first, factors=f) for f in ((2, 2), (1, 1), (1, 2))]
    if pixels.ndim == 3 and max(missing(pixels, first, ["libjpeg-turbo"]).values()) > _UNEXPLAINED:
        return None
    match: TableMatch | None = None
    doubted: Chosen | None = None
    for layout in kinds:
        decoder = DECODERS[0]
        part = sample(pixels, layout, decoder, most=_COMMON_PIXELS)
        match = match or standard_tables(part)
        if match is None:
            return None
        trials = Trials(pixels, match, {(layout, decoder.upsampling, decoder.conversion): part})
        chosen = Chosen(layout, trials.tables(layout, decoder), decoder, match, trials, False)
        share = trials.share(layout, decoder)
        if trials.told(layout, decoder) < _TOLD and share >= _NEARLY:
            doubted = doubted or (chosen if share >= _CLEAR else None)
            continue
        if share >= _CLEAR or (share >= _NEARLY and chosen.stands_alone(share)):
            return chosen
        if share < _NEARLY and chosen.fine and trials.searched(layout, decoder, 0) >= _NEARLY:
            return chosen
    return doubted


def missing(pixels: np.ndarray, layout: Layout, names: Sequence[str]) -> dict[str, float]:
    """Share of pixels without an antecedent under each conversion."""
    parts = stripes(pixels, layout, most=_TRIED_PIXELS, rows=layout.mcu[0] * 2)
    return {
        name: float(np.mean([(colour.antecedents(part, name)[3] == colour.NONE).mean() for part in parts]))
        for name in names
    }
