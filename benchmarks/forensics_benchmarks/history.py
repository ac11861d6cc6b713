"""The figures on recovered history: one table a module that measures some, imported when it is asked for; a module that
is not there is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from forensics_models.fused import as_rgb

from forensics.dataset import sources
from forensics.errors import ForensicsError, UsageError
from forensics_benchmarks.report_parts import Section, Table

SMALLEST = 160
"""Sources with a smaller side serve no measurement of parameters, in pixels."""


def _jpeg(folder: Path, names: Sequence[str]) -> list[Table]:
    from forensics_benchmarks import history_jpeg

    pictures = _pictures(folder, names)
    return [
        _table(
            list(history_jpeg.recovery_rows(pictures)), "JPEG: recovered parameters by side and quality, shares 0 to 1"
        ),
        _table(list(history_jpeg.false_alarms(pictures)), "JPEG: grids found in uncompressed pictures, share 0 to 1"),
        _table(
            list(history_jpeg.generation_rows(pictures)),
            "JPEG: pictures called compressed twice, qualities 50 to 100 at random; shares 0 to 1",
        ),
    ]


def _splices(folder: Path, names: Sequence[str]) -> list[Table]:
    from forensics_benchmarks import splices

    root, split = _split_folder(folder, names)
    cases = splices.rows(splices.splices(root, split=split, per_size=max(1, len(names) // 4)))
    clean = splices.rows(splices.untouched(root, split=split, count=len(names)))
    return [
        _table(
            splices.summary(splices.of_two_histories(cases), "size"),
            "Regions of another codec or none, by side in pixels: pixel scores, 0 to 1",
        ),
        _table(splices.summary(cases, "kind"), "Pasted regions by kind"),
        _table(
            splices.summary([row for row in cases if row["kind"] == splices.SAME_CODEC], "host"),
            "Regions of the host's own codec, by codec",
        ),
        _table(splices.summary(clean, "host"), "Untouched pictures: share with any region found"),
    ]


def _wavelets(folder: Path, names: Sequence[str]) -> list[Table]:
    from forensics_benchmarks import canvases, history_wavelets

    root, split = _split_folder(folder, names)
    members = list(canvases.by_origin(root, split).values())
    pictures = [
        canvases.canvas(members[index % len(members)], np.random.default_rng([17, index]))
        for index in range(len(names))
    ]
    outcomes = history_wavelets.measure(pictures, cases=len(history_wavelets.SIZES) * len(names))
    what = "JPEG 2000 and JPEG XR: parameters declared (coverage) and right among those (accuracy), 0 to 1"
    return [
        _table([asdict(row) for row in history_wavelets.summarise(outcomes, by_ratio=by_ratio)], title)
        for by_ratio, title in ((False, what), (True, "The same by compression ratio"))
    ]


def _chains(folder: Path, names: Sequence[str]) -> list[Table]:
    from forensics_benchmarks import history_chains

    rows = history_chains.summary(list(history_chains.measure(folder, names)))
    return [
        _table(
            rows, "Chains of two codecs and the same pictures with the last alone, BPG and HEIC as one; shares 0 to 1"
        )
    ]


def _tones(folder: Path, names: Sequence[str]) -> list[Table]:
    from forensics_benchmarks import history_tones

    cases = list(history_tones.measure(_pictures(folder, names)))
    title = "Brightness, contrast or gamma changed after decoding, whole pictures, ratios 4 to 40; shares 0 to 1"
    return [
        _table(history_tones.summary(cases), title),
        _table(history_tones.by_codec(cases), "The same by codec, all changes together"),
    ]


def _enlarged(folder: Path, names: Sequence[str]) -> list[Table]:
    from forensics_benchmarks import enlarged

    cases = list(enlarged.measure(_pictures(folder, names)))
    return [
        _table(enlarged.summary(cases, whole=True), "Enlarged pictures, whole, factors 1.05 to 3; shares 0 to 1"),
        _table(enlarged.summary(cases, whole=False), f"The same, crops of {enlarged.CROP} pixels"),
        _table(enlarged.false_alarms(cases), "Pictures that were not enlarged: share with an enlargement found"),
    ]


def _reduced(folder: Path, names: Sequence[str]) -> list[Table]:
    from forensics_benchmarks import history_reduced as reduced

    cases = list(reduced.measure(_pictures(folder, names)))
    what = (
        "JPEGs of quality 50 to 92 reduced by 0.5 to 0.95 or rotated by 0.5 to 5 degrees, and pictures never compressed"
    )
    return [
        _table(reduced.summary(cases), f"{what}; shares 0 to 1"),
        _table(reduced.by_program(cases), "The JPEGs by program"),
    ]


def _saved(folder: Path, names: Sequence[str]) -> list[Table]:
    from forensics_benchmarks import history_reduced as reduced

    return [
        _table(
            reduced.summary_saved(list(reduced.measure_saved(_pictures(folder, names)))),
            "Reduced by 0.5 to 0.9 and saved as JPEG of quality 75 to 92; before that JPEG of 50 to 85, or nothing",
        ),
    ]


def _buried(folder: Path, names: Sequence[str]) -> list[Table]:
    from forensics_benchmarks import history_buried

    pictures = _pictures(folder, names)
    cases = list(history_buried.measure(pictures))
    changed = list(history_buried.measure_changed(pictures))
    return [
        _table(
            history_buried.summary(cases),
            "A JPEG of quality 40 to 95 beneath another codec, 256 pixels, by the last codec's ratio; shares 0 to 1",
        ),
        _table(history_buried.by_codec(cases), "The same by the last codec"),
        _table(
            history_buried.summary_changed(changed),
            "A JPEG of quality 40 to 95 changed after decoding, whole pictures; shares 0 to 1",
        ),
    ]


def _recoding(folder: Path, names: Sequence[str]) -> list[Table]:
    from forensics_benchmarks import history_recoding

    readings = list(history_recoding.measure(_pictures(folder, names)))
    titles = {
        "hevc": "HEVC: block grid and QP",
        "av1": "AV1: block grid and quantiser index",
        "vp8": "VP8: block grid and quantiser index",
        "jpegxl": "JPEG XL: block grid and binary logarithm of the distance",
    }
    return [
        _table(
            history_recoding.summary([r for r in readings if r.standard == standard]),
            f"{title}, read by recompression; shares 0 to 1",
        )
        for standard, title in titles.items()
    ]


PARTS: Mapping[str, Callable[[Path, Sequence[str]], list[Table]]] = {
    "jpeg": _jpeg,
    "wavelets": _wavelets,
    "recoding": _recoding,
    "splices": _splices,
    "chains": _chains,
    "buried": _buried,
    "tones": _tones,
    "enlarged": _enlarged,
    "reduced": _reduced,
    "saved": _saved,
}
"""Parts by name; each takes a folder of sources and names in it."""


def sections(
    folder: Path, names: Sequence[str], parts: Sequence[str], report: Callable[[str], None] = lambda line: None
) -> list[Section]:
    """One section a part; a part whose module is not there is left out with a line to `report`.

    Raises `UsageError` for a part that does not exist.
    """
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise UsageError(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    found = []
    for part in parts:
        try:
            found.append(Section(f"History: {part}", (f"{len(names)} sources.",), PARTS[part](folder, names)))
        except ImportError as error:
            report(f"{part} is skipped: {error}")
    return found


def _pictures(folder: Path, names: Iterable[str]) -> list[np.ndarray]:
    """Sources as RGB; unreadable and small ones are left out."""
    found = []
    for name in names:
        try:
            pixels = sources.load(folder / name)
        except (ForensicsError, OSError):
            continue
        if min(pixels.shape[:2]) >= SMALLEST:
            found.append(as_rgb(pixels))
    if not found:
        raise UsageError(f"no source in {str(folder)!r} has {SMALLEST} pixels a side or more")
    return found


def _split_folder(folder: Path, names: Sequence[str]) -> tuple[Path, str]:
    """Folder and sub-folder that hold the sources, as `splices` wants them."""
    first = sources.split_of_folder(names[0]) if names else None
    return (folder, first) if first and (folder / first).is_dir() else (folder.resolve().parent, folder.resolve().name)


def _table(rows: Sequence[Mapping[str, Any]], title: str) -> Table:
    """Rows of plain values by column as a table; floats to four digits, NaN as a dash."""
    header = list(dict.fromkeys(column for row in rows for column in row))
    return Table(
        [column.replace("_", " ") for column in header],
        [[_shown(row.get(column)) for column in header] for row in rows],
        title,
    )


def _shown(value: object) -> object:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}" if np.isfinite(value) else "-"
    return value
