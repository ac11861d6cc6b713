"""A frame of Motion JPEG video."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="video-mjpeg",
    title="Motion JPEG frame",
    what="A frame of Motion JPEG video: a JPEG by another name.",
    made_by="FFmpeg's mjpeg, through PyAV",
    undecided="it against a JPEG file, apart from the table that FFmpeg writes",
    family="jpeg",
)
