"""Many pictures rebuilt: where each file goes, and what is said of each as it is done."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics_models.storage import write_atomically

from forensics.destinations import Destinations
from forensics.errors import ForensicsError, UsageError
from forensics.pictures.opened import open_picture
from forensics.progress import SignOfLife
from forensics.reconstruction.reconstruct import Reconstruction, reconstruct
from forensics.reconstruction.texts import COLUMNS, row, text
from forensics.results.wording import printable

_JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")


@dataclass(frozen=True)
class Job:
    """One picture and where its file goes, if anywhere."""

    name: str
    out: Path | None


def planned(inputs: Sequence[str], given: Sequence[str], out: Path | None, *, folder: bool, force: bool) -> list[Job]:
    """Every input with its output, checked before any work.

    In a folder of outputs the folders below a given one are kept, and inputs that differ in the suffix alone keep it,
    so that names do not meet.

    Raises
    ------
    UsageError
        An output would replace an input or, without `force`, an existing picture; or two would be the same file.
    """
    if folder and out is not None and out.suffix.lower() in _JPEG and not out.is_dir():
        raise UsageError(f"several pictures go into a folder; {str(out)!r} is the name of a file")
    wanted = [_output(name, given, out, folder) for name in inputs]
    twice = {path for path, count in Counter(wanted).items() if count > 1 and path is not None}
    outputs = [
        path.with_name(f"{Path(name).name}.jpg") if path in twice and path is not None else path
        for name, path in zip(inputs, wanted, strict=True)
    ]
    jobs = [Job(name, path) for name, path in zip(inputs, outputs, strict=True)]
    checks = Destinations(inputs, force=force)
    if folder and out is not None:
        checks.folder(out)
    for job in jobs:
        checks.file(job.out, make_folder=folder)
    return jobs


def _output(name: str, given: Sequence[str], out: Path | None, folder: bool) -> Path | None:
    if out is None or not folder:
        return out
    path = Path(name)
    for start in given:
        if Path(start).is_dir() and path.is_relative_to(start):
            return out / path.relative_to(start).with_suffix(".jpg")
    return out / f"{path.stem if name != '-' else 'standard-input'}.jpg"


@contextmanager
def rebuild(
    jobs: Sequence[Job], form: str, *, verify: bool, max_pixels: int, seconds: float = math.inf
) -> Iterator[Iterator[str | None]]:
    """Rebuild pictures one after another and print what was found; gives for each a line of what went wrong, or
    None; `seconds` as `reconstruct` takes them.
    """
    table = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    if form == "csv":
        table.writeheader()
    with SignOfLife("reconstruction", 10.0) as alive:
        yield (_one(job, form, table, alive, verify, max_pixels, seconds) for job in jobs)


def _one(
    job: Job,
    form: str,
    table: csv.DictWriter[str],
    alive: SignOfLife,
    verify: bool,
    max_pixels: int,
    seconds: float,
) -> str | None:
    alive.begin(printable(job.name))
    try:
        picture = open_picture(_source(job.name), max_pixels=max_pixels, name=job.name)
        found = reconstruct(picture, seconds=seconds)
        if verify and not found.exact:
            raise ForensicsError(f"not exact: {_missing(found)} do not come out the same; no file is kept")
        if job.out is not None:
            job.out.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(job.out, found.data)
            _read_again(job.out, found)
    except ForensicsError as error:
        if form == "csv":
            table.writerow(dict.fromkeys(COLUMNS, "") | {"name": job.name, "error": str(error)})
        elif form == "json":
            print(json.dumps({"name": job.name, "error": str(error)}))
        return f"{job.name}: {error}"
    _say(job, found, form, table, picture.sha256)
    return None


def _missing(found: Reconstruction) -> str:
    """Blocks that do not come out the same, counted: whole ones, or those at the edge where only they are missing."""
    whole = found.blocks - found.blocks_same
    if whole:
        return f"{whole:,} of {found.blocks:,} whole blocks"
    edge = int((~found.same & ~found.whole).sum())
    return f"{edge:,} of the partial blocks at the edge"


def _source(name: str) -> str | io.BufferedReader | Any:
    return sys.stdin.buffer if name == "-" else name


def _read_again(path: Path, found: Reconstruction) -> None:
    if path.is_file() and path.read_bytes() != found.data:
        raise UsageError(f"{str(path)!r} does not hold what was written")


def _say(job: Job, found: Reconstruction, form: str, table: csv.DictWriter[str], sha256: str) -> None:
    out = "" if job.out is None else str(job.out)
    if form == "csv":
        table.writerow(row(job.name, found, out))
    elif form == "json":
        print(json.dumps({"name": job.name, "sha256": sha256, "out": out or None, **found.to_dict()}, allow_nan=False))
    else:
        print(text(found, job.name), end="")
    sys.stdout.flush()
