"""A run's report as one self-contained page: it loads nothing, runs nothing, and prints."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

from forensics.report.html_parts import document, escape, image, paragraph, section, table
from forensics_benchmarks.report_parts import Figure, Section, Table
from forensics_benchmarks.sections import sections
from forensics_benchmarks.stored_run import Run

WIDE = 7.6
"""Width in inches from which a figure takes the whole page."""
NARROW = 5.7
"""Width in inches up to which two figures stand side by side."""
_SIDE_BY_SIDE = '<div class="picture">\n'

_DPI = 160
"""Of what a figure has rasterised: clouds of thousands of dots."""


def page(run: Run) -> str:
    """The page as text."""
    parts = sections(run)
    links = " · ".join(f'<a href="#s{number}">{escape(part.title)}</a>' for number, part in enumerate(parts))
    title = f"Benchmark: {run.facts.get('suite', run.name)}"
    head = (
        f'<header>\n<p class="soft small">Compression forensics benchmark</p>\n<h1>{escape(title)}</h1>\n<p '
        f'class="small">{links}</p>\n</header>\n'
    )
    return document(
        title, head + "".join(f'<div id="s{number}">{_section(part)}</div>\n' for number, part in enumerate(parts))
    )


def _section(part: Section) -> str:
    inner = [paragraph(sentence, "soft") for sentence in part.sentences]
    inner += _figures(part.figures)
    inner += [_table(block) for block in part.tables]
    return section(part.title, *inner)


def _table(block: Table) -> str:
    rows = (
        "<tr>"
        + "".join(
            f"<td>{escape(cell)}</td>" if index else f'<th scope="row">{escape(cell)}</th>'
            for index, cell in enumerate(row)
        )
        + "</tr>\n"
        for row in block.rows
    )
    title = f"<h3>{escape(block.title)}</h3>\n" if block.title else ""
    return f'<div class="block">{title}{table(block.header, rows)}</div>\n'


def _figures(figures: Sequence[Figure]) -> list[str]:
    """Wide figures over the page, others in their own width, narrow ones in pairs."""
    found: list[str] = []
    single = False  # whether the last entry is one narrow figure that still lacks its neighbour
    for figure in figures:
        drawn = figure.draw()
        width, markup = float(drawn.get_size_inches()[0]), _figure(figure, drawn)
        if single and width <= NARROW:
            found[-1] = found[-1].removesuffix("</div>\n") + markup + "</div>\n"
            single = False
        else:
            found.append(markup if width > WIDE else f"{_SIDE_BY_SIDE}{markup}</div>\n")
            single = width <= NARROW
    return found


def _figure(figure: Figure, drawn: Any) -> str:
    width, height = (round(96 * float(inches)) for inches in drawn.get_size_inches())
    shown = image(svg_uri(drawn), figure.caption, (width, height))
    return f"<figure>{shown}<figcaption>{escape(figure.caption)}</figcaption></figure>\n"


def svg_uri(figure: Any) -> str:
    """A matplotlib figure as a data URI of an SVG, its rasterised parts at `_DPI`, without a date or random names: the
    same figure gives the same text.
    """
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "forensics", "svg.fonttype": "path"}):
        figure.savefig(stream, format="svg", dpi=_DPI, metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue().encode()).decode("ascii")
