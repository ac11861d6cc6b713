"""Building blocks of HTML reports. Every text from outside goes through `escape`; functions that end in markup take
plain values.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from forensics.report.html_style import STYLE, policy
from forensics.results.wording import words

_CONTROL = re.compile("[^\t\n\x20-\x7e\xa0-\U0010ffff]")


def escape(value: object) -> str:
    """A value as HTML text, also fit for a quoted attribute; control characters that HTML forbids become U+FFFD."""
    kept = _CONTROL.sub("\ufffd", str(value))
    return html.escape(kept.encode("utf-8", "replace").decode("utf-8"), quote=True)


def prose(text: object) -> str:
    """A sentence as markup: escaped, with powers of ten in superscripts and words in backticks as code."""
    text = re.sub(r"`([^`<>]+)`", r"<code>\1</code>", escape(text))
    return re.sub(r"\b10\^(-?\d+(?:\.\d+)?)", lambda found: f"10<sup>{found[1].replace('-', '−')}</sup>", text)


def document(title: str, body: str, script: str = "") -> str:
    """A whole page with its style and its policy.

    Parameters
    ----------
    title : str
        Plain text.
    body : str
        Markup.
    script : str
        A script of this package at the end of the page; none by default.
    """
    run = f"<script>{script}</script>\n" if script else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy(script))}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" '
        'content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n{run}</body>\n</html>\n"
    )


def section(title: str, *inner: str) -> str:
    """A headed section of markup; nothing where there is no markup."""
    joined = "".join(inner)
    return f"<section>\n<h2>{escape(title)}</h2>\n{joined}</section>\n" if joined else ""


def paragraph(text: object, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f"<p{_class(kind)}>{prose(text)}</p>\n"


def bullets(texts: Iterable[object]) -> str:
    """A list of plain texts; nothing for none."""
    items = "".join(f"<li>{prose(text)}</li>\n" for text in texts)
    return f"<ul>\n{items}</ul>\n" if items else ""


def definitions(values: Mapping[str, object]) -> str:
    """Names and short plain values in columns."""
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>\n" for name, value in values.items())
    return f"<dl>\n{items}</dl>\n" if items else ""


def table(head: Sequence[str], rows: Iterable[str], kind: str = "") -> str:
    """A table in a box that scrolls by itself.

    Parameters
    ----------
    head : sequence of str
        Plain titles of the columns.
    rows : iterable of str
        Rows of markup, `<tr>` included.
    kind : str
        Its class.
    """
    cells = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    return (
        f"<div "
        f'class="scroll"><table{_class(kind)}><thead><tr>{cells}</tr></thead><tbody>\n{"".join(rows)}</tbody></table></div>\n'
    )


def bars(shares: Sequence[tuple[str, float, str]]) -> str:
    """Bars of (title, share in 0..1, text)."""
    rows = "".join(
        f'<tr><th scope="row">{escape(title)}</th><td><svg viewBox="0 0 100 10" preserveAspectRatio="none" '
        f'aria-hidden="true">'
        f'<rect class="rest" width="100" height="10"/><rect class="share" '
        f'width="{100 * min(max(share, 0.0), 1.0):.2f}" height="10"/></svg></td>'
        f"<td>{escape(text)}</td></tr>\n"
        for title, share, text in shares
    )
    return f'<table class="bars"><tbody>\n{rows}</tbody></table>\n'


def tag(text: str, kind: str = "") -> str:
    """A small label; `good`, `warn`, `bad` or `soft`."""
    return f'<span class="tag{" " + kind if kind else ""}">{escape(text)}</span>'


def image(source: str, description: str, size: tuple[int, int] | None = None) -> str:
    """A picture from a data URI, with the text that stands for it; its size in pixels keeps the page from jumping."""
    stated = f' width="{size[0]}" height="{size[1]}"' if size else ""
    return f'<img src="{escape(source)}" alt="{escape(description)}"{stated}>'


def plain(value: Any) -> str:
    """A value of a container, parameter or test as short text: floats to four digits, sequences joined, yes and no for
    truth.
    """
    if value is None:
        return "not stated"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{words(str(key))}: {plain(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join("·" if inner is None else plain(inner) for inner in value)
    return str(value)


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
