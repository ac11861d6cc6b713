"""The chain of compressions that a picture went through, oldest first: what was before the last one."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import numpy as np
from forensics_models.parameters import NO_EARLIER

from forensics.history.contract import Recovered
from forensics.history.guarded import Noted, guarded
from forensics.results.history import Generation, Parameter, Trace
from forensics.results.wording import percent

DOUBLE_JPEG_MODULE = "forensics.history.jpeg.double"

_TABLE_READ = 0.997
"""Probability of an earlier JPEG whose table was read, held low on purpose: of 2,500 training and validation files
without a JPEG one showed a table that its codec does not explain (`traces.jpeg_table`)."""


def chain_of(
    pixels: np.ndarray,
    last: Generation,
    jpeg: Recovered | None,
    earlier: Parameter | None,
    traces: Sequence[Trace],
    *,
    undone: bool = False,
) -> Noted[tuple[Generation, ...]]:
    """The chain of compressions, oldest first, and notes on it; the last one alone where no earlier one was seen.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
    last : Generation
        What the verdict names.
    jpeg : forensics.history.jpeg.recovery.JpegHistory or None
        What was recovered where that is JPEG.
    earlier, traces
        See `earlier_compression`.
    undone : bool
        Whether something was done since the last one, or undone, whose noise is like that of a finer JPEG after it.
    """
    chain, notes = (
        _double_jpeg(pixels, last, jpeg, undone) if last.codec == "jpeg" and jpeg is not None else ((last,), ())
    )
    if len(chain) > 1:
        return chain, notes
    before, further = earlier_compression(last.codec, traces, earlier)
    return (*before, last), (*notes, *further)


def earlier_compression(
    last: str, traces: Sequence[Trace], estimate: Parameter | None
) -> Noted[tuple[Generation, ...]]:
    """The compression before the last one: a JPEG whose table was read, else what the estimators see; empty where
    neither shows one. With it what a reader should know of it.

    Parameters
    ----------
    last : str
        The verdict. A table that it explains itself, as JPEG's own, tells nothing of an earlier one.
    traces : sequence of Trace
        `jpeg_table` among them, where it ran.
    estimate : Parameter or None
        `earlier_codec` as `forensics.history.estimated.estimate` gives it.
    """
    from forensics.history.traces.jpeg_table import NAME

    table = next((trace for trace in traces if trace.name == NAME and trace.found), None)
    if table is None or last in table.speaks_for:
        return _earlier_codec(estimate)
    note = (
        f"the earlier JPEG was read off the pixels ({table.sentence}) A pasted region that was JPEG would leave the "
        f"same: the map tells"
    )
    read = table.parameters
    basis = f"the {read['family']} luma table under later noise"
    parameters = (
        Parameter("quality_factor", read["quality"], read["low"], read["high"], basis=basis),
        Parameter("grid_phase", tuple(read["phase"]), unit="pixels", basis="the grid on which the table shows"),
    )
    return (Generation("jpeg", _TABLE_READ, parameters),), (note,)


def _earlier_codec(earlier: Parameter | None) -> Noted[tuple[Generation, ...]]:
    """The compression before the last one as the estimators see it; nothing, and a note, where they see none or are not
    sure.
    """
    if earlier is None:
        return (), ("whether there was an earlier compression by another codec was not tested",)
    if earlier.value is None:
        return (), (f"whether there was an earlier compression by another codec: {earlier.reason}",)
    if earlier.value == NO_EARLIER:
        note = (
            "an earlier compression by another codec was looked for and not seen (probability that there was none: "
            f"{percent(earlier.probability or 0.0)}; {earlier.basis}); one that was finer than the last mostly leaves "
            "no trace"
        )
        return (), (note,)
    note = f"the earlier compression was not read off the pixels but estimated: {earlier.basis}"
    return (Generation(str(earlier.value), earlier.probability or 0.0),), (note,)


def _double_jpeg(pixels: np.ndarray, last: Generation, jpeg: Recovered, undone: bool) -> Noted[tuple[Generation, ...]]:
    """The chain of a JPEG and an earlier JPEG, oldest first; the last one alone where no earlier one was seen."""
    from forensics.history.jpeg.before_reduction import before_last

    title = "the test for an earlier JPEG"
    double, notes = guarded(lambda: import_module(DOUBLE_JPEG_MODULE).detect(pixels, history=jpeg), None, title)
    if double is None:
        return (last,), notes
    if double.reason:
        return (last,), (*notes, f"whether there was an earlier JPEG compression: {double.reason}")
    if double.double and undone and double.kind == "finer-last":
        note = "whether a finer JPEG followed is open: what was done since, or undoing the step, leaves that"
        return (last,), (*notes, note)
    if double.double:
        earlier = Generation("jpeg", double.probability, tuple(double.parameters()))
        return ((last, earlier) if double.kind == "finer-last" else (earlier, last)), notes
    reduced, further = guarded(lambda: before_last(pixels), None, "the test for a JPEG before a reduction")
    notes = (*notes, *further)
    if reduced is None:
        note = "an earlier JPEG compression was looked for and not seen; a much finer one than the last leaves no trace"
        return (last,), (*notes, note)
    scale = next(one.value for one in reduced.parameters if one.name == "scale")
    note = f"between the two JPEG compressions the picture was reduced to {scale} of its size"
    return (reduced, last), (*notes, note)
