"""Plots of a codec map; matplotlib is imported only when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from forensics_models.classes import CLASSES

from forensics.localisation.outputs import COLOURS, NO_EVIDENCE, class_picture, outline
from forensics.localisation.regions import Localisation
from forensics.localisation.scan import CodecMap
from forensics.results.wording import TITLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_map(found: CodecMap | Localisation, pixels: np.ndarray | None = None, ax: Axes | None = None) -> Axes:
    """Draw a map with a legend, and the outlines of the regions where there are any.

    Parameters
    ----------
    found : CodecMap or Localisation
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or uint16], optional
        The picture, shown in grey under the map.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes when left out.

    Returns
    -------
    matplotlib.axes.Axes
        With both axes in pixels.

    Examples
    --------
    >>> import forensics
    >>> from forensics.report.map_plots import plot_map
    >>> found = forensics.examine("examples/jpeg.png", history=False)
    >>> axes = plot_map(found.localisation)
    >>> axes.get_xlabel()
    'x [pixels]'
    >>> axes.figure.savefig("/dev/null", format="png")
    """
    from matplotlib import pyplot

    scanned = found.map if isinstance(found, Localisation) else found
    if ax is None:
        tall = scanned.height / scanned.width
        _, ax = pyplot.subplots(figsize=(6.4, min(max(6.4 * tall + 1.2, 2.5), 12)), layout="constrained")
    extent = (0, scanned.width, scanned.height, 0)
    colours = class_picture(scanned) / 255.0
    if pixels is not None:
        ax.imshow(_grey(pixels), cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="antialiased")
    ax.imshow(colours, extent=extent, alpha=1.0 if pixels is None else 0.6, interpolation="nearest")
    if isinstance(found, Localisation):
        _outlines(ax, found)
    ax.set(xlim=(0, scanned.width), ylim=(scanned.height, 0), xlabel="x [pixels]", ylabel="y [pixels]")
    _legend(ax, scanned)
    return ax


def _grey(pixels: np.ndarray) -> np.ndarray:
    """The picture in pale grey, so that the map's colours over it stay those of the legend."""
    plane = pixels.mean(axis=2) if pixels.ndim == 3 else pixels.astype(np.float64)
    return 0.4 + 0.6 * plane / np.iinfo(pixels.dtype).max


def _outlines(ax: Axes, found: Localisation) -> None:
    from matplotlib.patheffects import withStroke

    for number, region in enumerate(found.regions, 1):
        rings = outline(region, found.map)
        for ring in rings:
            points = np.array(ring)
            ax.plot(
                points[:, 0],
                points[:, 1],
                color="black",
                linewidth=2,
                path_effects=[withStroke(linewidth=4, foreground="white")],
            )
        ax.annotate(
            str(number),
            (rings[0][0][0], rings[0][0][1]),
            xytext=(3, -3),
            textcoords="offset points",
            va="top",
            weight="bold",
            bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "black"},
        )


def _legend(ax: Axes, scanned: CodecMap) -> None:
    from matplotlib.patches import Patch

    silent = scanned.confidence < NO_EVIDENCE
    entries: list[Any] = [
        Patch(facecolor="#{:02x}{:02x}{:02x}".format(*COLOURS[name]), edgecolor="0.35", label=TITLES[name])
        for name in (CLASSES[k] for k in np.unique(scanned.best[~silent]))
    ]
    if silent.any():
        entries.append(Patch(facecolor="white", edgecolor="0.6", hatch="////", label="no evidence"))
    ax.legend(
        handles=entries, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=min(4, len(entries)), frameon=False
    )
