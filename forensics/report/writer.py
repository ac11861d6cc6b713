"""Results to where they go, one at a time: standard output, a device or pipe, or a file that keeps what was judged
whatever ends the run.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from forensics_models.storage import is_special, open_special

from forensics.destinations import write_errors
from forensics.report import csv_report, json_report, text
from forensics.report.row_file import RowFile, input_stamp
from forensics.results.analysis import Analysis
from forensics.results.failure import Failure

FORMATS = ("text", "json", "csv")


class Writer:
    """Writes results in one format as they come.

    Failures go to standard error as one line each, and into JSON and CSV as entries too. A file keeps the results of an
    interrupted run, and the same command goes on after them, see `forensics.report.row_file`.

    Parameters
    ----------
    form : str
        One of `FORMATS`.
    out : Path, optional
        The file; standard output when left out.
    settings : dict, optional
        What results depend on besides their pictures, JSON-ready; an unfinished file of other settings is begun anew.
        None for results that no later run can go on with.

    Attributes
    ----------
    on_terminal : bool
        Whether the report itself goes to a terminal; known once the writer is entered.
    failures : int
        Failures written, those of the run that is gone on with among them.
    """

    def __init__(self, form: str, out: Path | None = None, settings: dict[str, Any] | None = None) -> None:
        self._form, self._out, self._count = form, out, 0
        self._settings = None if settings is None else {"form": form, **settings}
        self._file: RowFile | None = None
        self._stream: TextIO = sys.stdout
        self._colour = False
        self.on_terminal = False
        self.failures = 0

    def __enter__(self) -> Self:
        head = {"json": json_report.render_head, "csv": csv_report.render_head}.get(self._form, str)()
        if self._out is not None and not is_special(self._out):
            tail = json_report.render_tail() if self._form == "json" else ""
            self._file = RowFile(self._out, self._settings, head.encode(), tail.encode()).__enter__()
            return self
        with write_errors(self._out):
            if self._out is not None:
                self._stream = io.TextIOWrapper(open_special(self._out), encoding="utf-8", newline="")
            self.on_terminal = self._stream.isatty()
            self._colour = self.on_terminal and "NO_COLOR" not in os.environ
            self._stream.write(head)
        return self

    def go_on(self, inputs: Sequence[str]) -> int:
        """How many of the first inputs have their results in the file already, from a run that was ended."""
        if self._file is None:
            return 0
        given = inputs if self._settings is not None else ()
        self._count = self._file.go_on([(name, input_stamp(name)) for name in given])
        self.failures = self._file.failures
        if self._count:
            sys.stderr.write(f"forensics: {self._count} of {len(inputs)} were done before; going on from there\n")
        return self._count

    def write(self, result: Analysis | Failure, given: str | None = None) -> bool:
        """Write the result of an input, `given` as `go_on` knows it; returns whether it is a failure."""
        failed = isinstance(result, Failure)
        if isinstance(result, Failure):
            clear = "\r\x1b[K" if sys.stderr.isatty() else ""
            sys.stderr.write(f"{clear}forensics: error: {result.name}: {result.error}\n")
        rendered = self._rendered(result)
        name = result.name if given is None else given
        if self._file is not None:
            self._file.add(name, input_stamp(name), rendered.encode("utf-8", "backslashreplace"), failed=failed)
        else:
            with write_errors(self._out):
                self._stream.write(rendered)
                self._stream.flush()
        self._count += 1
        self.failures += failed
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
        if self._file is not None:
            self._file.__exit__(kind, value, trace)
            if kind is not None and self._file.kept_text():
                sys.stderr.write(f"forensics: {self._file.kept_text()}\n")
            return
        with write_errors(self._out) if kind is None else contextlib.suppress(OSError):
            if kind is None and self._form == "json":
                self._stream.write(json_report.render_tail())
            self._stream.flush()
            if self._out is not None:
                self._stream.close()
