"""A game texture in blocks of 4x4 pixels."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="texture-bc",
    title="block texture (BC1 to BC5)",
    what=(
        "A game texture in blocks of 4x4 pixels: end points on a coarse lattice and levels between them (DXT, "
        "S3TC, RGTC)."
    ),
    made_by="Pillow (DDS), etcpak and quicktex encode; texture2ddecoder and Pillow decode",
    undecided="the encoder; BC2 against BC3 where alpha is not kept",
)
