"""Figures of a report as PNG files in memory: no window, no global state of matplotlib, bounded in size."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics.pixels import eight_bit
from forensics.results.history import Trace

if TYPE_CHECKING:
    from forensics.localisation.regions import Localisation

NEEDS = "figures need matplotlib: pip install matplotlib"
"""What is said where they cannot be drawn."""
PREVIEW_SIDE = 1024
"""Largest side of the picture's preview, in pixels."""
PREVIEW_BYTES = 1_500_000
"""Largest preview; noisy pictures are made smaller until they fit."""
_SMALLEST_SIDE = 128
"""Side in pixels below which a picture in a page is not reduced further."""
_MAP_SIDE = 1200
"""Largest side in pixels of a map in a page: a bound on its size."""
_SIZE = (6.4, 3.6)
"""Width and height of a figure in inches: a matter of looks."""
_DPI = 144
"""Dots an inch of figures."""
_PAD = 0.4
"""Margin of figures, in heights of their letters: a matter of looks."""


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
        shown.save(buffer, "PNG")
        if buffer.tell() <= largest or side <= _SMALLEST_SIDE:
            return buffer.getvalue()
        side = max(_SMALLEST_SIDE, int(min(side, max(image.size)) * 0.8))


def trace_figure(trace: Trace) -> bytes:
    """A trace's plot (`forensics.report.plots.plot_trace`) as PNG, its title over the whole width."""
    from forensics.report.plots import plot_trace

    def plot(ax: Any) -> None:
        plot_trace(trace, ax=ax)
        titles = {place: ax.get_title(loc=place) for place in ("left", "center", "right")}
        for place in titles:
            ax.set_title("", loc=place)
        ax.figure.suptitle(" ".join(filter(None, titles.values())), fontsize="medium")

    return draw(plot)


def available() -> bool:
    """Whether figures can be drawn here: matplotlib comes with the extra `report`."""
    return find_spec("matplotlib") is not None


def make_ready() -> None:
    """What a process that draws figures can do before it has one: matplotlib is imported, where it is installed."""
    if available():
        from matplotlib.figure import Figure

        Figure().subplots()


def map_figure(found: Localisation, pixels: np.ndarray) -> bytes:
    """A localisation's plot (`forensics.report.map_plots.plot_map`) as PNG, shaped as the picture is."""
    from PIL import Image

    from forensics.localisation.outputs import as_mapped
    from forensics.report.map_plots import plot_map

    pixels = as_mapped(pixels, found)
    factor = -(-max(pixels.shape[:2]) // _MAP_SIDE)
    shown, small = found, eight_bit(pixels)
    if factor > 1:
        shown, small = _reduced(found, factor), np.asarray(Image.fromarray(small).reduce(factor))

    def plot(ax: Any) -> None:
        plot_map(shown, small, ax=ax)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value * factor:.0f}")

    tall = found.map.height / found.map.width
    return draw(plot, size=(6.4, min(max(6.4 * tall + 1.2, 2.5), 12.0)))


def _reduced(found: Localisation, factor: int) -> Localisation:
    """The same on a picture `factor` times smaller: a figure needs no more pixels than it shows."""
    scanned = found.map
    height, width = (-(-length // factor) for length in (scanned.height, scanned.width))
    smaller = replace(
        scanned,
        height=height,
        width=width,
        side=scanned.side // factor,
        tops=scanned.tops // factor,
        lefts=scanned.lefts // factor,
    )
    return replace(found, map=smaller)


def draw(plot: Callable[[Any], Any], *, size: tuple[float, float] = _SIZE) -> bytes:
    """What a function draws on one set of axes, as PNG.

    Parameters
    ----------
    plot : callable
        Gets the axes.
    size : tuple of float
        Width and height in inches, at 144 pixels an inch.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=size, dpi=_DPI)
    canvas = FigureCanvasAgg(figure)
    plot(figure.subplots())
    figure.tight_layout(pad=_PAD)  # once; a constrained layout measures all texts twice, and `savefig` draws twice
    canvas.draw()
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def data_uri(png: bytes) -> str:
    """A PNG as the value of an `src` attribute."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
