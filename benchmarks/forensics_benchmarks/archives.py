"""How the cost of `forensics survey` grows with the number of files: whole processes, measured outside.

The pictures are 32 pixels a side, which are opened, decoded and then refused as too small, so that what is measured is
the survey itself: listing, the queue between processes, rows, parts and the index. Half of them lie in folders, half
in TAR archives. The second run of each finds everything unchanged. Processor time is that of all its processes; memory
is the largest of one process.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from forensics.errors import ForensicsError
from forensics.scratch import scratch_folder
from forensics_benchmarks.report_parts import Table
from forensics_benchmarks.scaling import forensics

SIDE = 32
"""Side of the pictures in pixels, half of what the analysis takes."""
SHARD = 1000
"""Pictures in a folder or a TAR archive, as shards of data sets usually hold some thousands."""

_LAUNCHER = """
import os, resource, sys
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, file=sys.stderr)
"""


@dataclass(frozen=True)
class Cost:
    """Of one run: processor seconds of all processes, and the largest resident memory of one in bytes."""

    seconds: float
    peak: int


def by_files(counts: Sequence[int], jobs: int = 1, report: Callable[[str], None] = lambda line: None) -> Table:
    """`forensics survey` of archives of so many pictures, at first and again."""
    rows: list[list[object]] = []
    before: tuple[int, Cost, Cost] | None = None
    for count in counts:
        report(f"survey: {count} files")
        with scratch_folder() as folder:
            make_archive(Path(folder) / "archive", count)
            arguments = ("survey", f"{folder}/archive", "--out", f"{folder}/table", "--jobs", str(jobs))
            first, again = cost(arguments), cost(arguments)
        row = [f"{count:,}", f"{first.seconds:.1f}", f"{again.seconds:.1f}"]
        if before is None:
            row += ["", ""]
        else:
            added = count - before[0]
            pairs = zip((first, again), before[1:], strict=True)
            row += [f"{1e3 * (now.seconds - then.seconds) / added:.2f}" for now, then in pairs]
        rows.append([*row, f"{first.peak / 1e6:.0f}", f"{again.peak / 1e6:.0f}"])
        before = count, first, again
    header = ["files", "processor seconds", "again", "ms a file more", "again", "peak memory, MB", "again"]
    return Table(
        header, rows, f"`forensics survey` by number of files, compared with judging, {jobs} worker process(es)"
    )


def cost(arguments: Sequence[str]) -> Cost:
    """Run a survey whose pictures all fail; raises `ForensicsError` where it ends with another code than 2."""
    command = [sys.executable, "-S", "-c", _LAUNCHER, *forensics(*arguments)]
    done = subprocess.run(command, capture_output=True, check=False)
    code, seconds, peak = done.stderr.decode(errors="replace").splitlines()[-1].split()
    if int(code) != 2:
        raise ForensicsError(f"{' '.join(arguments[:2])} ended with {code}")
    return Cost(float(seconds), int(peak))


def make_archive(folder: Path, count: int) -> None:
    """Write `count` small PNG files of contents of their own, half into folders and half into TAR archives."""
    from PIL import Image

    for start in range(0, count, SHARD):
        files = {}
        for index in range(start, min(start + SHARD, count)):
            buffer = io.BytesIO()
            Image.new("RGB", (SIDE, SIDE), (index % 256, index // 256 % 256, index // 65536)).save(buffer, "PNG")
            files[f"{index:08d}.png"] = buffer.getvalue()
        place = folder / f"{start // SHARD:05d}"
        if start // SHARD % 2 == 0:
            place.mkdir(parents=True)
            for name, data in files.items():
                (place / name).write_bytes(data)
        else:
            with tarfile.open(f"{place}.tar", "w") as shard:
                for name, data in files.items():
                    member = tarfile.TarInfo(name)
                    member.size = len(data)
                    shard.addfile(member, io.BytesIO(data))
