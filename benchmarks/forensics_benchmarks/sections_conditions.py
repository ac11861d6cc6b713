"""The sections of a report on what the figures depend on: sizes, sources, decoders, conditions."""

from __future__ import annotations

from functools import partial

import numpy as np

from forensics.dataset.readings import HELD_OUT_DECODERS
from forensics_benchmarks import summaries
from forensics_benchmarks.conditions import CONDITIONS, NONE
from forensics_benchmarks.evaluation import Record
from forensics_benchmarks.report_parts import Figure, Section, Table
from forensics_benchmarks.section_records import (
    per_cent,
    per_model,
    shown_records,
    sides_of_models,
)
from forensics_benchmarks.stored_run import Run
from forensics_benchmarks.summaries import RATIO_BANDS, Share, band, band_name


def sizes(run: Run) -> Section | None:
    """Error by the side of the patch."""
    from forensics_benchmarks import plots

    models = shown_records(run)
    if not models:
        return None
    side = sides_of_models(models)
    found = {name: summaries.accuracy_by(records, side) for name, records in models.items()}
    figures = []
    if any(len(shares) > 1 for shares in found.values()):
        figures = [
            Figure(
                "Error (1 - accuracy over nine classes) by the side of the patch, with 95 % intervals by source.",
                partial(plots.sizes, found),
            )
        ]
    return Section("Error by size of the patch", (), (per_model(models, side, "side, px"),), figures)


def false_positives(run: Run) -> Section | None:
    """Uncompressed pictures that are called compressed, by origin and by preparation."""
    from forensics_benchmarks import plots

    tables, found = [], {}
    for title, key in (("origin", lambda r: r.origin), ("preparation", lambda r: r.preparation_kind)):
        groups = {name: summaries.false_positives_by(records, key) for name, records in shown_records(run).items()}
        groups = {name: shares for name, shares in groups.items() if shares}
        if groups:
            names = list(dict.fromkeys(group for shares in groups.values() for group in shares))
            tables.append(
                Table(
                    [title, *groups],
                    [[group, *(str(shares.get(group, "-")) for shares in groups.values())] for group in names],
                )
            )
            if title == "origin":
                found = groups
    if not tables:
        return None
    figure = Figure(
        "Uncompressed patches called compressed, by origin of the source, with 95 % intervals.",
        partial(plots.false_positives, found),
    )
    return Section("False positives on uncompressed pictures", (), tables, (figure,))


def strengths(run: Run) -> Section | None:
    """Errors of the judged ratio and SSIM."""
    from forensics_benchmarks import plots

    rows, figures = [], []
    for name, records in shown_records(run).items():
        judged = [record for record in records if np.isfinite(record.ratio) and np.isfinite(record.ratio_median)]
        for edge in (None, *RATIO_BANDS):
            part = [record for record in judged if edge is None or band(record.ratio, RATIO_BANDS) == edge]
            error = summaries.strength_error(part)
            if error.count:
                rows.append(
                    [
                        name,
                        "all" if edge is None else band_name(edge, RATIO_BANDS),
                        per_cent(error.ratio_mean_relative),
                        per_cent(error.ratio_median_relative),
                        per_cent(error.ratio_coverage),
                        f"{error.ssim_mean_absolute:.4f}",
                        per_cent(error.ssim_coverage),
                        error.count,
                    ]
                )
        if judged:
            figures.append(
                Figure(
                    f"{name}: estimated against true compression ratio and SSIM, a dot a patch; the line is equality.",
                    partial(plots.strengths, judged),
                )
            )
    header = [
        "model",
        "true ratio",
        "ratio: mean relative error, %",
        "median, %",
        "inside the 90 % interval, %",
        "SSIM: mean absolute error",
        "inside the 90 % interval, %",
        "patches",
    ]
    return Section("Estimated strength", (), (Table(header, rows),), figures) if rows else None


