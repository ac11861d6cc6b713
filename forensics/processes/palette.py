"""Palettes: at most 256 colours, chosen for a picture that had more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forensics.processes.base import Process
from forensics.processes.figures import plot_colours
from forensics.results.a_contrario import log10_binomial_tail, log10_nfa
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace

if TYPE_CHECKING:
    from forensics_features.palette_colours import PaletteColours

NAME = "palette_colours"
LEAST_COLOURS = 48
_LONE_PER_COLOUR = 8  # lone pixels for each colour
_ENDS = 0.05  # share of colours
_GAP = 2.2  # levels
_NEAR = 0.25  # share of changes
_LEVELS = 16
"""What a palette has and few-coloured drawings have not, from 100 palettes made of training pictures by Pillow,
pngquant and gifsicle against 100 colour maps, 140 drawings of seven kinds and 1,000 pictures of distribution packages:
colours (sprites have 16); lone pixels for each of them (icons have few pixels); ends of the colours' tree (colour maps:
at most 0.03); distance between colours (untouched narrow ranges: under 2); changes to near colours (fractals: at most a
fifth in most); levels in some channel (posterised: at most 16)."""
_EVENLY_USED = 0.15
"""Pixels of the colour that a tenth of the colours have fewer than, over the mean, from which colours on a coarse
scale, a step apart, are chosen ones: crops of 33 validation sources at 5 and 6 bits a channel or 24 levels, dithered or
not, have up to 0.12 (205 of at most 256 colours); palettes of 256 colours by Pillow's median cut, brought to 5 and 6
bits, half of them 0.24 and more."""
_NEW = 0.05
"""Share of the pixels unlike the left and the upper one that would bring new colours in a picture whose colours were
not reduced, at the least; half of them do in a photograph.
"""
_DITHERED = 0.16
"""Share of changes of colour that go back at once from which the palette counts as dithered."""


def test(pixels: np.ndarray) -> Trace:
    """Count the colours of the whole picture, and look how they lie and are used. Grey pictures have at most 256 anyway
    and say nothing.

    Returns
    -------
    Trace
        `statistic`: number of colours, 0 for more than 256. `parameters`: `colours`, `dithered` (true, false, or None
        where not found), `lone_pixels`. `series`: `colours`. Under the null hypothesis one pixel in twenty that differs
        from the left and the upper one brings a new colour; binomial tail.
    """
    from forensics_features.palette_colours import palette_colours
    from forensics_features.planes import to_rgb8

    rgb = to_rgb8(pixels)
    read = palette_colours(rgb)
    if read is None or _grey(read.colours):
        seen = (
            "more than 256 colours, or only two"
            if read is None
            else "grey, which leaves 256 levels without any palette"
        )
        return _absent(f"No palette: the picture has {seen}.", 0, np.zeros((0, 3), np.uint8))
    count = len(read.colours)
    if not _chosen(read):
        return _absent(
            f"The picture has {count} colours, but they lie and are used as in a drawing, a colour map or a posterised "
            f"picture, not as a palette chosen for a picture of many.",
            count,
            read.colours,
        )
    lone = read.lone_pixels
    fresh = read.fresh_pixels
    nfa = log10_nfa(log10_binomial_tail(fresh - count, fresh, 1 - _NEW), 1)
    dithered = read.returns >= _DITHERED
    return Trace(
        name=NAME,
        statistic=float(count),
        log10_nfa=nfa,
        speaks_for=("palette",) if nfa <= FOUND_BELOW else (),
        parameters={"colours": count, "dithered": dithered, "lone_pixels": lone},
        sentence=(
            f"The picture has {count} colours, {lone} pixels that differ from all their neighbours, and its colours "
            f"scatter as those of a palette chosen for a picture of many; it is "
            f"{'dithered' if dithered else 'not dithered'}. Chance gives this in {chance(nfa)}."
        ),
        series={"colours": read.colours},
    )


def _grey(colours: np.ndarray) -> bool:
    return bool((colours[:, 0] == colours[:, 1]).all() and (colours[:, 1] == colours[:, 2]).all())


def _chosen(read: PaletteColours) -> bool:
    """Whether the colours lie and are used as those of a palette."""
    return (
        len(read.colours) >= LEAST_COLOURS
        and read.lone_pixels >= _LONE_PER_COLOUR * len(read.colours)
        and read.ends >= _ENDS
        and read.gap >= _GAP
        and (read.gap_in_steps >= _GAP or read.rarest >= _EVENLY_USED)
        and read.near >= _NEAR
        and read.levels > _LEVELS
    )


def _absent(sentence: str, count: int, colours: np.ndarray) -> Trace:
    return Trace(
        NAME,
        float(count),
        0.0,
        (),
        {"colours": count or None, "dithered": None, "lone_pixels": None},
        sentence,
        {"colours": colours},
    )


PROCESS = Process(
    name="palette",
    title="palette",
    what="Colours reduced to 256 or fewer (GIF, PNG with a palette, pngquant), dithered or not.",
    made_by="Pillow, pngquant and gifsicle",
    undecided="what was before it, unless the models or a JPEG's table tell; who chose the colours",
    exact=test,
    trace=NAME,
    veto=True,
    plot=plot_colours,
)
