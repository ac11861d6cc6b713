"""JPEG-LS with an error of at most NEAR levels a sample."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="jpeg-ls-near",
    title="JPEG-LS, near-lossless",
    what=(
        "JPEG-LS with an error of at most NEAR levels a sample: prediction errors on a lattice of 2 NEAR + 1 levels."
    ),
    made_by="imagecodecs (CharLS), near 1 to 5",
    undecided="the encoder",
)