def generalisation(run: Run) -> Section | None:
    """Encoders and decoders of training compared with those it never draws."""
    from forensics_benchmarks import plots

    judges = {
        name: [r for r in records if r.condition == NONE and r.class_name != "uncompressed"]
        for name, records in run.judges.items()
    }
    judges = {name: records for name, records in judges.items() if any(record.held_out for record in records)}
    if not judges:
        return None

    def group(record: Record) -> str:
        decoder = (
            "usual decoder"
            if record.decoder == "usual"
            else "decoder never seen"
            if record.decoder in HELD_OUT_DECODERS
            else "other decoder of training"
        )
        return f"encoder {'never seen' if record.held_out == 'encoder' else 'of training'}, {decoder}"

    affected = {record.class_name for records in judges.values() for record in records if record.held_out}
    same = {name: [record for record in records if record.class_name in affected] for name, records in judges.items()}
    encoders = {name: [record for record in records if record.decoder == "usual"] for name, records in same.items()}
    tables = (
        per_model(same, group, "encoder and decoder"),
        per_model(
            encoders, lambda r: f"{r.class_name}: {r.variant if r.held_out else 'encoders of training'}", "encoder"
        ),
        per_model(
            {name: [r for r in records if r.held_out != "encoder"] for name, records in same.items()},
            lambda r: f"{r.class_name}: {r.decoder}{' (never seen)' if r.held_out else ''}",
            "decoder",
        ),
    )
    found = {
        name: summaries.accuracy_by(records, lambda r: (r.class_name, r.variant if r.held_out else "seen"))
        for name, records in encoders.items()
    }
    return Section(
        "Generalisation: encoders and decoders never seen in training",
        (
            "Classes with something held out, on the same sources at the same ratios. JPEG XR has one encoder and is "
            "no part of it.",
        ),
        tables,
        (
            Figure(
                "Accuracy by encoder; the first of each class is that of training. With 95 % intervals by source.",
                partial(plots.encoders, found),
            ),
        ),
    )


def robustness(run: Run) -> Section | None:
    """What the answer comes to after steps that weaken traces."""
    from forensics_benchmarks import plots

    judges = {
        name: records for name, records in run.judges.items() if any(record.condition != NONE for record in records)
    }
    if not judges:
        return None
    tables, figures = [], []
    for name, records in judges.items():
        groups = {
            kind: [r for r in records if (r.class_name == "uncompressed") == (kind == "uncompressed")]
            for kind in ("compressed", "uncompressed")
        }
        curves: dict[str, dict[str, dict[str, Share]]] = {}
        for kind, members in groups.items():
            by_condition: dict[str, list[Record]] = {}
            for record in members:
                by_condition.setdefault(record.condition, []).append(record)
            shown = {condition: summaries.outcomes(part) for condition, part in by_condition.items()}
            curves[kind] = shown
            ordered = [condition for condition in (NONE, *CONDITIONS) if condition in shown]
            rows = [[condition, *(str(shown[condition][what]) for what in summaries.OUTCOMES)] for condition in ordered]
            names = [
                "codec kept, %",
                "the last codec (JPEG) named, %",
                "called uncompressed, %",
                "inconclusive, %",
                "another codec, %",
            ]
            if kind == "uncompressed":
                names = ["right, %", "the last codec (JPEG) named, %", "inconclusive, %", "called compressed, %"]
                rows = [[*row[:3], *row[4:]] for row in rows]
            if rows:
                tables.append(Table(["after decoding", *names], rows, f"{name}: {kind} pictures"))
        figures.append(
            Figure(
                f"{name}: what the answer comes to on compressed pictures, by what happened after decoding.",
                partial(plots.robustness, curves["compressed"]),
            )
        )
    return Section(
        "Robustness: steps after decoding",
        (
            "The truth is the codec before the step. Of a picture that was saved again as JPEG, JPEG is the last "
            "codec: naming it is counted apart.",
        ),
        tables,
        figures,
    )
