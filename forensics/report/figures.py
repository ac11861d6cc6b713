"""Figures of a report as PNG files in memory: no window, no global state of matplotlib, bounded in size."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np

from forensics.analysis import eight_bit
from forensics.history.findings import Trace

PREVIEW_SIDE = 1024
"""Largest side of the picture's preview, in pixels."""
PREVIEW_BYTES = 1_500_000
"""Largest preview; noisy pictures are made smaller until they fit."""
_SMALLEST_SIDE = 128
_SIZE = (6.4, 3.2)
_DPI = 144


def preview(pixels: np.ndarray, *, side: int = PREVIEW_SIDE, largest: int = PREVIEW_BYTES) -> bytes:
    """The picture as a PNG of at most `side` pixels a side and `largest` bytes (down to 128 pixels a side).

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or uint16]
    side, largest : int
    """
    from PIL import Image

    image = Image.fromarray(eight_bit(pixels))
    while True:
        shown = image.copy()
        shown.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
        buffer = io.BytesIO()
        shown.save(buffer, "PNG", optimize=True)
        if buffer.tell() <= largest or side <= _SMALLEST_SIDE:
            return buffer.getvalue()
        side = max(_SMALLEST_SIDE, int(min(side, max(image.size)) * 0.8))


def trace_figure(trace: Trace) -> bytes:
    """A trace's plot (`forensics.report.plots.plot_trace`) as PNG."""
    from forensics.report.plots import plot_trace

    return draw(lambda ax: plot_trace(trace, ax=ax))


def draw(plot: Callable[[Any], Any], *, size: tuple[float, float] = _SIZE) -> bytes:
    """What a function draws on one set of axes, as PNG.

    Parameters
    ----------
    plot : callable
        Gets the axes.
    size : tuple of float
        Width and height in inches, at 144 pixels an inch.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    plot(figure.subplots())
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def data_uri(png: bytes) -> str:
    """A PNG as the value of an `src` attribute."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
