"""The index of a folder of reports: one row an input, failures included, linking the pages, and the same as CSV.

A page holds what its row shows besides the analysis (`for_index`), since it is written where the picture was open, and
the index by the process that collects all of them.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import quote

from forensics.report import csv_report
from forensics.report.html_parts import bars, document, escape, image, paragraph, section, table
from forensics.report.html_style import SORTING
from forensics.results.analysis import Analysis
from forensics.results.failure import Failure
from forensics.results.wording import TITLES, percent
from forensics.version import __version__

Entry = tuple[Analysis | Failure, str | None]
"""A result and the file name of its page, None for a failure."""
THUMBNAIL = 144
"""Most pixels a side; shown at half of it, sharp on screens of two pixels to one."""
_MARK = re.compile(r"<!--for the index (\{.*?\})-->", re.DOTALL)
_HEAD = ("page", "picture", "name", "verdict", "probability", "ratio", "file and pixels", "what departs")
_AGREEMENT = {
    "agree": "the pixels are what the file says",
    "disagree": "the pixels say something else than the file",
    "finding": "stored without loss, but compressed before",
    "plain": "no lossy step in file or pixels",
    "open": "no verdict to hold against the file",
}


class Shown(NamedTuple):
    """What a page gives to its row: a small picture as a data URI, and what departs, one sentence each."""

    thumbnail: str = ""
    departs: tuple[str, ...] = ()


def for_index(preview: bytes, departs: Sequence[str]) -> str:
    """A comment at the end of a page with what the index shows of it.

    Parameters
    ----------
    preview : bytes
        The picture as PNG.
    departs : sequence of str
        What departs in it.
    """
    from PIL import Image

    small = Image.open(io.BytesIO(preview)).convert("RGB")
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=80)
    uri = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
    held = json.dumps({"thumbnail": uri, "departs": list(departs)})
    kept = "".join(f"\\u{ord(c):04x}" if c in "-<>" else c for c in held)  # nothing may end the comment
    return f"<!--for the index {kept}-->\n"


def shown_of(page: str) -> Shown:
    """What a page gives to its row; nothing for a page that has no such comment."""
    found = _MARK.search(page)
    if found is None:
        return Shown()
    held = json.loads(found[1])
    return Shown(str(held["thumbnail"]), tuple(map(str, held["departs"])))


def index_page(entries: Sequence[Entry], shown: Callable[[str], Shown] = lambda page: Shown()) -> str:
    """The page that links all others.

    Parameters
    ----------
    entries : sequence of Entry
    shown : callable
        What a page, by its file name, gives to its row.
    """
    done = [result for result, _ in entries if isinstance(result, Analysis)]
    counts = Counter(result.verdict for result in done)
    shares = [(TITLES[name], n / len(done), f"{n} of {len(done)}") for name, n in counts.most_common()]
    failed = len(entries) - len(done)
    summary = f"{len(entries)} inputs, {len(done)} analysed, {failed} failed. " + "The same as a table: "
    rows = (_row(i, *entry, shown) for i, entry in enumerate(entries, 1))
    body = [
        f"<header>\n<h1>Compression forensics: {len(entries)} pictures</h1>\n",
        f'<p class="soft small">{escape(summary)}<a href="index.csv">index.csv</a></p>\n</header>\n',
        section("Verdicts", bars(shares) if shares else paragraph("No picture could be analysed.")),
        section(
            "Pictures", paragraph("A click on a column's head sorts by it.", "soft small"), table(_HEAD, rows, "files")
        ),
        f"<footer>forensics {escape(__version__)}</footer>\n",
    ]
    return document("Compression forensics: index", "".join(body), SORTING)


def _row(number: int, result: Analysis | Failure, page: str | None, shown: Callable[[str], Shown]) -> str:
    if isinstance(result, Failure):
        return (
            f"<tr><td>{number}</td><td></td><td>{escape(result.name)}</td><td>not opened</td>{'<td></td>' * 3}"
            f'<td class="bad">{escape(result.error)}</td></tr>\n'
        )
    link = f'<a href="{escape(quote(page))}">{number}</a>' if page else str(number)
    seen = shown(page) if page else Shown()
    thumbnail = image(seen.thumbnail, "") if seen.thumbnail else ""
    ratio = f"{result.ratio.estimate:.1f}" if result.ratio else ""
    status = result.agreement.status
    cells = (
        f"<td>{link}</td><td>{thumbnail}</td><td>{escape(result.name)}</td><td>{escape(TITLES[result.verdict])}</td>",
        f'<td data-value="{result.probability:.6f}">{escape(percent(result.probability))}</td><td>{ratio}</td>',
        f"<td>{escape(str(result.container['format']).upper())}: {escape(_AGREEMENT.get(status, status))}</td>",
        f"<td>{''.join(paragraph(text, 'small') for text in seen.departs)}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>\n"


def index_csv(entries: Sequence[Entry]) -> str:
    """The columns of `csv_report` behind the page's file name."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, ("page", *csv_report.COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows({"page": page or "", **csv_report.row(result)} for result, page in entries)
    return buffer.getvalue()
