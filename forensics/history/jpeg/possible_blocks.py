"""Blocks that can come out of a JPEG decoder: is there a set of quantised coefficients that decodes to the very
samples?

Whole luma samples are transformed, rounded to multiples of the table's steps and transformed back. A sample at 0 or 255
is what the decoder cut to it: it only has to come out at or beyond that end, so what is beyond is sought by alternating
projections between the samples' constraints and the lattice [1]_. On the grid of a JPEG nearly every block is possible;
off it only those that a fine table lets pass by accident, and they are counted there. A block of one colour, or with
too few samples that were not cut, tells nothing.

References
----------
.. [1] L. M. Bregman, "The method of successive projection for finding a common point of convex sets", Soviet Math.
       Doklady 6, 1965. The lattice is not convex, so that a block which is
   possible may not be recognised; one that is recognised is possible.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from forensics_features.planes import central, to_rgb8
from forensics_features.standards import LUMA_WEIGHTS

from forensics.history.jpeg.planes import BLOCK, without_colour
from forensics.results.a_contrario import log10_binomial_tail, log10_nfa
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace
from forensics.results.wording import percentage

NAME = "jpeg_blocks"
QUALITIES = (*range(10, 90, 5), *range(75, 98))
_TIE, _MOST_GRIDS, _CLEAR = 0.004, 3, 0.8
"""Share of flat blocks by which grids are as good as the best, most of them that are tried, and share of possible
blocks at which no other is tried.
"""
_CONTROLS = ((4, 4), (3, 5), (4, 0), (0, 4))
"""Shifts of the control grids, in pixels."""
_TRIAL, _FIRST_TRIED, _COUNTED = 20, 3, 240
"""Blocks on which tables are tried, one in how many of them first, and most that are counted with the best one."""
_HOPELESS = 0.4
"""Share of the blocks of a trial under which none is counted: where 85 % of all blocks are possible, so few of 20 are
in one of 10^6 trials (binomial), as none of the first seven is in one of 10^5."""
_LEAST_BLOCKS = 12
"""Fewest blocks that tell. With 11 of 12 possible, `FOUND_BELOW` over 64 grids and 72 tables is met where up to 24 %
are on the controls (binomial tail), with 7 of 8 up to 11 %, with 4 of 4 not at all."""
_LEAST_RANGE = 6
"""Range of a block in levels from which it tells."""
_LEAST_INNER = 16
"""Samples that were not cut with which a block tells. Of six JPEGs of drawings on white, blocks of two other grids are
possible from 6 such samples on (up to 7 %); from 16 on none of 837 in five of them, 9 of 267 in the sixth, and 88 to
100 % of the blocks on their own grid still count."""
_ITERATIONS = 12
"""Projections on a block's coefficients and its cut samples in turn: a bound on work."""
_STILL, _STILL_SHARE = np.float32(1e-3), np.float32(1e-5)
"""Levels, and share of a sample, by which projections that have ended still move: above float32's rounding."""
_MOVES = 24
"""Single changes of a coefficient that are tried after that: a bound on work."""
_GREY_ERROR, _COLOUR_ERROR = 0.65, 1.2
"""Largest difference to a whole sample, in levels: half a level and the integer transform's error (0.1); luma taken
back from R, G and B may be one off.
"""
_LEAST_SHARE, _FINE_SHARE, _FINE_QUALITY = 0.85, 0.95, 90
"""Share of the blocks that have to be possible, and that with tables finer than like the quality. JPEG XL and AVIF have
block grids of their own, on which fine tables make more blocks possible than off them: up to 0.83 of 240 (25 of some
75 such training and validation crops pass a share of 0.3, all with tables like quality 95 to 97). Key frames of video
codecs with the DCT of 8x8 samples (MPEG-1, 2 and 4, H.263, SpeedHQ) reach 0.5 to 0.83 on validation sources."""
_CUT_SHARE, _CUT_QUALITY = 0.5, 94
"""The same in a picture of which `_MOSTLY_CUT` is cut: drawings on white, where what lies beyond 255 is not always
found: down to 0.54."""
_MOST_SIDE = 768
"""Largest side of the central part that is tested, in pixels."""
_MOSTLY_CUT = 0.3
"""Share of cut pixels from which the grids of most flat blocks are tried, too, and fewer blocks have to be possible."""
_FLOOR = 0.05
"""Least chance granted to a block that is possible by accident."""


