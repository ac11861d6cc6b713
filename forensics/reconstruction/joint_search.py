"""Blocks of several components together, where clipped channels leave each of them open.

With one channel clipped the two others are sums of luma, Cb and Cr, and their difference does not depend on luma. So
the blocks of a place are looked for as one lattice problem, from what is known of each and from those sums: of all
three components where they have one size, else of Cb and Cr. They are taken when every pixel is shown as the picture
has it, or has a luma with which it is.
"""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np
from forensics_features._kernel import kernel

from forensics.reconstruction.blocks import Quantiser, mean_excess
from forensics.reconstruction.coded import stored_samples
from forensics.reconstruction.colour import to_rgb
from forensics.reconstruction.conversions import CONVERSIONS, SHIFT
from forensics.reconstruction.lattice_beam import BEYOND, beyond_the_scale, of_rows
from forensics.reconstruction.layout import blocks_of
from forensics.reconstruction.likely_search import search_likely
from forensics.reconstruction.nearby_sets import descended
from forensics.reconstruction.shown_window import Around, Window

_SETS = 512
"""Sets that are tried of a place: a bound on work. Two blocks of one JPEG file found come out with them, none
with 32."""
_PASSES = 2
"""Rounds over the places that are left, whose neighbours may be settled since: a bound on work."""
_DRIFTS = (12.0, 60.0)
"""Standard deviations of a coefficient about the estimated one beyond its own quantisation, in levels, one after
another; what a clipped channel hides is estimated worse than what lies beyond an edge, see `likely_search`."""
_OF_ONE, _SETS_OF_ONE, _PAIRS = (2.0, 6.0, 30.0), 2048, 4096
"""The same of one component alone, sets that are tried of it, and pairs of sets: bounds on work. Of six places at the
edges of three JPEGs made of validation pictures by other encoders at quality 90 128 to 1,024 sets of each component
hold the right one where 512 sets of both together do not."""
_NEARLY = 32
"""Pixels, of 64, that a set of all three blocks may show wrongly for sets near it to be looked at: a bound on work, a
tenth of a second."""
CHANNELS = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))
"""Weights of Y, Cb and Cr in red, green and blue: ITU-T T.871 clause 7."""
_CLIPPED = ((0.0, -1.0, 1.0), (1.0, 0.0, -1.0), (1.0, -1.0, 0.0))
"""Where red, green or blue is clipped: the difference of the two others."""


