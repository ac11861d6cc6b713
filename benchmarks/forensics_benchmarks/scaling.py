"""How cost grows: models by patch, `analyze` by size and by number of processes, and the start of every command; whole
processes, measured outside.

Times are medians with half the interquartile range, as ratios to a yardstick measured in the same run: decoding the
same picture from PNG, the smallest picture, one process, or a bare interpreter. Pictures are made, so that anybody can
repeat the run.
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from forensics.commands import COMMANDS
from forensics.errors import ForensicsError
from forensics.scratch import scratch_folder
from forensics_benchmarks.models import MODELS, Adapter, Judged, PatchBatch, Workplace
from forensics_benchmarks.report_parts import Table
from forensics_benchmarks.speed import made_picture, ratio, timed

MEGAPIXELS = (0.0625, 0.25, 1.0, 4.0, 12.0, 36.0, 100.0)
"""Sizes of the pictures that `analyze` is given."""
TILE = 1024
"""Side of the made picture that larger ones repeat, in pixels; odd rows are cut off so that no tile border falls on a
grid.
"""


@dataclass(frozen=True)
class Measured:
    """A whole process: median seconds, half the interquartile range, and the largest resident memory in bytes."""

    seconds: float
    spread: float
    peak: int


_LAUNCHER = """
import os, sys, time
start = time.perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), time.perf_counter() - start, usage.ru_maxrss * 1024)
"""  # noqa: E501
"""Starts a command from a small process: Linux counts what the parent held when it forked into the child's largest
memory.
"""


def process(arguments: Sequence[str], repeat: int) -> Measured:
    """Run a command some times; its output goes nowhere.

    Raises `ForensicsError` where it ends with another code than 0.
    """
    seconds, peaks = [], []
    for _ in range(repeat):
        done = subprocess.run([sys.executable, "-S", "-c", _LAUNCHER, *arguments], capture_output=True, check=False)
        printed = done.stdout.split()
        if done.returncode or int(printed[0]):
            said = done.stderr.decode(errors="replace").strip()[-200:]
            raise ForensicsError(
                f"{' '.join(arguments[-3:])} ended with {int(printed[0]) if printed else done.returncode}: {said}"
            )
        seconds.append(float(printed[1]))
        peaks.append(int(printed[2]))
    return Measured(statistics.median(seconds), spread(seconds), max(peaks))


def spread(values: Sequence[float]) -> float:
    """Half the interquartile range; 0 of fewer than three values."""
    if len(values) < 3:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4)
    return 0.5 * (high - low)


def forensics(*arguments: str) -> list[str]:
    """A command line of this package, by the interpreter that runs now."""
    return [sys.executable, "-m", "forensics", *arguments]


def save_picture(path: Path, megapixels: float) -> tuple[int, int]:
    """Write a made picture of 4:3 as PNG, lightly packed; returns its height and width."""
    from PIL import Image

    height = max(64, round((megapixels * 1e6 * 0.75) ** 0.5))
    width = max(64, round(megapixels * 1e6 / height))
    tile = made_picture(TILE)[: TILE - 3, : TILE - 5]
    rows, columns = -(-height // tile.shape[0]), -(-width // tile.shape[1])
    Image.fromarray(np.tile(tile, (rows, columns, 1))[:height, :width]).save(path, "PNG", compress_level=1)
    return height, width


def by_size(largest: float, repeat: int, report: Callable[[str], None] = lambda line: None) -> Table:
    """`forensics analyze` of one picture, the whole process with a warm cache, next to decoding the same PNG."""
    rows: list[list[object]] = []
    first: Measured | None = None
    with scratch_folder() as folder:
        process(forensics("--version"), 1)
        for megapixels in [size for size in MEGAPIXELS if size <= largest]:
            report(f"analyze: {megapixels:g} MP")
            path = Path(folder) / f"{megapixels:g}.png"
            height, width = save_picture(path, megapixels)
            decoding, decoding_spread = timed(partial(_decoded, path), repeat)
            found = process(
                forensics("analyze", str(path), "--format", "json", "--no-history", "--max-pixels", "200000000"), repeat
            )
            first = first or found
            rows.append(
                [
                    f"{megapixels:g}",
                    f"{width}x{height}",
                    f"{found.seconds:.2f} ± {found.spread:.2f}",
                    ratio(found.seconds, found.spread, first.seconds, first.spread),
                    ratio(found.seconds, found.spread, decoding, decoding_spread),
                    f"{found.peak / 1e6:.0f}",
                ]
            )
            path.unlink()
    header = ["megapixels", "pixels", "seconds", "times the smallest", "times PNG decoding (Pillow)", "peak memory, MB"]
    return Table(header, rows, "`forensics analyze` by size of the picture, whole process")


def _decoded(path: Path) -> np.ndarray:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    with Image.open(path) as picture:
        return np.asarray(picture)


def _unpacked(png: bytes) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture)


def _judge(adapter: Adapter, pixels: np.ndarray) -> Judged:
    return adapter.judge(PatchBatch([pixels]))


def by_processes(
    pictures: int, jobs: Sequence[int], repeat: int, report: Callable[[str], None] = lambda line: None
) -> Table:
    """`forensics analyze` of a folder of 1 MP pictures by number of processes."""
    rows: list[list[object]] = []
    first: Measured | None = None
    with scratch_folder() as folder:
        for index in range(pictures):
            save_picture(Path(folder) / f"{index}.png", 1.0)
        for count in jobs:
            report(f"analyze: {pictures} pictures by {count} processes")
            found = process(
                forensics("analyze", folder, "--format", "csv", "--no-history", "--jobs", str(count)), repeat
            )
            first = first or found
            rows.append(
                [
                    count,
                    pictures,
                    f"{found.seconds:.2f} ± {found.spread:.2f}",
                    f"{pictures / found.seconds:.2f}",
                    ratio(first.seconds, first.spread, found.seconds, found.spread),
                ]
            )
    header = ["processes", "pictures", "seconds", "pictures a second", f"times as fast as {jobs[0]}"]
    return Table(header, rows, f"`forensics analyze` of a folder of 1 MP pictures; {os.cpu_count()} cores")


def imports(repeat: int) -> Table:
    """The start of every command: its help, next to a bare interpreter."""
    bare = process([sys.executable, "-c", "pass"], repeat)
    rows = [["python -c pass", f"{1e3 * bare.seconds:.0f} ± {1e3 * bare.spread:.0f}", "1", f"{bare.peak / 1e6:.0f}"]]
    for arguments in ((), *((name,) for name in COMMANDS)):
        found = process(forensics(*arguments, "--help"), repeat)
        name = " ".join(("forensics", *arguments, "--help"))
        rows.append(
            [
                name,
                f"{1e3 * found.seconds:.0f} ± {1e3 * found.spread:.0f}",
                ratio(found.seconds, found.spread, bare.seconds, bare.spread),
                f"{found.peak / 1e6:.0f}",
            ]
        )
    return Table(["command", "ms", "times the interpreter alone", "peak memory, MB"], rows, "Start of every command")


def models(sides: Sequence[int], repeat: int) -> Table:
    """Every model on one patch at a time, warm, next to decoding the patch from PNG; missing ones say why."""
    from PIL import Image

    rows: list[list[object]] = []
    for side in sides:
        pixels = made_picture(side)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        png, png_spread = timed(partial(_unpacked, stream.getvalue()), repeat)
        rows.append(
            [
                "PNG decoding (Pillow)",
                side,
                f"{1e3 * png:.2f} ± {1e3 * png_spread:.2f}",
                f"{side * side / 1e6 / png:.1f}",
                "1",
            ]
        )
        for name, make in MODELS.items():
            try:
                adapter = make(None).prepare(Workplace(Path()))
            except (ForensicsError, OSError, ImportError) as error:
                rows.append([name, side, f"skipped: {error}", "-", "-"])
                continue
            took, around = timed(partial(_judge, adapter, pixels), repeat)
            rows.append(
                [
                    name,
                    side,
                    f"{1e3 * took:.1f} ± {1e3 * around:.1f}",
                    f"{side * side / 1e6 / took:.2f}",
                    ratio(took, around, png, png_spread),
                ]
            )
    return Table(
        ["model", "side, px", "ms", "MP/s", "times PNG decoding"], rows, "Models on one patch, warm, one thread"
    )
