"""Feature tables: a row a picture, or a row a window, as CSV or Parquet, written as the measuring goes.

Columns: `name`, `sha256`, `top`, `left`, `height`, `width` (the rectangle measured, in pixels as stored), then the features by name. Empty cells
(CSV) and NaN (Parquet) say that a feature is not measurable there.
"""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from forensics_models.storage import followed, is_special, open_special, partial_path, take_place

from forensics.errors import PictureError, UsageError
from forensics.pictures.opened import MAX_PIXELS, open_quietly
from forensics.pixels import eight_bit
from forensics.results.analysis import Window
from forensics.windows.choice import MINIMUM_SIDE
from forensics.windows.judges import shipped_extractor

PLACE_COLUMNS = ("name", "sha256", "top", "left", "height", "width")
"""Columns before the features."""

Row = tuple[str | int | float, ...]


def columns() -> tuple[str, ...]:
    """Names of all columns."""
    return (*PLACE_COLUMNS, *shipped_extractor().feature_names)


def tiles(height: int, width: int, window: int | None) -> list[Window]:
    """The whole picture, or the tiles of `window` pixels a side that fit side by side from the upper left corner.

    Raises `PictureError` for a picture (or tile) under `MINIMUM_SIDE` pixels a side, or smaller than one tile.
    """
    if min(height, width) < max(MINIMUM_SIDE, window or 0):
        raise PictureError(f"{width}x{height} pixels are too few: {max(MINIMUM_SIDE, window or 0)} a side are needed")
    if window is None:
        return [Window(0, 0, height, width)]
    tops, lefts = range(0, height - window + 1, window), range(0, width - window + 1, window)
    return [Window(top, left, window, window) for top in tops for left in lefts]


def measure(
    source: str, *, window: int | None = None, max_pixels: int = MAX_PIXELS, name: str | None = None
) -> Iterator[Row]:
    """Rows of one picture file, in the order of `columns`.

    Raises `PictureError` as `forensics.pictures.opened.open_picture` and `tiles` do, before the first row.
    """
    from_stdin = source == "-"
    picture = open_quietly(sys.stdin.buffer if from_stdin else source, max_pixels, name or source)
    extractor = shipped_extractor()
    for tile in tiles(picture.height, picture.width, window):
        vector = extractor.transform([eight_bit(tile.cut(picture.pixels))])[0]
        yield (picture.name, picture.sha256, *tile, *vector.tolist())


class _Table(Protocol):
    def rows(self, rows: Sequence[Row]) -> None: ...

    def close(self) -> None: ...


class _Csv:
    def __init__(self, stream: Any, names: Sequence[str], owned: bool) -> None:
        self._stream, self._owned = stream, owned
        self._writer = csv.writer(stream, lineterminator="\n")
        self._writer.writerow(names)

    def rows(self, rows: Sequence[Row]) -> None:
        self._writer.writerows([_cell(value) for value in row] for row in rows)

    def close(self) -> None:
        self._stream.flush()
        if self._owned:
            self._stream.close()


def _cell(value: str | int | float) -> str | int:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.7g}"
    return value


class _Parquet:
    def __init__(self, path: Path, names: Sequence[str]) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise UsageError("Parquet tables need pyarrow: pip install 'compression-forensics[parquet]'") from None
        kinds = {
            "name": pyarrow.string(),
            "sha256": pyarrow.string(),
            **dict.fromkeys(PLACE_COLUMNS[2:], pyarrow.int32()),
        }
        self._schema = pyarrow.schema([(name, kinds.get(name, pyarrow.float32())) for name in names])
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema)
        self._table = pyarrow.table

    def rows(self, rows: Sequence[Row]) -> None:
        values = list(zip(*rows, strict=True))
        arrays = {name: list(column) for name, column in zip(self._schema.names, values, strict=True)}
        self._writer.write_table(self._table(arrays, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


class TableWriter:
    """Writes a feature table; use as a context manager.

    Parameters
    ----------
    out : Path or None
        A `.csv` or `.parquet` file, which appears when it is complete; None for CSV on standard output.

    Raises
    ------
    UsageError
        Another suffix, a place that cannot be written, or Parquet without pyarrow.
    """

    def __init__(self, out: Path | None) -> None:
        if out is not None and out.suffix.lower() not in (".csv", ".parquet") and not is_special(out):
            raise UsageError(f"tables end in .csv or .parquet, not {out.name!r}")
        self._out = out
        self._special = out is not None and is_special(out)
        self._target = followed(out) if out is not None and not self._special else None
        self._partial = partial_path(self._target) if self._target else None
        self._table: _Table | None = None

    def __enter__(self) -> Self:
        try:
            self._table = self._open()
        except OSError as error:
            raise UsageError(f"cannot write {self._out}: {error.strerror or error}") from None
        return self

    def _open(self) -> _Table:
        if self._special and self._out is not None:
            return _Csv(io.TextIOWrapper(open_special(self._out), encoding="utf-8", newline=""), columns(), owned=True)
        if self._partial is None or self._out is None:
            return _Csv(sys.stdout, columns(), owned=False)
        if self._out.suffix.lower() == ".parquet":
            return _Parquet(self._partial, columns())
        return _Csv(self._partial.open("w", encoding="utf-8", newline=""), columns(), owned=True)

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows of `measure`."""
        if self._table is not None and rows:
            self._table.rows(rows)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._table is None:
            return
        if kind is None or self._partial is not None:
            self._table.close()
        if self._partial is not None and self._target is not None:
            if kind is None:
                take_place(self._partial, self._target)
            else:
                self._partial.unlink(missing_ok=True)
