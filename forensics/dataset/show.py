"""What a data set holds, as numbers and as text: counts, reached strengths against targets, and what could not be
made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from forensics_models.classes import OPEN_CLASSES

from forensics.dataset.build import Outcome
from forensics.dataset.manifest import Row

_TARGET_HEADS = ("encoder", "target", "files", "median error", "95 % error", "median encodes")
_STRENGTH_HEADS = ("class", "ratio 5 %", "50 %", "95 %", "SSIM 5 %", "50 %", "95 %")
_UNREACHABLE_HEADS = ("class", "encoder", "variant", "target", "value", "cells")


def summarise(rows: Sequence[Row], sources: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Counts and strengths of a manifest, JSON-ready.

    Parameters
    ----------
    rows : sequence of Row
    sources : sequence of mappings
        Rows of `sources.csv`.

    Returns
    -------
    dict
        `sources` (by split and origin, flagged, bad ones with reasons), `files` (by split, fine class and encoder),
        `preparations`, `targets` (for each encoder and kind of target: files, median and 95 % quantile of the relative
        error, the absolute one for SSIM; median encodes), `strengths` (quantiles of ratio and SSIM by fine class),
        `unreachable` and `failed` (counts by fine class, encoder, kind, target or reason).
    """
    made = [row for row in rows if row.status == "ok"]
    return {
        "suites": sorted({f"{row.suite}, seed {row.seed}" for row in rows}),
        "sources": _sources(sources),
        "files": _counts(made, ("split", "fine_class", "encoder")),
        "bytes": sum(row.bytes for row in made),
        "preparations": _counts(made, ("preparation_kind",)),
        "targets": _targets(made),
        "strengths": _strengths(made),
        "unreachable": _counts(
            [row for row in rows if row.status == "unreachable"],
            ("fine_class", "encoder", "variant", "target_kind", "target"),
        ),
        "failed": _counts([row for row in rows if row.status == "failed"], ("fine_class", "encoder", "reason")),
    }


def summary_text(summary: Mapping[str, Any]) -> str:
    """A summary as text for a terminal."""
    found = summary["sources"]
    lines = [f"{'; '.join(summary['suites'])}: {summary['bytes'] / 1e6:.1f} MB", "", "Sources"]
    lines += _table(("split", "origin", "sources", "with traces"), found["counts"])
    lines += [f"  bad: {entry['name']}: {entry['reason']}" for entry in found["bad"]]
    lines += ["", "Files", *_table(("split", "class", "encoder", "files"), summary["files"])]
    lines += ["", "Preparations", *_table(("preparation", "files"), summary["preparations"])]
    lines += ["", "Reached against targets (relative; SSIM absolute)", *_table(_TARGET_HEADS, summary["targets"])]
    lines += ["", "Strengths", *_table(_STRENGTH_HEADS, summary["strengths"])]
    if summary["unreachable"]:
        lines += ["", "Unreachable", *_table(_UNREACHABLE_HEADS, summary["unreachable"])]
    if summary["failed"]:
        lines += ["", "Failed", *_table(("class", "encoder", "reason", "cells"), summary["failed"])]
    return "\n".join(lines)


def outcome_text(outcome: Outcome) -> str:
    """The end of a build in a few lines: counts, bad sources, seconds by encoder."""
    counts = ", ".join(f"{number} {status}" for status, number in sorted(outcome.statuses.items()))
    lines = [f"{outcome.used} sources, {outcome.made} jobs done now, {outcome.resumed} before: {counts}"]
    lines += [f"bad source {name}: {reason}" for name, reason in outcome.bad.items()]
    if outcome.statuses.get("unreachable") or outcome.statuses.get("failed"):
        lines.append("`forensics dataset show` names the cells that were not reached, and why")
    rows = [[name, f"{1000 * t['mean_s']:.0f}", int(t["files"])] for name, t in outcome.timings.items()]
    return "\n".join([*lines, "", *_table(("encoder", "ms a file", "files"), rows)])


def _sources(sources: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    used = [entry for entry in sources if entry["status"] == "used"]
    number = Counter((entry["split"], entry["origin"]) for entry in used)
    flagged = Counter((entry["split"], entry["origin"]) for entry in used if entry["traces"])
    bad = [{"name": entry["name"], "reason": entry["reason"]} for entry in sources if entry["status"] == "bad"]
    return {"counts": [[*key, count, flagged[key]] for key, count in sorted(number.items())], "bad": bad}


def _counts(rows: Sequence[Row], names: Sequence[str]) -> list[list[Any]]:
    """Rows counted by the values of some columns, the fine class in its own order."""
    counter = Counter(tuple(getattr(row, name) for name in names) for row in rows)

    def order(key: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(OPEN_CLASSES.index(v) if name == "fine_class" else v for name, v in zip(names, key))

    return [[*key, counter[key]] for key in sorted(counter, key=order)]


def _targets(rows: Sequence[Row]) -> list[list[Any]]:
    table = []
    for encoder, kind in sorted(
        {(r.encoder, r.target_kind) for r in rows if r.target_kind in ("ratio", "ssim", "max-kib")}
    ):
        chosen = [row for row in rows if (row.encoder, row.target_kind) == (encoder, kind)]
        errors = [_error(row) for row in chosen]
        encodes = float(np.median([row.encodes for row in chosen]))
        middle, high = np.quantile(errors, [0.5, 0.95])
        table.append([encoder, kind, len(chosen), round(float(middle), 4), round(float(high), 4), encodes])
    return table


def _error(row: Row) -> float:
    if row.target_kind == "ssim":
        return abs(row.ssim - row.target)
    if row.target_kind == "max-kib":
        return abs(row.bytes / row.target_bytes - 1)
    return abs(row.ratio / row.target - 1)


def _strengths(rows: Sequence[Row]) -> list[list[Any]]:
    table: list[list[Any]] = []
    for fine_class in OPEN_CLASSES[1:]:
        chosen = [row for row in rows if row.fine_class == fine_class]
        if chosen:
            ratios = np.quantile([row.ratio for row in chosen], [0.05, 0.5, 0.95])
            similarities = np.quantile([row.ssim for row in chosen], [0.05, 0.5, 0.95])
            table.append(
                [fine_class, *(round(float(v), 1) for v in ratios), *(round(float(v), 4) for v in similarities)]
            )
    return table


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    cells = [list(heads), *([str(value) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    right = [bool(rows) and all(isinstance(row[i], (int, float)) for row in rows) for i in range(len(heads))]
    return [
        "  " + "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right)).rstrip()
        for row in cells
    ]
