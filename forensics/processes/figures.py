"""Figures that the exact tests of several processes share; colours and sizes as in `forensics.report.plots`."""

from __future__ import annotations

from typing import Any

import numpy as np

from forensics.results.history import Trace

_BLUE, _VERMILION, _GREY = "#0072B2", "#D55E00", "#999999"


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    from matplotlib.figure import Figure

    return Figure(figsize=(6.4, 3.6), layout="constrained").add_subplot()


def plot_phases(trace: Trace, ax: Any = None) -> Any:
    """Share of the blocks, or evidence, at every phase of the grid: the series `phases`, named by the parameter
    `measure`.
    """
    axes = _axes(ax)
    most = float(np.max(trace.series["phases"], initial=0.0))
    image = axes.imshow(trace.series["phases"], cmap="cividis", vmin=0, vmax=most or 1.0)
    tall, wide = trace.series["phases"].shape
    axes.set(xticks=range(0, wide, max(1, wide // 8)), yticks=range(0, tall, max(1, tall // 8)))
    axes.set(xlabel="column of the grid's first block", ylabel="row of the grid's first block")
    axes.figure.colorbar(image, ax=axes, label=str(trace.parameters.get("measure", "share of blocks that fit, 0 to 1")))
    return axes


def plot_shares(trace: Trace, ax: Any = None) -> Any:
    """Share of each setting tried, the series `shares` by `settings`, next to what chance gives, `expected`."""
    axes = _axes(ax)
    places = np.arange(len(trace.series["settings"]))
    axes.bar(places, trace.series["shares"], color=_BLUE, width=0.6, label="found")
    axes.plot(places, trace.series["expected"], "_", color=_VERMILION, markersize=18, label="by chance")
    axes.set_xticks(places, [f"{value:g}" for value in trace.series["settings"]])
    axes.set(ylim=(0, 1.02), xlabel=str(trace.parameters.get("setting", "setting")), ylabel="share, 0 to 1")
    axes.legend(fontsize=7, frameon=False)
    return axes


def plot_colours(trace: Trace, ax: Any = None) -> Any:
    """The palette's colours in the plane of red and green."""
    axes = _axes(ax)
    colours = trace.series["colours"]
    if not len(colours):
        axes.text(0.5, 0.5, "more than 256 colours", ha="center", color=_GREY)
        return axes
    axes.scatter(colours[:, 0], colours[:, 1], c=colours / 255, s=26, edgecolors=_GREY, linewidths=0.3)
    axes.set(xlim=(-4, 259), ylim=(-4, 259), xlabel="red, levels", ylabel="green, levels")
    return axes
