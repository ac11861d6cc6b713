"""Analyses as CSV (RFC 4180), one row a picture, failures included."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from forensics_models.classes import CLASSES, PROCESSES

from forensics.results.analysis import Analysis
from forensics.results.failure import Failure

COLUMNS = (
    "name", "status", "error", "verdict", "probability", "best", "compressed", "hevc_intra", "ratio", "ratio_low",
    "ratio_high", "ssim", "ssim_low", "ssim_high", "agreement", "format", "width", "height", "windows",
    *(f"p_{name}" for name in CLASSES), "evidence", "sha256", "model", "candidates",
    "afterwards", "afterwards_probability", *(f"p_{name}" for name in PROCESSES),
)  # fmt: skip
"""Names of the columns."""


FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins so as a formula, which a file's name must not become (OWASP, CSV injection).
"""


def text_cell(text: str) -> str:
    """A text as a cell: an apostrophe before what a spreadsheet would take as a formula.

    Examples
    --------
    >>> from forensics.report.csv_report import text_cell
    >>> text_cell("=1+1")
    "'=1+1"
    """
    return f"'{text}" if text.startswith(FORMULA) else text


def row(result: Analysis | Failure) -> dict[str, object]:
    """One picture's cells by column; cells that do not apply are left out.

    Examples
    --------
    >>> import forensics
    >>> from forensics.report.csv_report import row
    >>> cells = row(forensics.analyze("examples/webp.png"))
    >>> cells["name"], cells["verdict"]
    ('examples/webp.png', 'webp')
    """
    if isinstance(result, Failure):
        return {"name": text_cell(result.name), "status": "error", "error": text_cell(result.error)}
    cells: dict[str, object] = {
        "name": text_cell(result.name),
        "status": "ok",
        "verdict": result.verdict,
        "probability": _number(result.probability),
        "best": result.best,
        "compressed": _number(result.compressed),
        "hevc_intra": _number(result.hevc_intra),
        "agreement": result.agreement.status,
        "format": result.container["format"],
        "width": result.width,
        "height": result.height,
        "windows": len(result.windows),
        "evidence": "; ".join(statement.trace for statement in result.evidence if statement.supports),
        "sha256": result.sha256,
        "model": result.versions["model"],
        "candidates": "; ".join(result.candidates),
    }
    for name, interval in (("ratio", result.ratio), ("ssim", result.ssim)):
        if interval is not None:
            low, estimate, high = (_number(value) for value in interval)
            cells.update({name: estimate, f"{name}_low": low, f"{name}_high": high})
    known = {name for name in (*CLASSES, *PROCESSES)}
    cells.update({f"p_{name}": _number(probability) for name, probability in result.ranking if name in known})
    if result.afterwards is not None:
        since = max(result.afterwards, key=lambda name: result.afterwards[name])  # type: ignore[index]
        cells.update({"afterwards": since, "afterwards_probability": _number(result.afterwards[since])})
    return cells


def _number(value: float) -> str:
    return f"{value:.6g}"


def render_head() -> str:
    """The header line."""
    return _lines([dict(zip(COLUMNS, COLUMNS, strict=True))])


def render_row(result: Analysis | Failure) -> str:
    """One line."""
    return _lines([row(result)])


def render(results: Iterable[Analysis | Failure]) -> str:
    """The whole table: a header, then a row a picture, failures too.

    Examples
    --------
    >>> import forensics
    >>> from forensics.report import csv_report
    >>> table = csv_report.render([forensics.analyze("examples/jpeg.png")])
    >>> [line.split(",")[:4] for line in table.splitlines()]
    [['name', 'status', 'error', 'verdict'], ['examples/jpeg.png', 'ok', '', 'jpeg']]
    """
    return render_head() + "".join(render_row(result) for result in results)


def _lines(rows: list[dict[str, object]]) -> str:
    buffer = io.StringIO()
    csv.DictWriter(buffer, COLUMNS, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
