"""This build against another one, on one machine in one run: processor time, wall time and memory, in pairs A B A B.

    python -m forensics_benchmarks.two_builds CHECKOUT PICTURE... [--pairs N] [--options "--jobs 2"]

CHECKOUT is a folder with another version of this repository. Each build runs `analyze` in a process of its own, with
its own cache of kernels, once before the pairs so that these are compiled. JSON goes to standard output: for each
build the medians of processor seconds (user and system, workers included), wall seconds and the largest resident set
in MiB, and the ratio of this build to the other. With `--first-run` the caches are empty before every run. Where other
work shares the machine, processor time says more than wall time.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

MEASURES = ("processor", "wall", "memory")
"""Processor seconds, wall seconds, MiB."""
_PACKAGES = ("", "features", "models", "benchmarks")


def environment(checkout: Path, kernels: Path) -> dict[str, str]:
    """The environment in which a checkout's packages are imported and its kernels kept in a folder of their own."""
    path = os.pathsep.join(str(checkout / part) for part in _PACKAGES)
    return {**os.environ, "PYTHONPATH": path, "NUMBA_CACHE_DIR": str(kernels)}


def run(command: Sequence[str], surroundings: dict[str, str], folder: Path) -> tuple[float, float, float]:
    """Processor seconds, wall seconds and MiB of one command; raises `RuntimeError` where it fails."""
    start = time.perf_counter()
    with subprocess.Popen(command, env=surroundings, cwd=folder, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{shlex.join(command)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, time.perf_counter() - start, used.ru_maxrss / 1024


def compare(
    checkouts: dict[str, Path], arguments: Sequence[str], pairs: int, first_run: bool, ours: Sequence[str] = ()
) -> dict[str, object]:
    """Medians by build and the ratios of `this` to `other`; `arguments` are those of `python -m forensics`, `ours` more
    of them for this build.
    """
    measured: dict[str, list[tuple[float, float, float]]] = {name: [] for name in checkouts}
    commands = {name: [sys.executable, "-m", "forensics", *arguments] for name in checkouts}
    commands["this"] += ours
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(-1, pairs):
            for name, checkout in checkouts.items():
                kernels = Path(scratch) / name
                if first_run:
                    shutil.rmtree(kernels, ignore_errors=True)
                if turn < 0 and first_run:
                    continue
                figures = run(commands[name], environment(checkout, kernels), Path(scratch))
                if turn >= 0:
                    measured[name].append(figures)
                print(f"{name}: " + ", ".join(f"{figure:.2f}" for figure in figures), file=sys.stderr, flush=True)
    middle = {name: [_median(column) for column in zip(*runs, strict=True)] for name, runs in measured.items()}
    ratios = [ours / theirs for ours, theirs in zip(middle["this"], middle["other"], strict=True)]
    table = {name: dict(zip(MEASURES, row, strict=True)) for name, row in {**middle, "ratio": ratios}.items()}
    return {"pairs": pairs, **table}


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--options", default="", help="further options of `analyze`, for both builds")
    parser.add_argument("--ours", default="", help="options of `analyze` for this build alone")
    parser.add_argument("--first-run", action="store_true", help="empty the caches of kernels before every run")
    given = parser.parse_args(arguments)
    here = Path(__file__).resolve().parents[2]
    pictures = [str(picture.resolve()) for picture in given.pictures]
    print(json.dumps(
        compare(
            {"other": given.checkout.resolve(), "this": here},
            ["analyze", *pictures, *shlex.split(given.options)],
            given.pairs,
            given.first_run,
            shlex.split(given.ours),
        ),
        indent=1,
    ))  # fmt: skip


if __name__ == "__main__":
    main()
