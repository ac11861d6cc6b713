"""A frame of VP9 video."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="video-vp9",
    title="VP9 video frame",
    what="A frame of VP9 video.",
    made_by="FFmpeg with libvpx-vp9, through PyAV",
    undecided="whether it was a key frame or a predicted one, unless the models tell",
)
