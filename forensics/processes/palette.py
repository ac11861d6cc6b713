"""Colours reduced to 256 or fewer (GIF, PNG with a palette, pngquant), dithered or not."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="palette",
    title="palette",
    what="Colours reduced to 256 or fewer (GIF, PNG with a palette, pngquant), dithered or not.",
    made_by="Pillow, pngquant and gifsicle",
    undecided="what was before it, unless the models or a JPEG's table tell; who chose the colours",
)
