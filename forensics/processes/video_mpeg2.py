"""A frame of MPEG-1 or MPEG-2 video."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="video-mpeg2",
    title="MPEG-2 video frame",
    what="A frame of MPEG-1 or MPEG-2 video: 8x8 DCT with the intra matrix, mostly 4:2:0 in limited range.",
    made_by="FFmpeg's mpeg2video, through PyAV",
    undecided="MPEG-1 against MPEG-2",
)
