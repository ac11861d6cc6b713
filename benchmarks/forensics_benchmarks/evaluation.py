"""One tidy table of judgements: a row a patch and model, with the truth next to what was said.

The table is `windows.parquet`, or `windows.csv` where pyarrow is not installed; rows stand in the order of the patches,
models in the order they were asked for. In addition to the fields of `Record` it holds what follows from them
(`class_name`, `verdict`, `fine_verdict`, `right`), so that a question takes one query. Nothing in it depends on the
machine's speed: times go to a table of their own.
"""

from __future__ import annotations

import csv
import importlib.util
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from forensics_models.classes import CLASSES, FINE_CLASSES
from forensics_models.judgement import merge_fine
from forensics_models.storage import write_atomically

from forensics.errors import UsageError

PARQUET, CSV = "windows.parquet", "windows.csv"


@dataclass(frozen=True)
class Record:
    """One patch judged by one model.

    `size` is the patch's side in pixels, `target_kind` and `target` what the encoder aimed at, `ratio` and `ssim` what
    it reached (NaN for uncompressed), `probabilities` over `FINE_CLASSES`; `ratio_*` and `ssim_*` the judged 90 %
    intervals with their medians, NaN where a model judges no strength. `condition` is what happened after decoding
    (`none`, or `resize-0.8` and the like), `decoder` who decoded, `held_out` what of the way to the patch training has
    never seen (empty, `encoder` or `decoder`). `strength` is the codec's own parameter, `quality` an estimate of JPEG
    quality by a model that gives one. `answer` is what the model says at its threshold: a class, `hevc-intra` or
    `inconclusive`. `top` and `left` are the patch's offset in pixels.
    """

    model: str
    file: str
    source: str
    origin: str
    split: str
    fine_class: str
    encoder: str
    variant: str
    preparation_kind: str
    target_kind: str
    target: float
    ratio: float
    ssim: float
    size: int
    probabilities: tuple[float, ...]
    ratio_low: float
    ratio_median: float
    ratio_high: float
    ssim_low: float
    ssim_median: float
    ssim_high: float
    condition: str = "none"
    decoder: str = "usual"
    held_out: str = ""
    strength: float = float("nan")
    quality: float = float("nan")
    answer: str = ""
    top: int = 0
    left: int = 0

    @property
    def class_name(self) -> str:
        """The true class of `CLASSES`."""
        return self.fine_class.split("-")[0]

    @cached_property
    def fine_verdict(self) -> str:
        """The fine class with the highest probability."""
        return FINE_CLASSES[int(np.argmax(self.probabilities))]

    @cached_property
    def verdict(self) -> str:
        """The class with the highest merged probability."""
        return CLASSES[int(np.argmax(self.merged()))]

    @property
    def patch(self) -> tuple[str, int, str, str]:
        """What tells patches apart: file, size, decoder, condition; equal for models that judged the same patch."""
        return self.file, self.size, self.decoder, self.condition

    def merged(self) -> np.ndarray:
        """Probabilities over `CLASSES`."""
        return merge_fine(np.array([self.probabilities]))[0]


_TYPES: Mapping[str, Callable[[Any], Any]] = {"str": str, "float": float, "int": int}
_SCALARS = {field.name: _TYPES[str(field.type)] for field in fields(Record) if field.name != "probabilities"}
_OPTIONAL = {
    field.name: field.default
    for field in fields(Record)
    if field.name in _SCALARS and isinstance(field.default, str | int | float)
}
_DERIVED = ("class_name", "verdict", "fine_verdict")
COLUMNS = (*_SCALARS, *(f"p_{name}" for name in FINE_CLASSES), *_DERIVED, "right")
"""Columns of the table; `right` is 1 where the verdict names the true class."""


def _values(record: Record) -> list[Any]:
    derived = [getattr(record, name) for name in _DERIVED]
    return [
        *(getattr(record, name) for name in _SCALARS),
        *record.probabilities,
        *derived,
        int(derived[0] == derived[1]),
    ]


def write_table(folder: Path, records: Sequence[Record]) -> Path:
    """Write a folder's table atomically, as Parquet where pyarrow is installed; returns its path. An older table of the
    other kind goes.
    """
    parquet = importlib.util.find_spec("pyarrow") is not None
    path, other = (folder / name for name in ((PARQUET, CSV) if parquet else (CSV, PARQUET)))
    if parquet:
        _write_parquet(path, records)
    else:
        write_records(path, records)
    other.unlink(missing_ok=True)
    return path


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write records as CSV, a probability a column `p_<fine class>`, atomically; floats as the shortest text that reads
    back.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(map(_values, records))
    write_atomically(path, text.getvalue().encode())


def _write_parquet(path: Path, records: Sequence[Record]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns = list(zip(*map(_values, records), strict=True)) or [()] * len(COLUMNS)
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    types = [*_SCALARS.values(), *[float] * len(FINE_CLASSES), *[str] * len(_DERIVED), int]
    arrays = [pa.array(column, kinds[kind]) for column, kind in zip(columns, types, strict=True)]  # type: ignore[index]
    buffer = io.BytesIO()
    parquet.write_table(pa.table(arrays, names=list(COLUMNS)), buffer, compression="zstd")
    write_atomically(path, buffer.getvalue())


def read_table(folder: Path) -> list[Record]:
    """Records of a folder that `forensics bench run` wrote; raises `UsageError` where there are none, or none that can
    be read.
    """
    if (folder / PARQUET).is_file():
        return _read_parquet(folder / PARQUET)
    if not (folder / CSV).is_file():
        raise UsageError(f"{folder} holds no {PARQUET} and no {CSV}; make one with `forensics bench run`")
    return read_records(folder / CSV)


def read_records(path: Path) -> list[Record]:
    """Records from a CSV that `write_records` made; raises `UsageError` for another file, or one without a row."""
    with path.open(newline="") as stream:
        return _records(path, csv.DictReader(stream))


def _read_parquet(path: Path) -> list[Record]:
    try:
        from pyarrow import lib, parquet
    except ImportError as error:
        raise UsageError(f"reading {path.name} needs the extra `parquet`: {error}") from None
    try:
        table = parquet.read_table(path)
    except (lib.ArrowException, OSError) as error:
        raise UsageError(f"{str(path)!r} is no table of judged windows: {error}") from None
    return _records(path, table.to_pylist())


def _records(path: Path, rows: Iterable[Mapping[str, Any]]) -> list[Record]:
    try:
        records = [
            Record(
                **{
                    name: convert(row[name] if name not in _OPTIONAL else row.get(name, _OPTIONAL[name]))
                    for name, convert in _SCALARS.items()
                },
                probabilities=tuple(float(row[f"p_{name}"]) for name in FINE_CLASSES),
            )
            for row in rows
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{str(path)!r} is no table of judged windows: {type(error).__name__}: {error}") from None
    if not records:
        raise UsageError(f"{str(path)!r} holds no judged window")
    return records
