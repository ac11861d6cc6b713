"""A frame of H.264 (AVC) video."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="video-h264",
    title="H.264 video frame",
    what=(
        "A frame of H.264 (AVC) video: 4x4 or 8x8 integer transforms after prediction, mostly 4:2:0 in limited range."
    ),
    made_by="FFmpeg with libx264, through PyAV",
    undecided="whether it was a key frame or a predicted one, unless the models tell",
)