class _Samples(NamedTuple):
    """Blocks by sample: whole luma, and the ends between which the decoder's unclipped sample lies."""

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def chosen(self, index: np.ndarray) -> _Samples:
        return _Samples(self.values[index], self.low[index], self.high[index])


@cache
def _transform() -> np.ndarray:
    """The DCT of a block as one matrix, `np.ndarray [shape=(64, 64), dtype=float32]`: coefficients are samples @
    matrix.
    """
    n = np.arange(BLOCK)
    basis = np.sqrt(2 / BLOCK) * np.cos(np.pi * (2 * n[None] + 1) * n[:, None] / (2 * BLOCK))
    basis[0] /= np.sqrt(2)
    return np.asarray(np.kron(basis, basis).T, np.float32)


@cache
def _tables() -> np.ndarray:
    """Tables tried, coarsest first: `np.ndarray [shape=(n, 64), dtype=float32]`."""
    from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table

    found = [
        np.asarray(scaled_table(TABLE_FAMILIES[family][0], float(quality)), np.float32).ravel()
        for family in ("standard", "robidoux")
        for quality in QUALITIES
    ]
    unique = {table.tobytes(): table for table in found}
    return np.array(sorted(unique.values(), key=lambda table: -float(table.sum())))


def possible(samples: np.ndarray, low: np.ndarray, high: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Which blocks some multiples of a table's steps decode to.

    Parameters
    ----------
    samples, low, high : np.ndarray [shape=(n, 64), dtype=float32]
        Samples as stored, to start from, and the ends between which the decoder's sample lies before it is cut.
    table : np.ndarray [shape=(64,), dtype=float32]
        Steps in raster order.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=bool]
    """
    found = np.zeros(len(samples), bool)
    for start, iterations in ((_bilevel(samples), 1), (samples, _ITERATIONS)):
        rest = np.flatnonzero(~found)
        found[rest] = _projected(start[rest], low[rest], high[rest], table, iterations)
    cut = np.flatnonzero(~found & (high - low > 10).any(axis=1))
    found[cut] = _searched(samples[cut], low[cut], high[cut], table)
    return found


def _searched(samples: np.ndarray, low: np.ndarray, high: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Which blocks single steps of single coefficients lead to, each time the step that leaves least squared error,
    from where rounding ends.
    """
    matrix = _transform()
    moves = np.concatenate([np.diag(table) @ matrix.T, -np.diag(table) @ matrix.T])
    decoded = (np.rint((samples - 128) @ matrix / table) * table) @ matrix.T + 128
    found, rest = np.zeros(len(samples), bool), np.arange(len(samples))
    error = _violation(decoded, low, high)
    for _ in range(_MOVES):
        found[rest[error == 0]] = True
        open_ = error > 0
        rest, decoded, error = rest[open_], decoded[open_], error[open_]
        if not len(rest):
            break
        tried = decoded[:, None] + moves[None]
        errors = _violation(tried, low[rest, None], high[rest, None])
        best = errors.argmin(axis=1)
        rows = np.arange(len(rest))
        better = errors[rows, best] < error
        rest, decoded, error = rest[better], tried[rows, best][better], errors[rows, best][better]
    found[rest[error == 0]] = True
    return found


