"""Feature tables: a row a picture, or a row a window, as CSV or Parquet, written as the measuring goes.

Columns: `name`, `sha256`, `top`, `left`, `height`, `width` (the rectangle measured, in pixels as stored), then the
features by name. Empty cells (CSV) and NaN (Parquet) say that a feature is not measurable there.
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from forensics_models.storage import followed, is_special, open_special, partial_path, take_place

from forensics.destinations import write_errors
from forensics.errors import PictureError, UsageError
from forensics.pictures.opened import MAX_PIXELS, open_quietly
from forensics.pixels import eight_bit
from forensics.report.csv_report import text_cell
from forensics.report.row_file import RowFile, input_stamp
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
    def rows(self, rows: Sequence[Row], given: str) -> None: ...

    def close(self, complete: bool) -> str: ...


def _lines(rows: Iterable[Sequence[str | int | float]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue()


class _Stream:
    """CSV on standard output, a device or a pipe."""

    def __init__(self, stream: Any, names: Sequence[str], owned: bool) -> None:
        self._stream, self._owned = stream, owned
        self._stream.write(_lines([names]))

    def rows(self, rows: Sequence[Row], given: str) -> None:
        self._stream.write(_lines(rows))
        self._stream.flush()

    def close(self, complete: bool) -> str:
        self._stream.flush()
        if self._owned:
            self._stream.close()
        return ""


class _Csv:
    """CSV in a file that keeps its rows, see `forensics.report.row_file`."""

    def __init__(self, out: Path, names: Sequence[str], settings: dict[str, Any] | None) -> None:
        self.file = RowFile(out, settings, _lines([names]).encode()).__enter__()

    def rows(self, rows: Sequence[Row], given: str) -> None:
        self.file.add(given, input_stamp(given), _lines(rows).encode("utf-8", "backslashreplace"))

    def close(self, complete: bool) -> str:
        self.file.__exit__(None if complete else KeyboardInterrupt, None, None)
        return "" if complete else self.file.kept_text()


def _cell(value: str | int | float) -> str | int:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.7g}"
    return text_cell(value) if isinstance(value, str) else value


class _Parquet:
    """Parquet in a file that takes its place when it is closed, with the rows until then where there was none
    before.
    """

    def __init__(self, out: Path, names: Sequence[str]) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise UsageError("Parquet tables need pyarrow: pip install pyarrow") from None
        kinds = {
            "name": pyarrow.string(),
            "sha256": pyarrow.string(),
            **dict.fromkeys(PLACE_COLUMNS[2:], pyarrow.int32()),
        }
        self._schema = pyarrow.schema([(name, kinds.get(name, pyarrow.float32())) for name in names])
        self._target = followed(out)
        self._partial = partial_path(self._target)
        self._writer = pyarrow.parquet.ParquetWriter(self._partial, self._schema)
        self._table = pyarrow.table
        self._count = 0

    def rows(self, rows: Sequence[Row], given: str) -> None:
        values = list(zip(*rows, strict=True))
        arrays = {name: list(column) for name, column in zip(self._schema.names, values, strict=True)}
        self._writer.write_table(self._table(arrays, schema=self._schema))
        self._count += 1

    def close(self, complete: bool) -> str:
        try:
            self._writer.close()
            if complete or (self._count and not self._target.exists()):
                take_place(self._partial, self._target)
                return "" if complete else f"the rows of {self._count} pictures are in {str(self._target)!r}"
        finally:
            self._partial.unlink(missing_ok=True)
        return ""


class TableWriter:
    """Writes a feature table; use as a context manager.

    Parameters
    ----------
    out : Path or None
        A `.csv` or `.parquet` file, which appears when it is complete or the run is interrupted; None for CSV on
        standard output.
    settings : dict, optional
        What rows depend on besides their pictures, JSON-ready; with them an interrupted table is gone on with.

    Raises
    ------
    UsageError
        Another suffix, a place that cannot be written, or Parquet without pyarrow.
    """

    def __init__(self, out: Path | None, settings: dict[str, Any] | None = None) -> None:
        special = out is not None and is_special(out)
        if out is not None and out.suffix.lower() not in (".csv", ".parquet") and not special:
            raise UsageError(f"tables end in .csv or .parquet, not {out.name!r}")
        self._out, self._special, self._settings = out, special, settings
        self._table: _Table | None = None

    def __enter__(self) -> Self:
        with write_errors(self._out):
            self._table = self._open()
        return self

    def _open(self) -> _Table:
        if self._out is None:
            return _Stream(sys.stdout, columns(), owned=False)
        if self._special:
            stream = io.TextIOWrapper(open_special(self._out), encoding="utf-8", newline="")
            return _Stream(stream, columns(), owned=True)
        if self._out.suffix.lower() == ".parquet":
            return _Parquet(self._out, columns())
        return _Csv(self._out, columns(), self._settings)

    def go_on(self, inputs: Sequence[str]) -> int:
        """How many of the first inputs have their rows in the file already, from a run that was ended."""
        if not isinstance(self._table, _Csv):
            return 0
        given = inputs if self._settings is not None else ()
        count = self._table.file.go_on([(name, input_stamp(name)) for name in given])
        if count:
            sys.stderr.write(f"forensics: {count} of {len(inputs)} were done before; going on from there\n")
        return count

    def skip(self, given: str) -> None:
        """Note that an input failed and has no rows."""
        if isinstance(self._table, _Csv):
            self._table.file.add(given, input_stamp(given), b"", failed=True)

    @property
    def failures(self) -> int:
        """Inputs that failed, as far as the table knows of them."""
        return self._table.file.failures if isinstance(self._table, _Csv) else 0

    def write(self, rows: Sequence[Row], given: str = "") -> None:
        """Write the rows of `measure` of one input, `given` as `go_on` knows it."""
        if self._table is not None and rows:
            with write_errors(self._out):
                self._table.rows(rows, given)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._table is None:
            return
        with write_errors(self._out) if kind is None else contextlib.suppress(OSError):
            message = self._table.close(kind is None)
            if message:
                sys.stderr.write(f"forensics: {message}\n")
