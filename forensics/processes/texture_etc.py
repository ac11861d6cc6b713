"""Block textures ETC1 and ETC2: at the phase of the grid nearly every block is one that a texture decoder can give, at
the others few.

The test looks at the central 512x512 pixels. Turned and mirrored pictures are the same to it.
"""

from __future__ import annotations

import numpy as np

from forensics.processes.base import Process
from forensics.processes.figures import plot_phases
from forensics.processes.sampling import LEAST_SHARE, best_grid, screened, shares
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace
from forensics.results.wording import percentage

NAME = "etc_blocks"
SIDE = 4
"""Width and height of a block in pixels."""
_MOST = 512
"""Side of the central part that is looked at, in pixels: a bound on work."""


def test(pixels: np.ndarray) -> Trace:
    """Test the 16 phases of the 4x4 grid.

    Returns
    -------
    Trace
        `statistic`: share of the telling blocks that are possible at the best phase, 0..1. `parameters`: `phase`,
        `blocks`, `possible`, `beside` (share at the next best phase). `series`: `phases`, the share by phase.
    """
    from forensics_features.block_texture import etc_counts
    from forensics_features.planes import central, to_rgb8

    part, (top, left) = central(pixels, _MOST, SIDE)
    rgb = to_rgb8(part)
    counts = screened(etc_counts, rgb)
    grid = best_grid(counts)
    found = grid.log10_nfa <= FOUND_BELOW
    phase = [(grid.phase[0] + top) % SIDE, (grid.phase[1] + left) % SIDE]
    if found:
        sentence = (
            f"On the 4x4 grid that starts at row {phase[0]}, column {phase[1]}, {grid.fit} of {grid.blocks} blocks "
            f"that can tell are those of an ETC texture (a base colour of 4 or 5 bits in "
            f"each half and grey offsets of one table); on the next best of the other 15 grids "
            f"{percentage(grid.other, 0)} are. Chance gives this in {chance(grid.log10_nfa)}."
        )
    else:
        sentence = (
            f"On no 4x4 grid are the blocks those of an ETC texture: at most {grid.fit} of {grid.blocks} blocks "
            f"that could tell fit, and {100 * LEAST_SHARE:.0f} % would have to."
        )
    return Trace(
        name=NAME,
        statistic=grid.share,
        log10_nfa=grid.log10_nfa,
        speaks_for=("texture-etc",) if found else (),
        parameters={
            "phase": phase if found else None,
            "blocks": grid.blocks,
            "possible": grid.fit,
            "beside": round(grid.other, 3),
        },
        sentence=sentence,
        series={"phases": shares(counts)},
    )


PROCESS = Process(
    name="texture-etc",
    title="block texture (ETC1, ETC2)",
    what=(
        "A game texture of Android and OpenGL ES in blocks of 4x4 pixels: a base colour for each half and "
        "grey offsets from a table."
    ),
    made_by="etcpak encodes; texture2ddecoder decodes",
    undecided="the encoder; ETC1 against an ETC2 that uses its older modes only",
    exact=test,
    trace=NAME,
    veto=True,
    plot=plot_phases,
)
