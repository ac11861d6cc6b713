"""Whether a JPEG's coded data hold the whole picture: every scan is walked by its Huffman codes and its blocks are
counted.

libjpeg fills up what is missing and only warns. Here each restart interval must hold its blocks, no more and no less,
and a progressive file's scans must bring every coefficient down to its last bit (ITU-T T.81 annexes B, F and G).
Arithmetic and lossless coding, and files whose components share an identifier, are not walked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forensics.pictures.jpeg_segments import Scan, Segments

STRAY_BYTES = 4
"""Bytes that may be left over after a scan's last block: writers leave one to three (stray FF, zeros, half of a
marker).
"""


@dataclass
class Coverage:
    """What a walk found.

    Attributes
    ----------
    problem : str
        Why the file is not whole, in one clause; empty for a whole one.
    stray : int
        Bytes between the last block of a scan and the next marker.
    walked : bool
        Whether the coding is one that is walked at all.
    """

    problem: str = ""
    stray: int = 0
    walked: bool = True
    blocks: int = 0
    scans: int = 0


def check(file: Segments) -> Coverage:
    """Walk every scan of a JPEG of Huffman-coded blocks.

    Parameters
    ----------
    file : Segments
        As `jpeg_segments.read` gives it.
    """
    frame = file.frame
    if frame is None or frame.marker not in (0xC0, 0xC1, 0xC2):
        return Coverage(walked=False)
    if len({c.identifier for c in frame.components}) < len(frame.components):
        # Broken writers give several components one identifier; libjpeg guesses which is meant.
        return Coverage(walked=False)
    found = Coverage()
    progressive = frame.marker == 0xC2
    widths, heights, bases, total = _planes(file)
    seen = np.zeros((total if progressive else 1, 64), np.uint8)
    # Lowest bit that each component's coefficients were coded down to: DC, then AC 1 to 63; 99 for never.
    lowest = {c.identifier: np.full(64, 99) for c in frame.components}
    for scan in file.scans:
        found.scans += 1
        _walk(file, scan, (widths, heights, bases), seen, found, progressive)
        if found.problem:
            return found
        for identifier in scan.components:
            if identifier in lowest:
                lowest[identifier][scan.start : scan.stop + 1] = scan.low
    missing = [
        c for c in frame.components if (lowest[c.identifier][0] == 99 or (progressive and lowest[c.identifier].any()))
    ]
    if missing:
        never = sum(int((lowest[c.identifier] == 99).sum()) for c in missing)
        what = (
            f"{never} of {64 * len(frame.components)} coefficients were never coded"
            if never
            else "the last bits are missing"
        )
        found.problem = f"scans are missing: {what}"
    return found


def _planes(file: Segments) -> tuple[dict[int, int], dict[int, int], dict[int, int], int]:
    """Blocks in a row and in a column of each component (whole units), its first block, and the number of all
    blocks.
    """
    frame = file.frame
    assert frame is not None
    across, down = _units(file)
    widths = {c.identifier: across * c.horizontal for c in frame.components}
    heights = {c.identifier: down * c.vertical for c in frame.components}
    bases, total = {}, 0
    for c in frame.components:
        bases[c.identifier] = total
        total += widths[c.identifier] * heights[c.identifier]
    return widths, heights, bases, total


def _units(file: Segments) -> tuple[int, int]:
    """Minimum coded units of an interleaved scan, across and down."""
    frame = file.frame
    assert frame is not None
    most_h, most_v = max(c.horizontal for c in frame.components), max(c.vertical for c in frame.components)
    return -(-frame.width // (8 * most_h)), -(-file.height // (8 * most_v))


def _walk(
    file: Segments,
    scan: Scan,
    planes: tuple[dict[int, int], dict[int, int], dict[int, int]],
    seen: np.ndarray,
    found: Coverage,
    progressive: bool,
) -> None:
    from forensics.pictures import _jpeg_scan_kernel as kernels

    frame = file.frame
    assert frame is not None
    components = [c for c in frame.components if c.identifier in scan.components]
    if len(components) != len(scan.components) or not components:
        found.problem = "a scan names a component that the frame lacks"
        return
    units, row_units, layout = _layout(file, scan, planes)
    if scan.missing_tables:
        found.problem = "a scan uses a Huffman table that is not defined"
        return
    limits = np.array([_dc_limit(file, c.table) for c in components], np.int64)
    progress = np.array([scan.start, scan.stop, scan.high, scan.low, progressive], np.int64)
    data = np.frombuffer(file.data, np.uint8)
    interval = scan.restart_interval or units
    intervals = scan.intervals
    expected = -(-units // interval)
    if len(intervals) > expected and all(b - a == 0 for a, b in intervals[expected:]):
        intervals = intervals[:expected]
    if len(intervals) != expected or not scan.restarts_in_order:
        found.problem = f"{len(intervals)} of {expected} restart intervals are there, in order or not"
        return
    done = 0
    for start, end in intervals:
        count = min(interval, units - done)
        state = np.array([start, end, 0, 0, 0], np.int64)
        decoded, code = kernels.walk_interval(
            data, state, count, done, row_units, layout, scan.tables, progress, limits, seen
        )
        if code != kernels.OK:
            reason = {
                kernels.SHORT: "its coded data end there",
                kernels.BAD_CODE: "no Huffman code follows there",
                kernels.BAD_RUN: "a run leaves its block there",
                kernels.BAD_DC: "a block's mean is out of range there",
            }[code]
            found.problem = f"{100 * (done + decoded) / units:.0f} % of scan {found.scans} can be decoded: {reason}"
            return
        left = max(0, end - int(state[0]))
        rest = file.data[int(state[0]) : end] if left else b""
        if left > STRAY_BYTES and len(set(rest)) > 1:
            found.problem = (
                f"{left} bytes are left over after the last block of scan {found.scans}: bytes before them are damaged"
            )
            return
        found.stray += left
        done += count
    found.blocks += units


def _layout(
    file: Segments, scan: Scan, planes: tuple[dict[int, int], dict[int, int], dict[int, int]]
) -> tuple[int, int, np.ndarray]:
    """Units of a scan, units in a row, and the table of its components (clause A.2)."""
    frame = file.frame
    assert frame is not None
    widths, _, bases = planes
    chosen = [next(c for c in frame.components if c.identifier == identifier) for identifier in scan.components]
    rows = []
    if len(chosen) == 1:
        (c,) = chosen
        most_h, most_v = max(x.horizontal for x in frame.components), max(x.vertical for x in frame.components)
        across = _up(_up(frame.width * c.horizontal, most_h), 8)
        down = _up(_up(file.height * c.vertical, most_v), 8)
        rows.append((1, 1, widths[c.identifier], bases[c.identifier], *scan.selectors[0]))
    else:
        across, down = _units(file)
        for c, selector in zip(chosen, scan.selectors, strict=True):
            rows.append((c.horizontal, c.vertical, widths[c.identifier], bases[c.identifier], *selector))
    return across * down, across, np.array(rows, np.int64)


def _up(length: int, step: int) -> int:
    return -(-length // step)


def _dc_limit(file: Segments, table: int) -> int:
    """Twice the largest mean that samples can have, in quantiser steps; a block beyond is garbage."""
    frame = file.frame
    assert frame is not None
    step = max(1, file.dc_steps.get(table, 1))
    return (2 << (frame.precision + 2)) // step + 2
