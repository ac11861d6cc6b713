"""A frame of HEVC (H.265) video."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="video-hevc",
    title="HEVC video frame",
    what="A frame of HEVC (H.265) video; key frames are the art of HEIC and BPG.",
    made_by="FFmpeg with libx265, through PyAV",
    undecided="a key frame against HEIC and BPG",
    family="hevc-intra",
)
