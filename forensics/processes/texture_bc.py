"""Block textures BC1 to BC5: at the phase of the grid nearly every block is one that a texture decoder can give, at the
others next to none.

The test looks at the central 1024x1024 pixels. A picture of two colours a block says nothing. Turned and mirrored
pictures are the same to it.
"""

from __future__ import annotations

import numpy as np

from forensics.processes.base import Process
from forensics.processes.figures import plot_phases
from forensics.processes.sampling import LEAST_SHARE, Grid, best_grid, screened, shares
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace
from forensics.results.wording import percentage

NAME = "bc_blocks"
SIDE = 4
"""Width and height of a block in pixels, of BC1 to BC5."""
_MOST = 1024
"""Side of the central part that is looked at, in pixels: a bound on work."""
_LEAST_ALPHA = 3
"""Levels of alpha, all multiples of 17, from which they are BC2's four bits and not black and white."""


def test(pixels: np.ndarray) -> Trace:
    """Test the 16 phases of the 4x4 grid for BC1's colours, decoded in 8 bits or in 5 and 6, and for the levels of BC4
    in one and of BC5 in two channels.

    Returns
    -------
    Trace
        `statistic`: share of the telling blocks that are possible at the best phase, 0..1. `parameters`: `phase`,
        `format` (`BC1`, `BC2`, `BC3`, `BC1 to BC3` where alpha does not tell, `BC4`, `BC5`), `blocks`, `possible`,
        `beside` (share at the next best phase). `series`: `phases`, the share by phase.
    """
    from forensics_features.block_texture import bc1_counts, bc4_counts, mostly_on_lattice
    from forensics_features.planes import central, to_rgb8

    part, (top, left) = central(pixels, _MOST, SIDE)
    rgb = to_rgb8(part)
    tried: list[tuple[str, np.ndarray]] = []
    if (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all():
        tried.append(("BC4", screened(bc4_counts, rgb[..., 0])))
    else:
        tried.append(("BC1 to BC3", screened(bc1_counts, rgb)))
        narrow = screened(_narrow_counts, rgb) if mostly_on_lattice(rgb) else np.zeros((SIDE, SIDE, 3), np.int64)
        tried.append(("BC1 to BC3", narrow))
        tried.append(("BC5", screened(_both, rgb[..., 0], rgb[..., 1])))
    grids = [best_grid(counts, len(tried)) for _, counts in tried]
    best = min(range(len(tried)), key=lambda k: (grids[k].log10_nfa, -grids[k].share))
    grid, counts = grids[best], tried[best][1]
    found = grid.log10_nfa <= FOUND_BELOW
    form = _format(tried[best][0], part, grid.phase) if found else None
    phase = [(grid.phase[0] + top) % SIDE, (grid.phase[1] + left) % SIDE]
    return Trace(
        name=NAME,
        statistic=grid.share,
        log10_nfa=grid.log10_nfa,
        speaks_for=("texture-bc",) if found else (),
        parameters={
            "phase": phase if found else None,
            "format": form,
            "blocks": grid.blocks,
            "possible": grid.fit,
            "beside": round(grid.other, 3),
        },
        sentence=_sentence(form, phase, grid),
        series={"phases": shares(counts)},
    )


def _narrow_counts(rgb: np.ndarray) -> np.ndarray:
    """Counts for a decoder that makes the levels between in 5 and 6 bits: all colours are then on the 5:6:5 lattice."""
    from forensics_features.block_texture import bc1_counts_narrow

    return bc1_counts_narrow(rgb)


def _both(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Counts of two channels together: two blocks for one where both tell; nothing where one channel tells too seldom
    to be stored so.
    """
    from forensics_features.block_texture import bc4_counts

    counted = [bc4_counts(plane) for plane in (first, second)]
    decided = [counts[..., 1:].sum() for counts in counted]
    return counted[0] + counted[1] if min(decided) > 0 else np.zeros_like(counted[0])


def _format(kind: str, part: np.ndarray, phase: tuple[int, int]) -> str:
    """BC1, BC2 or BC3, where alpha was kept and tells."""
    if kind != "BC1 to BC3" or part.ndim != 3 or part.shape[2] != 4 or (part[..., 3] == 255).all():
        return kind
    from forensics_features.block_texture import bc4_counts

    alpha = np.ascontiguousarray(part[..., 3])
    if set(np.unique(alpha).tolist()) <= {0, 255}:
        return "BC1"
    if (alpha % 17 == 0).all() and len(np.unique(alpha)) >= _LEAST_ALPHA:
        return "BC2"
    counts = bc4_counts(alpha)[phase]
    return "BC3" if counts[1] > counts[2] else kind


def _sentence(form: str | None, phase: list[int], grid: Grid) -> str:
    if form is None:
        return (
            f"On no 4x4 grid are the blocks those of a BC texture: at most {grid.fit} of {grid.blocks} blocks that "
            f"could tell fit, and {100 * LEAST_SHARE:.0f} % would have to."
        )
    what = {"BC4": "levels", "BC5": "levels of red and green"}.get(form, "colours")
    rule = (
        "eight levels between two ends"
        if form in ("BC4", "BC5")
        else "at most four on a line whose ends keep to 5, 6 and 5 bits"
    )
    return (
        f"On the 4x4 grid that starts at row {phase[0]}, column {phase[1]}, the {what} of {grid.fit} of {grid.blocks} "
        f"blocks that can tell are those of a {form} texture ({rule}); on the next best "
        f"of the other 15 grids {percentage(grid.other, 0)} are. Chance gives this in {chance(grid.log10_nfa)}."
    )


PROCESS = Process(
    name="texture-bc",
    title="block texture (BC1 to BC5)",
    what=(
        "A game texture in blocks of 4x4 pixels: end points on a coarse lattice and levels between them (DXT, "
        "S3TC, RGTC)."
    ),
    made_by="Pillow (DDS), etcpak and quicktex encode; texture2ddecoder and Pillow decode",
    undecided="the encoder; BC2 against BC3 where alpha is not kept",
    exact=test,
    trace=NAME,
    veto=True,
    plot=plot_phases,
)
