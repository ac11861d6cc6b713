"""Wavelet scalar quantisation, the FBI's format for fingerprints."""

from __future__ import annotations

from forensics.processes.base import Process

PROCESS = Process(
    name="wsq",
    title="WSQ",
    what=(
        "Wavelet scalar quantisation, the FBI's format for fingerprints: JPEG 2000's 9/7 filters, but 64 "
        "packet subbands."
    ),
    made_by="the package wsq",
    undecided="the encoder",
)
