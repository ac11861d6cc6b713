"""A frame of VP8 video."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="video-vp8",
    title="VP8 video frame",
    what="A frame of VP8 video; key frames are the art of lossy WebP.",
    made_by="FFmpeg with libvpx, through PyAV",
    undecided="a key frame against WebP",
    family="vp8",
)
