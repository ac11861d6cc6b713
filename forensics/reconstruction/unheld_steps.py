"""Steps of frequencies that no block holds which comes out: read from the blocks that are left, several at once.

A table of no known family tells nothing of a step that a picture hardly uses. A block that holds several such
coefficients comes out only when all their steps are right. But what it holds is seen: set to one, they leave the block
its coefficients, and those are multiples of the steps, mostly once. Which multiples, the other steps tell: tables of
one encoder are alike but for a scale, and rise with frequency. A block that holds none but steps that others hold too
is read alike: where chroma is shown by interpolation, others may come out of a step that is wrong by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from forensics.history.jpeg.comb import ROUNDING
from forensics.history.jpeg.planes import coefficients
from forensics.reconstruction import colour
from forensics.reconstruction.blocks import SEARCHED
from forensics.reconstruction.choice import Chosen
from forensics.reconstruction.chroma_samples import chroma_noise, stored_estimate
from forensics.reconstruction.inversion import Inverted, invert
from forensics.reconstruction.layout import BLOCK, Layout, blocks_of
from forensics.reconstruction.scaled_tables import by_those_held

_BLOCKS, _MOST = 24, 16
"""Blocks of a table that may be left, a bound on work, a tenth of a second each; and steps that are read from one of
them at most: a quarter of all, the others have to tell that it is the block."""
_HELD, _LEAST = 0.4, 5.0
"""Share of the step thought of and standard deviations of noise from which an estimate is no zero: half a step or more,
but for its noise, and what of a million coefficients none is by chance."""
_FARTHEST = 2.0
"""Times by which a step may be coarser or finer than thought: tables of encoders that adapt them to the picture keep
within that of the flat table or the scaled one nearest to them (two files found)."""


def with_unheld(chosen: Chosen, inverted: Inverted, width: int) -> Chosen:
    """The choice with such steps put right; itself where no block tells any.

    Parameters
    ----------
    chosen : Chosen
    inverted : Inverted
        What it gives.
    width : int
        See `inversion.invert`.
    """
    if chosen.layout.colour == "rgb":
        return chosen
    tables = list(chosen.tables)
    same = len(tables) == 3 and np.array_equal(tables[1], tables[2])
    for group in [(0,), (1, 2)] if same else [(k,) for k in range(len(tables))]:
        values: dict[int, list[int]] = {}
        unheld = ~np.logical_or.reduce([_held(inverted, k) for k in group])
        left = [(k, place) for k in group for place in np.argwhere(inverted.status[k] > SEARCHED)]
        for k, place in left if len(left) <= _BLOCKS else ():
            for frequency, value in _read(chosen, k, place, unheld, width):
                values.setdefault(frequency, []).append(value)
        thought = by_those_held(tables[group[0]], ~unheld, min(group[0], 1))
        for frequency, found in values.items():
            step = _step_of(found, int(thought[frequency]))
            own = int(chosen.tables[group[0]][frequency])
            if not unheld[frequency] and all(value % own == 0 for value in found):
                continue  # the step that others hold explains these too: twice of it would not explain the others
            if not unheld[frequency] and step and own % step == 0:
                continue  # a part of the step explains all that others hold, and changed blocks as well
            for k in group if step else ():
                tables[k] = tables[k].copy()
                tables[k][frequency] = step
    if all(np.array_equal(*pair) for pair in zip(tables, chosen.tables, strict=True)):
        return chosen
    return replace(chosen, tables=tuple(tables), refined=True)


def _held(inverted: Inverted, k: int) -> np.ndarray:
    """Frequencies, bool [64], of which a block that comes out has a coefficient."""
    found = inverted.coded.components[k].coefficients[inverted.status[k] <= SEARCHED]
    return np.asarray((found != 0).any(axis=0))


def _read(chosen: Chosen, k: int, place: np.ndarray, unheld: np.ndarray, width: int) -> Iterator[tuple[int, int]]:
    """Frequencies and absolute values, in levels, of a block's coefficients of steps that are not known."""
    factors = chosen.layout.factors if k == 0 else (1, 1)
    unit = place[0] // factors[0], place[1] // factors[1]
    part, inside, own = _window(chosen, unit)
    at = tuple(np.asarray(place) - np.asarray(own) * factors)
    table = chosen.tables[k]
    about = np.abs(_estimate(part, inside, chosen, k)[at])
    noise = chroma_noise(chosen.layout.factors, chosen.decoder.upsampling) if k else ROUNDING
    large = about >= np.maximum(_HELD * table, _LEAST * noise)
    freed = large & unheld if (large & unheld).any() else large
    if not 0 < freed.sum() <= _MOST:
        return
    tables = list(chosen.tables)
    tables[k] = np.where(freed, 1, table)
    again = invert(part, inside, tuple(tables), chosen.decoder, width=width)
    if again.status[k][at] <= SEARCHED:
        found = np.abs(again.coded.components[k].coefficients[at].astype(np.int64))
        yield from ((int(f), int(found[f])) for f in np.flatnonzero(freed & (found > 0)))


def _window(chosen: Chosen, unit: tuple[int, int]) -> tuple[np.ndarray, Layout, tuple[int, int]]:
    """Pixels of an MCU and two about it, their layout, and row and column of the first MCU."""
    pixels, layout = chosen.trials.pixels, chosen.layout
    first = [max(0, at - 2) for at in unit]
    spans = []
    for at, start, size, before in zip(unit, first, layout.mcu, (layout.top, layout.left), strict=True):
        spans.append(slice(max(0, start * size - before), (at + 3) * size - before))
    inside = replace(layout, top=layout.top * (first[0] == 0), left=layout.left * (first[1] == 0))
    return np.ascontiguousarray(pixels[spans[0], spans[1]]), inside, (first[0], first[1])


def _estimate(part: np.ndarray, layout: Layout, chosen: Chosen, k: int) -> np.ndarray:
    """Estimates of a component's coefficients, in levels, `np.ndarray [shape=(rows, columns, 64)]`."""
    rows, columns = layout.padded(part.shape)
    edges = (layout.top, rows - layout.top - part.shape[0]), (layout.left, columns - layout.left - part.shape[1])
    nearest = part if part.ndim == 2 else colour.antecedents(part, chosen.decoder.conversion)[2][k]
    plane = np.pad(nearest, edges, mode="edge")
    if k:
        plane = stored_estimate(plane.astype(np.float32), layout.factors, chosen.decoder.upsampling)
    found = coefficients(blocks_of(np.ascontiguousarray(plane, np.float32)))
    return found.reshape(plane.shape[0] // BLOCK, plane.shape[1] // BLOCK, 64)


def _step_of(values: list[int], thought: int) -> int:
    """The step of which the values are multiples, near the one thought of; 0 where there is none."""
    smallest = min(values)
    for times in range(1, smallest + 1):
        step = smallest / times
        if step < thought / _FARTHEST:
            break
        if step == int(step) <= thought * _FARTHEST and all(value % int(step) == 0 for value in values):
            return int(step)
    return 0
