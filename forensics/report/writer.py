"""Results to where they go, one at a time: standard output, or a file that appears only when it is complete."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from forensics_models.storage import followed, is_special, open_special, partial_path, take_place

from forensics.errors import UsageError
from forensics.report import csv_report, json_report, text
from forensics.results.analysis import Analysis
from forensics.results.failure import Failure

FORMATS = ("text", "json", "csv")


class Writer:
    """Writes results in one format as they come.

    Failures go to standard error as one line each, and into JSON and CSV as entries too. A file is written under a temporary
    name beside its own and renamed at the end, so that an interrupted run leaves no half report.

    Parameters
    ----------
    form : str
        One of `FORMATS`.
    out : Path, optional
        The file; standard output when left out.

    Attributes
    ----------
    on_terminal : bool
        Whether the report itself goes to a terminal; known once the writer is entered.
    """

    def __init__(self, form: str, out: Path | None = None) -> None:
        self._form, self._out, self._count = form, out, 0
        self._target: Path | None = None
        self._partial: Path | None = None
        self._stream: TextIO = sys.stdout
        self._colour = False
        self.on_terminal = False

    def __enter__(self) -> Self:
        if self._out is not None:
            try:
                self._stream = self._opened(self._out)
            except OSError as error:
                raise UsageError(f"cannot write {self._out}: {error.strerror}") from None
        self.on_terminal = self._stream.isatty()
        self._colour = self.on_terminal and "NO_COLOR" not in os.environ
        self._stream.write({"json": json_report.render_head, "csv": csv_report.render_head}.get(self._form, str)())
        return self

    def _opened(self, out: Path) -> TextIO:
        if is_special(out):
            return io.TextIOWrapper(open_special(out), encoding="utf-8", newline="")
        self._target = followed(out)
        self._partial = partial_path(self._target)
        return self._partial.open("w", encoding="utf-8", newline="")

    def write(self, result: Analysis | Failure) -> bool:
        """Write one result (an `Analysis` or a `Failure`); returns whether it is a failure."""
        failed = isinstance(result, Failure)
        if isinstance(result, Failure):
            clear = "\r\x1b[K" if sys.stderr.isatty() else ""
            sys.stderr.write(f"{clear}forensics: error: {result.name}: {result.error}\n")
        self._stream.write(self._rendered(result))
        self._stream.flush()
        self._count += 1
        return failed

    def _rendered(self, result: Analysis | Failure) -> str:
        if self._form == "json":
            return json_report.render_entry(result, self._count == 0)
        if self._form == "csv":
            return csv_report.render_row(result)
        if isinstance(result, Failure) and self._out is None:
            return ""
        return ("\n" if self._count else "") + text.render(result, colour=self._colour)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._form == "json":
            self._stream.write(json_report.render_tail())
        if self._out is None:
            self._stream.flush() if kind is None else None
            return
        self._stream.close()
        if self._partial is None or self._target is None:
            return
        if kind is None:
            take_place(self._partial, self._target)
        else:
            self._partial.unlink(missing_ok=True)
