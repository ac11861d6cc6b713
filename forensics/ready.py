"""Imported by a process that others are forked from: what a verdict needs is there, so that each of them has it.

That is what is imported late, the shipped judges, and the compiled kernels. Nothing is judged: a process that has
threads cannot be forked safely.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from importlib import import_module

import imagecodecs
from forensics_features._kernel import is_kernel, load_cached

from forensics.batch import make_ready
from forensics.pictures.formats import all_formats
from forensics.processes.registry import processes
from forensics.windows.judges import open_extractor, shipped_extractor

__all__ = ["make_ready"]

_LATE = (
    "forensics.history.traces.colour_lattice",
    "forensics.history.traces.dct_comb",
    "forensics.history.traces.jpeg_table",
    "forensics.processes.run",
    "forensics.results._tail_kernels",
    "forensics.verdict.analysis",
    "forensics_features.block_texture",
    "forensics_features.content",
    "forensics_features.enlargement",
    "forensics_features.inset",
    "forensics_features.packet_comb",
    "forensics_features.palette_colours",
    "forensics_features.repetition",
    "forensics_features.residual_lattice",
    "forensics_features.tone_curve",
    "forensics_models._cnn_kernels",
    "forensics_models.cnn_forward",
    "forensics_models._ensemble_kernel",
    "forensics_models.doubt",
    "forensics_models.open_pictures",
    "numpy.fft",
)
"""Modules that are imported inside functions on the way of nearly every picture."""


def _load() -> None:
    gc.disable()
    for name in _LATE:
        import_module(name)
    _ = imagecodecs.png_decode
    all_formats()
    processes()
    make_ready()
    _ = open_extractor(shipped_extractor()).feature_names  # imports every family
    for module in [found for name, found in sys.modules.items() if name.startswith("forensics")]:
        for value in list(vars(module).values()):
            if is_kernel(value) and value.__module__ == module.__name__:
                load_cached(value)  # what is not there is compiled by the process that starts this one, which says so
    gc.enable()
    gc.freeze()  # what is there is never garbage, and stays shared between the processes


with contextlib.suppress(Exception):  # what is wrong is said where a picture is judged
    _load()
