"""One run of the harness: data, models and peers, the table, the times, and what was done to get them.

OUT/run.json          command, suite, seeds, versions, hash of the data, date, stages with their seconds, models that were skipped and why
OUT/windows.parquet   the table, see `forensics_benchmarks.evaluation`
OUT/timings.csv       seconds by model and size
OUT/data, OUT/parts   what is kept between runs
"""  # noqa: E501

from __future__ import annotations

import datetime
import hashlib
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from forensics_models.storage import write_atomically

from forensics.dataset import manifest
from forensics.dataset.build import SETTINGS
from forensics.dataset.decoders import USUAL, check_mode
from forensics.destinations import Destinations, identity
from forensics.errors import ForensicsError, UsageError
from forensics.training.trees import package_versions
from forensics.version import __version__
from forensics_benchmarks import peers, suites
from forensics_benchmarks.drawing import Drawing
from forensics_benchmarks.evaluation import Record, write_table
from forensics_benchmarks.models import MODELS, Adapter, Workplace
from forensics_benchmarks.runner import TIMINGS, judge_dataset, write_timings
from forensics_benchmarks.suites import SUITES, Material

FACTS = "run.json"


@dataclass(frozen=True)
class Request:
    """What a run was asked for; `sizes` empty and `limit`, `per_source` None stand for the suite's own.

    `split` is that of the sources or of the data set; `model_dir` holds artefacts that stand in for the shipped ones.
    `train_data` and `train_windows` are what peers train on.
    """

    path: Path
    out: Path
    suite: str | None
    models: tuple[str, ...] = ("baseline",)
    peers: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    split: str | None = None
    seed: int = 1
    jobs: int = 1
    centred: bool = False
    decoder: str = USUAL
    limit: int | None = None
    per_source: int | None = None
    codecs: tuple[str, ...] = ()
    model_dir: Path | None = None
    train_data: tuple[Path, ...] = ()
    train_windows: int = 4000
    command: str = ""


@dataclass
class Outcome:
    """What a run came to."""

    table: Path
    records: list[Record]
    skipped: dict[str, str]
    notes: list[str]
    seconds: dict[str, float] = field(default_factory=dict)


