"""The sections of a report, whatever form it takes: titles, sentences, tables with counts and intervals, and figures to
be drawn.

A section is left out where the run holds nothing for it. Every share stands with its 95 % interval over sources and its
count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from forensics_models.classes import CLASSES

from forensics_benchmarks import summaries
from forensics_benchmarks.evaluation import Record
from forensics_benchmarks.published import PUBLISHED, PUBLISHED_MEAN
from forensics_benchmarks.report_parts import Figure, Section, Table
from forensics_benchmarks.section_records import (
    per_cent,
    per_model,
    resized_records,
    shown_records,
    sides_of_models,
)
from forensics_benchmarks.sections_compared import comparison, jpeg_peers, provenance, speed
from forensics_benchmarks.sections_conditions import false_positives, generalisation, robustness, sizes, strengths
from forensics_benchmarks.stored_run import Run
from forensics_benchmarks.summaries import MOST_TARGETS, RATIO_BANDS, SSIM_BANDS, band, band_name

_LEFT_OUT = "The variant resized after decoding, whose traces are mostly gone, is counted in its own rows only."


def sections(run: Run) -> list[Section]:
    """All sections that a run has something for."""
    makers = (
        overview,
        questions,
        file_sizes,
        strength_maps,
        classes,
        confusions,
        calibration,
        sizes,
        false_positives,
        strengths,
        generalisation,
        robustness,
        jpeg_peers,
        speed,
        comparison,
        provenance,
    )
    found = [maker(run) for maker in makers]
    return [
        section for section in found if section is not None and (section.tables or section.figures or section.sentences)
    ]


def overview(run: Run) -> Section | None:
    """A column a model: the figures that sum it up."""
    columns: dict[str, list[str]] = {}
    resized = resized_records(run)
    for name, records in shown_records(run).items():
        clean = summaries.false_positives_by(records, lambda r: r.origin).get("all")
        strength = summaries.strength_error(records)
        answered = [record for record in records if summaries.outcome(record) != "inconclusive"]
        family = summaries.share([summaries.family_right(r) for r in records], [r.source for r in records])
        columns[name] = [
            str(summaries.accuracy(records)),
            str(family),
            str(summaries.accuracy(resized[name])) if resized[name] else "-",
            "-" if clean is None else str(clean),
            str(summaries.false_alarms(records) or "-"),
            f"{summaries.calibration_error(records):.4f}",
            f"{per_cent(len(answered) / len(records))}",
            per_cent(_kept(answered), 2),
            f"{per_cent(strength.ratio_mean_relative)} (median {per_cent(strength.ratio_median_relative)})"
            if strength.count
            else "-",
            f"{strength.ssim_mean_absolute:.4f}" if strength.count else "-",
        ]
    titles = [
        "accuracy, nine classes",
        "accuracy, BPG and HEIC as one",
        "accuracy, the variant resized after decoding",
        "uncompressed called compressed (best class)",
        "uncompressed answered with a codec",
        "calibration error, 0 to 1",
        "answered at the model's threshold, %",
        "right among the answered, %",
        "compression ratio: mean relative error, %",
        "SSIM: mean absolute error",
    ]
    rows = [[title, *(columns[name][index] for name in columns)] for index, title in enumerate(titles)]
    rows = [row for row in rows if set(row[1:]) != {"-"}]
    paragraphs = (_described(run), _LEFT_OUT) if any(resized.values()) else (_described(run),)
    return Section("Overview", paragraphs, (Table(["figure", *columns], rows),) if columns else ())


def _described(run: Run) -> str:
    facts = run.facts
    if not facts:
        return "Shares are in per cent with 95 % intervals by source, and the number of patches."
    return (
        f"Suite {facts['suite']}: {facts['patches']} patches of {facts['files']} files from {facts['sources']} "
        f"sources, judged on {facts['date']}. "
        "Shares are in per cent with 95 % intervals by source, and the number of patches."
    )


def _kept(records: Sequence[Record]) -> float:
    return float(np.mean([summaries.outcome(record) == "kept" for record in records])) if records else float("nan")


def questions(run: Run) -> Section | None:
    """Which cell is worst, where the baseline is better than the network, what fusion adds."""
    models = shown_records(run)
    tables = [
        Table(
            ["class", "strength", f"accuracy of {name}, %"],
            [[*cell, str(value)] for cell, value in summaries.worst_cells(records)],
            f"The worst cells of {name}",
        )
        for name, records in models.items()
    ]
    for first, second, title in (("baseline", "cnn", "Where the baseline is better than the "
                                                     "network"), ("fused", "baseline", "What fusion adds to the "
                                                                                       "baseline"),
                                 ("fused", "cnn", "What fusion adds to the network")):  # fmt: skip
        if first in models and second in models:
            gains = [
                (cell, gain)
                for cell, gain in summaries.compared_cells(models[first], models[second])
                if gain.value > 0 or first == "fused"
            ]
            overall = summaries.difference(models[first], models[second])
            rows = [["all", "-", str(overall)], *([*cell, str(gain)] for cell, gain in gains[:12])]
            tables.append(Table(["class", "strength", f"{first} less {second}"], rows, title))
    return Section("Worst cells, and where models differ", (), tables)


def file_sizes(run: Run) -> Section | None:
    """Accuracy by file size next to the published row: ten classes, verdict among compressed classes."""
    forced = {
        name: summaries.without_uncompressed([r for r in records if r.target_kind == "max-kib"])
        for name, records in shown_records(run).items()
    }
    forced = {name: records for name, records in forced.items() if records}
    if not forced:
        return None
    shares = {name: summaries.accuracy_by(records, lambda r: r.target, fine=True) for name, records in forced.items()}
    targets = sorted({target for found in shares.values() for target in found})
    rows = [
        [f"{kib:g}", *(str(shares[name].get(kib, "-")) for name in forced), PUBLISHED.get(kib, "-")] for kib in targets
    ]
    whole = [
        str(summaries.accuracy([r for r in records if r.target <= 100] or list(records), fine=True))
        for records in forced.values()
    ]
    rows.append(["all to 100", *whole, PUBLISHED_MEAN])
    by_class = per_model(
        {name: [r for r in records if r.target >= 100] or list(records) for name, records in forced.items()},
        lambda r: r.fine_class,
        "class, from 100 KiB",
        fine=True,
    )
    from forensics_benchmarks import plots

    return Section(
        "File sizes: ten classes, compared with the published experiment",
        (
            "The published row (IH&MMSec 2024) is an ImageNet ResNet-18 on DIV2K pictures with other builds of the "
            "encoders: it stands for orientation.",
        ),
        (Table(["KiB at 512x512", *forced, "published, %"], rows), by_class),
        (
            Figure(
                "Accuracy over ten classes by file size, with 95 % intervals by source.",
                partial(plots.file_sizes, shares),
            ),
        ),
    )


def _axis(records: Sequence[Record], kind: str) -> tuple[Callable[[Record], float], Callable[[float], str], str] | None:
    """How records lie on an axis of strength: by target where those are few, else by band of what was reached; None
    without records.
    """
    aimed = {record.target for record in records if record.target_kind == kind}
    if aimed and len(aimed) <= MOST_TARGETS:
        return (
            (lambda r: r.target if r.target_kind == kind else float("nan")),
            (lambda v: f"{v:g}"),
            f"target {'compression ratio' if kind == 'ratio' else 'SSIM'}",
        )
    edges = RATIO_BANDS if kind == "ratio" else SSIM_BANDS
    if not any(np.isfinite(getattr(record, kind)) for record in records):
        return None
    return (
        (lambda r: band(getattr(r, kind), edges)),
        (lambda v: band_name(v, edges)),
        f"reached {'compression ratio' if kind == 'ratio' else 'SSIM'}",
    )


def _class_and(key: Callable[[Record], float], record: Record) -> tuple[str, float]:
    return record.class_name, key(record)


def strength_maps(run: Run) -> Section | None:
    """Accuracy by codec and strength on both axes, and over their plane."""
    from forensics_benchmarks import plots

    tables, figures = [], []
    for name, records in shown_records(run).items():
        compressed = [record for record in records if np.isfinite(record.ratio)]
        for kind in ("ratio", "ssim"):
            axis = _axis(compressed, kind)
            if axis is None:
                continue
            key, shown, title = axis
            chosen = [record for record in compressed if np.isfinite(key(record))]
            cells = summaries.accuracy_by(chosen, partial(_class_and, key))
            columns = sorted({column for _, column in cells})
            rows = []
            for codec in CLASSES[1:]:
                if any((codec, column) in cells for column in columns):
                    rows.append([codec, *(str(cells.get((codec, column), "-")) for column in columns)])
            tables.append(Table(["class", *map(shown, columns)], rows, f"{name}: accuracy by class and {title}, %"))
            figures.append(
                Figure(
                    f"{name}: accuracy by class and {title}; the number of patches in each cell.",
                    partial(plots.cell_map, cells, columns, [shown(c) for c in columns], title),
                )
            )
        if compressed:
            plane = summaries.accuracy_by(compressed, lambda r: (band(r.ssim, SSIM_BANDS), band(r.ratio, RATIO_BANDS)))
            figures.append(
                Figure(
                    f"{name}: accuracy over the plane of reached compression ratio and reached SSIM, all codecs "
                    f"together.",
                    partial(plots.plane, plane),
                )
            )
            by_codec = summaries.accuracy_by(
                compressed, lambda r: (r.class_name, band(r.ssim, SSIM_BANDS), band(r.ratio, RATIO_BANDS))
            )
            figures.append(Figure(f"{name}: the same plane codec by codec.", partial(plots.planes_by_codec, by_codec)))
    return Section("Accuracy by codec and strength", (), tables, figures) if tables else None


def classes(run: Run) -> Section | None:
    """Accuracy by class, encoder, preparation and variant."""
    models, resized = shown_records(run), resized_records(run)
    if not models:
        return None
    return Section(
        "Accuracy by class and encoder",
        (),
        (
            per_model(models, lambda r: r.class_name, "class"),
            per_model(models, lambda r: f"{r.class_name}: {r.encoder}", "encoder"),
            per_model(models, lambda r: r.preparation_kind, "preparation"),
            per_model(
                {name: [*records, *resized[name]] for name, records in models.items()}, lambda r: r.variant, "variant"
            ),
        ),
    )


def confusions(run: Run) -> Section | None:
    """Confusion matrices in each band of compression ratio, uncompressed patches in all of them left to a matrix of
    their own.
    """
    from forensics_benchmarks import plots

    figures, tables = [], []
    for name, records in shown_records(run).items():
        groups = {
            f"ratio {band_name(edge, RATIO_BANDS)}": [
                r for r in records if np.isfinite(r.ratio) and band(r.ratio, RATIO_BANDS) == edge
            ]
            for edge in RATIO_BANDS
        }
        groups = {"uncompressed": [r for r in records if r.class_name == "uncompressed"], **groups}
        counts = {title: summaries.confusion(members) for title, members in groups.items() if members}
        figures.append(
            Figure(
                f"{name}: truth (rows) against verdict (columns) by strength; cells are per cent of a row, blank where "
                f"none.",
                partial(plots.confusions, counts),
            )
        )
        for title, matrix in counts.items():
            pairs = [
                (matrix[i, j], CLASSES[i], CLASSES[j])
                for i in range(len(CLASSES))
                for j in range(len(CLASSES))
                if i != j and matrix[i, j]
            ]
            for number, truth, said in sorted(pairs, key=lambda pair: (-pair[0], *pair[1:]))[:3]:
                of = int(matrix[CLASSES.index(truth)].sum())
                tables.append([name, title, truth, said, f"{number} of {of}"])
    if not figures:
        return None
    rows = (
        (Table(["model", "strength", "truth", "verdict", "patches"], tables, "The most frequent confusions"),)
        if tables
        else ()
    )
    return Section("Confusions by strength", (), rows, figures)


def calibration(run: Run) -> Section | None:
    """Reliability curves, and the calibration error by size."""
    from forensics_benchmarks import plots

    models = {name: records for name, records in shown_records(run).items() if len(records) >= 10}
    if not models:
        return None
    curves = {name: summaries.reliability(records) for name, records in models.items()}
    side = sides_of_models(models)
    sides = sorted({side(record) for records in models.values() for record in records})
    rows = []
    for name, records in models.items():
        by_size = {group: [record for record in records if side(record) == group] for group in sides}
        rows.append(
            [
                name,
                f"{summaries.calibration_error(records):.4f}",
                *(f"{summaries.calibration_error(part):.4f}" if part else "-" for part in by_size.values()),
            ]
        )
    return Section(
        "Calibration",
        ("Expected calibration error over 15 bins of the highest probability, 0 to 1.",),
        (Table(["model", "all", *(f"{group} px" for group in sides)], rows),),
        (
            Figure(
                "Share right against the stated probability, with 95 % intervals by source; bars are the number of "
                "patches.",
                partial(plots.reliability, curves),
            ),
        ),
    )
