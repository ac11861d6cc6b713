"""The manifest of a data set: one row a file (or a cell that could not be made), the same bytes for the same seed.

`manifest.csv` is always written, `manifest.parquet` where pyarrow is installed, `sources.csv` with one row a source
file. Paths are relative to the data set, with forward slashes; nothing of the machine or the hour is inside. Rows are
sorted by split, source, draw, class and job, so the order in which they were made does not show.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from forensics_models.classes import OPEN_CLASSES
from forensics_models.storage import replacing, write_atomically

from forensics.errors import UsageError

MANIFEST, SOURCES = "manifest.csv", "sources.csv"


@dataclass(frozen=True)
class Row:
    """One row of the manifest.

    Text fields named `preparation`, `parameters` and `after` hold JSON. `class_name` stands for the CSV column `class`.
    `target` is what was asked for in the unit of `target_kind`; `target_bytes` the byte target a `max-kib` came to at
    this picture's size. Ratio, SSIM and PSNR compare the decoded file, before any step of `after`, with the prepared
    picture, whose hash is `reference_sha256`.
    """

    id: str
    suite: str
    seed: int
    draw: int
    variant: str
    source: str
    source_sha256: str
    source_width: int
    source_height: int
    source_traces: str
    split: str
    origin: str
    preparation_kind: str
    preparation: str
    reference_sha256: str
    width: int
    height: int
    channels: int
    class_name: str
    fine_class: str
    encoder: str
    library: str
    parameters: str
    strength_parameter: str
    strength: float
    target_kind: str
    target: float
    target_bytes: int
    status: str
    reason: str
    file: str
    bytes: int
    ratio: float
    bits_per_pixel: float
    ssim: float
    psnr: float
    encodes: int
    sha256: str
    pixels_sha256: str
    after: str


COLUMNS = tuple(
    "class" if field.name == "class_name" else field.name for field in fields(Row)
)  # fmt: skip
"""Columns in file order."""

_CONVERT = {"int": int, "float": float, "str": str}


def sort_key(row: Row) -> tuple[Any, ...]:
    """Place of a row: split, source, draw, class in the order of `OPEN_CLASSES`, then id."""
    return row.split, row.source, row.draw, OPEN_CLASSES.index(row.fine_class), row.id


def to_record(row: Row) -> dict[str, Any]:
    """A row as a dictionary by column name, JSON-ready save that a float may be infinite or NaN."""
    record = asdict(row)
    return {column: record[field.name] for column, field in zip(COLUMNS, fields(Row))}


def from_record(record: Mapping[str, Any]) -> Row:
    """The row of a dictionary with values or their text; raises `UsageError` where a column is missing or
    unreadable.
    """
    values = {}
    for column, field in zip(COLUMNS, fields(Row)):
        try:
            values[field.name] = _CONVERT[str(field.type)](record[column])
        except (KeyError, ValueError):
            raise UsageError(f"the manifest's column {column!r} is missing or unreadable") from None
    return Row(**values)


def write(folder: Path, rows: Iterable[Row]) -> None:
    """Write the manifest into `folder`, sorted, each file atomically."""
    ordered = sorted(rows, key=sort_key)
    write_csv(folder / MANIFEST, COLUMNS, map(to_record, ordered))
    if importlib.util.find_spec("pyarrow") is not None:
        _write_parquet(folder / "manifest.parquet", ordered)


def read(folder: Path) -> list[Row]:
    """All rows of a data set's manifest; raises `UsageError` where there is none."""
    path = folder / MANIFEST
    if not path.is_file():
        raise UsageError(
            f"no data set in {str(folder)!r}: it has no {MANIFEST} (an interrupted build writes it when run again)"
        )
    with path.open(encoding="utf-8", newline="") as stream:
        return [from_record(record) for record in csv.DictReader(stream)]


def read_sources(folder: Path) -> Iterator[dict[str, str]]:
    """Rows of `sources.csv` as text by column; nothing where the file is missing."""
    path = folder / SOURCES
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as stream:
            yield from csv.DictReader(stream)


def write_csv(path: Path, columns: Iterable[str], records: Iterable[Mapping[str, Any]]) -> None:
    """Write records as CSV (RFC 4180 quoting, line feeds), atomically; floats as the shortest text that reads back."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    write_atomically(path, text.getvalue().encode())


def rounded(value: float, digits: int = 6) -> float:
    """`value` to that many significant digits; infinities and NaN pass."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else float(value)


def _write_parquet(path: Path, rows: list[Row]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    types = {"int": pa.int64(), "float": pa.float64(), "str": pa.string()}
    columns = [pa.array([getattr(row, field.name) for row in rows], types[str(field.type)]) for field in fields(Row)]
    with replacing(path) as part:
        parquet.write_table(pa.table(columns, names=list(COLUMNS)), part, compression="zstd")
