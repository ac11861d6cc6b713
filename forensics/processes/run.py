"""All exact tests on one picture, in the order in which one explains what another would see."""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from forensics.processes.registry import processes
from forensics.results.history import Trace

_FIRST = ("texture-bc", "texture-etc", "palette", "lerc", "wsq", "webp-near-lossless", "jpeg-ls-near")
"""Blocks and colours that are possible one by one come before lattices of predictors, which those trip: LERC's blocks
and ETC's offsets keep prediction errors on a lattice, too.
"""


def without_veto() -> tuple[str, ...]:
    """Processes whose exact tests do not overrule models that are certain of a codec, and need not be run there."""
    return tuple(name for name, one in processes().items() if one.exact is not None and not one.veto)


def run_exact(pixels: np.ndarray, skip: Container[str] = ()) -> dict[str, Trace]:
    """The traces of the exact tests by process, up to the first one that is found.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        The whole picture; 16 bits are taken to 8 by the extractors' rule.
    skip : container of str
        Processes that are not tested.

    Returns
    -------
    dict of str to Trace
        In the order in which they ran. A test after the first one found did not: what it would see has its cause
        already.
    """
    from forensics.pixels import eight_bit

    whole = np.ascontiguousarray(eight_bit(pixels))
    known = processes()
    order = [name for name in _FIRST if name in known] + [name for name in known if name not in _FIRST]
    traces: dict[str, Trace] = {}
    for name in order:
        test = known[name].exact
        if test is None or name in skip:
            continue
        traces[name] = test(whole)
        if traces[name].found:
            break
    return traces


def found_in(traces: dict[str, Trace]) -> str | None:
    """The process that was proven; None where none was."""
    return next((name for name, trace in traces.items() if trace.found), None)