def search_together(
    rgb: np.ndarray,
    lo: np.ndarray,
    hi: np.ndarray,
    visible: np.ndarray,
    stored: np.ndarray,
    known: np.ndarray,
    places: np.ndarray,
    factors: tuple[int, int],
    quantisers: list[Quantiser],
    conversion: str,
    *,
    half_up: bool = False,
    thorough: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of some places.

    Parameters
    ----------
    rgb : np.ndarray [shape=(lines, pixels, 3), dtype=uint8]
    lo, hi : np.ndarray [shape=(n, lines, pixels), dtype=uint8]
        Bounds at full size of the components: Cb and Cr, or Y, Cb and Cr where all have one size.
    visible : np.ndarray [shape=(lines, pixels), dtype=bool]
        Whether the picture shows the pixel and it has an antecedent.
    stored : np.ndarray [shape=(n, rows, columns), dtype=uint8]
        Samples that the decoder uses, known or estimated; places that are found are written into it.
    known : np.ndarray [shape=(rows / 8, columns / 8), dtype=bool]
        Places where all are settled, rounded up; those that are found are added.
    places : np.ndarray [shape=(n, 2), dtype=int64]
        Row and column of each.
    factors : tuple of int
        Vertical and horizontal factor, 1 or 2; seen through the triangle filter where not both are 1.
    quantisers : list of Quantiser
        Of each component.
    conversion : str
        A key of `CONVERSIONS`.
    half_up : bool
        Whether the filter rounds half up.
    thorough : bool
        Whether places that the likeliest sets leave are searched further, some tenths of a second each.

    Returns
    -------
    coefficients : np.ndarray [shape=(n, places, 64), dtype=int16]
        Zero where none were found.
    found : np.ndarray [shape=(n,), dtype=bool]
    """
    window = Window(factors, rgb.shape[:2], half_up=half_up)
    out, found = np.zeros((len(stored), len(places), 64), np.int16), np.zeros(len(places), bool)
    for _ in range(_PASSES):
        before = found.sum()
        for n in np.flatnonzero(~found):
            row, column = places[n]
            around = [window.about(plane, known, row, column) for plane in stored]
            expected = _expected(stored, row, column)
            blocks = _blocks_at(around, rgb, lo, hi, visible, expected, quantisers, conversion, thorough)
            if blocks is not None:
                out[:, n], found[n], known[row, column] = blocks, True, True
                part = np.s_[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
                for plane, coefficients, quantiser in zip(stored, blocks, quantisers, strict=True):
                    whole = stored_samples(coefficients[None, None], quantiser)
                    plane[part] = whole[: plane[part].shape[0], : plane[part].shape[1]]
        if found.all() or found.sum() == before:
            break
    return out, found


def _expected(stored: np.ndarray, row: int, column: int) -> np.ndarray:
    part = stored[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8].astype(np.float64) - 128
    return np.pad(part, ((0, 0), (0, 8 - part.shape[1]), (0, 8 - part.shape[2])), mode="edge").ravel()


def _blocks_at(
    around: list[Around],
    rgb: np.ndarray,
    lo: np.ndarray,
    hi: np.ndarray,
    visible: np.ndarray,
    expected: np.ndarray,
    quantisers: list[Quantiser],
    conversion: str,
    thorough: bool,
) -> np.ndarray | None:
    """Coefficients of the blocks of a place, int16 [n, 64], or None."""
    pixels, count = around[0].pixels, len(around)
    colours, seen = rgb[pixels].reshape(-1, 3), visible[pixels].ravel() & around[0].inside
    parts = []
    for k, own in enumerate(around):
        low, most = (np.where(seen, bound[k][pixels].ravel(), end) for bound, end in ((lo, 0.0), (hi, 255.0)))
        weights, values, deviations = own.rows(low, most)
        values += mean_excess(quantisers[k].kind) * weights.sum(axis=1)
        parts.append((np.hstack([weights * (k == j) for j in range(count)]), values, deviations))
    parts += _sums(around, colours, seen)
    rows, sums, deviations = (np.concatenate(same) for same in zip(*parts, strict=True))
    told = seen & (sum(own.doubt for own in around) == 0) & around[0].weights.any(axis=1)
    bounds = [(lo[k][pixels].ravel()[told], hi[k][pixels].ravel()[told]) for k in range(count)]

    def wrong_of(sets: np.ndarray) -> np.ndarray:
        shown = [
            shown_of(sets[:, 64 * k : 64 * k + 64], own, quantiser)[:, told]
            for k, (own, quantiser) in enumerate(zip(around, quantisers, strict=True))
        ]
        if count == 3:
            return np.asarray((~is_shown(colours[told], shown[0], shown[1], shown[2], conversion)).sum(axis=1))
        outside = [((s < ends[0]) | (s > ends[1])).sum(axis=1) for s, ends in zip(shown, bounds, strict=True)]
        return without_luma(colours[told], shown[0], shown[1], conversion) + outside[0] + outside[1]

    fewest = _NEARLY + 1
    for drift, beyond in zip(_DRIFTS, BEYOND, strict=True):
        lattice = of_rows(*beyond_the_scale(rows, sums, deviations, expected, beyond), quantisers, drift=drift)
        for sets in lattice.more_and_more(_SETS):
            wrong = wrong_of(sets)
            best, found = int(np.argmin(wrong)), None
            if wrong[best] == 0:
                found = sets[best]
            elif count == 3 and thorough and wrong[best] < fewest:
                fewest, found = int(wrong[best]), descended(sets[best], wrong_of)
            if found is not None:
                return np.clip(found, -(1 << 15), (1 << 15) - 1).astype(np.int16).reshape(count, 64)
    if count == 3:
        return _by_colours(around, colours, seen, expected, quantisers, conversion)
    if not thorough:
        return None
    return _each_alone(around, parts[:count], colours, lo, hi, expected, quantisers, conversion, told)


def _each_alone(
    around: list[Around],
    problems: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    colours: np.ndarray,
    lo: np.ndarray,
    hi: np.ndarray,
    expected: np.ndarray,
    quantisers: list[Quantiser],
    conversion: str,
    told: np.ndarray,
) -> np.ndarray | None:
    """Coefficients of Cb and Cr, int16 [2, 64], each among the likeliest sets of its own lattice that keep its bounds,
    and both with a luma in every pixel. Half as many directions need far fewer sets.
    """
    found: list[np.ndarray] = []
    for k, (own, quantiser, (rows, values, deviations)) in enumerate(zip(around, quantisers, problems, strict=True)):
        least, most = (bound[k][around[0].pixels].ravel()[told].astype(np.int64) for bound in (lo, hi))
        wrong_of = partial(_beyond_bounds, own=own, quantiser=quantiser, least=least, most=most, told=told)
        mine, kept = np.s_[64 * k : 64 * k + 64], []
        for drift, beyond in zip(_OF_ONE, (BEYOND[0], *BEYOND), strict=True):
            problem = beyond_the_scale(rows[:, mine], values, deviations, expected[mine], beyond)
            sets = of_rows(*problem, [quantiser], drift=drift).nearest(_SETS_OF_ONE)
            counts = wrong_of(sets)
            if counts.min() == 0:
                kept.append(sets[counts == 0])
            elif (one := descended(sets[np.argmin(counts)], wrong_of)) is not None:
                kept.append(one[None])
        if not kept:
            return None
        found.append(np.concatenate(kept))
    pairs = np.array(list(product(range(len(found[0])), range(len(found[1]))))[:_PAIRS])
    shows = [shown_of(sets, own, q)[:, told] for sets, own, q in zip(found, around, quantisers, strict=True)]
    best = first_with_luma(colours[told], shows[0][pairs[:, 0]], shows[1][pairs[:, 1]], conversion)
    return np.array([found[k][pairs[best, k]] for k in (0, 1)], np.int16) if best >= 0 else None


def shown_of(sets: np.ndarray, own: Around, quantiser: Quantiser) -> np.ndarray:
    """What is shown of a block by sets of its coefficients, int64 [m, 64], `np.ndarray [shape=(m, n), dtype=int64]`."""
    coefficients = np.clip(sets, -(1 << 15), (1 << 15) - 1).astype(np.int16)
    return own.shown(blocks_of(stored_samples(coefficients[None], quantiser)))


def _beyond_bounds(
    sets: np.ndarray, *, own: Around, quantiser: Quantiser, least: np.ndarray, most: np.ndarray, told: np.ndarray
) -> np.ndarray:
    """How many of the pixels that are told sets, int64 [m, 64], show beyond bounds, int64 [m]."""
    shown = shown_of(sets, own, quantiser)[:, told]
    return np.asarray(((shown < least) | (shown > most)).sum(axis=1))


def _by_colours(
    around: list[Around],
    colours: np.ndarray,
    seen: np.ndarray,
    expected: np.ndarray,
    quantisers: list[Quantiser],
    conversion: str,
) -> np.ndarray | None:
    """Coefficients of the three blocks, each alone, from one antecedent of every pixel: the nearest to what is
    expected. Of a clipped pixel there are several; where little of a block is seen one is as good as another.
    """
    given = expected.reshape(3, 64) + 128
    samples, places = np.clip(np.rint(given), 0, 255).astype(np.int64), around[0].weights.argmax(axis=1)
    for at in np.flatnonzero(seen & around[0].weights.any(axis=1)):
        found = nearest_antecedent(colours[at], given[:, places[at]], conversion)
        if found is None:
            return None
        samples[:, places[at]] = found
    shown = np.zeros(64, bool)
    shown[places[seen & around[0].weights.any(axis=1)]] = True
    rows, columns = (np.flatnonzero(shown.reshape(8, 8).any(axis=axis)) for axis in (1, 0))
    part = np.array([[rows[0], rows[-1] + 1, columns[0], columns[-1] + 1]])
    blocks = []
    for own, quantiser in zip(samples.astype(np.uint8), quantisers, strict=True):
        coefficients, settled = search_likely(own[None], own[None], quantiser, part)
        if not settled[0]:
            return None
        blocks.append(coefficients[0])
    return np.array(blocks)


def nearest_antecedent(colour: np.ndarray, about: np.ndarray, conversion: str) -> np.ndarray | None:
    """Whole Y, Cb and Cr, `np.ndarray [shape=(3,), dtype=int64]`, that give a colour, uint8 [3], and of which Y lies
    nearest to `about`, float64 [3], then Cb and Cr; None where none do.
    """
    luma, red, green_cb, green_cr, blue = CONVERSIONS[conversion].forward
    values, every = colour.astype(np.int64), np.arange(256)

    def gives(sums: np.ndarray, channel: int) -> np.ndarray:
        return np.asarray(np.clip(sums >> SHIFT, 0, 255) == values[channel])

    for y in np.argsort(np.abs(every - about[0]), kind="stable"):
        of_cb = every[gives(luma[y] + blue, 2)]
        of_cr = every[gives(luma[y] + red, 0)]
        both = gives(luma[y] + green_cb[of_cb][:, None] + green_cr[of_cr][None], 1)
        if both.any():
            away = (of_cb[:, None] - about[1]) ** 2 + (of_cr[None] - about[2]) ** 2
            cb, cr = np.unravel_index(np.argmin(np.where(both, away, np.inf)), both.shape)
            return np.array([y, of_cb[cb], of_cr[cr]], np.int64)
    return None


def _sums(
    around: list[Around], colours: np.ndarray, seen: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Weights, values and deviations of sums of all blocks' samples in pixels with a clipped channel: of each channel
    that is not, or, without luma, of the difference of two.
    """
    ends = (colours == 0) | (colours == 255)
    seen = seen & around[0].weights.any(axis=1)
    out = []
    for channel in range(3):
        signs = np.eye(3)[channel] if len(around) == 3 else np.array(_CLIPPED[channel])
        some = seen & ends.any(axis=1) & ~ends[:, channel]
        if len(around) == 2:
            some = seen & ends[:, channel] & (ends.sum(axis=1) == 1)
        factors = (signs @ np.array(CHANNELS))[3 - len(around) :]
        centre = 128 * signs.sum()
        values = colours[some].astype(np.float64) @ signs - centre
        variance = np.full(int(some.sum()), np.abs(signs).sum() / 12)
        rows = []
        for factor, own in zip(factors, around, strict=True):
            values -= factor * (own.beside - own.excess)[some]
            variance += factor**2 * ((1 + (own.weights**2).sum(axis=1)) / 12 + own.doubt)[some]
            rows.append(factor * own.weights[some])
        out.append((np.hstack(rows), values, np.sqrt(variance)))
    return out


@kernel
def _has_luma(colour, cb, cr, luma, red, green_cb, green_cr, blue):
    """Whether some luma gives a colour, uint8 [3], with Cb and Cr, which are brought within 0..255."""
    b, r = min(max(cb, 0), 255), min(max(cr, 0), 255)
    first, last = 0, 255
    for channel in range(3):
        added = red[r] if channel == 0 else (green_cb[b] + green_cr[r] if channel == 1 else blue[b])
        value = np.int64(colour[channel])
        near = min(max(value - (added >> SHIFT), 0), 255)  # luma's own steps are about one level
        if value > 0:
            least = near
            while least > 0 and (luma[least - 1] + added) >> SHIFT >= value:
                least -= 1
            while least <= 255 and (luma[least] + added) >> SHIFT < value:
                least += 1
            first = max(first, least)
        if value < 255:
            most = near
            while most < 255 and (luma[most + 1] + added) >> SHIFT <= value:
                most += 1
            while most >= 0 and (luma[most] + added) >> SHIFT > value:
                most -= 1
            last = min(last, most)
        if first > last:
            return False
    return True


@kernel
def _first_with_luma(colours, cb, cr, luma, red, green_cb, green_cr, blue):
    """Number of the first Cb and Cr, int64 [m, n], with which every colour, uint8 [n, 3], has a luma; or -1."""
    for k in range(cb.shape[0]):
        fits = True
        for at in range(cb.shape[1]):
            if not _has_luma(colours[at], cb[k, at], cr[k, at], luma, red, green_cb, green_cr, blue):
                fits = False
                break
        if fits:
            return k
    return -1


@kernel
def _count_without_luma(colours, cb, cr, luma, red, green_cb, green_cr, blue, out):
    for k in range(cb.shape[0]):
        out[k] = 0
        for at in range(cb.shape[1]):
            if not _has_luma(colours[at], cb[k, at], cr[k, at], luma, red, green_cb, green_cr, blue):
                out[k] += 1


def is_shown(colours: np.ndarray, luma: np.ndarray, cb: np.ndarray, cr: np.ndarray, conversion: str) -> np.ndarray:
    """Whether luma, Cb and Cr, int64 [m, n], give these colours, uint8 [n, 3]; bool [m, n]. See `first_with_luma`."""
    y, b, r = (np.ascontiguousarray(np.clip(plane, 0, 255), np.uint8) for plane in (luma, cb, cr))
    return np.asarray((to_rgb(y, b, r, conversion) == colours).all(axis=2))


def first_with_luma(colours: np.ndarray, cb: np.ndarray, cr: np.ndarray, conversion: str) -> int:
    """Number of the first set of Cb and Cr with which every colour has a luma, or -1.

    Parameters
    ----------
    colours : np.ndarray [shape=(n, 3), dtype=uint8]
    cb, cr : np.ndarray [shape=(m, n), dtype=int64]
    conversion : str
        A key of `CONVERSIONS`.
    """
    return int(_first_with_luma(colours, cb, cr, *CONVERSIONS[conversion].forward))


def without_luma(colours: np.ndarray, cb: np.ndarray, cr: np.ndarray, conversion: str) -> np.ndarray:
    """How many colours have no luma with each set of Cb and Cr, `np.ndarray [shape=(m,), dtype=int64]`.

    Parameters
    ----------
    colours, cb, cr, conversion
        As of `first_with_luma`.
    """
    out = np.empty(len(cb), np.int64)
    _count_without_luma(colours, cb, cr, *CONVERSIONS[conversion].forward, out)
    return out
