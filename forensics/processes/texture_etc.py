"""A game texture of Android and OpenGL ES in blocks of 4x4 pixels."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="texture-etc",
    title="block texture (ETC1, ETC2)",
    what=(
        "A game texture of Android and OpenGL ES in blocks of 4x4 pixels: a base colour for each half and "
        "grey offsets from a table."
    ),
    made_by="etcpak encodes; texture2ddecoder decodes",
    undecided="the encoder; ETC1 against an ETC2 that uses its older modes only",
)