def _violation(decoded: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Sum of the squares by which samples lie outside their ends."""
    return np.asarray(((decoded - np.clip(decoded, low, high)) ** 2).sum(axis=-1))


def _bilevel(samples: np.ndarray) -> np.ndarray:
    """Blocks as black and white: text that was so before it was coded has its coefficients from these."""
    return np.where(samples >= 128, np.float32(255), np.float32(0))


def _projected(start: np.ndarray, low: np.ndarray, high: np.ndarray, table: np.ndarray, iterations: int) -> np.ndarray:
    """Which blocks the projections reach from where they start."""
    matrix = _transform()
    found = np.zeros(len(start), bool)
    current, rest = start - 128, np.arange(len(start))
    for _ in range(iterations):
        decoded = (np.rint(current @ matrix / table) * table) @ matrix.T + 128
        fits = ((decoded >= low[rest]) & (decoded <= high[rest])).all(axis=1)
        found[rest[fits]] = True
        rest, decoded = rest[~fits], decoded[~fits]
        if not len(rest):
            break
        moved = np.clip(decoded, low[rest], high[rest]) - 128
        before = current[~fits]
        if (np.abs(moved - before) <= _STILL + _STILL_SHARE * np.abs(before)).all():
            break
        current = moved
    return found


def jpeg_blocks(pixels: np.ndarray) -> Trace:
    """Test the grid with most votes, and in a picture that is mostly black and white those with most flat blocks, with
    libjpeg's and MozJPEG's tables of `QUALITIES`.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        At least 64 pixels a side; the central 768x768 are looked at.

    Returns
    -------
    Trace
        `statistic`: share of the telling blocks that are possible, 0..1. `parameters`: `phase`, `quality_like` (of
        libjpeg's tables the nearest sum of steps), `blocks`, `possible`, `beside` (largest share on a control grid).
        `series`: `shares` on the grid and on each control. Under the null hypothesis a block is possible as often as on
        the worst control.
    """
    part, origin = central(to_rgb8(pixels), _MOST_SIDE, BLOCK)
    planes, grey = _constraints(part), without_colour(part)
    best: tuple[float, tuple[int, int], np.ndarray, int] | None = None
    for phase in _phases(planes, part):
        trial = _telling(planes, phase, _TRIAL)
        if len(trial.values) < _LEAST_BLOCKS:
            continue
        shares = np.array([_share_of_trial(trial, table) for table in _tables()])
        index = int(np.flatnonzero(shares >= shares.max() - 0.02)[0])
        if best is None or shares[index] > best[0]:
            best = float(shares[index]), phase, _tables()[index], len(trial.values)
            if best[0] >= _CLEAR:
                break
    if best is None:
        return _absent("too few blocks of 8x8 pixels vary, or nearly all of their samples are cut", 0, 0, 0.0)
    share, phase, table, tried = best
    if share < _HOPELESS:
        return _absent("no table makes the blocks of one grid possible", tried, round(share * tried), 0.0)
    counts = [_count(planes, ((phase[0] + r) % BLOCK, (phase[1] + c) % BLOCK), table) for r, c in ((0, 0), *_CONTROLS)]
    (blocks, fit), controls = counts[0], counts[1:]
    control = max((k + 1) / (n + 2) for n, k in controls)
    tail, quality = 0.0, _quality_like(table)
    least = _least(quality, _cut(planes))
    if blocks >= _LEAST_BLOCKS and fit >= least * blocks:
        tail = log10_binomial_tail(fit, blocks, min(max(control, _FLOOR), 1 - 1e-6))
    nfa = log10_nfa(tail, BLOCK**2 * len(_tables()))
    at = [(phase[0] + origin[0]) % BLOCK, (phase[1] + origin[1]) % BLOCK]
    if nfa > FOUND_BELOW:
        return _absent(
            "no table makes the blocks of one grid possible more often than those of other grids",
            blocks,
            fit,
            control,
            nfa,
        )
    return Trace(
        name=NAME,
        statistic=fit / blocks,
        log10_nfa=nfa,
        speaks_for=("jpeg",),
        parameters={
            "phase": at,
            "quality_like": quality,
            "blocks": blocks,
            "possible": fit,
            "beside": round(control, 3),
            "grey": grey,
        },
        sentence=(
            f"On the 8x8 grid that starts at row {at[0]}, column {at[1]}, {fit} of {blocks} blocks that vary are what "
            f"a JPEG decoder gives for whole multiples of a table like quality {quality}, samples at 0 "
            f"and 255 taken as cut; on other grids up to {percentage(control, 0)} are. Chance gives this in "
            f"{chance(nfa, NAME)}."
        ),
        series={"shares": np.array([k / max(n, 1) for n, k in counts])},
    )


def _least(quality: int, cut: float) -> float:
    """Share of the blocks that have to be possible, by the quality that the table is like and the share of pixels that
    are cut.
    """
    if cut >= _MOSTLY_CUT and quality <= _CUT_QUALITY:
        return _CUT_SHARE
    return _LEAST_SHARE if quality <= _FINE_QUALITY else _FINE_SHARE


def _cut(planes: _Samples) -> float:
    return float(((planes.high > 1e3) | (planes.low < -1e3)).mean())


def _share_of_trial(trial: _Samples, table: np.ndarray) -> float:
    """Share of blocks that are possible; 0 where none of the first ones is."""
    first = trial.chosen(np.arange(0, len(trial.values), _FIRST_TRIED))
    return float(possible(*trial, table).mean()) if possible(*first, table).any() else 0.0


def _constraints(rgb: np.ndarray) -> _Samples:
    """Whole luma of every pixel and its ends: beyond 255 where all channels are 255, below 0 where all are 0, open
    where only some are cut.
    """
    luma = rgb @ np.array(LUMA_WEIGHTS["bt601"])
    values = np.rint(luma).astype(np.float32)
    error = _GREY_ERROR if without_colour(rgb) else _COLOUR_ERROR
    low, high = values - np.float32(error), values + np.float32(error)
    white, black = (rgb == 255).all(axis=2), (rgb == 0).all(axis=2)
    partly = ((rgb == 255) | (rgb == 0)).any(axis=2) & ~white & ~black
    high[white | partly] = 1e4
    low[black | partly] = -1e4
    return _Samples(values, low, high)


def _phases(planes: _Samples, rgb: np.ndarray) -> list[tuple[int, int]]:
    """The grid that the recovery of parameters votes for, and in a picture that is mostly cut those with most blocks of
    one value.
    """
    from forensics.history.jpeg.recovery import block_grid

    grid = block_grid(rgb)
    voted = (int(grid.phase[0]), int(grid.phase[1]))
    if _cut(planes) < _MOSTLY_CUT:
        return [voted]
    flat = np.array([(np.ptp(_blocks(planes.values, divmod(k, BLOCK)), axis=1) == 0).mean() for k in range(BLOCK**2)])
    ranked = np.argsort(-flat, kind="stable")[: np.count_nonzero(flat >= flat.max() - _TIE)][:_MOST_GRIDS]
    return list(dict.fromkeys([*((int(k) // BLOCK, int(k) % BLOCK) for k in ranked), voted]))


def _blocks(plane: np.ndarray, phase: tuple[int, int]) -> np.ndarray:
    part = plane[phase[0] :, phase[1] :]
    height, width = (side // BLOCK for side in part.shape)
    cut = part[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK)
    return cut.transpose(0, 2, 1, 3).reshape(-1, BLOCK**2)


def _telling(planes: _Samples, phase: tuple[int, int], most: int) -> _Samples:
    """At most so many different blocks that tell, spread over the picture."""
    cut = _Samples(*(_blocks(plane, phase) for plane in planes))
    inner = (cut.high - cut.low < 10).sum(axis=1)
    tells = np.flatnonzero((np.ptp(cut.values, axis=1) >= _LEAST_RANGE) & (inner >= _LEAST_INNER))
    _, first = np.unique(cut.values[tells], axis=0, return_index=True)
    tells = tells[np.sort(first)]
    return cut.chosen(tells[np.linspace(0, len(tells) - 1, min(most, len(tells))).astype(np.int64)])


def _count(planes: _Samples, phase: tuple[int, int], table: np.ndarray) -> tuple[int, int]:
    cut = _telling(planes, phase, _COUNTED)
    return len(cut.values), int(possible(*cut, table).sum())


def _quality_like(table: np.ndarray) -> int:
    from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table

    sums = [float(np.sum(scaled_table(TABLE_FAMILIES["standard"][0], float(q)))) for q in range(1, 101)]
    return int(np.abs(np.log(np.array(sums) / float(table.sum()))).argmin()) + 1


def _absent(reason: str, blocks: int, fit: int, control: float, nfa: float = 4.0) -> Trace:
    return Trace(
        name=NAME,
        statistic=fit / blocks if blocks else 0.0,
        log10_nfa=nfa,
        speaks_for=(),
        parameters={
            "phase": None,
            "quality_like": None,
            "blocks": blocks,
            "possible": fit,
            "beside": round(control, 3),
            "grey": None,
        },
        sentence=f"Blocks that only a JPEG decoder gives were not found: {reason}.",
        series={"shares": np.zeros(5)},
    )
