"""A frame of MPEG-4 part 2 video (DivX, Xvid)."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="video-mpeg4",
    title="MPEG-4 part 2 video frame",
    what=(
        "A frame of MPEG-4 part 2 video (DivX, Xvid): 8x8 DCT with one step for all frequencies unless a "
        "matrix is used."
    ),
    made_by="FFmpeg's mpeg4, through PyAV",
    undecided="H.263 and its kin, which share the transform and the quantiser",
)