def run(
    request: Request,
    *,
    progress: Callable[[str, int, int], None] = lambda label, done, total: None,
    report: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Do a run, or go on with one.

    Parameters
    ----------
    request : Request
    progress, report : callable
        Get progress as (label, done, total) and lines of text.

    Raises
    ------
    UsageError
        Something asked for does not exist, or no model can run.
    ForensicsError
        A model failed on a patch.
    """
    if identity(request.out) == identity(request.path):
        raise UsageError(f"{str(request.out)!r} is the folder that is judged: give the run one of its own")
    Destinations().folder(request.out)
    try:
        request.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {request.out}: {error.strerror}") from None
    check_mode(request.decoder)
    adapters, skipped = _adapters(request, report)
    stages: dict[str, float] = {}
    start = time.monotonic()
    material, drawing = _material(request, progress)
    if not material.rows:
        raise UsageError("no file of the data set can be judged: " + ("; ".join(material.notes) or "it holds none"))
    stages["encoding"] = time.monotonic() - start
    start = time.monotonic()
    records, timings = judge_dataset(
        material.folder, material.rows, drawing, adapters, request.out, jobs=request.jobs,
        progress=lambda done, total: progress("judging", done, total),
    )  # fmt: skip
    stages["judging"] = time.monotonic() - start
    table = write_table(request.out, records)
    write_timings(request.out / TIMINGS, timings)
    outcome = Outcome(table, records, skipped, list(material.notes), stages)
    _write_facts(request, drawing, material, outcome)
    return outcome


def read_facts(folder: Path) -> dict[str, Any]:
    """What `run.json` of a folder says; nothing where there is none."""
    path = folder / FACTS
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _material(request: Request, progress: Callable[[str, int, int], None]) -> tuple[Material, Drawing]:
    """The rows that are judged and what is drawn from them."""
    if (request.path / SETTINGS).is_file() and request.suite is not None:
        raise UsageError(f"{request.path.name} is a data set, which is judged as it is: leave --suite out")
    # Folders of sources may hold a manifest of their own, so a suite decides.
    if request.suite is None and (request.path / manifest.MANIFEST).is_file():
        split = request.split or "val"
        rows = suites.usable(manifest.read(request.path), split)
        if not rows:
            raise UsageError(f"{request.path.name} holds no file of the split {split!r}")
        sizes = request.sizes or (256,)
        return Material(request.path, tuple(rows)), Drawing(sizes, request.seed, request.centred, (request.decoder,))
    if request.suite is None:
        raise UsageError(
            f"no data set in {str(request.path)!r}: it has no {manifest.MANIFEST}; for a folder of sources name a "
            f"--suite"
        )
    suite = SUITES[request.suite]
    names = suites.chosen_sources(request.path, request.split, suite.limit if request.limit is None else request.limit)
    material = suites.prepare(
        suite,
        request.path,
        request.out,
        names=names,
        seed=request.seed,
        per_source=request.per_source or suite.per_source,
        codecs=request.codecs,
        jobs=request.jobs,
        progress=progress,
    )
    decoders = suite.decoders if request.decoder == USUAL else (request.decoder,)
    return material, Drawing(
        request.sizes or suite.sizes, request.seed, suite.centred or request.centred, _there(decoders), suite.conditions
    )


def _there(decoders: Sequence[str]) -> tuple[str, ...]:
    """Those decoders that run here for a class at least."""
    found = []
    for name in decoders:
        try:
            check_mode(name)
        except ForensicsError:
            continue
        found.append(name)
    return tuple(found)


def _adapters(request: Request, report: Callable[[str], None]) -> tuple[list[Adapter], dict[str, str]]:
    """Models and peers that can run here, prepared, and the reasons of the others."""
    known: dict[str, Callable[[], Adapter]] = {
        **{name: partial(make, request.model_dir) for name, make in MODELS.items()},
        **peers.PEERS,
    }
    asked = [*request.models, *(peers.PEERS if request.peers == ("all",) else request.peers)]
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise UsageError(f"there is no model or peer {', '.join(unknown)}; there are {', '.join(known)}")
    place = Workplace(
        request.out / "peers", request.train_data, request.train_windows, request.seed, request.jobs, report
    )
    found: list[Adapter] = []
    skipped: dict[str, str] = {}
    for name in dict.fromkeys(asked):
        try:
            found.append(known[name]().prepare(place))
        except (UsageError, OSError, ImportError) as error:
            if request.models == (name,):  # the one model that was asked for
                raise UsageError(str(error)) from None
            skipped[name] = " ".join(str(error).split())
            report(f"{name} is skipped: {skipped[name]}")
    if not found:
        raise UsageError(
            f"no model can run: "
            f"{'; '.join(f'{name}: {reason}' for name, reason in skipped.items()) or 'none was named'}"
        )
    return found, skipped


def _write_facts(request: Request, drawing: Drawing, material: Material, outcome: Outcome) -> None:
    data = hashlib.sha256("".join(f"{row.id}{row.pixels_sha256}" for row in material.rows).encode()).hexdigest()
    facts = {
        "command": request.command,
        "suite": request.suite or "data set",
        "toolkit": __version__,
        "seed": request.seed,
        "sizes": list(drawing.sizes),
        "centred": drawing.centred,
        "decoders": list(drawing.decoders),
        "conditions": list(drawing.conditions),
        "models": list(dict.fromkeys(record.model for record in outcome.records)),
        "skipped": outcome.skipped,
        "notes": outcome.notes,
        "files": len(material.rows),
        "sources": len({row.source for row in material.rows}),
        "patches": len({record.patch for record in outcome.records}),
        "data_sha256": data,
        "encoders": dict(sorted({row.encoder: row.library for row in material.rows}.items())),
        "packages": package_versions(),
        "machine": f"{platform.machine()}, {request.jobs} processes",
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "seconds": {name: round(value, 1) for name, value in outcome.seconds.items()},
    }
    write_atomically(request.out / FACTS, (json.dumps(facts, indent=1) + "\n").encode())
