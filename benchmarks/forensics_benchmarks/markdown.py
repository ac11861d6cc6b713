"""The figures of a judged table as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from forensics_models.classes import CLASSES, FINE_CLASSES

from forensics.errors import UsageError
from forensics_benchmarks import summaries
from forensics_benchmarks.evaluation import Record
from forensics_benchmarks.published import PUBLISHED, PUBLISHED_MEAN
from forensics_benchmarks.report_parts import Section, Table
from forensics_benchmarks.summaries import MOST_TARGETS, RATIO_BANDS, Share


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _accuracy(records: Sequence[Record], *, fine: bool = False) -> Share:
    return summaries.share([summaries.is_right(r, fine=fine) for r in records], [r.source for r in records])


def _shares(title: str, shares: Mapping[object, Share]) -> str:
    return table([title, "share with 95 % interval by source"], ((group, value) for group, value in shares.items()))


def _confusions(records: Sequence[Record], *, fine: bool) -> str:
    names = FINE_CLASSES if fine else CLASSES
    counts = summaries.confusion(records, fine=fine)
    seen = [k for k in range(len(names)) if counts[k].sum() or counts[:, k].sum()]
    return table(
        ["truth \\ verdict", *(names[k] for k in seen)], ([names[k], *counts[k, seen]] for k in seen if counts[k].sum())
    )


def sections_text(sections: Iterable[Section]) -> str:
    """Sections of a report as Markdown: titles, sentences and tables; figures are the HTML page's."""
    parts = []
    for section in sections:
        parts.append(f"## {section.title}")
        parts += section.sentences
        parts += map(table_text, section.tables)
    return "\n\n".join(parts)


def table_text(block: Table) -> str:
    """One table of a section with its title."""
    text = table(block.header, block.rows)
    return f"### {block.title}\n\n{text}" if block.title else text


def kib_report(records: Sequence[Record]) -> str:
    """The file-size grid: ten classes, verdict among compressed classes, by size, next to the published row.

    Raises `UsageError` where no window was encoded to a file size.
    """
    forced = summaries.without_uncompressed([record for record in records if record.target_kind == "max-kib"])
    if not forced:
        raise UsageError("no window of the table was encoded to a file size: its figures are those of --kind grid")
    parts = []
    for size in sorted({record.size for record in forced}):
        chosen = [record for record in forced if record.size == size]
        in_range = [record for record in chosen if record.target <= 100]
        by_size = summaries.accuracy_by(chosen, lambda r: r.target, fine=True)
        parts.append(f"## Windows of {size}x{size}")
        if in_range:
            parts.append(f"All sizes to 100 KiB: {_accuracy(in_range, fine=True)} (published {PUBLISHED_MEAN} %)")
        rows = ((f"{kib:g}", value, PUBLISHED.get(kib, "-")) for kib, value in by_size.items())
        parts.append(table(["KiB at 512x512", "accuracy, ten classes", "published, %"], rows))
        for kib in (40, 100, 150, 200):
            at = [record for record in chosen if record.target == kib]
            if at:
                parts += [
                    f"### {kib} KiB",
                    _shares("class", summaries.accuracy_by(at, lambda r: r.fine_class, fine=True)),
                    _confusions(at, fine=True),
                ]
    return "\n\n".join(parts)


def grid_report(records: Sequence[Record]) -> str:
    """The full grid: accuracy by codec and strength, false positives by origin, calibration, strength errors."""
    parts = [
        f"Accuracy over nine classes: {_accuracy(records)}",
        f"Expected calibration error (0 to 1): {summaries.calibration_error(records):.4f}",
        *_strength(records),
        *_false_positives(records),
        "## Accuracy by class",
        _shares("class", summaries.accuracy_by(records, lambda r: r.class_name)),
        _confusions(records, fine=False),
        "## Accuracy by encoder",
        _shares("encoder", summaries.accuracy_by(records, lambda r: r.encoder)),
    ]
    for kind, name in (("ratio", "compression ratio"), ("ssim", "SSIM")):
        chosen = [record for record in records if record.target_kind == kind]
        if chosen and len({record.target for record in chosen}) <= MOST_TARGETS:
            parts += [f"## Accuracy by class and target {name}", _plane(chosen, lambda r: r.target, "{:g}".format)]
    compressed = [record for record in records if np.isfinite(record.ratio)]
    if compressed:
        parts += ["## Accuracy by reached compression ratio (raw bytes / file bytes)", _ratio_bands(compressed)]
        parts += [
            "## Accuracy by class and reached compression ratio, from each column's value up",
            _plane(compressed, _band, "{:g}".format),
        ]
    return "\n\n".join(parts)


def _false_positives(records: Sequence[Record]) -> list[str]:
    parts = []
    for title, key in (("origin", lambda r: r.origin), ("preparation", lambda r: r.preparation_kind)):
        shares = summaries.false_positives_by(records, key)
        if shares:
            parts += [f"## False positives on uncompressed pictures, by {title}", _shares(title, shares)]
    return parts


def _strength(records: Sequence[Record]) -> list[str]:
    error = summaries.strength_error(records)
    if not error.count:
        return ["Strength: no compressed window to judge"]
    return [
        f"Compression ratio (raw bytes / file bytes): mean relative error {100 * error.ratio_mean_relative:.1f} %, "
        f"median {100 * error.ratio_median_relative:.1f} %, 90 % intervals cover {100 * error.ratio_coverage:.1f} % "
        f"of {error.count} windows",
        f"SSIM (0 to 1): mean absolute error {error.ssim_mean_absolute:.4f}, "
        f"90 % intervals cover {100 * error.ssim_coverage:.1f} % of {error.count} windows",
    ]


def _plane(records: Sequence[Record], column: Callable[[Record], float], shown: Callable[[float], str]) -> str:
    """Accuracy in per cent with the count, a row a class and a column each value of `column`."""
    targets = sorted({column(record) for record in records})
    cells = summaries.accuracy_by(records, lambda r: (r.class_name, column(r)))
    rows = []
    for name in CLASSES:
        if any((name, target) in cells for target in targets):
            row = [name]
            for target in targets:
                cell = cells.get((name, target))
                row.append(f"{100 * cell.value:.1f} ({cell.count})" if cell else "-")
            rows.append(row)
    return table(["class", *(shown(target) for target in targets)], rows)


def _band(record: Record) -> float:
    """The lower edge of the band that a record's reached ratio lies in."""
    return max(edge for edge in RATIO_BANDS if edge <= record.ratio)


def _ratio_bands(records: Sequence[Record]) -> str:
    rows = []
    for low, high in pairwise((*RATIO_BANDS, np.inf)):
        inside = [record for record in records if low <= record.ratio < high]
        if inside:
            rows.append((f"{low:g} to {high:g}", _accuracy(inside)))
    return table(["reached ratio", "accuracy, nine classes"], rows)
