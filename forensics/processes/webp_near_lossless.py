"""Lossless WebP whose prediction errors were rounded to multiples of 2 to 32 first."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="webp-near-lossless",
    title="WebP, near-lossless",
    what="Lossless WebP whose prediction errors were rounded to multiples of 2 to 32 first.",
    made_by="cwebp -near_lossless 80, 60, 40, 20 or 0",
    undecided="the encoder's effort",
)
