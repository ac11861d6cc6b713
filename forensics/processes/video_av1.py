"""A frame of AV1 video."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="video-av1",
    title="AV1 video frame",
    what="A frame of AV1 video; key frames are the art of AVIF.",
    made_by="FFmpeg with libaom-av1 or SVT-AV1, through PyAV",
    undecided="a key frame against AVIF",
    family="av1",
)
