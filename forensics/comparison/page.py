"""A page with two copies and their difference: one self-contained HTML file."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path

import numpy as np
from forensics_models.storage import write_atomically
from PIL import Image

from forensics.comparison.compare import Comparison, text
from forensics.comparison.registration import common, luma, resized
from forensics.errors import UsageError
from forensics.pixels import eight_bit

_LONGEST = 1600
"""Longest side in pixels of the pictures in the page: a bound on its size."""
_GAIN = 8
"""Differences are shown so many times as large, about a middle grey."""
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}img{max-width:100%}"
    "pre{font:14px/1.6 monospace;background:#f3f4f6;border-left:5px solid #1f6feb;"
    "border-radius:6px;padding:1rem;white-space:pre-wrap}figure{margin:0}figcaption{color:#59636e}"
    ".pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1.2rem}"
    "@media print{@page{size:A4;margin:15mm}figure{break-inside:avoid}}"
)


def difference(found: Comparison, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Luma of the second minus that of the first where both show it, `_GAIN` times about 128, `np.ndarray [shape=(h,
    w), dtype=uint8]`.
    """
    a, b = luma(eight_bit(first)), luma(eight_bit(second))
    scale, shift = found.registration.scale, found.registration.shift
    if not found.registration.same_scale:
        a = resized(a, (round(a.shape[0] * scale[0]), round(a.shape[1] * scale[1])))
    mine, theirs = common(a.shape, b.shape, (round(shift[0]), round(shift[1])))
    return np.clip(128 + _GAIN * (b[theirs] - a[mine]), 0, 255).astype(np.uint8)


def _embedded(pixels: np.ndarray) -> str:
    picture = Image.fromarray(pixels)
    picture.thumbnail((_LONGEST, _LONGEST))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def write_page(path: Path, found: Comparison, first: np.ndarray, second: np.ndarray) -> None:
    """Write the page; raises `UsageError` where it cannot be written."""
    shown = [("first", eight_bit(first)), ("second", eight_bit(second))]
    if found.one_picture:
        shown.append((f"difference, {_GAIN} times", difference(found, first, second)))
    figures = "".join(
        f'<figure><img alt="{title}" src="{_embedded(pixels)}"><figcaption>{title}</figcaption></figure>'
        for title, pixels in shown
    )
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Two copies '
        f"compared</title><style>{_STYLE}</style>"
        f"<h1>Two copies compared</h1><pre>{html.escape(text(found))}</pre>"
        f'<div class="pictures">{figures}</div></html>\n'
    )
    try:
        write_atomically(path, page.encode("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror or error}") from None
