"""The sections of a report that compare: with other judges, with another run; speed and provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from forensics_benchmarks import summaries
from forensics_benchmarks.evaluation import Record
from forensics_benchmarks.peers import ONLY_JPEG
from forensics_benchmarks.report_parts import Figure, Section, Table
from forensics_benchmarks.section_records import (
    per_model,
    plain,
    shown_records,
    sides_of_models,
)
from forensics_benchmarks.stored_run import Run
from forensics_benchmarks.summaries import RATIO_BANDS, band


def jpeg_peers(run: Run) -> Section | None:
    """JPEG alone: detection and quality, next to the peers that know nothing else."""
    models = {name: found for name, records in run.models.items() if (found := plain(records))}
    if not any(name in ONLY_JPEG for name in models):
        return None
    rows = []
    for name, records in models.items():
        seen = summaries.jpeg_detection(records)
        error, count = summaries.quality_error(records)
        rows.append(
            [
                name,
                *("-" if value is None else str(value) for value in (seen.found, seen.on_uncompressed, seen.on_others)),
                f"{error:.1f} on {count}" if count else "-",
            ]
        )
    header = [
        "judge",
        "JPEG found, %",
        "uncompressed called JPEG, %",
        "other codecs called JPEG, %",
        "quality: mean absolute error",
    ]
    return Section(
        "JPEG alone, compared with public methods",
        (
            "`zero` is the a-contrario zero-count grid detector (IPOL 2021), `jpeg-ghost` quality by recompression "
            "(Farid 2009) on the grid that `zero` finds.",
        ),
        (Table(header, rows),),
    )


def speed(run: Run) -> Section | None:
    """Time of each model by size, on the machine of the run."""
    if not run.timings:
        return None
    from forensics_benchmarks import plots

    rows = [
        [
            row["model"],
            row["size"],
            row["patches"],
            f"{1e3 * float(row['seconds']) / max(int(row['patches']), 1):.2f}",
            f"{1 / max(float(row['megapixels_per_second']), 1e-9):.3f}",
            f"{float(row['megapixels_per_second']):.2f}",
        ]
        for row in run.timings
    ]
    return Section(
        "Time",
        (
            "Seconds of one process while the others worked, features included; the first patches of a process warm it "
            "up. `forensics bench speed` measures alone.",
        ),
        (Table(["model", "side, px", "patches", "ms a patch", "s a megapixel", "MP/s"], rows),),
        (Figure("Seconds a megapixel by model and size of the patch.", partial(plots.times, run.timings)),),
    )


def comparison(run: Run) -> Section | None:
    """This run compared with another: every model that both have."""
    if run.against is None:
        return None
    other = run.against
    rows, tables = [], []
    for name, records in shown_records(run).items():
        theirs = {key: found for key, value in other.judges.items() if (found := plain(value))}
        if name not in theirs:
            continue
        shared = summaries.difference(records, theirs[name])
        rows.append(
            [
                name,
                str(summaries.accuracy(records)),
                str(summaries.accuracy(theirs[name])),
                "-" if shared is None else str(shared),
            ]
        )
        pair = {"this run": records, other.name: theirs[name]}
        tables += [Table(part.header, part.rows, f"{name}: by {title}") for title, part in (
            ("class", per_model(pair, lambda r: r.class_name, "class")),
            ("ratio", per_model({key: [r for r in value if np.isfinite(r.ratio)] for key, value in pair.items()},
                                 lambda r: band(r.ratio, RATIO_BANDS), "ratio from")),
            ("size", per_model(pair, sides_of_models(pair), "side, px")),
            ("uncompressed", _false_pair(pair)),
        )]  # fmt: skip
    if not rows:
        return Section(f"Against {other.name}", ("The two runs have no model in common.",))
    header = ["model", "this run, %", f"{other.name}, %", "difference on patches that both hold"]
    return Section(f"Against {other.name}", (), (Table(header, rows), *tables))


def _false_pair(pair: Mapping[str, Sequence[Record]]) -> Table:
    groups = {name: summaries.false_positives_by(records, lambda r: r.origin) for name, records in pair.items()}
    names = list(dict.fromkeys(group for shares in groups.values() for group in shares))
    return Table(
        ["called compressed, by origin", *pair],
        [[name, *(str(groups[key].get(name, "-")) for key in pair)] for name in names],
    )


def provenance(run: Run) -> Section | None:
    """What repeats the run."""
    facts = run.facts
    if not facts:
        return None
    shown: list[tuple[str, object]] = [
        ("command", facts["command"]),
        ("date", facts["date"]),
        ("toolkit", facts["toolkit"]),
        ("SHA-256 of the data", facts["data_sha256"]),
        ("seed", facts["seed"]),
        ("machine", facts["machine"]),
        ("seconds", ", ".join(f"{k} {v}" for k, v in facts["seconds"].items())),
        ("packages", ", ".join(f"{k} {v}" for k, v in facts["packages"].items())),
        *((f"encoder {name}", version) for name, version in facts["encoders"].items()),
        *((f"skipped: {name}", reason) for name, reason in facts["skipped"].items()),
        *(("note", note) for note in facts["notes"]),
    ]
    return Section("How to repeat it", (), (Table(["what", "value"], shown),))
