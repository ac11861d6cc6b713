"""Limited error raster compression of maps and elevations."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="lerc",
    title="LERC",
    what=(
        "Limited error raster compression of maps and elevations: every 8x8 block is rounded to a lattice "
        "that starts at its own minimum."
    ),
    made_by="imagecodecs (LERC), errors of 1 to 4",
    undecided="the version of the format",
)
