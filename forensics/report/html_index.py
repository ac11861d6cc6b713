"""The index of a folder of reports: one row an input, failures included, linking the pages, and the same as CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from urllib.parse import quote

from forensics.report import csv_report
from forensics.report.html_parts import bars, document, escape, paragraph, section, table
from forensics.results.analysis import Analysis
from forensics.results.failure import Failure
from forensics.results.wording import TITLES, percent
from forensics.version import __version__

Entry = tuple[Analysis | Failure, str | None]
"""A result and the file name of its page, None for a failure."""


def index_page(entries: Sequence[Entry]) -> str:
    """The page that links all others."""
    done = [result for result, _ in entries if isinstance(result, Analysis)]
    counts = Counter(result.verdict for result in done)
    shares = [(TITLES[name], n / len(done), f"{n} of {len(done)}") for name, n in counts.most_common()]
    failed = len(entries) - len(done)
    summary = f"{len(entries)} inputs, {len(done)} analysed, {failed} failed. " + "The same as a table: "
    head = ("page", "name", "verdict", "probability", "ratio", "container")
    body = [
        f"<header>\n<h1>Compression forensics: {len(entries)} pictures</h1>\n",
        f'<p class="soft small">{escape(summary)}<a href="index.csv">index.csv</a></p>\n</header>\n',
        section("Verdicts", bars(shares) if shares else paragraph("No picture could be analysed.")),
        section("Pictures", table(head, (_row(i, *entry) for i, entry in enumerate(entries, 1)), "files")),
        f"<footer>forensics {escape(__version__)}</footer>\n",
    ]
    return document("Compression forensics: index", "".join(body))


def _row(number: int, result: Analysis | Failure, page: str | None) -> str:
    if isinstance(result, Failure):
        return (
            f'<tr><td>{number}</td><td>{escape(result.name)}</td><td colspan="4" '
            f'class="bad">{escape(result.error)}</td></tr>\n'
        )
    link = f'<a href="{escape(quote(page))}">{number}</a>' if page else str(number)
    ratio = f"{result.ratio.estimate:.1f}" if result.ratio else ""
    cells = (
        TITLES[result.verdict],
        percent(result.probability),
        ratio,
        f"{result.container['format']}: {result.agreement.status}",
    )
    return f"<tr><td>{link}</td><td>{escape(result.name)}</td>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>\n"  # noqa: E501


def index_csv(entries: Sequence[Entry]) -> str:
    """The columns of `csv_report` behind the page's file name."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, ("page", *csv_report.COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows({"page": page or "", **csv_report.row(result)} for result, page in entries)
    return buffer.getvalue()
