"""Reports to files: for each picture its page and its figures; for a folder the index and the table.

`PageWriter` runs where the picture was opened, a worker process too, so what it writes is complete when the analysis
comes back; the index is written at the end by the process that collects them.
"""

from __future__ import annotations

import hashlib
import math
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from forensics_models.storage import write_atomically

from forensics.destinations import Destinations
from forensics.errors import UsageError
from forensics.examination import Examination
from forensics.executors import Died, Executor, Raised
from forensics.pictures.opened import Picture
from forensics.report.comparable import Comparable, comparable
from forensics.report.exact_blocks import exact_blocks
from forensics.report.figures import NEEDS, available, map_figure, preview, trace_figure
from forensics.report.html import Report, page
from forensics.report.html_history import trace_key
from forensics.report.html_index import Shown, index_csv, index_page, shown_of
from forensics.results.analysis import Analysis
from forensics.results.failure import Failure
from forensics.results.history import History, Trace
from forensics.results.wording import printable
from forensics.windows.judges import chosen_judge

if TYPE_CHECKING:
    pass

PAGE_SUFFIXES = (".html", ".htm")
MAP = "map"
"""Name of the map's figure."""
FIGURE_PATTERNS = ("[0-9][0-9]_*.png", f"{MAP}.png")
"""Names of figures, see `forensics.report.html_history.trace_key`."""
INDEX_FILES = ("index.html", "index.csv")
_T = TypeVar("_T")


@dataclass(frozen=True)
class PageWriter:
    """Writes the page and the figures of an examination, where they were asked for.

    Attributes
    ----------
    report : Path or None
        The page's file, or for a `folder` the folder of pages.
    plots : Path or None
        Folder of the figures.
    folder : bool
        Whether `report` and `plots` hold more than one picture's results.
    history : bool
        Whether the examination recovers the history; the command to repeat it says so.
    localise : bool
        Whether the examination makes a map; the command to repeat it says so.
    model_dir : Path or None
        Folder of the model that judged; None for the shipped one.
    model : str or None
        Which of its judges; None for the best it has.
    options : tuple of str
        Options that the command to repeat it needs as well.
    exact : bool
        Whether the page shows which blocks of a former JPEG can have come out of its decoder.
    """

    report: Path | None = None
    plots: Path | None = None
    folder: bool = False
    history: bool = True
    localise: bool = True
    model_dir: Path | None = None
    model: str | None = None
    options: tuple[str, ...] = field(default=())
    exact: bool = False

    def check(self, inputs: Sequence[str], destinations: Destinations) -> None:
        """Raise `UsageError` where a page or a figure of these inputs would do harm or cannot be written."""
        pages = [page_name(printable(name)) for name in inputs]
        if self.folder:
            destinations.folder(self.report, (*pages, *INDEX_FILES))
        else:
            destinations.file(self.report, make_folder=True)
        destinations.folder(self.plots)
        if self.plots is not None:
            for home in [self.plots / _figure_folder(page) for page in pages] if self.folder else [self.plots]:
                destinations.pictures_in(home, FIGURE_PATTERNS)

    @property
    def has_figures(self) -> bool:
        """Whether figures can be drawn."""
        return available()

    def prepare(self) -> None:
        """Make the folders; raises `UsageError` where they cannot be made."""
        homes = [self.report if self.folder else self.report.parent] if self.report is not None else []
        for home in [*homes, *([self.plots] if self.plots is not None else [])]:
            try:
                home.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UsageError(f"cannot write into {str(home)!r}: {error.strerror}") from None

    def __call__(self, picture: Picture, found: Examination, helper: Executor | None = None) -> None:
        """Write the page and the figures of an examination, with another process that draws some of them where there is
        one (`forensics.windows.helper`); raises `UsageError` where a file cannot be written.
        """
        result, notes = found.analysis, list(found.notes)
        begun = _begun(result.history, helper)
        localisation, mapped = found.localisation, None
        if localisation is not None and available():
            mapped = _tried(lambda: map_figure(localisation, picture.pixels), "the map", notes)
        shown = preview(picture.pixels) if self.report is not None else b""
        figures = {**_figures(result.history, notes, begun), **({MAP: mapped} if mapped else {})}
        if self.plots is not None:
            home = self.plots / _figure_folder(page_name(result.name)) if self.folder else self.plots
            for name, png in figures.items():
                write(home / f"{name}.png", png)
        if self.report is not None:
            target = self.report / page_name(result.name) if self.folder else self.report
            made = Report(
                analysis=result,
                preview=shown,
                comparable=self._comparable(result),
                command=self._command(result, target),
                figures=figures,
                localisation=localisation,
                map_figure=figures.get(MAP),
                notes=tuple(notes),
                exact=exact_blocks(picture) if self.exact else None,
            )
            write(target, page(made).encode("utf-8"))

    def _comparable(self, result: Analysis) -> Comparable | None:
        judge = chosen_judge(self.model_dir, self.model)
        sides = [math.sqrt(w.window.height * w.window.width) for w in result.windows]
        return comparable(
            judge.card, result.verdict, result.ratio.estimate if result.ratio else None, sum(sides) / len(sides)
        )

    def _command(self, result: Analysis, target: Path) -> str:
        name = f"./{result.name}" if result.name.startswith("-") and result.name != "-" else result.name
        model = [
            *(["--model", self.model] if self.model else []),
            *(["--model-dir", str(self.model_dir)] if self.model_dir else []),
        ]
        left_out = [
            option for option, done in (("--no-history", self.history), ("--no-map", self.localise)) if not done
        ]
        return shlex.join(["forensics", "analyze", name, "--report", str(target), *left_out, *model, *self.options])


