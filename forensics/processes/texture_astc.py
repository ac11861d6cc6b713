"""A game texture in blocks of 4x4 to 12x12 pixels, each with its own colour lines and weights."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="texture-astc",
    title="block texture (ASTC)",
    what="A game texture in blocks of 4x4 to 12x12 pixels, each with its own colour lines and weights.",
    made_by="astc-encoder-py encodes and decodes",
    undecided="the encoder and its effort",
)
