"""The sections of a report, whatever form it takes: titles, sentences, tables with counts and intervals, and figures to
be drawn.

A section is left out where the run holds nothing for it. Every share stands with its 95 % interval over sources and its
count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np
from forensics_models.classes import CLASSES

from forensics.dataset.grids import RESIZED_AFTER
from forensics.dataset.readings import HELD_OUT_DECODERS
from forensics_benchmarks import summaries
from forensics_benchmarks.conditions import CONDITIONS, NONE
from forensics_benchmarks.evaluation import Record
from forensics_benchmarks.peers import ONLY_JPEG
from forensics_benchmarks.published import PUBLISHED, PUBLISHED_MEAN
from forensics_benchmarks.report_parts import Figure, Section, Table
from forensics_benchmarks.stored_run import Run
from forensics_benchmarks.summaries import MOST_TARGETS, RATIO_BANDS, SSIM_BANDS, Share, Side, band, band_name

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


def plain(records: Iterable[Record]) -> list[Record]:
    """Records without a condition, from usual decoders where there are any, not resized after decoding: what the
    figures on strength rest on.
    """
    usual = _usual(records)
    return [record for record in usual if record.variant != RESIZED_AFTER] or usual


def _usual(records: Iterable[Record]) -> list[Record]:
    """Records without a condition, from usual decoders where there are any."""
    untouched = [record for record in records if record.condition == NONE]
    usual = [record for record in untouched if record.decoder == "usual"]
    return usual if any(record.class_name != "uncompressed" for record in usual) else untouched


def _shown(run: Run) -> dict[str, list[Record]]:
    return {name: found for name, records in run.judges.items() if (found := plain(records))}


def _resized(run: Run) -> dict[str, list[Record]]:
    """The records that `_shown` leaves out for having been resized after decoding."""
    return {name: [r for r in _usual(records) if r.variant == RESIZED_AFTER] for name, records in run.judges.items()}


def _per_cent(value: float, digits: int = 1) -> str:
    return "-" if not np.isfinite(value) else f"{100 * value:.{digits}f}"


def _per_model(
    models: Mapping[str, Sequence[Record]], key: Callable[[Record], object], title: str, *, fine: bool = False
) -> Table:
    """A row a group and a column a model, with intervals."""
    groups: dict[str, dict[object, Share]] = {
        name: summaries.accuracy_by(records, key, fine=fine) for name, records in models.items()
    }
    names = list(dict.fromkeys(group for found in groups.values() for group in found))
    return Table(
        [title, *models], [[group, *(str(groups[name].get(group, "-")) for name in models)] for group in names]
    )


def _side(models: Mapping[str, Sequence[Record]]) -> Callable[[Record], Side]:
    """Groups of patches by size, the same for all models."""
    return summaries.sides_of(record for records in models.values() for record in records)


def overview(run: Run) -> Section | None:
    """A column a model: the figures that sum it up."""
    columns: dict[str, list[str]] = {}
    resized = _resized(run)
    for name, records in _shown(run).items():
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
            f"{_per_cent(len(answered) / len(records))}",
            _per_cent(_kept(answered), 2),
            f"{_per_cent(strength.ratio_mean_relative)} (median {_per_cent(strength.ratio_median_relative)})"
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
    told = (_described(run), _LEFT_OUT) if any(resized.values()) else (_described(run),)
    return Section("Overview", told, (Table(["figure", *columns], rows),) if columns else ())


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
    models = _shown(run)
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
    """Accuracy by file size beside the published row: ten classes, verdict among compressed classes."""
    forced = {
        name: summaries.without_uncompressed([r for r in records if r.target_kind == "max-kib"])
        for name, records in _shown(run).items()
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
    by_class = _per_model(
        {name: [r for r in records if r.target >= 100] or list(records) for name, records in forced.items()},
        lambda r: r.fine_class,
        "class, from 100 KiB",
        fine=True,
    )
    from forensics_benchmarks import plots

    return Section(
        "File sizes: ten classes, beside the published experiment",
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
    for name, records in _shown(run).items():
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
    models, resized = _shown(run), _resized(run)
    if not models:
        return None
    return Section(
        "Accuracy by class and encoder",
        (),
        (
            _per_model(models, lambda r: r.class_name, "class"),
            _per_model(models, lambda r: f"{r.class_name}: {r.encoder}", "encoder"),
            _per_model(models, lambda r: r.preparation_kind, "preparation"),
            _per_model(
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
    for name, records in _shown(run).items():
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

    models = {name: records for name, records in _shown(run).items() if len(records) >= 10}
    if not models:
        return None
    curves = {name: summaries.reliability(records) for name, records in models.items()}
    side = _side(models)
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


def sizes(run: Run) -> Section | None:
    """Error by the side of the patch."""
    from forensics_benchmarks import plots

    models = _shown(run)
    if not models:
        return None
    side = _side(models)
    found = {name: summaries.accuracy_by(records, side) for name, records in models.items()}
    figures = []
    if any(len(shares) > 1 for shares in found.values()):
        figures = [
            Figure(
                "Error (1 - accuracy over nine classes) by the side of the patch, with 95 % intervals by source.",
                partial(plots.sizes, found),
            )
        ]
    return Section("Error by size of the patch", (), (_per_model(models, side, "side, px"),), figures)


def false_positives(run: Run) -> Section | None:
    """Uncompressed pictures that are called compressed, by origin and by preparation."""
    from forensics_benchmarks import plots

    tables, found = [], {}
    for title, key in (("origin", lambda r: r.origin), ("preparation", lambda r: r.preparation_kind)):
        groups = {name: summaries.false_positives_by(records, key) for name, records in _shown(run).items()}
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
    for name, records in _shown(run).items():
        judged = [record for record in records if np.isfinite(record.ratio) and np.isfinite(record.ratio_median)]
        for edge in (None, *RATIO_BANDS):
            part = [record for record in judged if edge is None or band(record.ratio, RATIO_BANDS) == edge]
            error = summaries.strength_error(part)
            if error.count:
                rows.append(
                    [
                        name,
                        "all" if edge is None else band_name(edge, RATIO_BANDS),
                        _per_cent(error.ratio_mean_relative),
                        _per_cent(error.ratio_median_relative),
                        _per_cent(error.ratio_coverage),
                        f"{error.ssim_mean_absolute:.4f}",
                        _per_cent(error.ssim_coverage),
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
    """Encoders and decoders of training beside those it never draws."""
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
        _per_model(same, group, "encoder and decoder"),
        _per_model(
            encoders, lambda r: f"{r.class_name}: {r.variant if r.held_out else 'encoders of training'}", "encoder"
        ),
        _per_model(
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


def jpeg_peers(run: Run) -> Section | None:
    """JPEG alone: detection and quality, beside the peers that know nothing else."""
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
        "JPEG alone, beside public methods",
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
    """This run beside another: every model that both have."""
    if run.against is None:
        return None
    other = run.against
    rows, tables = [], []
    for name, records in _shown(run).items():
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
            ("class", _per_model(pair, lambda r: r.class_name, "class")),
            ("ratio", _per_model({key: [r for r in value if np.isfinite(r.ratio)] for key, value in pair.items()},
                                 lambda r: band(r.ratio, RATIO_BANDS), "ratio from")),
            ("size", _per_model(pair, _side(pair), "side, px")),
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