def page_writer(
    inputs: Sequence[str],
    report: Path | None,
    plots: Path | None,
    *,
    destinations: Destinations,
    history: bool,
    localise: bool,
    model_dir: Path | None,
    model: str | None = None,
    max_pixels: int | None,
    exact: bool = False,
) -> PageWriter:
    """The writer that a command line asks for, its folders made.

    Each file that will be written is checked by `destinations`. Several inputs, and a `report` that is a folder or has
    no suffix of a page, give a folder of pages.

    Raises
    ------
    UsageError
        Several inputs are to go into one page, a folder cannot be made, or figures are asked for and cannot be drawn.
    """
    single = report is not None and not report.is_dir() and (report.exists() or report.suffix.lower() in PAGE_SUFFIXES)
    if single and len(inputs) > 1:
        raise UsageError(
            f"{len(inputs)} pictures do not fit into one page: give --report a folder, not {str(report)!r}"
        )
    folder = len(inputs) > 1 or (report is not None and not single)
    options: tuple[str, ...] = ("--max-pixels", str(max_pixels)) if max_pixels is not None else ()
    options += ("--exact", "jpeg") if exact else ()
    if plots is not None and not available():
        raise UsageError(NEEDS)
    writer = PageWriter(report, plots, folder, history, localise, model_dir, model, options, exact)
    writer.check(inputs, destinations)
    writer.prepare()
    return writer


def page_name(name: str) -> str:
    """File name of a picture's page: what is harmless in its own name, and a hash of the whole of it against
    clashes.
    """
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(name).name).lstrip("._-")[:60] or "picture"
    return f"{stem}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}.html"


def _figure_folder(page: str) -> str:
    return page.removesuffix(".html")


def write_index(folder: Path, results: Sequence[Analysis | Failure]) -> None:
    """Write `index.html` and `index.csv` of a folder of pages; raises `UsageError` where they cannot be written."""
    entries = [(result, None if isinstance(result, Failure) else page_name(result.name)) for result in results]

    def shown(name: str) -> Shown:
        try:
            return shown_of((folder / name).read_text(encoding="utf-8"))
        except OSError:
            return Shown()

    for file, content in zip(INDEX_FILES, (index_page(entries, shown), index_csv(entries)), strict=True):
        write(folder / file, content.encode("utf-8"))


def write(path: Path, data: bytes) -> None:
    """Write a file under a temporary name and rename it; raises `UsageError` where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror}") from None


def _drawn(history: History | None) -> dict[str, Trace]:
    """The traces that have something to show, by the names of their figures."""
    numbered = enumerate(history.traces if history else ())
    return {
        trace_key(index, trace): trace
        for index, trace in numbered
        if any(np.size(shown) for shown in trace.series.values())
    }


def _begun(history: History | None, helper: Executor | None) -> dict[str, Future[bytes]]:
    """The traces' figures as another process is to draw them, by name; empty where there is none."""
    if helper is None or not available():
        return {}
    return {name: helper.submit(trace_figure, trace) for name, trace in _drawn(history).items()}


def _figures(history: History | None, notes: list[str], begun: Mapping[str, Future[bytes]]) -> dict[str, bytes]:
    """The traces' figures by name; one that cannot be drawn leaves a note.

    Those that another process has not begun with are drawn here, the last first.
    """
    if not available():
        notes.append(NEEDS)
        return {}
    traces = _drawn(history)
    figures: dict[str, bytes | None] = dict.fromkeys(traces)
    for name, trace in reversed(traces.items()):
        if name not in begun or begun[name].cancel():
            figures[name] = _tried(lambda trace=trace: trace_figure(trace), f"the figure of {trace.name}", notes)  # type: ignore[misc]
    for name, future in begun.items():
        if not future.cancelled():
            figures[name] = _drawn_there(future, traces[name], notes)
    return {name: png for name, png in figures.items() if png}


def _drawn_there(future: Future[bytes], trace: Trace, notes: list[str]) -> bytes | None:
    """A figure that another process draws; drawn here, to the same end or note, where that did not."""
    try:
        return future.result()
    except (Died, Raised):
        return _tried(lambda: trace_figure(trace), f"the figure of {trace.name}", notes)


def _tried(draw: Callable[[], _T], title: str, notes: list[str]) -> _T | None:
    try:
        return draw()
    except Exception as error:  # a figure must not cost the report
        notes.append(f"{title} could not be drawn: {type(error).__name__}: {error}")
        return None
